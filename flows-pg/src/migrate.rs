//! Migrations: from whatever schema a database has to this build's, in one transaction.
//!
//! Safe to run by any number of processes at once: an advisory lock lets one of them work. It never
//! touches a schema that is newer than the build.

use flows_core::error::{Error, ErrorKind, Result};
use tokio_postgres::error::SqlState;
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Client, IsolationLevel, Transaction};

use crate::error::{Fault, PgError, check_encoding, is_standby};
use crate::names::Names;
use crate::store::PgStore;

const PRELUDE: &str = include_str!("../migrations/prelude.sql");
const GRANTS: &str = include_str!("../migrations/grants.sql");

/// A step from one version of the schema to the next.
struct Migration {
    name: &'static str,
    sql: &'static str,
    /// The oldest builds that work with the schema after it, by the version they were made for. A
    /// migration that only expands says what the one before it says: in a rolling deploy, old processes
    /// must be able to start again. One that contracts says the first version whose builds do without.
    serves: i32,
}

/// By version, from 1.
const MIGRATIONS: &[Migration] =
    &[Migration { name: "schema", sql: include_str!("../migrations/0001_schema.sql"), serves: 1 }];

const READ_VERSION: &str =
    "SELECT version, serves FROM flows.schema_version ORDER BY version DESC LIMIT 1";
const RECORD_VERSION: &str =
    "INSERT INTO flows.schema_version (version, name, serves) VALUES ($1, $2, $3)";
const SERVER: &str =
    "SELECT pg_catalog.pg_is_in_recovery(), pg_catalog.current_setting('server_encoding')";
const ANOTHER: &str = "another process has been migrating this database for 60 s";
const IN_USE: &str = "an open transaction has been using the tables of this schema for 5 s";
const HIGHEST_SEQ: &str = "SELECT coalesce(max(seq), 0) FROM flows.inbox";
const LAST_NUMBER: &str = "SELECT (SELECT last_value FROM pg_catalog.pg_sequences \
    WHERE schemaname = 'flows' AND sequencename = 'inbox_seq_seq')";
const GO_ON_BEHIND: &str = "SELECT setval('flows.inbox_seq_seq', $1)";
/// All of them, or none: a restore leaves out all.
const ARE_GRANTED: &str = "SELECT pg_catalog.has_schema_privilege('flows_worker', 'flows', 'USAGE') \
    AND pg_catalog.has_table_privilege('flows_worker', 'flows.stuck_runs', 'SELECT') \
    AND pg_catalog.has_table_privilege('flows_tenant', 'flows.runs', 'INSERT')";
/// What a schema is made of means what PostgreSQL means, whatever the search path of the session says.
const OWN_NAMES: &str = "SET LOCAL search_path = pg_catalog, pg_temp";
/// Not `to_regclass`: behind a lock, that may still answer from before it.
const HAS_SCHEMA: &str = "SELECT EXISTS (SELECT FROM pg_catalog.pg_class AS c \
    JOIN pg_catalog.pg_namespace AS n ON n.oid OPERATOR(pg_catalog.=) c.relnamespace \
    WHERE n.nspname OPERATOR(pg_catalog.=) 'flows' AND c.relname OPERATOR(pg_catalog.=) 'schema_version')";

/// Roles belong to the cluster: migrations of two databases may meet there.
const TRIES: usize = 10;

/// The version of the schema that this build works with.
pub(crate) fn newest() -> i32 {
    i32::try_from(MIGRATIONS.len()).unwrap_or(i32::MAX)
}

/// The version of a schema, and the oldest builds that it serves.
#[derive(Clone, Copy)]
pub(crate) struct Found {
    pub(crate) version: i32,
    pub(crate) serves: i32,
}

/// Whether this build works with such a schema: with its own, and with newer ones that say so.
pub(crate) fn compare(found: Found, names: Names) -> Result<()> {
    let (newest, Found { version: found, serves }) = (newest(), found);
    let schema = names.schema();
    let message = match found.cmp(&newest) {
        std::cmp::Ordering::Equal => return Ok(()),
        std::cmp::Ordering::Greater if serves <= newest => return Ok(()),
        std::cmp::Ordering::Less => format!(
            "the {schema} schema of this database has version {found}, this build needs {newest}: run \
             `engine.migrate()` (open runs survive it)"
        ),
        std::cmp::Ordering::Greater => format!(
            "the {schema} schema of this database has version {found} and serves builds for version \
             {serves} and later, this build is for {newest}: a newer build has migrated it; update \
             this one"
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
                Err(Fault::Pg(error, _)) if tries < TRIES && met_another(&error) => {}
                other => return Ok(other.map_err(|fault| fault.about(self.0.source.names()))?),
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
        let mut sql = format!("BEGIN;\n{OWN_NAMES};\n\n{PRELUDE}\n");
        for (version, Migration { name, sql: text, serves }) in (1..).zip(MIGRATIONS) {
            sql.push_str(text);
            sql.push_str(&format!(
                "\nINSERT INTO flows.schema_version (version, name, serves) \
                 VALUES ({version}, '{name}', {serves});\n\n"
            ));
        }
        sql.push_str(GRANTS);
        sql.push_str("\nCOMMIT;\n");
        names.in_text(&sql)
    }

    async fn migrate_once(&self) -> Result<(), Fault> {
        let (mut client, names) = (self.0.pooled().await?, self.0.source.names());
        let server = client.query_typed_one(SERVER, &[]).await?;
        if server.get(0) {
            return Err(is_standby().into());
        }
        check_encoding(server.get(1))?;
        let found = version(&client, names).await?;
        if found.version >= newest() {
            compare(found, names)?;
            return mend(&mut client, names).await;
        }
        let begin = client.build_transaction().isolation_level(IsolationLevel::ReadCommitted);
        let tx = begin.read_only(false).start().await?; // dropped half-way, it rolls back
        // While a migration waits for a table, everybody else's statements wait behind it: not for long.
        let lock = format!(
            "{OWN_NAMES}; SET LOCAL lock_timeout = '60s'; SELECT pg_advisory_xact_lock({}); \
             SET LOCAL lock_timeout = '5s'",
            names.lock()
        );
        tx.batch_execute(&lock).await.map_err(|error| unless_held(error, names, ANOTHER))?;
        let found = version(tx.client(), names).await?;
        if found.version > newest() {
            compare(found, names)?;
        }
        apply(tx.client(), names, found.version).await.map_err(|fault| match fault {
            Fault::Pg(error, _) => unless_held(error, names, IN_USE),
            fault => fault,
        })?;
        Ok(tx.commit().await?)
    }
}

/// What a move to another database may have left behind: privileges, and where the sequence was.
async fn mend(client: &mut Client, names: Names) -> Result<(), Fault> {
    let begin = client.build_transaction().isolation_level(IsolationLevel::ReadCommitted);
    let tx = begin.read_only(false).start().await?;
    let granted = tx.client().query_typed_one(&names.in_text(ARE_GRANTED), &[]).await?;
    if !granted.get::<_, bool>(0) {
        tx.batch_execute(&names.in_text(GRANTS)).await?;
        tracing::info!(schema = names.schema(), "granted privileges that were missing");
    }
    mend_sequence(&tx, names).await?;
    Ok(tx.commit().await?)
}

/// After a move by logical replication, a sequence is behind the numbers that it has given: replication
/// copies rows, and not sequences. It goes on behind the highest.
async fn mend_sequence(tx: &Transaction<'_>, names: Names) -> Result<(), Fault> {
    let become_worker = names.in_text("SET LOCAL ROLE flows_worker"); // its owner sees no rows
    tx.batch_execute(&format!("{OWN_NAMES}; {become_worker}")).await?;
    let highest = tx.client().query_typed_one(&names.in_text(HIGHEST_SEQ), &[]).await?;
    let highest: i64 = highest.get(0);
    tx.batch_execute("RESET ROLE").await?;
    let last = tx.client().query_typed_one(&names.in_text(LAST_NUMBER), &[]).await?;
    if last.get::<_, Option<i64>>(0).unwrap_or(0) < highest {
        let behind: [(&(dyn ToSql + Sync), _); 1] = [(&highest, Type::INT8)];
        tx.client().execute_typed(&names.in_text(GO_ON_BEHIND), &behind).await?;
        tracing::info!(
            highest,
            schema = names.schema(),
            "the sequence of the inbox goes on behind its rows"
        );
    }
    Ok(())
}

async fn version(client: &Client, names: Names) -> Result<Found, Fault> {
    let none = Found { version: 0, serves: 0 };
    let exists = client.query_typed_one(&names.in_text(HAS_SCHEMA), &[]).await?;
    let exists: bool = exists.get(0);
    if !exists {
        return Ok(none);
    }
    let row = client.query_typed_opt(&names.in_text(READ_VERSION), &[]).await?;
    Ok(row.map_or(none, |row| Found { version: row.get(0), serves: row.get(1) }))
}

async fn apply(client: &Client, names: Names, found: i32) -> Result<(), Fault> {
    if found == 0 {
        client.batch_execute(&names.in_text(PRELUDE)).await?;
    }
    let missing = (1..).zip(MIGRATIONS).filter(|(version, _)| *version > found);
    for (version, Migration { name, sql, serves }) in missing {
        client.batch_execute(&names.in_text(sql)).await?;
        let params: [(&(dyn ToSql + Sync), _); 3] =
            [(&version, Type::INT4), (name, Type::TEXT), (serves, Type::INT4)];
        client.execute_typed(&names.in_text(RECORD_VERSION), &params).await?;
        tracing::info!(schema = names.schema(), version, name, "migrated the schema");
    }
    Ok(client.batch_execute(&names.in_text(GRANTS)).await?)
}

/// Says what a migration has waited for in vain.
fn unless_held(error: PgError, names: Names, held: &str) -> Fault {
    if error.code() != Some(&SqlState::LOCK_NOT_AVAILABLE) {
        return Fault::Pg(error, names);
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
