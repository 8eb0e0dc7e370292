//! A worker's runs become ready for others: at its end, after its lease, in chunks.
//!
//! Each chunk is a transaction that holds the worker's row first. No claim of that worker runs
//! meanwhile, so once nothing is left, nothing can come after, and the row may go.

use std::collections::BTreeSet;
use std::time::Duration;

use flows_core::store::Hint;
use uuid::Uuid;

use crate::error::Fault;
use crate::exactly_once::lock_key;
use crate::link::Link;
use crate::sql::{
    DEAD_WORKERS, END_SESSIONS, FORGET_WORKER, LOCK_DEAD_WORKER, LOCK_WORKER, RELEASE,
    RELEASE_TASKS,
};

/// Runs moved by one transaction.
const CHUNK: i64 = 2000;
/// Rounds for runs that others hold at the moment: commits under way.
pub(crate) const ROUNDS: usize = 200;
pub(crate) const PAUSE: Duration = Duration::from_millis(5);

/// What one chunk did.
struct Chunk {
    moved: i64,
    shards: Vec<i16>,
    /// The worker is not known any more.
    forgotten: bool,
    /// There was no worker to do this for.
    nobody: bool,
    /// Its lease was over, or others have taken its runs.
    over: bool,
    /// Of attempts of activities.
    lanes: Vec<i64>,
}

/// What is ready for others.
#[derive(Default)]
pub(crate) struct Released {
    shards: BTreeSet<i16>,
    lanes: BTreeSet<i64>,
}

impl Released {
    fn add(&mut self, chunk: &Chunk) {
        self.shards.extend(&chunk.shards);
        self.lanes.extend(&chunk.lanes);
    }

    /// Whom it concerns.
    pub(crate) fn hints(self) -> Vec<Hint> {
        let Self { shards, lanes } = self;
        let runs = (!shards.is_empty()).then(|| Hint::Ready(shards.into_iter().collect()));
        let tasks = (!lanes.is_empty()).then(|| Hint::Tasks(lanes.into_iter().collect()));
        runs.into_iter().chain(tasks).collect()
    }
}

/// Makes ready what a worker owns, then forgets it. What others still hold after the
/// last round is left to those who find the lease over. Answers the shards, and whether its lease was
/// over: or nobody knew it any more.
pub(crate) async fn release_all(link: Link<'_>, worker: Uuid) -> Result<(Released, bool), Fault> {
    let (mut released, mut over) = (Released::default(), None);
    for _ in 0..ROUNDS {
        let chunk = chunk(link, Some(worker)).await?;
        released.add(&chunk);
        over.get_or_insert(chunk.over);
        if chunk.forgotten {
            break;
        }
        if chunk.moved == 0 {
            tokio::time::sleep(PAUSE).await;
        }
    }
    Ok((released, over == Some(true)))
}

/// Makes ready what workers own whose leases are over. Answers what is ready.
pub(crate) async fn release_orphans(link: Link<'_>) -> Result<Released, Fault> {
    end_sessions(link).await?;
    let mut released = Released::default();
    for _ in 0..ROUNDS {
        let chunk = chunk(link, None).await?;
        released.add(&chunk);
        if chunk.nobody || (chunk.moved == 0 && !chunk.forgotten) {
            break;
        }
    }
    Ok(released)
}

/// Ends the transactions that such workers have left open, whose locks would keep the next attempts
/// waiting. Where the login role may not do that, they end by the limits of their own.
async fn end_sessions(link: Link<'_>) -> Result<(), Fault> {
    let dead = link.query(DEAD_WORKERS, &[]).await?;
    let keys = dead.iter().map(|row| lock_key(row.get("worker_id"))).collect::<Vec<_>>();
    link.begin("BEGIN; SET LOCAL ROLE NONE").await?;
    match link.query(END_SESSIONS, &[&keys]).await {
        Ok(rows) => {
            let ended = rows.first().map_or(0, |row| row.get::<_, i64>("ended"));
            if ended > 0 {
                tracing::info!(ended, "ended transactions of workers whose leases are over");
            }
        }
        Err(fault) if fault.is_of_connection() => return Err(fault),
        Err(fault) => tracing::warn!(error = ?fault, "cannot end transactions of dead workers"),
    }
    link.command("ROLLBACK").await
}

/// One transaction, for a worker or for any whose lease is over.
async fn chunk(link: Link<'_>, worker: Option<Uuid>) -> Result<Chunk, Fault> {
    link.begin("BEGIN").await?;
    let rows = match worker {
        Some(worker) => link.query(LOCK_WORKER, &[&worker]).await?,
        None => link.query(LOCK_DEAD_WORKER, &[]).await?,
    };
    let locked = rows.first().map(|row| row.get("worker_id"));
    let over = rows.first().is_some_and(|row| row.get("over"));
    let mut chunk = match locked.or(worker) {
        Some(worker) => release(link, worker, over).await?,
        None => Chunk {
            moved: 0,
            shards: Vec::new(),
            forgotten: false,
            nobody: true,
            over,
            lanes: Vec::new(),
        },
    };
    link.command("COMMIT").await?;
    chunk.forgotten |= locked.is_none() && chunk.moved == 0; // nobody knows it
    chunk.over |= locked.is_none();
    Ok(chunk)
}

async fn release(link: Link<'_>, worker: Uuid, over: bool) -> Result<Chunk, Fault> {
    let rows = link.query(RELEASE, &[&worker, &CHUNK, &over]).await?;
    let (runs, shards): (i64, _) = match rows.first() {
        Some(row) => (row.get("moved"), row.get("shards")),
        None => (0, Vec::new()),
    };
    let rows = link.query(RELEASE_TASKS, &[&worker, &over]).await?;
    let (tasks, lanes): (i64, _) = match rows.first() {
        Some(row) => (row.get("moved"), row.get("lanes")),
        None => (0, Vec::new()),
    };
    let moved = runs + tasks;
    let forgotten = !link.query(FORGET_WORKER, &[&worker]).await?.is_empty();
    Ok(Chunk { moved, shards, forgotten, nobody: false, over, lanes })
}
