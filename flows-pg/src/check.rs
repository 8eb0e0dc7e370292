//! What must hold before a store is used: the schema's version, and roles that obey its policies.

use std::time::Duration;

use deadpool_postgres::ClientWrapper;
use flows_core::error::{Error, ErrorKind};
use tokio_postgres::Row;

use crate::error::{Fault, check_encoding, is_standby};
use crate::link::Link;
use crate::migrate::{self, Found};
use crate::names::Names;
use crate::pooler::{self, PoolMode, Types};
use crate::sql::{BEGIN_APART, CHECK};
use crate::store::{Checked, Limited, Shared};

/// How long the answer may take.
const LIMIT: Duration = Duration::from_secs(10);

impl Shared {
    /// Checks once; a check that failed is made again, for somebody may have migrated.
    pub(crate) async fn ready(&self) -> Result<(), Fault> {
        self.checked.get_or_try_init(|| self.check()).await?;
        Ok(())
    }

    /// The types of parameters, where the pool's connections cannot keep prepared statements.
    pub(crate) fn types(&self) -> Option<&Types> {
        self.checked.get()?.types.as_ref()
    }

    /// The same of a connection beside the pool.
    pub(crate) async fn types_beside(
        &self,
        client: &ClientWrapper,
    ) -> Result<Option<&Types>, Fault> {
        match self.types() {
            None if self.source.own_mode(client).await? != PoolMode::Session => {
                let ask = || pooler::types(client, self.source.names());
                self.types_beside.get_or_try_init(ask).await.map(Some)
            }
            types => Ok(types),
        }
    }

    /// An error where a worker could open some of its connections and not the others.
    pub(crate) async fn check_connections(&self) -> Result<(), Fault> {
        self.ready().await?;
        let limited = self.checked.get().and_then(|checked| checked.connections.as_ref());
        let (own, needed) = (self.own_connections(), self.own_connections() + 1);
        match limited {
            Some(Limited { login, most })
                if usize::try_from(*most).is_ok_and(|most| most < needed) =>
            {
                let quoted = login.replace('"', "\"\"");
                Err(wrong(format!(
                    "role \"{login}\" may have {most} connections here, and a worker needs at least {needed}: \
                     {own} of its own and one of the pool; an administrator can run: ALTER ROLE \"{quoted}\" \
                     CONNECTION LIMIT -1 (or ALTER DATABASE … CONNECTION LIMIT -1, if the limit is the \
                     database's), or a number that is enough for all workers and clients together"
                ))
                .into())
            }
            _ => Ok(()),
        }
    }

    async fn check(&self) -> Result<Checked, Fault> {
        let tx = self.borrow_to_check().await?;
        let checked = self.check_on(tx.client()).await;
        tx.over(&checked);
        checked
    }

    async fn check_on(&self, client: &ClientWrapper) -> Result<Checked, Fault> {
        let link = Link::new(client, self.source.names(), &self.counters, LIMIT);
        if self.source.pool_mode(client).await? == PoolMode::Session {
            let connections = check_apart(link).await?;
            return Ok(Checked { types: None, connections });
        }
        // it has no parameters
        let connections = check_apart(link.with_types(Some(&Types::default()))).await?;
        let types = Some(pooler::types(client, self.source.names()).await?);
        Ok(Checked { types, connections })
    }
}

/// In a transaction, where names without a schema are PostgreSQL's own.
async fn check_apart(link: Link<'_>) -> Result<Option<Limited>, Fault> {
    link.command(BEGIN_APART).await?;
    let checked = check(link).await;
    let is_over = matches!(&checked, Err(fault) if fault.is_of_connection());
    let ended = if is_over { Ok(()) } else { link.command("ROLLBACK").await };
    checked.and_then(|limited| ended.map(|()| limited))
}

async fn check(link: Link<'_>) -> Result<Option<Limited>, Fault> {
    let rows = link.query(CHECK, &[]).await?;
    let row = rows.first().ok_or_else(|| wrong("the server gave no answer".into()))?;
    if row.get("standby") {
        return Err(is_standby().into());
    }
    check_encoding(row.get("encoding"))?;
    let number = |column| row.get::<_, Option<i32>>(column).unwrap_or(0);
    let found = Found { version: number("version"), serves: number("serves") };
    migrate::compare(found, link.names())?;
    if row.get::<_, Option<bool>>("unnumbered") == Some(true) {
        return Err(wrong(format!(
            "messages in {}.inbox have numbers that its sequence has not given, as after logical \
             replication: run `engine.migrate()`, which lets it go on behind them",
            link.names().schema()
        ))
        .into());
    }
    roles(row, link.names())?;
    let most =
        row.get::<_, Option<i32>>("connections").filter(|_| !row.get::<_, bool>("superuser"));
    Ok(most.map(|most| Limited { login: row.get("login"), most }))
}

fn roles(row: &Row, names: Names) -> Result<(), Error> {
    let (almighty, login): (&str, &str) = (row.get("almighty"), row.get("login"));
    if !almighty.is_empty() {
        return Err(wrong(format!(
            "row level security does not bind {almighty}; an administrator can run: \
             ALTER ROLE … NOSUPERUSER NOBYPASSRLS"
        )));
    }
    if row.get::<_, i64>("roles") < 2 {
        let quoted = login.replace('"', "\"\"");
        return Err(wrong(format!(
            "role \"{login}\" may not act as {tenant} and {worker}; an administrator can run: \
             GRANT {tenant}, {worker} TO \"{quoted}\" (from PostgreSQL 16 on, add WITH INHERIT FALSE, \
             SET TRUE)",
            tenant = names.tenant(),
            worker = names.worker()
        )));
    }
    if row.get("superuser") {
        tracing::warn!(
            role = login,
            "the application connects as a superuser; flows gives up that power for each of its own \
             statements, but the application's statements keep it"
        );
    }
    Ok(())
}

fn wrong(message: String) -> Error {
    Error::new(ErrorKind::Configuration, message)
}
