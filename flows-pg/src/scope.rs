//! Where a client's statements go: each into a transaction of its own, all into one of this store's,
//! or into one of the application's.
//!
//! In the application's, every statement is wrapped: the tenant is entered and left again in the
//! same breath, so nothing the application sends in between runs as the tenant, and nothing of it
//! is left behind.

use flows_core::error::{Error, ErrorKind};
use futures_util::FutureExt;
use futures_util::future::join;
use tokio_postgres::Row;
use uuid::Uuid;

use crate::error::Fault;
use crate::link::{Link, Params, Prepared};
use crate::sql::{ENTER_FOREIGN, LEAVE_FOREIGN, Sql};
use crate::store::Shared;
use crate::tenant::Wait;

/// Where a verb's statements go.
#[derive(Clone, Copy)]
pub(crate) enum Scope<'a> {
    /// Each statement is a transaction, of this tenant. It waits so long for what others hold.
    Autocommit(&'a Shared, Uuid, Wait),
    /// A transaction of this store's, as a role that sees what it may.
    Internal(Link<'a>),
    /// The application's transaction, and the tenant to enter for each statement.
    Application(Link<'a>, Uuid),
}

impl Shared {
    /// Each statement as a transaction of this tenant.
    pub(crate) fn autocommit(&self, tenant: Uuid) -> Scope<'_> {
        Scope::Autocommit(self, tenant, Wait::Long)
    }
}

impl Scope<'_> {
    pub(crate) async fn query(self, sql: Sql, params: Params<'_>) -> Result<Vec<Row>, Fault> {
        match self {
            Self::Autocommit(store, tenant, wait) => {
                store.in_tenant_within(wait, tenant, sql, params).await
            }
            Self::Internal(link) => link.query(sql, params).await,
            Self::Application(link, tenant) => wrapped(link, tenant, sql, params).await,
        }
    }

    /// Begins a part that can be taken back, in a transaction.
    pub(crate) async fn savepoint(self) -> Result<(), Fault> {
        self.command("SAVEPOINT flows").await
    }

    /// Takes that part back.
    pub(crate) async fn take_back(self) -> Result<(), Fault> {
        self.command("ROLLBACK TO SAVEPOINT flows; RELEASE SAVEPOINT flows").await
    }

    /// Keeps that part.
    pub(crate) async fn keep(self) -> Result<(), Fault> {
        self.command("RELEASE SAVEPOINT flows").await
    }

    async fn command(self, text: &'static str) -> Result<(), Fault> {
        match self {
            Self::Autocommit(..) => Ok(()),
            Self::Internal(link) | Self::Application(link, _) => link.command(text).await,
        }
    }
}

async fn wrapped(
    link: Link<'_>,
    tenant: Uuid,
    sql: Sql,
    params: Params<'_>,
) -> Result<Vec<Row>, Fault> {
    let tenant = tenant.to_string();
    let enter = link.prepare(ENTER_FOREIGN).await?;
    let leave = link.prepare(LEAVE_FOREIGN).await?;
    let inside = async {
        let leaving = Leaving { link, leave: Some(&leave) }; // it has been entered
        let statement = link.prepare(sql).await?; // where its names mean what they mean to it
        let (rows, left) = join(link.send(&statement, params), leaving.send()).await;
        rows.and_then(|rows| left.map(|left| (rows, left)))
    };
    let (entered, done) = join(link.send(&enter, &[&tenant]), inside).await;
    let done = entered.and(done);
    let (rows, left) = done.map_err(as_foreign)?;
    left_from(&left, link.names().tenant(), &tenant)?;
    Ok(rows)
}

/// A tenant that is to be left, also where the caller's future is dropped half-way.
struct Leaving<'a> {
    link: Link<'a>,
    /// Until it is on its way.
    leave: Option<&'a Prepared>,
}

impl Leaving<'_> {
    /// On the wire when this is first polled.
    async fn send(mut self) -> Result<Vec<Row>, Fault> {
        match self.leave.take() {
            Some(leave) => self.link.send(leave, &[]).await,
            None => Ok(Vec::new()),
        }
    }
}

impl Drop for Leaving<'_> {
    fn drop(&mut self) {
        if let Some(leave) = self.leave {
            drop(self.link.send(leave, &[]).now_or_never()); // nobody waits for the answer
        }
    }
}

/// A savepoint of the caller's must know errors of the server from others.
fn as_foreign(fault: Fault) -> Fault {
    if fault.code() == Some("25006") { fault.in_foreign().into() } else { fault }
}

/// The statement ran as this tenant, or the application's transaction must not be committed.
fn left_from(left: &[Row], own_role: &str, tenant: &str) -> Result<(), Error> {
    let as_tenant = left.first().is_some_and(|row| {
        let (role, found): (&str, Option<&str>) = (row.get("role"), row.get("tenant"));
        role == own_role && found == Some(tenant)
    });
    if as_tenant {
        return Ok(());
    }
    let message = "the transaction left its tenant while a statement ran in it; roll it back";
    Err(Error::new(ErrorKind::Configuration, message))
}
