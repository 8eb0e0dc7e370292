//! Migrations: from whatever schema a database has to this build's, in one transaction.
//!
//! Safe to run by any number of processes at once: an advisory lock lets one of them work. It never
//! touches a schema that is newer than the build.

use flows_core::error::{Error, ErrorKind, Result};
use tokio_postgres::error::SqlState;
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Client, IsolationLevel};

use crate::check::is_standby;
use crate::error::{Fault, PgError};
use crate::names::Names;
use crate::store::PgStore;

const PRELUDE: &str = include_str!("../migrations/prelude.sql");

/// By version, from 1.
const MIGRATIONS: &[(&str, &str)] = &[("schema", include_str!("../migrations/0001_schema.sql"))];

const READ_VERSION: &str = "SELECT max(version) FROM flows.schema_version";
const RECORD_VERSION: &str = "INSERT INTO flows.schema_version (version, name) VALUES ($1, $2)";
const IS_STANDBY: &str = "SELECT pg_is_in_recovery()";
const ANOTHER: &str = "another process has been migrating this database for 60 s";
const IN_USE: &str = "an open transaction has been using the tables of flows for 5 s";
/// Not `to_regclass`: behind a lock, that may still answer from before it.
const HAS_SCHEMA: &str = "SELECT EXISTS (SELECT FROM pg_catalog.pg_class AS c \
    JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace \
    WHERE n.nspname = 'flows' AND c.relname = 'schema_version')";

/// Roles belong to the cluster: migrations of two databases may meet there.
const TRIES: usize = 10;

/// The version of the schema that this build works with.
pub(crate) fn newest() -> i32 {
    i32::try_from(MIGRATIONS.len()).unwrap_or(i32::MAX)
}

/// Whether this build works with a schema of that version.
pub(crate) fn compare(found: i32) -> Result<()> {
    let newest = newest();
    let message = match found.cmp(&newest) {
        std::cmp::Ordering::Equal => return Ok(()),
        std::cmp::Ordering::Less => format!(
            "the flows schema of this database has version {found}, this build needs {newest}: run \
             `engine.migrate()` (open runs survive it)"
        ),
        std::cmp::Ordering::Greater => format!(
            "the flows schema of this database has version {found}, this build knows {newest}: a \
             newer build has migrated it; update this one"
        ),
    };
    Err(Error::new(ErrorKind::Configuration, message))
}

impl PgStore {
    /// Brings the schema to this build's version. Idempotent, and safe to race.
    pub async fn migrate(&self) -> Result<()> {
        let mut tries = 0;
        loop {
            tries += 1;
            match self.migrate_once().await {
                Err(Fault::Pg(error)) if tries < TRIES && met_another(&error) => {}
                other => return Ok(other?),
            }
        }
    }

    /// The SQL that [`PgStore::migrate`] runs on an empty database, for those who apply it
    /// themselves.
    pub fn migration_sql() -> String {
        Self::migration_sql_of(Names::default())
    }

    /// The same for a schema of another name.
    ///
    /// # Errors
    /// It cannot be the name of a schema.
    pub fn migration_sql_for(schema: &str) -> Result<String> {
        Names::of(schema).map(Self::migration_sql_of)
    }

    fn migration_sql_of(names: Names) -> String {
        let mut sql = format!("BEGIN;\n\n{PRELUDE}\n");
        for (version, (name, text)) in (1..).zip(MIGRATIONS) {
            sql.push_str(text);
            sql.push_str(&format!(
                "\nINSERT INTO flows.schema_version (version, name) VALUES ({version}, '{name}');\n\n"
            ));
        }
        sql.push_str("COMMIT;\n");
        names.in_text(&sql)
    }

    async fn migrate_once(&self) -> Result<(), Fault> {
        let (mut client, names) = (self.0.pooled().await?, self.0.source.names());
        if client.query_typed_one(IS_STANDBY, &[]).await?.get(0) {
            return Err(is_standby().into());
        }
        if version(&client, names).await? == newest() {
            return Ok(());
        }
        let begin = client.build_transaction().isolation_level(IsolationLevel::ReadCommitted);
        let tx = begin.read_only(false).start().await?; // dropped half-way, it rolls back
        // While a migration waits for a table, everybody else's statements wait behind it: not for long.
        let lock = format!(
            "SET LOCAL lock_timeout = '60s'; SELECT pg_advisory_xact_lock({}); \
             SET LOCAL lock_timeout = '5s'",
            names.lock()
        );
        tx.batch_execute(&lock).await.map_err(|error| unless_held(error, ANOTHER))?;
        let found = version(tx.client(), names).await?;
        if found > newest() {
            compare(found)?;
        }
        apply(tx.client(), names, found).await.map_err(|fault| match fault {
            Fault::Pg(error) => unless_held(error, IN_USE),
            fault => fault,
        })?;
        Ok(tx.commit().await?)
    }
}

async fn version(client: &Client, names: Names) -> Result<i32, Fault> {
    let exists = client.query_typed_one(&names.in_text(HAS_SCHEMA), &[]).await?;
    let exists: bool = exists.get(0);
    if !exists {
        return Ok(0);
    }
    let row = client.query_typed_one(&names.in_text(READ_VERSION), &[]).await?;
    Ok(row.get::<_, Option<i32>>(0).unwrap_or(0))
}

async fn apply(client: &Client, names: Names, found: i32) -> Result<(), Fault> {
    if found == 0 {
        client.batch_execute(&names.in_text(PRELUDE)).await?;
    }
    let missing = (1..).zip(MIGRATIONS).filter(|(version, _)| *version > found);
    for (version, (name, text)) in missing {
        client.batch_execute(&names.in_text(text)).await?;
        let params: [(&(dyn ToSql + Sync), _); 2] = [(&version, Type::INT4), (name, Type::TEXT)];
        client.execute_typed(&names.in_text(RECORD_VERSION), &params).await?;
        tracing::info!(schema = names.schema(), version, name, "migrated the flows schema");
    }
    Ok(())
}

/// Says what a migration has waited for in vain.
fn unless_held(error: PgError, held: &str) -> Fault {
    if error.code() != Some(&SqlState::LOCK_NOT_AVAILABLE) {
        return Fault::Pg(error);
    }
    let message = format!(
        "cannot migrate: {held}; nothing was changed. Find it with `SELECT pid, state, xact_start, query \
         FROM pg_stat_activity WHERE xact_start IS NOT NULL ORDER BY xact_start`, wait for it or end it, \
         and migrate again"
    );
    Fault::Final(Error::new(ErrorKind::Unavailable, message))
}

/// Another database of the cluster created or granted the same roles at the same moment.
fn met_another(error: &PgError) -> bool {
    let concurrent = |message: &str| message.contains("concurrently");
    error.as_db_error().is_some_and(|refused| {
        matches!(*refused.code(), SqlState::UNIQUE_VIOLATION | SqlState::T_R_DEADLOCK_DETECTED)
            || concurrent(refused.message())
    })
}
