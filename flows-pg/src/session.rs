//! Long-lived connections of a worker: opened when first used, opened again when lost.
//!
//! They are made as the pool makes its own, and beside it: a lease must not wait in line behind the
//! activities that use the pool up.
//!
//! A connection leaves its slot while it is used and comes back only when its user says that
//! nothing is unfinished on it. So a future that is dropped half-way drops the connection with it,
//! and a transaction never outlives the call that began it.
//!
//! A server that does not answer is left for another connection after a while.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use deadpool_postgres::{ClientWrapper, PoolError, TimeoutType};
use flows_core::clock;
use tokio::sync::{Mutex, MutexGuard};

use crate::closing::throw_away;
use crate::counters::Counters;
use crate::error::Fault;
use crate::link::Link;
use crate::names::Names;
use crate::pooler;
use crate::source::Source;

/// What every connection of a worker is set to.
macro_rules! session {
    ($kind:literal) => {
        concat!(include_str!("sql/session.sql"), include_str!($kind))
    };
    ($kind:literal, planned) => {
        concat!(session!($kind), include_str!("sql/session_planner.sql"))
    };
}

/// What the connections of the committer are set to.
pub(crate) const WRITER: &str = session!("sql/session_writer.sql", planned);
/// What the connection of the claimer is set to.
pub(crate) const CLAIMER: &str = session!("sql/session_claimer.sql", planned);
/// What the connection that holds leases is set to.
pub(crate) const LEASES: &str = session!("sql/session_leases.sql");

const FIRST_WAIT: Duration = Duration::from_millis(20);
const LONGEST_WAIT: Duration = Duration::from_secs(2);
/// How long an answer may take. Those who wait for locks give up before.
const LIMIT: Duration = Duration::from_secs(10);

/// The slot of one connection.
#[derive(Debug)]
pub(crate) struct Session {
    setup: &'static str,
    client: Mutex<Option<ClientWrapper>>,
    failures: AtomicU32,
    /// How often it was opened.
    opened: AtomicU32,
}

impl Session {
    pub(crate) fn new(setup: &'static str) -> Self {
        let (failures, opened) = (AtomicU32::new(0), AtomicU32::new(0));
        Self { setup, client: Mutex::default(), failures, opened }
    }

    /// Lends the connection to one user at a time.
    pub(crate) async fn lend<'a>(
        &'a self,
        source: &Source,
        counters: &'a Counters,
    ) -> Result<Lent<'a>, Fault> {
        let mut slot = self.client.lock().await;
        let client = match slot.take() {
            Some(client) if !client.is_closed() => client,
            _ => self.open(source).await?,
        };
        let (opened, names) = (self.opened.load(Ordering::Relaxed), source.names());
        Ok(Lent { slot, client: Some(client), counters, limit: LIMIT, names, opened })
    }

    /// Waits longer after every failure, so that a database that is down is left alone.
    async fn open(&self, source: &Source) -> Result<ClientWrapper, Fault> {
        let failures = self.failures.load(Ordering::Relaxed);
        if failures > 0 {
            let wait = (FIRST_WAIT * 2_u32.saturating_pow(failures.min(10))).min(LONGEST_WAIT);
            // many workers lose their connections at the same moment
            tokio::time::sleep(wait.mul_f64(0.5 + clock::random_share() / 2.0)).await;
        }
        let opened = self.open_now(source).await;
        self.failures.store(if opened.is_ok() { 0 } else { failures + 1 }, Ordering::Relaxed);
        opened
    }

    async fn open_now(&self, source: &Source) -> Result<ClientWrapper, Fault> {
        let client = open(source, self.setup).await?;
        self.opened.fetch_add(1, Ordering::Relaxed);
        Ok(client)
    }
}

/// A connection beside the pool, prepared by some commands.
async fn open(source: &Source, setup: &str) -> Result<ClientWrapper, Fault> {
    let opened = async {
        let client = source.open().await?;
        pooler::check_place_of_worker(source.own_mode(&client).await?)?;
        let names = source.names();
        let set = client.batch_execute(&names.in_text(setup)).await;
        set.map_err(|error| Fault::from(error).about(names))?;
        Ok(client)
    };
    match tokio::time::timeout(source.limit(), opened).await {
        Ok(opened) => opened,
        Err(_) => Err(PoolError::Timeout(TimeoutType::Create).into()),
    }
}

/// A connection on loan. Dropped, it is closed, and what runs on it is cancelled;
/// [`Lent::give_back`] keeps it.
pub(crate) struct Lent<'a> {
    slot: MutexGuard<'a, Option<ClientWrapper>>,
    /// Taken only at the end.
    client: Option<ClientWrapper>,
    counters: &'a Counters,
    limit: Duration,
    names: Names,
    /// How often it was opened: twice and more, what was read before may be lost.
    pub(crate) opened: u32,
}

impl Lent<'_> {
    pub(crate) fn link(&self) -> Link<'_> {
        // taken by `give_back`, which consumes it
        let client = self.client.as_ref().unwrap_or_else(|| unreachable!("it was given back"));
        Link::new(client, self.names, self.counters, self.limit)
    }

    /// The same, for requests that must be answered sooner.
    pub(crate) fn within(mut self, limit: Duration) -> Self {
        self.limit = self.limit.min(limit);
        self
    }

    /// Keeps the connection: nothing is unfinished on it.
    pub(crate) fn give_back(mut self) {
        *self.slot = self.client.take();
    }
}

impl Drop for Lent<'_> {
    fn drop(&mut self) {
        if let Some(client) = self.client.take() {
            throw_away(client);
        }
    }
}
