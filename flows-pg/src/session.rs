//! Long-lived connections of a worker: opened when first used, opened again when lost.
//!
//! They are made as the pool makes its own, and beside it: a lease must not wait in line behind the
//! activities that use the pool up.
//!
//! A connection leaves its slot while it is used and comes back only when its user says that
//! nothing is unfinished on it. So a future that is dropped half-way drops the connection with it,
//! and a transaction never outlives the call that began it.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use deadpool::managed::Manager;
use deadpool_postgres::{ClientWrapper, Pool, PoolError, TimeoutType};
use tokio::sync::{Mutex, MutexGuard};

use crate::counters::Counters;
use crate::error::Fault;
use crate::link::Link;

/// What the connections of the committer are set to.
pub(crate) const WRITER: &str = include_str!("sql/session_writer.sql");
/// What the connection of the claimer is set to.
pub(crate) const CLAIMER: &str = include_str!("sql/session_claimer.sql");
/// What the connection that holds leases is set to.
pub(crate) const LEASES: &str = include_str!("sql/session_leases.sql");

const FIRST_WAIT: Duration = Duration::from_millis(20);
const LONGEST_WAIT: Duration = Duration::from_secs(2);

/// The slot of one connection.
#[derive(Debug)]
pub(crate) struct Session {
    setup: &'static str,
    client: Mutex<Option<ClientWrapper>>,
    failures: AtomicU32,
}

impl Session {
    pub(crate) fn new(setup: &'static str) -> Self {
        Self { setup, client: Mutex::default(), failures: AtomicU32::new(0) }
    }

    /// Lends the connection to one user at a time.
    pub(crate) async fn lend<'a>(
        &'a self,
        pool: &Pool,
        counters: &'a Counters,
    ) -> Result<Lent<'a>, Fault> {
        let mut slot = self.client.lock().await;
        let client = match slot.take() {
            Some(client) if !client.is_closed() => client,
            _ => self.open(pool).await?,
        };
        Ok(Lent { slot, client, counters })
    }

    /// Waits longer after every failure, so that a database that is down is left alone.
    async fn open(&self, pool: &Pool) -> Result<ClientWrapper, Fault> {
        let failures = self.failures.load(Ordering::Relaxed);
        if failures > 0 {
            let wait = FIRST_WAIT * 2_u32.saturating_pow(failures.min(10));
            tokio::time::sleep(wait.min(LONGEST_WAIT)).await;
        }
        let opened = self.open_now(pool).await;
        self.failures.store(if opened.is_ok() { 0 } else { failures + 1 }, Ordering::Relaxed);
        opened
    }

    async fn open_now(&self, pool: &Pool) -> Result<ClientWrapper, Fault> {
        let client = connect(pool).await?;
        client.batch_execute(self.setup).await?;
        Ok(client)
    }
}

/// A connection beside the pool, which the pool neither counts nor waits for.
pub(crate) async fn connect(pool: &Pool) -> Result<ClientWrapper, Fault> {
    let manager = pool.manager();
    let mut client = match pool.timeouts().create {
        Some(limit) => match tokio::time::timeout(limit, manager.create()).await {
            Ok(created) => created?,
            Err(_) => return Err(PoolError::Timeout(TimeoutType::Create).into()),
        },
        None => manager.create().await?,
    };
    manager.detach(&mut client);
    Ok(client)
}

/// A connection on loan. Dropped, it is closed; [`Lent::give_back`] keeps it.
pub(crate) struct Lent<'a> {
    slot: MutexGuard<'a, Option<ClientWrapper>>,
    client: ClientWrapper,
    counters: &'a Counters,
}

impl Lent<'_> {
    pub(crate) fn link(&self) -> Link<'_> {
        Link::new(&self.client, self.counters)
    }

    /// Keeps the connection: nothing is unfinished on it.
    pub(crate) fn give_back(mut self) {
        *self.slot = Some(self.client);
    }
}
