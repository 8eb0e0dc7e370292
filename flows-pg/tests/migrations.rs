//! Migrations: idempotent, safe to race, never backwards; and what a store says without them.

mod common;

use common::*;
use flows_core::error::ErrorKind;
use flows_core::store::traits::*;
use flows_core::store::{Committed, Next, RunStatus};
use flows_pg::PgStore;
use flows_pg::dev::fresh_database;
use uuid::Uuid;

const OLDER: &str = "UPDATE flows.schema_version SET version = 0";
const NEWER: &str =
    "INSERT INTO flows.schema_version (version, name, serves) VALUES (99, 'later', 98)";
/// What the next version might be: it adds, and takes nothing away.
const EXPANDED: &str = "
    ALTER TABLE flows.runs ADD COLUMN colour text;
    ALTER TABLE flows.journal ADD COLUMN weight bigint NOT NULL DEFAULT 0;
    CREATE TABLE flows.shelves (shard smallint NOT NULL, tenant_id uuid NOT NULL, PRIMARY KEY (shard, tenant_id));
    INSERT INTO flows.schema_version (version, name, serves) VALUES (2, 'shelves', 1)";

#[tokio::test]
async fn eight_tasks_migrate_at_once_and_again() {
    let database = fresh_database().await.unwrap();
    for _ in 0..2 {
        let url = database.url().to_owned();
        let tasks = (0..8).map(|_| {
            let url = url.clone();
            tokio::spawn(async move { PgStore::connect(&url).await.unwrap().migrate().await })
        });
        for task in tasks.collect::<Vec<_>>() {
            task.await.unwrap().expect("a schema");
        }
    }
    let store = PgStore::connect(database.url()).await.unwrap();
    start(&store, &run(None)).await;
}

#[tokio::test]
async fn databases_of_one_cluster_migrate_at_once() {
    let mut tasks = Vec::new();
    for _ in 0..6 {
        let database = fresh_database().await.unwrap();
        tasks.push(tokio::spawn(async move {
            let store = PgStore::connect(database.url()).await.unwrap();
            store.migrate().await.map(|()| database)
        }));
    }
    for task in tasks {
        task.await.unwrap().expect("a schema");
    }
}

#[tokio::test]
async fn without_a_schema_every_verb_says_what_to_do() {
    let database = fresh_database().await.unwrap();
    let store = PgStore::connect(database.url()).await.unwrap();
    let error = store.find(Uuid::nil(), "x").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Configuration);
    assert!(error.message().contains("engine.migrate()"), "{error}");
    let started = store.start(&[run(None)]).await.unwrap().remove(0);
    assert!(started.unwrap_err().message().contains("engine.migrate()"));
    let error = store.register(&worker(LEASE)).await.unwrap_err();
    assert!(error.message().contains("engine.migrate()"), "{error}");
    store.migrate().await.unwrap();
    start(&store, &run(None)).await;
}

#[tokio::test]
async fn a_newer_schema_is_refused_by_name() {
    let db = setup().await;
    db.sql().await.batch_execute(NEWER).await.unwrap();
    for error in [
        db.another().await.migrate().await.unwrap_err(),
        db.another().await.find(Uuid::nil(), "x").await.unwrap_err(),
        db.another().await.register(&worker(LEASE)).await.unwrap_err(),
    ] {
        assert_eq!(error.kind(), ErrorKind::Configuration);
        assert!(error.message().contains("version 99"), "{error}");
        assert!(error.message().contains("update this one"), "{error}");
    }
}

/// In a rolling deploy, the first new process migrates; old ones go on, and start again.
#[tokio::test]
async fn a_newer_schema_that_only_expands_serves_this_build() {
    let db = setup().await;
    let before = run(None);
    start(&db.store, &before).await;
    db.sql().await.batch_execute(EXPANDED).await.unwrap();
    let restarted = db.another().await;
    restarted.migrate().await.expect("there is nothing to do");
    start(&restarted, &run(None)).await;
    let worker = worker(LEASE);
    restarted.register(&worker).await.expect("a lease");
    let claimed = claim(&restarted, &worker, before.key.shard).await;
    assert_eq!(claimed.first().map(|run| run.key), Some(before.key));
    let end = Next::Close(close(RunStatus::Completed));
    let answers = commit(&restarted, &worker, &[record(before.key, 0, end)]).await;
    assert_eq!(answers, [Committed::Done]);
    let later = "UPDATE flows.schema_version SET serves = 2 WHERE version = 2";
    db.sql().await.batch_execute(later).await.unwrap();
    let error = db.another().await.register(&worker).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Configuration);
    assert!(error.message().contains("serves builds for version 2 and later"), "{error}");
}

#[tokio::test]
async fn an_older_schema_asks_for_migration() {
    let db = setup().await;
    db.sql().await.batch_execute(OLDER).await.unwrap();
    let error = db.another().await.register(&worker(LEASE)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Configuration);
    assert!(error.message().contains("version 0"), "{error}");
    assert!(error.message().contains("engine.migrate()"), "{error}");
}

#[tokio::test]
async fn the_printed_migration_makes_the_same_schema() {
    let database = fresh_database().await.unwrap();
    let client = plain(database.url()).await;
    client.batch_execute(&PgStore::migration_sql()).await.unwrap();
    let store = PgStore::connect(database.url()).await.unwrap();
    store.migrate().await.unwrap();
    start(&store, &run(None)).await;
}

/// Logical replication copies rows, and not sequences.
#[tokio::test]
async fn a_sequence_that_is_behind_is_named_and_mended() {
    let db = setup().await;
    let new = run(None);
    start(&db.store, &new).await;
    let letters = [1, 2, 3].map(|number| signal(new.key, number));
    for answer in db.store.send(&letters).await.unwrap() {
        answer.expect("sent");
    }
    let admin = db.sql().await;
    admin.batch_execute("ALTER SEQUENCE flows.inbox_seq_seq RESTART").await.unwrap();
    let error = db.store.send(&letters[..1]).await.unwrap().remove(0).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Configuration, "{error}");
    assert!(error.message().contains("run `engine.migrate()`"), "{error}");
    db.another().await.migrate().await.expect("mended");
    for _ in 0..2 {
        db.store.send(&letters[..1]).await.unwrap().remove(0).expect("sent");
    }
    let worker = worker(LEASE);
    db.store.register(&worker).await.unwrap();
    let inbox = &claim(&db.store, &worker, new.key.shard).await[0].inbox;
    assert_eq!(inbox.len(), 5, "nothing is lost");
}

/// Else a run could fail with a text that its database cannot store, and so never fail.
#[tokio::test]
async fn a_database_that_cannot_store_every_text_is_refused() {
    let server = flows_pg::dev::PrivateServer::start().await.unwrap();
    let admin = plain(&server.superuser_url()).await;
    admin.batch_execute("CREATE DATABASE template0 TEMPLATE template1").await.unwrap();
    for (name, encoding) in [("latin", "LATIN1"), ("plain", "SQL_ASCII")] {
        let create = format!(
            "CREATE DATABASE {name} OWNER app TEMPLATE template0 ENCODING '{encoding}' LOCALE 'C'"
        );
        admin.batch_execute(&create).await.unwrap();
        let url = server.url();
        let (place, _) = url.rsplit_once('/').unwrap();
        let store = PgStore::connect(&format!("{place}/{name}")).await.unwrap();
        if encoding == "LATIN1" {
            let error = store.migrate().await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Configuration, "{error}");
            assert!(error.message().contains("LATIN1, which cannot store every text"), "{error}");
        } else {
            store.migrate().await.unwrap();
            start(&store, &run(Some("€"))).await;
            assert!(store.find(Uuid::nil(), "€").await.unwrap().is_some());
        }
    }
}

/// Of `pg_restore --no-privileges`.
#[tokio::test]
async fn privileges_that_a_restore_has_left_out_are_granted_again() {
    let db = setup().await;
    let granted = "SELECT concat_ws(' ', oid, grantee, privilege_type) FROM ( \
            SELECT oid::regclass::text, (aclexplode(relacl)).* FROM pg_class \
            WHERE relnamespace = 'flows'::regnamespace \
            UNION ALL SELECT 'schema', (aclexplode(nspacl)).* FROM pg_namespace WHERE nspname = 'flows' \
        ) AS privileges ORDER BY 1";
    let before = db.column(granted).await;
    let revoke = "REVOKE ALL ON ALL TABLES IN SCHEMA flows FROM flows_tenant, flows_worker, PUBLIC; \
                  REVOKE ALL ON SCHEMA flows FROM flows_tenant, flows_worker, PUBLIC";
    db.sql().await.batch_execute(revoke).await.unwrap();
    let error = db.another().await.register(&worker(LEASE)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Configuration, "{error}");
    assert!(error.message().contains("`engine.migrate()`"), "{error}");
    db.another().await.migrate().await.expect("granted");
    assert_eq!(db.column(granted).await, before);
    start(&db.store, &run(None)).await;
}

/// Rows of these come and go all the time.
#[tokio::test]
async fn hot_tables_are_vacuumed_by_number_and_never_shrunk() {
    let db = setup().await;
    let options =
        "SELECT format('%s: %s', relname, array_to_string(reloptions, ', ')) FROM pg_class
        WHERE relnamespace = 'flows'::regnamespace AND reloptions IS NOT NULL AND relkind = 'r' ORDER BY relname";
    let hot = "autovacuum_vacuum_scale_factor=0, autovacuum_vacuum_threshold=2000, \
               autovacuum_vacuum_cost_delay=0, vacuum_truncate=off";
    let names = [
        "activity_tasks",
        "inbox",
        "owned",
        "parked",
        "query_values",
        "ready",
        "runs",
        "schedules",
        "streams",
        "workers",
    ];
    let expected = names.map(|name| match name {
        "runs" => "runs: fillfactor=45".to_owned(), // each is closed by one HOT update
        "query_values" => "query_values: fillfactor=80".to_owned(), // a row is updated in its page
        "schedules" => "schedules: fillfactor=70".to_owned(), // the same
        "streams" => "streams: fillfactor=50".to_owned(),
        hot_table => format!("{hot_table}: {hot}"),
    });
    assert_eq!(db.column(options).await, expected);
}

#[tokio::test]
async fn uuids_rise_with_time_on_every_version() {
    let db = setup().await;
    let made =
        db.column("SELECT (SELECT flows.uuidv7()::text FROM pg_sleep(0.003 + 0 * s)) FROM generate_series(1, 3) s").await;
    let made = made.iter().map(|text| Uuid::parse_str(text).unwrap()).collect::<Vec<_>>();
    assert!(made.iter().all(|id| id.get_version_num() == 7), "{made:?}");
    assert!(made.is_sorted(), "{made:?}");
    let here = flows_core::clock::uuid_v7().get_timestamp().unwrap().to_unix().0;
    let there = made[0].get_timestamp().unwrap().to_unix().0;
    assert!(here.abs_diff(there) < 60, "the time is in it: {here} {there}");
}

#[tokio::test]
async fn without_a_server_the_error_says_where_it_was_looked_for() {
    let url = "postgres://app:s3cret@127.0.0.1:1/app";
    let error = PgStore::connect(url).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    for part in ["127.0.0.1", "port 1", "refused"] {
        assert!(error.message().contains(part), "no `{part}` in: {error}");
    }
    assert!(!format!("{error:?}").contains("s3cret"), "{error:?}");
}

#[tokio::test]
async fn unusable_connection_strings_are_explained() {
    for (url, part) in [
        ("", "the connection string is empty"),
        ("postgres://u:s3cret@h:port/d", "postgres://user:password@host"),
        ("postgres://u:s3cret@h/d?sslmode=sometimes", "verify-full"),
        ("postgres://u:s3cret@h@h/d", "percent-encoded"),
        ("postgres://u:s3cret/@h/d", "percent-encoded"),
        ("postgres://u:s3cret%@h/d", "percent-encoded"),
    ] {
        let error = PgStore::connect(url).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Configuration);
        assert!(error.message().contains(part), "{error}");
        assert!(!format!("{error:?}").contains("s3cret"), "{error:?}");
    }
}

#[tokio::test]
async fn a_role_without_powers_is_told_what_to_ask_for() {
    let db = setup().await;
    let admin = db.sql().await;
    let name = format!("guest_{}", Uuid::max().simple());
    let make = format!(
        "DO $$ BEGIN CREATE ROLE {name} LOGIN PASSWORD 'guest'; \
         EXCEPTION WHEN duplicate_object THEN NULL; END $$"
    );
    admin.batch_execute(&make).await.unwrap();
    let url = with_user(db.database.url(), &name, "guest");
    let store = PgStore::connect(&url).await.unwrap();
    let error = store.find(Uuid::nil(), "x").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Configuration);
    assert!(error.message().contains("GRANT flows_tenant, flows_worker TO"), "{error}");
    admin.batch_execute(&format!("DROP ROLE IF EXISTS {name}")).await.unwrap();
}

#[tokio::test]
async fn a_superuser_may_migrate_and_gives_up_its_power() {
    let database = flows_pg::dev::fresh_database().await.unwrap();
    let Some(superuser) = database.superuser_url() else { return };
    let store = PgStore::connect(superuser).await.unwrap();
    store.migrate().await.expect("a superuser may migrate");
    start(&store, &run(None)).await; // and use it: its statements give up the power
}

/// The same server and database, another login.
fn with_user(url: &str, user: &str, password: &str) -> String {
    let (scheme, rest) = url.split_once("://").unwrap();
    let (_, place) = rest.split_once('@').unwrap();
    format!("{scheme}://{user}:{password}@{place}")
}
