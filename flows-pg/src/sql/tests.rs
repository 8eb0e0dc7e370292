//! Every statement, prepared and explained under the settings it runs with, on tables that look
//! empty and on tables that look full: it must find its rows by index either way.

mod cases;
mod fill;
mod full;
mod lists;
mod plan;
mod property;

use std::collections::HashMap;

use self::plan::Plan;
use crate::PgStore;
use crate::dev::{Database, fresh_database};
use crate::session::{CLAIMER, WRITER};
use crate::sql::{ALL, ENTER_TENANT, Sql};
use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, NoTls};

/// Statements that read a small table whole, as their files say.
const SWEEPS: [(&str, &str); 15] = [
    ("stuck", "parked"),
    ("check", "schema_version"),
    ("collect_again", "owned"),
    ("forget_worker", "owned"),
    ("release", "owned"),
    ("renew", "owned"),
    ("unclaim", "owned"),
    ("describe", "pauses"),
    ("pauses", "pauses"),
    ("poll", "pauses"),
    ("describe", "workers"),
    ("poll", "workers"),
    ("dead_workers", "workers"),
    ("lock_dead_worker", "workers"),
    ("overdue", "workers"),
];

/// Statements that look in all shards: for what a worker owns, and for the newest runs.
const ALL_SHARDS: [(&str, &str); 30] = [
    ("claim_schedules", "schedules"),
    ("poll", "schedules"),
    ("describe", "forks"),
    ("list_children", "runs"),
    ("open_children", "runs"),
    ("claim_tasks", "activity_tasks"),
    ("forget_worker", "activity_tasks"),
    ("poll", "activity_tasks"),
    ("release_tasks", "activity_tasks"),
    ("unclaim", "activity_tasks"),
    ("stuck", "parked"),
    ("list_groups", "runs"),
    ("list_range", "attributes"),
    ("list_values", "attributes"),
    ("list_late", "runs"),
    ("list_open", "parked"),
    ("list_walk", "runs"),
    ("collect", "owned"),
    ("collect_again", "owned"),
    ("forget_worker", "owned"),
    ("poll", "owned"),
    ("release", "owned"),
    ("renew", "owned"),
    ("unclaim", "owned"),
    ("check", "schema_version"),
    ("claim_stuck", "parked"),
    ("hasten_stuck", "parked"),
    ("poll", "parked"),
    ("poll", "runs"),
    ("overdue", "runs"),
];

/// A tenant may send them and never does; its plan does not matter.
const OF_WORKERS: [&str; 5] =
    ["claim_schedules", "wake_due", "claim_stuck", "hasten_stuck", "overdue"];

/// So a statement whose arguments are of one shard is carried out where that shard is: its tables can
/// be distributed by shard, and lie side by side.
#[tokio::test]
async fn every_look_at_a_table_names_the_shard() {
    let database = migrated().await;
    let mut wrong = Vec::new();
    for sql in ALL {
        for session in sessions(*sql) {
            let client = enter(&database, session).await;
            let Some(plan) = explain(&client, *sql).await else { continue };
            for look in plan.looks() {
                let (table, condition) = (&*look.table, &look.condition);
                let is_known = ["workers", "pauses"].contains(&table)
                    || ALL_SHARDS.contains(&(sql.name, table));
                let is_known = is_known || table.starts_with("pg_");
                if !is_known && !condition.contains("(shard = ") {
                    wrong.push(format!("{}: {table} by `{condition}`", sql.name));
                }
            }
        }
    }
    wrong.dedup();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What is cast is not compared by an index, where row security stands before the table: whether it
/// is, may change with a minor release of the server. As each role that may send it.
#[tokio::test]
async fn columns_are_compared_with_values_of_their_type() {
    let database = migrated().await;
    let types = types(&database).await;
    let mut wrong = Vec::new();
    for sql in ALL {
        for session in sessions(*sql) {
            let client = enter(&database, session).await;
            let Some(plan) = explain(&client, *sql).await else { continue };
            let looks = plan.looks().into_iter();
            let looks = looks.filter(|look| !look.table.starts_with("pg_"));
            wrong.extend(looks.flat_map(|look| look.casts()).map(|cast| (sql.name, cast)));
            let statement = client.prepare(sql.text).await.expect("prepares");
            let given = statement.params().iter().map(tokio_postgres::types::Type::name);
            let strange = mismatches(sql.text, &given.collect::<Vec<_>>(), &types);
            wrong.extend(strange.into_iter().map(|found| (sql.name, found)));
        }
    }
    wrong.dedup();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[tokio::test]
async fn a_foreign_type_is_found() {
    let database = migrated().await;
    let types = types(&database).await;
    let found = |text| mismatches(text, &["int4"], &types);
    assert_eq!(found("SELECT 1 WHERE r.shard = $1"), ["shard: int2, and $1: int4"]);
    let lists = "FROM unnest($1::integer[], $1::uuid[]) WITH ORDINALITY AS k (shard, run_id, n)";
    assert_eq!(found(lists), ["shard: int2, and in a list: int4"]);
    let columns = "SELECT unnest($1::uuid[]) AS run_id, unnest($1::integer[]) AS shard";
    assert_eq!(found(columns), ["shard: int2, and in a list: int4"]);
    assert!(found("SELECT 1 WHERE attempt = $1").is_empty());
}

type Types = HashMap<String, String>;

/// The type of each column that can be in a key; columns of one name have one type.
async fn types(database: &Database) -> Types {
    let client = connect(database.url()).await;
    let columns = "SELECT DISTINCT attname::text, typname::text FROM pg_attribute a
                   JOIN pg_class c ON c.oid = attrelid JOIN pg_type t ON t.oid = atttypid
                   WHERE relnamespace = 'flows'::regnamespace AND relkind = 'r' AND attnum > 0
                     AND relname <> 'schema_version' AND typname <> 'jsonb'";
    let columns = client.query(columns, &[]).await.expect("columns");
    let types: Types = columns.iter().map(|row| (row.get(0), row.get(1))).collect();
    assert_eq!(types.len(), columns.len(), "columns of one name have two types");
    types
}

/// Columns that are compared with a parameter of another type, and lists that have a column's name
/// and another type.
fn mismatches(text: &str, given: &[&str], types: &Types) -> Vec<String> {
    let mut found = Vec::new();
    let words = text.split_whitespace().collect::<Vec<_>>();
    for at in words.windows(3).filter(|at| ["=", "<", ">", "<=", ">="].contains(&at[1])) {
        let column = at[0].trim_start_matches('(').rsplit('.').next().unwrap_or_default();
        let number = at[2].strip_prefix('$').map(|rest| rest.trim_end_matches([')', ',']));
        let number = number.and_then(|number| number.parse::<usize>().ok());
        if let (Some(kind), Some(number)) = (types.get(column), number)
            && given[number - 1] != kind
        {
            found.push(format!("{column}: {kind}, and ${number}: {}", given[number - 1]));
        }
    }
    for list in text.split("unnest(").skip(1) {
        let Some((kinds, rest)) = list.split_once("[])") else { continue };
        let names = match rest.strip_prefix(" AS ").filter(|_| !kinds.contains(',')) {
            Some(name) => name.split([',', ')', '\n', ' ']).next(),
            None => rest.split('(').nth(1).and_then(|names| names.split(')').next()),
        };
        let kinds = kinds.split(',').map(|kind| kind.rsplit("::").next().unwrap_or_default());
        for (name, kind) in names.unwrap_or_default().split(',').zip(kinds) {
            let (name, kind) = (name.trim(), short(kind.trim_end_matches("[]")));
            if let Some(column) = types.get(name).filter(|column| **column != kind) {
                found.push(format!("{name}: {column}, and in a list: {kind}"));
            }
        }
    }
    found
}

/// The name of a type in the catalogue.
fn short(kind: &str) -> &str {
    match kind.trim_start_matches("pg_catalog.") {
        "smallint" => "int2",
        "integer" => "int4",
        "bigint" => "int8",
        "boolean" => "bool",
        other => other,
    }
}

/// A new version of the C library or ICU may sort text anew, and an index that was made by the old
/// order then finds nothing.
#[tokio::test]
async fn no_index_depends_on_a_locale() {
    let database = migrated().await;
    let client = connect(database.url()).await;
    let texts = "SELECT count(*), count(*) FILTER (WHERE collname <> 'C')
                 FROM pg_index i JOIN pg_class c ON c.oid = indrelid,
                      unnest(indcollation::oid[]) AS used JOIN pg_collation o ON o.oid = used
                 WHERE relnamespace = 'flows'::regnamespace";
    let texts = client.query_one(texts, &[]).await.expect("collations");
    let (indexed, foreign): (i64, i64) = (texts.get(0), texts.get(1));
    assert!(indexed >= 2, "workflow ids and dedup keys are in indexes");
    assert_eq!(foreign, 0, "indexes that depend on a locale");
}

/// A statement may be part of an application's transaction, which may be hours old.
#[tokio::test]
async fn no_time_is_that_of_the_transaction() {
    let statements = ALL.iter().filter(|sql| sql.text.contains("now()")).map(|sql| sql.name);
    assert_eq!(statements.collect::<Vec<_>>(), [""; 0]);
    let database = migrated().await;
    let client = connect(database.url()).await;
    let defaults = "SELECT pg_get_expr(adbin, adrelid) FROM pg_attrdef
                    JOIN pg_class c ON c.oid = adrelid
                    JOIN pg_attribute a ON attrelid = adrelid AND attnum = adnum
                    WHERE relnamespace = 'flows'::regnamespace AND relname <> 'schema_version'
                      AND atttypid = 'timestamptz'::regtype AND attgenerated = ''";
    let defaults = client.query(defaults, &[]).await.expect("defaults");
    let defaults = defaults.iter().map(|row| row.get(0)).collect::<Vec<String>>();
    assert!(defaults.len() >= 4, "{defaults:?}");
    let later = ["statement_timestamp()", "clock_timestamp()"];
    assert!(defaults.iter().all(|text| later.contains(&text.as_str())), "{defaults:?}");
}

#[tokio::test]
async fn every_statement_uses_its_index() {
    let database = migrated().await;
    explain_all(&database, "new tables").await;
    let admin = connect(database.superuser_url().unwrap_or(database.url())).await;
    admin.batch_execute("VACUUM ANALYZE").await.expect("vacuum");
    explain_all(&database, "tables that look empty").await;
    // as after a million runs, without making them
    let full = "UPDATE pg_class SET relpages = 50000, reltuples = 1000000 \
                WHERE relnamespace = 'flows'::regnamespace AND relkind IN ('r', 'i')";
    if admin.batch_execute(full).await.is_ok() {
        explain_all(&database, "tables that look full").await;
    }
}

/// Under each kind of session that may send it.
async fn explain_all(database: &Database, tables: &str) {
    let mut wrong = Vec::new();
    for sql in ALL {
        let mut explained = 0;
        for session in sessions(*sql) {
            let client = enter(database, session).await;
            let Some(plan) = explain(&client, *sql).await else { continue };
            explained += 1;
            for table in plan.sweeps() {
                let is_known = table.starts_with("pg_");
                if !is_known && !SWEEPS.contains(&(sql.name, table.as_str())) {
                    wrong.push(format!("{} on {tables}: reads all of {table}", sql.name));
                }
            }
        }
        assert!(explained > 0, "{}: no role may send it", sql.name);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The kinds of session that may send it.
fn sessions(sql: Sql) -> Vec<&'static str> {
    let all = [WRITER, CLAIMER, "BEGIN"].into_iter();
    all.filter(|session| *session != "BEGIN" || !OF_WORKERS.contains(&sql.name)).collect()
}

/// A session, prepared as the store does it.
async fn enter(database: &Database, session: &str) -> Client {
    let client = connect(database.url()).await;
    client.batch_execute(session).await.expect("a session");
    if session == "BEGIN" {
        let tenant = uuid::Uuid::nil().to_string();
        client.query(ENTER_TENANT.text, &[&tenant, &"10s"]).await.expect("a tenant");
    }
    client
}

/// The plan that the session would use for good; none if its role may not send the statement.
async fn explain(client: &Client, sql: Sql) -> Option<Plan> {
    let Sql { name, text } = sql;
    let statement = client.prepare(text).await.unwrap_or_else(|e| panic!("{name}: {e:?}"));
    let nulls = vec!["NULL"; statement.params().len()].join(", ");
    let arguments = if nulls.is_empty() { nulls } else { format!("({nulls})") };
    client.batch_execute(&format!("PREPARE explained AS {text}")).await.expect("prepares");
    client.batch_execute("SET plan_cache_mode = force_generic_plan").await.expect("a setting");
    match client.query(&format!("EXPLAIN (FORMAT JSON) EXECUTE explained{arguments}"), &[]).await {
        Ok(plan) => Some(Plan::new(&plan[0].get(0))),
        Err(error) if error.code() == Some(&SqlState::INSUFFICIENT_PRIVILEGE) => None,
        Err(error) => panic!("{name}: {error:?}"),
    }
}

async fn migrated() -> Database {
    let database = fresh_database().await.expect("a database");
    let store = PgStore::connect(database.url()).await.expect("a connection");
    store.migrate().await.expect("a schema");
    database
}

async fn connect(url: &str) -> Client {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.expect("a connection");
    tokio::spawn(connection);
    client
}
