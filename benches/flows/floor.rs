//! The floors: bare programs that write what a durable workflow must write, without an engine.
//!
//! Many tasks each play one run after the other. A task hands a row to one of two writers and goes
//! on when the row is durable; a writer sends what has gathered while its last batch was on its
//! way. [`bare`] inserts into one table; [`protocol`] writes what this library's storage protocol
//! writes.

pub(crate) mod backlog;
mod bare;
pub(crate) mod commits;
mod protocol;

use std::time::{Duration, Instant};

use flows::pg::dev::Database;
use flows::pg::tokio_postgres::{Client, Statement};
use flows::prelude::*;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;
use uuid::Uuid;

use crate::definitions::noise;
use crate::lab;

/// Writer connections, as many as the library has.
const WRITERS: usize = 2;
/// The most rows of one batch, as in the library.
const BATCH: usize = 1_000;
/// Bytes of a journal row's events: about what a step takes.
const EVENTS: usize = 60;

/// Which of the two.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Floor {
    Bare,
    Protocol,
}

/// What is played.
#[derive(Clone, Copy)]
pub(crate) struct Play {
    pub(crate) runs: u64,
    pub(crate) in_flight: u64,
    pub(crate) steps: i32,
    /// The steps do not wait for each other.
    pub(crate) at_once: bool,
    pub(crate) payload: usize,
}

impl Play {
    pub(crate) fn new(runs: u64, in_flight: u64, steps: i32) -> Self {
        Self { runs, in_flight, steps, at_once: false, payload: 0 }
    }
}

/// A row to be written. Rows of one batch are sorted by run, as the library's are.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Row {
    pub(crate) shard: i16,
    pub(crate) run: Uuid,
    pub(crate) position: i32,
    pub(crate) kind: Kind,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    Start,
    Step,
    End,
    /// Of a run without steps.
    OnlyEnd,
}

type Request = (Row, oneshot::Sender<()>);
type Queue = mpsc::UnboundedSender<Request>;

/// Runs a second, and how long each took.
pub(crate) async fn play(floor: Floor, play: Play) -> Result<(f64, Vec<Duration>)> {
    let database = match floor {
        Floor::Bare => lab::quiet_database().await?,
        Floor::Protocol => lab::migrated().await?.0,
    };
    if floor == Floor::Bare {
        bare::make_table(&lab::connect(database.url()).await?).await?;
    }
    let (queues, writers) = writers(floor, &database, play.payload).await?;
    let (in_flight, began) = (play.in_flight.min(play.runs), Instant::now());
    let mut players = JoinSet::new();
    for player in 0..in_flight {
        let queues = queues.clone();
        let runs = (player..play.runs).step_by(in_flight as usize).count();
        players.spawn(one_player(floor, queues, play, runs));
    }
    drop(queues);
    let mut times = Vec::new();
    while let Some(player) = players.join_next().await {
        times.extend(player?);
    }
    let rate = play.runs as f64 / began.elapsed().as_secs_f64();
    writers.join_all().await.into_iter().collect::<Result<()>>()?;
    lab::ensure(times.len() as u64 == play.runs, || "the floor lost a run".to_owned())?;
    Ok((rate, times))
}

async fn writers(
    floor: Floor,
    database: &Database,
    payload: usize,
) -> Result<(Vec<Queue>, JoinSet<Result<()>>)> {
    let (mut queues, mut writers) = (Vec::new(), JoinSet::new());
    for _ in 0..WRITERS {
        let (queue, rows) = mpsc::unbounded_channel();
        let client = lab::connect(database.url()).await?;
        match floor {
            Floor::Bare => {
                let writer = bare::Writer::new(client, payload).await?;
                writers.spawn(write(writer, rows));
            }
            Floor::Protocol => {
                let writer = protocol::Writer::new(client, payload).await?;
                writers.spawn(write(writer, rows));
            }
        }
        queues.push(queue);
    }
    Ok((queues, writers))
}

/// Writes a batch durably.
trait Write: Send + 'static {
    fn write(&mut self, batch: &[Row]) -> impl Future<Output = Result<()>> + Send;
}

async fn write(mut writer: impl Write, mut rows: mpsc::UnboundedReceiver<Request>) -> Result<()> {
    let mut batch = Vec::new();
    while rows.recv_many(&mut batch, BATCH).await > 0 {
        batch.sort_unstable_by_key(|(row, _): &Request| *row);
        let rows = batch.iter().map(|(row, _)| *row).collect::<Vec<_>>();
        writer.write(&rows).await?;
        for (_, done) in batch.drain(..) {
            let _ = done.send(()); // a player that has gone does not wait
        }
    }
    Ok(())
}

/// Plays its runs, one after the other; stops when a writer has failed, which says why.
async fn one_player(floor: Floor, queues: Vec<Queue>, play: Play, runs: usize) -> Vec<Duration> {
    let mut times = Vec::new();
    for _ in 0..runs {
        let began = Instant::now();
        if one_run(floor, &queues, play).await.is_none() {
            break;
        }
        times.push(began.elapsed());
    }
    times
}

async fn one_run(floor: Floor, queues: &[Queue], play: Play) -> Option<()> {
    let run = Uuid::now_v7();
    let shard = i16::from(run.as_bytes()[15] % 16);
    let queue = &queues[shard as usize % queues.len()];
    let send = |position, kind| {
        let (done, written) = oneshot::channel();
        queue.send((Row { shard, run, position, kind }, done)).ok()?;
        Some(written)
    };
    // The protocol has the last result and the end in one record.
    let (first, steps) = match floor {
        Floor::Bare => (1, play.steps),
        Floor::Protocol => (0, (play.steps - 1).max(0)),
    };
    send(0, Kind::Start)?.await.ok()?;
    let mut waiting = Vec::new();
    for step in 0..steps {
        let written = send(first + step, Kind::Step)?;
        match play.at_once {
            true => waiting.push(written),
            false => written.await.ok()?,
        }
    }
    for written in waiting {
        written.await.ok()?;
    }
    let end = if play.steps == 0 { Kind::OnlyEnd } else { Kind::End };
    send(first + steps, end)?.await.ok()
}

/// What is in a journal row whose payload has so many bytes.
fn events(payload: usize) -> Vec<u8> {
    noise(payload.max(EVENTS)).into_bytes()
}

/// One statement, prepared.
async fn prepare(client: &Client, sql: &str) -> Result<Statement> {
    Ok(client.prepare(sql).await?)
}
