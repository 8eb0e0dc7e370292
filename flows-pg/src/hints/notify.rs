//! The task that sends notifications.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use deadpool_postgres::ClientWrapper;
use flows_core::ids::RunKey;
use flows_core::store::Hint;
use tokio::sync::mpsc::Receiver;
use tokio_postgres::types::{ToSql, Type};
use uuid::Uuid;

use super::wire::Sender;
use crate::error::Fault;
use crate::pooler::PoolMode;
use crate::source::Source;
use crate::sql::NOTIFY;

/// The time in which hints gather after some were sent.
const WINDOW: Duration = Duration::from_millis(5);
/// The waits after failures, in which hints gather too: the first, and the longest.
const PAUSES: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(5));
/// How long an answer may take.
const LIMIT: Duration = Duration::from_secs(10);
/// What the connection is set to.
const SETUP: &str = "SET synchronous_commit = off; SET application_name = 'flows notifier'; \
    SET idle_session_timeout = 0; SET statement_timeout = 0; SET lock_timeout = 0; \
    SET default_transaction_read_only = off; SET default_transaction_isolation = 'read committed'";
/// Hints taken out of the queue at once.
const BATCH: usize = 1024;
/// Closed runs worth naming; beyond, everybody looks.
const MANY: usize = 4096;

/// Hints that are to be sent together.
#[derive(Debug, Default)]
pub(super) struct Gathered {
    pub(super) shards: BTreeSet<i16>,
    pub(super) workers: BTreeSet<Uuid>,
    pub(super) closed: Vec<Uuid>,
    pub(super) terminated: Vec<RunKey>,
    /// Runs that have published; of too many, none is named.
    pub(super) published: BTreeSet<Uuid>,
    pub(super) lanes: BTreeSet<i64>,
    /// Workers that run what nobody waits for.
    pub(super) withdrawn: BTreeSet<Uuid>,
    pub(super) unsure: bool,
}

impl Gathered {
    fn is_empty(&self) -> bool {
        let Self { shards, workers, closed, terminated, published, lanes, withdrawn, unsure } =
            self;
        let runs = closed.is_empty() && terminated.is_empty() && published.is_empty();
        let tasks = lanes.is_empty() && withdrawn.is_empty();
        shards.is_empty() && workers.is_empty() && runs && tasks && !unsure
    }

    pub(super) fn add(&mut self, hint: Hint) {
        match hint {
            Hint::Ready(shards) => self.shards.extend(shards),
            Hint::Woken(runs) => self.shards.extend(runs.iter().map(|run| run.shard)),
            Hint::Messages(worker) => {
                self.workers.insert(worker);
            }
            Hint::Withdrawn(worker) => {
                self.withdrawn.insert(worker);
            }
            Hint::Tasks(lanes) => self.lanes.extend(lanes),
            Hint::Closed(runs) if self.closed.len() < MANY => self.closed.extend(runs),
            Hint::Terminated(runs) if self.terminated.len() < MANY => self.terminated.extend(runs),
            Hint::Published(runs) => self.published.extend(runs),
            Hint::Closed(_) | Hint::Terminated(_) | Hint::Unsure => self.unsure = true,
        }
    }
}

/// Sends hints until everybody who could give one has gone. The first after a pause goes at once.
pub(super) async fn run(
    source: Arc<Source>,
    sender: Sender,
    mut hints: Receiver<Hint>,
    overflow: Arc<AtomicBool>,
) {
    let (mut client, mut batch, mut gathered) = (None, Vec::new(), Gathered::default());
    let mut pause = PAUSES.0;
    // what was not sent is sent again, whether more comes or not
    while !gathered.is_empty() || hints.recv_many(&mut batch, BATCH).await > 0 {
        drain(&mut batch, &mut hints, &mut gathered);
        gathered.unsure |= overflow.swap(false, Ordering::Relaxed);
        match send(&source, &mut client, &sender.write(&gathered)).await {
            Ok(()) => {
                (gathered, pause) = (Gathered::default(), PAUSES.0);
                tokio::time::sleep(WINDOW).await;
            }
            Err(fault) => {
                tracing::debug!(error = ?fault, "hints were not sent; everybody polls");
                client = None;
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(PAUSES.1);
            }
        }
    }
}

fn drain(batch: &mut Vec<Hint>, hints: &mut Receiver<Hint>, gathered: &mut Gathered) {
    batch.drain(..).for_each(|hint| gathered.add(hint));
    while let Ok(hint) = hints.try_recv() {
        gathered.add(hint);
    }
}

async fn send(
    source: &Source,
    client: &mut Option<ClientWrapper>,
    payloads: &[String],
) -> Result<(), Fault> {
    let link = match client {
        Some(client) => client,
        None => client.insert(open(source).await?),
    };
    // nothing is prepared: a pooler may give it another session every time
    let params: [(&(dyn ToSql + Sync), _); 1] = [(&payloads, Type::TEXT_ARRAY)];
    let sent = link.query_typed(source.names().statement(NOTIFY), &params);
    match tokio::time::timeout(LIMIT, sent).await {
        Ok(sent) => drop(sent?),
        Err(_) => return Err(Fault::Silent(LIMIT)),
    }
    Ok(())
}

/// A connection; what it is set to is nobody else's business, unless a pooler lends its session.
async fn open(source: &Source) -> Result<ClientWrapper, Fault> {
    let opened = async {
        let client = source.open().await?;
        if source.own_mode(&client).await? == PoolMode::Session {
            client.batch_execute(SETUP).await?;
        }
        Ok(client)
    };
    match tokio::time::timeout(source.limit(), opened).await {
        Ok(opened) => opened,
        Err(_) => Err(Fault::Silent(source.limit())),
    }
}
