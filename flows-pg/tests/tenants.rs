//! Tenants: kept apart by the database, not by the statements.

mod common;

use common::*;
use flows_core::ids::RunKey;
use flows_core::schedule::{Every, Overlap, SchedulePolicy, ScheduleProgress};
use flows_core::store::traits::*;
use flows_core::store::{
    ListFilter, NewItem, NewRun, Next, QueryValue, QueuedTask, Record, RunStatus, UpdateAnswer,
};
use flows_core::store::{NewPause, PauseScope, ScheduleChange, ScheduleRow};
use flows_core::time::Timestamp;
use flows_pg::PgStore;
use flows_pg::tokio_postgres::{self, Client};
use std::sync::Arc;
use std::time::Duration;
use uuid::Uuid;

const TABLES: [&str; 18] = [
    "runs",
    "journal",
    "dead_letters",
    "schedules",
    "forks",
    "inbox_keys",
    "query_values",
    "streams",
    "stream_items",
    "attributes",
    "update_answers",
    "ready",
    "owned",
    "parked",
    "inbox",
    "activity_tasks",
    "workers",
    "pauses",
];

fn tenants() -> (Uuid, Uuid) {
    (RunKey::new(Uuid::nil(), None).run, RunKey::new(Uuid::nil(), None).run)
}

#[tokio::test]
async fn no_table_lacks_forced_row_security() {
    let db = setup().await;
    let lacking = db
        .column(
            "SELECT c.relname::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
             WHERE n.nspname = 'flows' AND c.relkind IN ('r', 'p', 'm', 'f')
               AND NOT (c.relrowsecurity AND c.relforcerowsecurity)",
        )
        .await;
    assert!(lacking.is_empty(), "without forced row security: {lacking:?}");
    let known = db.count_of("SELECT count(*) FROM pg_tables WHERE schemaname = 'flows'").await;
    assert_eq!(known, TABLES.len() as i64 + 1, "a table this test does not know");
    let definers = db
        .column("SELECT proname::text FROM pg_proc WHERE pronamespace = 'flows'::regnamespace AND prosecdef")
        .await;
    assert!(definers.is_empty(), "functions with their owner's power: {definers:?}");
    let views = db
        .column(
            "SELECT relname::text FROM pg_class WHERE relnamespace = 'flows'::regnamespace
             AND relkind = 'v' AND (reloptions @> '{security_invoker=true}') IS NOT TRUE",
        )
        .await;
    assert!(views.is_empty(), "views see with their owner's eyes: {views:?}");
}

#[tokio::test]
async fn tenants_with_the_same_ids_never_meet() {
    let db = setup().await;
    let worker = db.worker().await;
    let (a, b) = tenants();
    let (of_a, of_b) = (run_of(a, Some("order-1")), run_of(b, Some("order-1")));
    let started = db.store.start(&[of_a.clone(), of_b.clone()]).await.unwrap();
    assert!(started.iter().all(Result::is_ok), "{started:?}");
    assert_eq!(db.store.find(a, "order-1").await.unwrap(), Some(of_a.key));
    assert_eq!(db.store.find(b, "order-1").await.unwrap(), Some(of_b.key));

    // the same run id too, as a mistake or an attack would have it
    let disguised = RunKey { tenant: b, ..of_a.key };
    assert!(db.store.describe(disguised).await.unwrap().is_none());
    assert!(db.store.history(disguised).await.unwrap().is_empty());
    assert!(db.store.send(&[signal(disguised, 1)]).await.unwrap()[0].is_err());
    let end = close(RunStatus::Terminated);
    assert!(db.store.terminate(disguised, b"t", &end, &[]).await.is_err());
    assert!(db.store.rerun(disguised, &run_of(b, None)).await.is_err());
    assert!(db.store.dismiss(disguised, "no").await.is_err());

    claim_all(&db.store, &worker).await;
    let ends =
        [of_a.key, of_b.key].map(|key| record(key, 0, Next::Close(close(RunStatus::Failed))));
    commit(&db.store, &worker, &ends).await;
    let listed =
        db.store.list(a, &ListFilter { limit: 10, ..ListFilter::default() }).await.unwrap().runs;
    assert_eq!(listed.iter().map(|view| view.key).collect::<Vec<_>>(), [of_a.key]);
    let dead = db.store.dead_letters(b, 10, false).await.unwrap();
    assert_eq!(dead.iter().map(|letter| letter.key).collect::<Vec<_>>(), [of_b.key]);
    assert!(db.store.outcomes(&[disguised]).await.unwrap().is_empty());
}

/// A session as a verb makes it, with an open transaction.
async fn as_tenant(db: &Setup, tenant: &str) -> Client {
    let client = plain(db.database.url()).await;
    let enter =
        format!("BEGIN; SET LOCAL ROLE flows_tenant; SET LOCAL flows.tenant_id = '{tenant}'");
    client.batch_execute(&enter).await.unwrap();
    client
}

async fn visible(client: &Client, table: &str) -> i64 {
    let sql = format!("SELECT count(*) FROM flows.{table}");
    client.query_one(&sql, &[]).await.unwrap().get(0)
}

#[tokio::test]
async fn a_tenant_sees_and_changes_nothing_of_another() {
    let db = setup().await;
    let (a, b) = tenants();
    let worker = db.worker().await;
    fill(&db, &worker, a).await;
    for table in TABLES {
        assert!(db.count(table).await > 0, "{table} has nothing to hide");
    }
    let other = as_tenant(&db, &b.to_string()).await;
    for table in TABLES.iter().filter(|table| !["workers", "pauses"].contains(table)) {
        assert_eq!(visible(&other, table).await, 0, "{table}");
    }
    for table in ["runs", "ready", "owned", "parked", "dead_letters"] {
        let changed =
            other.execute(&format!("UPDATE flows.{table} SET run_id = run_id"), &[]).await;
        assert_eq!(changed.unwrap(), 0, "{table}");
    }
    for table in ["ready", "owned", "parked", "dead_letters", "inbox"] {
        let deleted = other.execute(&format!("DELETE FROM flows.{table}"), &[]).await;
        assert_eq!(deleted.unwrap(), 0, "{table}");
    }
    let own = as_tenant(&db, &a.to_string()).await;
    for table in TABLES {
        assert!(visible(&own, table).await > 0, "{table} hides a tenant's own");
    }
}

#[tokio::test]
async fn a_tenant_cannot_write_for_another() {
    let db = setup().await;
    let (a, b) = tenants();
    for (table, columns, values) in [
        ("inbox_keys", "shard, tenant_id, run_id, key", "1, $1, $1, 'k'"),
        (
            "attributes",
            "shard, tenant_id, run_id, name, rows, encoded, created_at",
            "1, $1, $1, 'k', 1, '', now()",
        ),
        ("journal", "shard, tenant_id, run_id, position, events", "1, $1, $1, 0, ''"),
        ("dead_letters", "shard, tenant_id, run_id", "1, $1, $1"),
        ("forks", "shard, tenant_id, run_id, origin, kept", "1, $1, $1, $1, 0"),
    ] {
        let other = as_tenant(&db, &b.to_string()).await;
        let sql = format!("INSERT INTO flows.{table} ({columns}) VALUES ({values})");
        let error = other.execute(&sql, &[&a]).await.expect_err(table);
        assert!(error.as_db_error().unwrap().message().contains("row-level security"), "{error:?}");
    }
    // What workers alone write, it does not write at all.
    for table in ["query_values", "streams", "stream_items", "update_answers", "workers", "pauses"]
    {
        let own = as_tenant(&db, &a.to_string()).await;
        let sql = format!("DELETE FROM flows.{table}");
        let error = own.execute(&sql, &[]).await.expect_err(table);
        assert!(error.as_db_error().unwrap().message().contains("permission denied"), "{error:?}");
    }
}

#[tokio::test]
async fn without_a_tenant_nothing_is_visible() {
    let db = setup().await;
    let worker = db.worker().await;
    fill(&db, &worker, Uuid::nil()).await;
    let nobody = as_tenant(&db, "").await;
    assert_eq!(visible(&nobody, "runs").await, 0, "an empty setting is no tenant");
    // the application's own login, which owns the tables and may become the worker
    let login = plain(db.database.url()).await;
    for table in TABLES {
        assert_eq!(visible(&login, table).await, 0, "{table} is visible without a role");
    }
}

#[tokio::test]
async fn no_pooled_connection_keeps_a_tenant() {
    let db = setup().await;
    let pool = pool(db.database.url(), 3);
    let store = PgStore::from_pool(pool.clone());
    let mut dropped = 0;
    for round in 0..300_u32 {
        let (a, _) = tenants();
        let new = run_of(a, Some("x"));
        let (runs, mail) = ([new.clone()], [signal(new.key, 1)]);
        let work = async {
            store.start(&runs).await.ok();
            store.send(&mail).await.ok();
            store.terminate(new.key, b"t", &close(RunStatus::Terminated), &[]).await.ok();
            store.describe(new.key).await.ok();
        };
        // dropped at one await after another
        let limit = Duration::from_micros(u64::from(round) * 15);
        dropped += usize::from(tokio::time::timeout(limit, work).await.is_err());
    }
    assert!(dropped > 20, "the test drops too few: {dropped}");
    for _ in 0..10 {
        let client = pool.get().await.unwrap();
        let row = client
            .query_one(
                "SELECT current_user = session_user, \
                 coalesce(current_setting('flows.tenant_id', true), '')",
                &[],
            )
            .await
            .unwrap();
        assert!(row.get::<_, bool>(0), "a role was left behind");
        assert_eq!(row.get::<_, &str>(1), "", "a tenant was left behind");
    }
    let idle = "SELECT count(*) FROM pg_stat_activity \
                WHERE datname = current_database() AND state LIKE 'idle in transaction%'";
    assert_eq!(db.count_of(idle).await, 0, "a transaction was left behind");
}

fn pool(url: &str, size: usize) -> flows_pg::deadpool_postgres::Pool {
    use flows_pg::deadpool_postgres::{Manager, Pool};
    let config: tokio_postgres::Config = url.parse().unwrap();
    Pool::builder(Manager::new(config, tokio_postgres::NoTls)).max_size(size).build().unwrap()
}

/// A schedule of a tenant, to be added.
fn schedule_of(tenant: Uuid) -> ScheduleChange {
    let policy = SchedulePolicy {
        spec: Every(Duration::from_secs(3_600)).into(),
        overlap: Overlap::Skip,
        catch_up: Duration::ZERO,
    };
    let (id, template) = (Arc::<str>::from("hourly"), run_of(tenant, None));
    let row = ScheduleRow {
        id: Arc::clone(&id),
        template,
        policy,
        progress: ScheduleProgress::default(),
        due_at: None,
        revision: 0,
        last_id: None,
        open: None,
        now: Timestamp(0),
    };
    let limit = Duration::from_secs(5);
    ScheduleChange { tenant, id, expected: None, row: Some(row), starts: Vec::new(), limit }
}

/// Puts something of a tenant into every table.
async fn fill(db: &Setup, worker: &flows_core::store::WorkerIdentity, tenant: Uuid) {
    let runs = (0..4).map(|_| run_of(tenant, None)).collect::<Vec<_>>();
    for new in &runs[..3] {
        start(&db.store, new).await;
    }
    claim_all(&db.store, worker).await;
    start(&db.store, &runs[3]).await; // stays ready
    let failed = Next::Close(close(RunStatus::Failed));
    let stage = QueryValue { name: "stage".into(), value: "1".into() };
    let item = NewItem { number: Some(0), item: "1".into() };
    let attributes = vec![("stage".to_owned(), 1.into())];
    let answer = UpdateAnswer { update: "u".into(), reply: Ok("1".into()), refuses: None };
    let (queries, items, answers) = (vec![stage], vec![item], vec![answer]);
    let publishing =
        Record { queries, items, attributes, answers, ..record(runs[1].key, 0, park()) };
    let task = QueuedTask { run: runs[1].key, op: 0, attempt: 1, lane: 7, content: vec![1] };
    let publishing = Record { tasks: vec![task], ..publishing };
    let turns = [record(runs[0].key, 0, failed), publishing];
    commit(&db.store, worker, &turns).await;
    let mut letter = signal(runs[2].key, 1);
    letter.dedup = Some("k".into());
    db.store.send(&[letter]).await.unwrap().remove(0).unwrap();
    let next = NewRun::new(runs[3].key.successor(), run_of(tenant, None).spec);
    db.store.fork(&[fork_of(runs[3].key, next)]).await.unwrap();
    db.store.change_schedule(&schedule_of(tenant)).await.unwrap();
    let pause = NewPause { scope: PauseScope::Everything, reason: None, author: None };
    db.store.pause(&pause).await.unwrap();
}
