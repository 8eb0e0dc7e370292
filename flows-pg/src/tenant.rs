//! What clients do: transactions on a connection of the pool, as a role that sees one tenant.
//!
//! Role and tenant are set for the transaction only. A connection goes back to the pool when its
//! transaction is over; one whose user was dropped half-way is closed instead, and so is one that has
//! met a server which is ending or cannot write.

use std::time::Duration;

use deadpool_postgres::{ClientWrapper, Object, PoolError, TimeoutType, Timeouts};
use futures_util::FutureExt;
use futures_util::future::{join, try_join};
use tokio_postgres::Row;
use uuid::Uuid;

use crate::closing::Borrowed;
use crate::error::{Fault, Remedy};
use crate::link::{Link, Params};
use crate::pooler::Types;
use crate::relay::Taken;
use crate::reserve::{Reserve, Spare};
use crate::sql::{ENTER_TENANT, SEND, Sql};
use crate::store::Shared;

/// Whatever the server's default is: the statements count on seeing what was committed before them.
const BEGIN: &str = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE";
/// How often a transaction is tried that meets others.
const TRIES: usize = 10;
/// How often it is tried on another connection.
const CONNECTIONS: usize = 3;
/// How long the answer to a statement may take.
const LIMIT: Duration = Duration::from_secs(30);
/// How long a pool may take to make a connection, to look after one, and until one is free, where it
/// sets no limits of its own.
const LIMITS: Timeouts = Timeouts {
    create: Some(Duration::from_secs(10)),
    recycle: Some(Duration::from_secs(3)),
    wait: Some(Duration::from_secs(30)),
};

/// How long a pool that is used up is waited for; many calls at once are no reason for more connections.
const BUSY: Duration = Duration::from_millis(20);

/// How long a statement waits for what others hold.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Wait {
    /// Hardly: what is held is left out.
    Instant,
    /// As long as a commit may take: others wait for this statement.
    Moment,
    /// A statement that nobody else waits for, and that hardly ever meets a lock.
    Long,
    /// So long.
    For(Duration),
}

impl Wait {
    fn setting(self) -> String {
        match self {
            Self::Instant => "5ms".to_owned(),
            Self::Moment => "30ms".to_owned(),
            Self::Long => "10s".to_owned(),
            Self::For(time) => format!("{}ms", time.as_millis().max(1)),
        }
    }
}

/// A connection, inside a transaction of one tenant.
pub(crate) struct TenantTx<'a> {
    client: ClientConnection<'a>,
    store: &'a Shared,
    types: Option<&'a Types>,
}

enum ClientConnection<'a> {
    Pooled(Borrowed),
    Spare(Spare<'a>),
}

impl Shared {
    /// One statement as a transaction of its own, repeated when it met others (deadlock).
    pub(crate) async fn in_tenant(
        &self,
        tenant: Uuid,
        sql: Sql,
        params: Params<'_>,
    ) -> Result<Vec<Row>, Fault> {
        self.in_tenant_within(Wait::Long, tenant, sql, params).await
    }

    /// The same, which waits no longer than that for what others hold.
    pub(crate) async fn in_tenant_within(
        &self,
        wait: Wait,
        tenant: Uuid,
        sql: Sql,
        params: Params<'_>,
    ) -> Result<Vec<Row>, Fault> {
        let mut connections = 1;
        for _ in 1..TRIES {
            match self.in_tenant_once(wait, tenant, sql, params).await {
                Err(fault) if fault.remedy() == Remedy::Repeat => {}
                Err(fault) if connections < CONNECTIONS && can_be_sent_again(sql, &fault) => {
                    connections += 1;
                }
                other => return other,
            }
        }
        self.in_tenant_once(wait, tenant, sql, params).await
    }

    /// Sent whole, without waiting in between.
    async fn in_tenant_once(
        &self,
        wait: Wait,
        tenant: Uuid,
        sql: Sql,
        params: Params<'_>,
    ) -> Result<Vec<Row>, Fault> {
        let tx = self.borrow_client().await?;
        let (link, tenant, wait) = (tx.link(), tenant.to_string(), wait.setting());
        let enter = link.prepare(ENTER_TENANT).await.inspect_err(|fault| self.suspect(fault))?;
        let entering: Params<'_> = &[&tenant, &wait];
        let rest = join(link.send(&enter, entering), whole(link, sql, params));
        let ((), (entered, rows)) =
            try_join(link.begin(BEGIN), rest.map(Ok)).await.inspect_err(|f| self.suspect(f))?;
        let done = entered.and(rows);
        tx.over(&done);
        done
    }

    /// Begins a transaction of several statements, on another connection if one is of no use.
    pub(crate) async fn begin(&self, tenant: Uuid, wait: Wait) -> Result<TenantTx<'_>, Fault> {
        for _ in 1..CONNECTIONS {
            match self.begin_once(tenant, wait).await {
                Err(fault) if fault.is_of_connection() => {}
                other => return other,
            }
        }
        self.begin_once(tenant, wait).await
    }

    async fn begin_once(&self, tenant: Uuid, wait: Wait) -> Result<TenantTx<'_>, Fault> {
        let tx = self.borrow_client().await?;
        tx.enter(tenant, wait).await.inspect_err(|fault| self.suspect(fault))?;
        Ok(tx)
    }

    /// The same, on a connection of those who wait for others.
    pub(crate) async fn begin_apart(
        &self,
        tenant: Uuid,
        time: Duration,
    ) -> Result<TenantTx<'_>, Fault> {
        self.ready().await?;
        let tx = self.spare(&self.waiting).await?;
        tx.enter(tenant, Wait::For(time)).await?;
        Ok(tx)
    }

    /// A connection; its user begins a transaction. It comes from the pool, or where that is used up,
    /// from the reserve: the pool's users may be waiting for this.
    pub(crate) async fn borrow_client(&self) -> Result<TenantTx<'_>, Fault> {
        self.ready().await?;
        self.borrow_unchecked().await
    }

    /// The same, to find out whether the store can be used: where the pool connects in another way than
    /// the reserve, it is the pool that must be known.
    pub(crate) async fn borrow_to_check(&self) -> Result<TenantTx<'_>, Fault> {
        if self.source.is_made_by_pool() {
            return self.borrow_unchecked().await;
        }
        Ok(self.of_pool(self.pooled().await?))
    }

    async fn borrow_unchecked(&self) -> Result<TenantTx<'_>, Fault> {
        for wait in [Duration::ZERO, BUSY] {
            match self.pooled_within(wait).await {
                Err(PoolError::Timeout(TimeoutType::Wait)) => {}
                got => return Ok(self.of_pool(got.map_err(|error| self.no_other(error))?)),
            }
        }
        self.spare(&self.reserve).await
    }

    fn of_pool(&self, pooled: Object) -> TenantTx<'_> {
        let client = ClientConnection::Pooled(Borrowed::new(pooled));
        TenantTx { client, store: self, types: self.types() }
    }

    /// A connection beside the pool, which may go through a pooler though the pool does not.
    async fn spare<'a>(&'a self, reserve: &'a Reserve) -> Result<TenantTx<'a>, Fault> {
        let spare = reserve.lend(&self.source).await?;
        let types = self.types_beside(spare.client()).await?;
        Ok(TenantTx { client: ClientConnection::Spare(spare), store: self, types })
    }

    /// A connection of the pool, for who holds it for long.
    pub(crate) async fn pooled(&self) -> Result<Object, Fault> {
        let wait = self.pool.timeouts().wait.or(LIMITS.wait).unwrap_or_default();
        self.pooled_within(wait).await.map_err(|error| self.no_other(error))
    }

    /// A connection for a transactional activity: one of the pool, or if that is used up, perhaps one that
    /// another activity hands over. Not of an application's pool, whose hooks prepare it for each user.
    pub(crate) async fn for_activity(&self) -> Result<Taken, Fault> {
        match self.pooled_within(Duration::ZERO).await {
            Ok(free) => Ok(Taken { client: Borrowed::new(free), is_handed: false }),
            Err(_) if self.source.has_plain_pool() => self.relay.take(self.pooled()).await,
            Err(_) => Ok(Taken { client: Borrowed::new(self.pooled().await?), is_handed: false }),
        }
    }

    /// A connection of the pool, within limits also where the pool has none.
    async fn pooled_within(&self, wait: Duration) -> Result<Object, PoolError> {
        let own = self.pool.timeouts();
        let limits = Timeouts {
            create: own.create.or(LIMITS.create),
            recycle: own.recycle.or(LIMITS.recycle),
            wait: Some(wait),
        };
        match self.pool.timeout_get(&limits).await {
            // a pool without a timer
            Err(PoolError::NoRuntimeSpecified) if wait.is_zero() => {
                self.pool.timeout_get(&Timeouts { wait: Some(wait), ..Timeouts::new() }).await
            }
            Err(PoolError::NoRuntimeSpecified) => {
                match tokio::time::timeout(wait, self.pool.get()).await {
                    Ok(got) => got,
                    Err(_) => Err(PoolError::Timeout(TimeoutType::Wait)),
                }
            }
            got => got,
        }
    }

    /// Trying again is of no use: there is no other connection to be had.
    fn no_other(&self, error: PoolError) -> Fault {
        match Fault::from(error) {
            fault if self.checked.initialized() => Fault::Final(fault.into()),
            fault => Fault::Final(fault.at_first()),
        }
    }

    /// Where one connection is of no use, those that nobody uses at the moment are likely to be the
    /// same: to a server that was switched over, or through a network that swallows.
    pub(crate) fn suspect(&self, fault: &Fault) {
        if fault.is_of_connection() {
            drop(self.pool.retain(|_, _| false));
            self.reserve.suspect();
            self.waiting.suspect();
        }
    }
}

/// A statement, and the end of its transaction. It is prepared, if it has not been on this connection, where
/// it is carried out: names without a schema mean what they mean there.
async fn whole(link: Link<'_>, sql: Sql, params: Params<'_>) -> Result<Vec<Row>, Fault> {
    let statement = match link.prepare(sql).await {
        Ok(statement) => statement,
        Err(fault) if fault.is_of_connection() => return Err(fault),
        Err(fault) => return link.command("ROLLBACK").await.and(Err(fault)),
    };
    let (rows, committed) = join(link.send(&statement, params), link.command("COMMIT")).await;
    rows.and_then(|rows| committed.map(|()| rows))
}

/// Whether what a connection has failed to do may be done on another.
fn can_be_sent_again(sql: Sql, fault: &Fault) -> bool {
    fault.wrote_nothing() || (fault.is_of_connection() && sql.name != SEND.name)
}

impl TenantTx<'_> {
    pub(crate) fn link(&self) -> Link<'_> {
        Link::new(self.client(), self.store.source.names(), &self.store.counters, LIMIT)
            .with_types(self.types)
    }

    pub(crate) fn client(&self) -> &ClientWrapper {
        match &self.client {
            ClientConnection::Pooled(client) => client,
            ClientConnection::Spare(spare) => spare.client(),
        }
    }

    async fn enter(&self, tenant: Uuid, wait: Wait) -> Result<(), Fault> {
        let (link, tenant, wait) = (self.link(), tenant.to_string(), wait.setting());
        let enter = link.prepare(ENTER_TENANT).await?;
        try_join(link.begin(BEGIN), link.send(&enter, &[&tenant, &wait])).await?;
        Ok(())
    }

    /// Commits what worked, and rolls back what did not.
    pub(crate) async fn end<T>(self, result: Result<T, Fault>) -> Result<T, Fault> {
        let command = if result.is_ok() { "COMMIT" } else { "ROLLBACK" };
        let ended = match &result {
            Err(fault) if fault.is_of_connection() => Ok(()), // there is nobody to tell
            _ => self.link().command(command).await,
        };
        let done = result.and_then(|value| ended.map(|()| value));
        self.over(&done);
        done
    }

    /// Everything has been answered: the connection may go back to the pool, unless it is of no use.
    pub(crate) fn over<T>(self, done: &Result<T, Fault>) {
        match done {
            Err(fault) if fault.is_of_connection() => self.store.suspect(fault),
            _ => match self.client {
                ClientConnection::Pooled(client) => client.give_back(),
                ClientConnection::Spare(spare) => spare.give_back(),
            },
        }
    }
}
