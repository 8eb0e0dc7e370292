//! Every statement, prepared and explained under the settings it runs with, on tables that look
//! empty and on tables that look full: it must find its rows by index either way.

mod cases;
mod fill;
mod full;
mod plan;

use crate::PgStore;
use crate::dev::{Database, fresh_database};
use crate::session::{CLAIMER, WRITER};
use crate::sql::{ALL, ENTER_TENANT, Sql};
use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, NoTls};

/// Statements that read a small table whole, as their files say.
const SWEEPS: [(&str, &str); 8] = [
    ("check", "schema_version"),
    ("collect_again", "owned"),
    ("forget_worker", "owned"),
    ("release", "owned"),
    ("unclaim", "owned"),
    ("describe", "workers"),
    ("look", "workers"),
    ("lock_dead_worker", "workers"),
];

/// Statements that look in all shards for what a worker owns; and two that a tenant never sends, whose
/// plan as a tenant does not matter.
const ALL_SHARDS: [(&str, &str); 9] = [
    ("collect", "owned"),
    ("collect_again", "owned"),
    ("forget_worker", "owned"),
    ("look", "owned"),
    ("release", "owned"),
    ("unclaim", "owned"),
    ("check", "schema_version"),
    ("promote", "parked"),
    ("release_stuck", "parked"),
];

/// So a statement whose arguments are of one shard is carried out where that shard is: its tables can
/// be distributed by shard, and lie side by side.
#[tokio::test]
async fn every_look_at_a_table_names_the_shard() {
    let database = migrated().await;
    let mut wrong = Vec::new();
    for sql in ALL {
        for session in [WRITER, CLAIMER, "BEGIN"] {
            let client = enter(&database, session).await;
            let Some(plan) = explain(&client, *sql).await else { continue };
            for (condition, table) in looks(&plan) {
                let table = table.trim_end_matches("_mail"); // an index, alone in its line
                let is_known = table.starts_with("pg_") || table.starts_with("workers");
                let is_known = is_known || ALL_SHARDS.contains(&(sql.name, table));
                if !is_known && !condition.contains("(shard = ") {
                    wrong.push(format!("{}: {table} by {condition}", sql.name));
                }
            }
        }
    }
    wrong.dedup();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Looks at tables: by which condition, and the table. One by place comes from another look.
fn looks(plan: &[String]) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for (at, line) in plan.iter().enumerate() {
        let table = line.split(" on ").nth(1).and_then(|rest| rest.split([' ', '(']).next());
        let is_look = line.contains(" Scan ") && !line.contains("Tid Scan");
        let is_table =
            !["Function Scan", "CTE Scan", "Subquery Scan"].iter().any(|s| line.contains(s));
        if let (true, true, Some(table)) = (is_look, is_table, table) {
            let condition = plan.get(at + 1).map_or("", |next| next.trim()).to_owned();
            found.push((condition, table.to_owned()));
        }
    }
    assert!(!plan.is_empty());
    found
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
        for session in [WRITER, CLAIMER, "BEGIN"] {
            let client = enter(database, session).await;
            let Some(plan) = explain(&client, *sql).await else { continue };
            explained += 1;
            for (node, table) in sweeps(&plan) {
                if !SWEEPS.contains(&(sql.name, table.as_str())) {
                    wrong.push(format!("{} on {tables}: {node}", sql.name));
                }
            }
        }
        assert!(explained > 0, "{}: no role may send it", sql.name);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// A session, prepared as the store does it.
async fn enter(database: &Database, session: &str) -> Client {
    let client = connect(database.url()).await;
    client.batch_execute(session).await.expect("a session");
    if session == "BEGIN" {
        let tenant = uuid::Uuid::nil().to_string();
        client.query(ENTER_TENANT.text, &[&tenant]).await.expect("a tenant");
    }
    client
}

/// The plan that the session would use for good; none if its role may not send the statement.
async fn explain(client: &Client, sql: Sql) -> Option<Vec<String>> {
    let Sql { name, text } = sql;
    let statement = client.prepare(text).await.unwrap_or_else(|e| panic!("{name}: {e:?}"));
    let nulls = vec!["NULL"; statement.params().len()].join(", ");
    let arguments = if nulls.is_empty() { nulls } else { format!("({nulls})") };
    client.batch_execute(&format!("PREPARE explained AS {text}")).await.expect("prepares");
    client.batch_execute("SET plan_cache_mode = force_generic_plan").await.expect("a setting");
    match client.query(&format!("EXPLAIN EXECUTE explained{arguments}"), &[]).await {
        Ok(plan) => Some(plan.iter().map(|row| row.get(0)).collect()),
        Err(error) if error.code() == Some(&SqlState::INSUFFICIENT_PRIVILEGE) => None,
        Err(error) => panic!("{name}: {error:?}"),
    }
}

/// Scans of a whole table or index: the line of the plan, and the table.
fn sweeps(plan: &[String]) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for (at, line) in plan.iter().enumerate() {
        let is_bounded = plan[at + 1..].first().is_some_and(|next| next.contains("Cond:"));
        let scans = line.contains("Seq Scan on ") || (line.contains(" Scan using ") && !is_bounded);
        let table = line.split(" on ").nth(1).and_then(|rest| rest.split([' ', '(']).next());
        if let (true, Some(table)) = (scans, table) {
            found.push((line.trim().to_owned(), table.to_owned()));
        }
    }
    found
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
