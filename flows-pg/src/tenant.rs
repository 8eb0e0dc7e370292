//! What clients do: transactions on a pooled connection, as a role that sees one tenant.
//!
//! Role and tenant are set for the transaction only. A connection goes back to the pool when its
//! transaction is over; one whose user was dropped half-way is closed instead, and so is one that has
//! met a server which is ending or cannot write.

use std::time::Duration;

use deadpool_postgres::{Object, PoolError, TimeoutType, Timeouts};
use futures_util::FutureExt;
use futures_util::future::{join3, try_join};
use tokio_postgres::Row;
use uuid::Uuid;

use crate::closing::Borrowed;
use crate::error::{Fault, Remedy};
use crate::link::{Link, Params};
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

/// A pooled connection, inside a transaction of one tenant.
pub(crate) struct TenantTx<'a> {
    client: Borrowed,
    store: &'a Shared,
}

impl Shared {
    /// One statement as a transaction of its own, repeated when it met others (deadlock).
    pub(crate) async fn in_tenant(
        &self,
        tenant: Uuid,
        sql: Sql,
        params: Params<'_>,
    ) -> Result<Vec<Row>, Fault> {
        let mut connections = 1;
        for _ in 1..TRIES {
            match self.in_tenant_once(tenant, sql, params).await {
                Err(fault) if fault.remedy() == Remedy::Repeat => {}
                Err(fault) if connections < CONNECTIONS && can_be_sent_again(sql, &fault) => {
                    connections += 1;
                }
                other => return other,
            }
        }
        self.in_tenant_once(tenant, sql, params).await
    }

    /// Sent whole, without waiting in between.
    async fn in_tenant_once(
        &self,
        tenant: Uuid,
        sql: Sql,
        params: Params<'_>,
    ) -> Result<Vec<Row>, Fault> {
        let tx = self.borrow_client().await?;
        let (link, tenant) = (tx.link(), tenant.to_string());
        let prepared = try_join(link.prepare(ENTER_TENANT), link.prepare(sql)).await;
        let (enter, statement) = prepared.inspect_err(|fault| self.suspect(fault))?;
        let entering: Params<'_> = &[&tenant];
        let rest = join3(
            link.send(&enter, entering),
            link.send(&statement, params),
            link.command("COMMIT"),
        );
        let ((), (entered, rows, committed)) =
            try_join(link.begin(BEGIN), rest.map(Ok)).await.inspect_err(|f| self.suspect(f))?;
        let done = entered.and(rows).and_then(|rows| committed.map(|()| rows));
        tx.over(&done);
        done
    }

    /// Begins a transaction of several statements, on another connection if one is of no use.
    pub(crate) async fn begin(&self, tenant: Uuid) -> Result<TenantTx<'_>, Fault> {
        for _ in 1..CONNECTIONS {
            match self.begin_once(tenant).await {
                Err(fault) if fault.is_of_connection() => {}
                other => return other,
            }
        }
        self.begin_once(tenant).await
    }

    async fn begin_once(&self, tenant: Uuid) -> Result<TenantTx<'_>, Fault> {
        let tx = self.borrow_client().await?;
        let (link, tenant) = (tx.link(), tenant.to_string());
        let enter = link.prepare(ENTER_TENANT).await.inspect_err(|fault| self.suspect(fault))?;
        let entered = try_join(link.begin(BEGIN), link.send(&enter, &[&tenant])).await;
        entered.inspect_err(|fault| self.suspect(fault))?;
        Ok(tx)
    }

    /// A pooled connection; its user begins a transaction.
    pub(crate) async fn borrow_client(&self) -> Result<TenantTx<'_>, Fault> {
        self.ready().await?;
        Ok(TenantTx { client: Borrowed::new(self.pooled().await?), store: self })
    }

    /// A connection of the pool, within limits also where the pool has none.
    pub(crate) async fn pooled(&self) -> Result<Object, Fault> {
        let own = self.pool.timeouts();
        let limits = Timeouts {
            create: own.create.or(LIMITS.create),
            recycle: own.recycle.or(LIMITS.recycle),
            wait: own.wait.or(LIMITS.wait),
        };
        let got = match self.pool.timeout_get(&limits).await {
            // a pool without a timer
            Err(PoolError::NoRuntimeSpecified) => {
                let wait = limits.wait.unwrap_or_default();
                match tokio::time::timeout(wait, self.pool.get()).await {
                    Ok(got) => got,
                    Err(_) => Err(PoolError::Timeout(TimeoutType::Wait)),
                }
            }
            got => got,
        };
        // there is no other to be had
        got.map_err(|error| match Fault::from(error) {
            fault if self.checked.initialized() => Fault::Final(fault.into()),
            fault => Fault::Final(fault.at_first()),
        })
    }

    /// Where one connection is of no use, those that nobody uses at the moment are likely to be the
    /// same: to a server that was switched over, or through a network that swallows.
    pub(crate) fn suspect(&self, fault: &Fault) {
        if fault.is_of_connection() {
            drop(self.pool.retain(|_, _| false));
        }
    }
}

/// Whether what a connection has failed to do may be done on another.
fn can_be_sent_again(sql: Sql, fault: &Fault) -> bool {
    fault.wrote_nothing() || (fault.is_of_connection() && sql.name != SEND.name)
}

impl TenantTx<'_> {
    pub(crate) fn link(&self) -> Link<'_> {
        Link::new(&self.client, self.store.source.names(), &self.store.counters, LIMIT)
            .with_types(self.store.types())
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
    fn over<T>(self, done: &Result<T, Fault>) {
        match done {
            Err(fault) if fault.is_of_connection() => self.store.suspect(fault),
            _ => self.client.give_back(),
        }
    }
}
