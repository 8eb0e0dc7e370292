//! The store: what it holds, and which file has which verb.
//!
//! Never does anything itself; every method delegates to the file of its name.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use deadpool_postgres::Pool;
use flows_core::store::forward::names::*;
use futures_util::TryFutureExt;
use tokio::sync::OnceCell;

use crate::counters::Counters;
use crate::error::Fault;
use crate::hints::Hints;
use crate::pooler::Types;
use crate::relay::Relay;
use crate::reserve::Reserve;
use crate::session::{CLAIMER, LEASES, Lent, Session, WRITER};
use crate::settings::Sessions;
use crate::source::Source;
use crate::unfinished::Unfinished;

/// Enough for one machine; more connections only make the batches smaller.
const WRITERS: usize = 2;
/// Connections for clients' calls while the pool is used up.
const RESERVE: usize = 4;
/// Connections of clients' calls that wait for somebody's open transaction.
const WAITING: usize = 4;

/// A store on PostgreSQL. Clones share its connections.
#[derive(Clone)]
pub struct PgStore(pub(crate) Arc<Shared>);

/// What was found out when the store was checked.
pub(crate) struct Checked {
    /// The types of parameters, where the pool's connections cannot keep prepared statements.
    pub(crate) types: Option<Types>,
    /// How many connections the role that logs in may have, where that is limited.
    pub(crate) connections: Option<Limited>,
}

/// A limit of connections, and whose it is.
pub(crate) struct Limited {
    pub(crate) login: String,
    pub(crate) most: i32,
}

pub(crate) struct Shared {
    pub(crate) pool: Pool,
    pub(crate) source: Arc<Source>,
    pub(crate) counters: Counters,
    pub(crate) checked: OnceCell<Checked>,
    pub(crate) types_beside: OnceCell<Types>,
    pub(crate) unfinished: Unfinished,
    pub(crate) hints: Hints,
    writers: Vec<Session>,
    /// For each writer: how often it was opened, and the first request since, if it was opened again.
    reopened: Mutex<Vec<(u32, i64)>>,
    claimer: Session,
    leases: Session,
    /// How often the connection of leases had been opened when each worker's was taken or renewed last.
    leased_over: Mutex<HashMap<Uuid, u32>>,
    starter: Session,
    pub(crate) reserve: Reserve,
    pub(crate) waiting: Reserve,
    requests: AtomicI64,
    pub(crate) sessions: Sessions,
    pub(crate) relay: Relay,
}

impl PgStore {
    pub(crate) fn new(source: Arc<Source>) -> Self {
        Self::build(source, WRITERS)
    }

    /// A store on the same pool whose workers commit on so many connections, 2 by default.
    ///
    /// # Errors
    /// When there is to be none.
    pub fn with_writers(&self, writers: usize) -> Result<Self> {
        if writers == 0 {
            return Err(crate::connect::wrong("a store has at least one writer"));
        }
        Ok(Self::build(Arc::clone(&self.0.source), writers))
    }

    fn build(source: Arc<Source>, writers: usize) -> Self {
        Self(Arc::new(Shared {
            hints: Hints::new(Arc::clone(&source)),
            pool: source.pool.clone(),
            source,
            counters: Counters::default(),
            checked: OnceCell::new(),
            types_beside: OnceCell::new(),
            unfinished: Unfinished::default(),
            writers: (0..writers).map(|_| Session::new(WRITER)).collect(),
            reopened: Mutex::new(vec![(1, 0); writers]),
            claimer: Session::new(CLAIMER),
            leases: Session::new(LEASES),
            leased_over: Mutex::default(),
            starter: Session::new(WRITER),
            reserve: Reserve::new(RESERVE),
            waiting: Reserve::new(WAITING),
            requests: AtomicI64::new(1),
            sessions: Sessions::default(),
            relay: Relay::default(),
        }))
    }

    /// How often each statement was sent, for tests of the cost model.
    #[doc(hidden)]
    pub fn counters(&self) -> BTreeMap<&'static str, u64> {
        self.0.counters.snapshot()
    }
}

impl Shared {
    /// The connection that claims, looks and collects.
    pub(crate) async fn claimer(&self) -> Result<Lent<'_>, Fault> {
        self.ready().await?;
        self.claimer.lend(&self.source, &self.counters).await
    }

    /// The same, after everything is made good that this worker lost.
    pub(crate) async fn claimer_for(&self, worker: Uuid) -> Result<Lent<'_>, Fault> {
        let lent = self.claimer().await?;
        self.unfinished.make_good(lent.link(), worker).await?;
        Ok(lent)
    }

    /// The connection that holds leases: a claim that takes long does not keep it from that.
    pub(crate) async fn leases(&self) -> Result<Lent<'_>, Fault> {
        self.ready().await?;
        self.leases.lend(&self.source, &self.counters).await
    }

    pub(crate) fn leased_over(&self) -> MutexGuard<'_, HashMap<Uuid, u32>> {
        self.leased_over.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The connection that starts runs of this process's workers.
    pub(crate) async fn starter(&self) -> Result<Lent<'_>, Fault> {
        self.ready().await?;
        self.starter.lend(&self.source, &self.counters).await
    }

    /// Connections that a worker opens beside the pool: those that commit turns, those that start, claim and
    /// renew, and those that send and hear notifications.
    pub(crate) fn own_connections(&self) -> usize {
        let hearing = usize::from(self.source.can_listen());
        self.writers.len() + ["starter", "claimer", "leases", "notifier"].len() + hearing
    }

    /// A connection that commits turns.
    pub(crate) async fn writer(&self, number: usize) -> Result<Lent<'_>, Fault> {
        self.ready().await?;
        self.writers[number % self.writers.len()].lend(&self.source, &self.counters).await
    }

    /// From which request on what was read is surely no older than this writer's connection.
    pub(crate) fn read_since(&self, writer: usize, opened: u32) -> i64 {
        let mut reopened = self.reopened.lock().unwrap_or_else(PoisonError::into_inner);
        let (known, since) = &mut reopened[writer % self.writers.len()];
        if *known < opened {
            (*known, *since) = (opened, self.next_request());
        }
        *since
    }

    /// The number of the next claim or collect.
    pub(crate) fn next_request(&self) -> i64 {
        self.requests.fetch_add(1, Ordering::Relaxed)
    }
}

impl std::fmt::Debug for PgStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PgStore").finish_non_exhaustive()
    }
}

/// A verb is the function of its name.
macro_rules! shared {
    ($store:ident retry_stuck($run:ident)) => {
        Box::pin($store.0.autocommit($run.tenant).retry_stuck($run).err_into())
    };
    ($store:ident dismiss($dead:ident, $reason:ident)) => {
        Box::pin($store.0.autocommit($dead.tenant).dismiss($dead, $reason).err_into())
    };
    ($store:ident find($tenant:ident, $workflow_id:ident)) => {
        Box::pin($store.0.autocommit($tenant).find($tenant, $workflow_id).err_into())
    };
    ($store:ident find_schedule($tenant:ident, $id:ident)) => {
        Box::pin($store.0.autocommit($tenant).find_schedule($tenant, $id).err_into())
    };
    ($store:ident describe($run:ident)) => {
        Box::pin($store.0.autocommit($run.tenant).describe($run).err_into())
    };
    ($store:ident writers()) => { $store.0.writers.len() };
    ($store:ident publish($hint:ident)) => { $store.0.hints.publish($hint) };
    ($store:ident subscribe()) => { $store.0.hints.subscribe() };
    ($store:ident $verb:ident($($given:ident),*)) => { Box::pin($store.0.$verb($($given),*)) };
}

forward_store!(ClientStore for PgStore, shared);
forward_store!(WorkerStore for PgStore, shared);
forward_store!(Inspect for PgStore, shared);
forward_store!(Operate for PgStore, shared);
forward_store!(Hub for PgStore, shared);

impl Store for PgStore {
    fn as_any(&self) -> &dyn std::any::Any {
        self
    }
}
