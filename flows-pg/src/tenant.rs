//! What clients do: transactions on a pooled connection, as a role that sees one tenant.
//!
//! Role and tenant are set for the transaction only. A connection goes back to the pool when its
//! transaction is over; one whose user was dropped half-way is closed instead.

use deadpool_postgres::Object;
use futures_util::future::{join, join4};
use tokio_postgres::Row;
use uuid::Uuid;

use crate::counters::Counters;
use crate::error::{Fault, Remedy};
use crate::link::{Link, Params};
use crate::sql::{ENTER_TENANT, Sql};
use crate::store::Shared;

/// Whatever the server's default is: the statements count on seeing what was committed before them.
const BEGIN: &str = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE";
/// How often a transaction is tried that meets others.
const TRIES: usize = 10;

/// A pooled connection, inside a transaction of one tenant.
pub(crate) struct TenantTx<'a> {
    /// Taken only when the transaction is over.
    client: Option<Object>,
    counters: &'a Counters,
}

impl Shared {
    /// One statement as a transaction of its own, repeated when it met others (deadlock).
    pub(crate) async fn in_tenant(
        &self,
        tenant: Uuid,
        sql: Sql,
        params: Params<'_>,
    ) -> Result<Vec<Row>, Fault> {
        for _ in 1..TRIES {
            match self.in_tenant_once(tenant, sql, params).await {
                Err(fault) if fault.remedy() == Remedy::Repeat => {}
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
        let (enter, statement) = (link.prepare(ENTER_TENANT).await?, link.prepare(sql).await?);
        let (begun, entered, rows, committed) = join4(
            link.command(BEGIN),
            link.send(&enter, &[&tenant]),
            link.send(&statement, params),
            link.command("COMMIT"),
        )
        .await;
        tx.over();
        begun?;
        entered?;
        let rows = rows?;
        committed?;
        Ok(rows)
    }

    /// Begins a transaction of several statements.
    pub(crate) async fn begin(&self, tenant: Uuid) -> Result<TenantTx<'_>, Fault> {
        let tx = self.borrow_client().await?;
        let (link, tenant) = (tx.link(), tenant.to_string());
        let enter = link.prepare(ENTER_TENANT).await?;
        let begin = link.command(BEGIN);
        let (begun, entered) = join(begin, link.send(&enter, &[&tenant])).await;
        begun?;
        entered?;
        Ok(tx)
    }

    /// A pooled connection; its user begins a transaction.
    pub(crate) async fn borrow_client(&self) -> Result<TenantTx<'_>, Fault> {
        self.ready().await?;
        let client = Some(self.pool.get().await?);
        Ok(TenantTx { client, counters: &self.counters })
    }
}

impl TenantTx<'_> {
    pub(crate) fn link(&self) -> Link<'_> {
        // `client` is taken by those that consume the transaction, and by nobody else
        let client =
            self.client.as_ref().unwrap_or_else(|| unreachable!("the transaction is over"));
        Link::new(client, self.counters)
    }

    /// Commits what worked, and rolls back what did not.
    pub(crate) async fn end<T>(self, result: Result<T, Fault>) -> Result<T, Fault> {
        let command = if result.is_ok() { "COMMIT" } else { "ROLLBACK" };
        let ended = self.link().command(command).await;
        self.over();
        let value = result?;
        ended?;
        Ok(value)
    }

    /// Nothing is unfinished: the connection may go back to the pool.
    fn over(mut self) {
        drop(self.client.take());
    }
}

impl Drop for TenantTx<'_> {
    fn drop(&mut self) {
        if let Some(client) = self.client.take() {
            drop(Object::take(client)); // closed, not given back: something is unfinished
        }
    }
}
