//! What is acknowledged is durable, also where the server's default says otherwise.

mod common;

use common::*;
use flows_core::store::traits::*;
use flows_core::store::{Committed, InTransaction, NewRun, Next, Record, RunStatus, Started};
use flows_pg::PgStore;

/// From now on, no transaction that has changed a run, a journal or an inbox commits without waiting
/// for the disk.
const WATCH: &str = "
    CREATE FUNCTION public.must_be_durable() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF current_setting('synchronous_commit') = 'off' THEN
            RAISE EXCEPTION 'a commit that changed % does not wait for the disk', TG_TABLE_NAME;
        END IF;
        RETURN NULL;
    END $$;
    DO $$
    DECLARE name text;
    BEGIN
        FOREACH name IN ARRAY ARRAY['runs', 'journal', 'inbox', 'inbox_keys', 'query_values', 'attributes',
                                   'streams', 'stream_items', 'update_answers', 'dead_letters', 'forks', 'schedules'] LOOP
            EXECUTE format('CREATE CONSTRAINT TRIGGER must_be_durable
                AFTER INSERT OR UPDATE OR DELETE ON flows.%I DEFERRABLE INITIALLY DEFERRED
                FOR EACH ROW EXECUTE FUNCTION public.must_be_durable()', name);
        END LOOP;
    END $$";

/// A database in which nothing waits for the disk unless it asks for it.
async fn careless(default: &str) -> Setup {
    let mut db = setup().await;
    let sql = db.sql().await;
    let name = db.column("SELECT current_database()::text").await.remove(0);
    let (login, _) = db.database.url().split_once("://").expect("a URL").1.split_once(':').unwrap();
    let default = default.replace("{database}", &name).replace("{role}", login);
    sql.batch_execute(&format!("{default} SET synchronous_commit = off")).await.expect("it may");
    sql.batch_execute(WATCH).await.expect("it may");
    db.store = db.another().await; // whose connections have that default
    let off = plain(db.database.url()).await;
    let row = off.query_one("SHOW synchronous_commit", &[]).await.expect("an answer");
    assert_eq!(row.get::<_, &str>(0), "off");
    db
}

async fn everything_is_durable(default: &str) {
    let db = careless(default).await;
    let (store, worker) = (&db.store, db.worker().await);
    let first = run(Some("order"));
    start(store, &first).await;
    let sent = store.send(&[signal(first.key, 1)]).await.expect("an answer").remove(0);
    sent.expect("a signal");
    let owned = store.start_owned(worker.id, &[run(None)]).await.expect("an answer").remove(0);
    assert!(matches!(owned, Ok(Started::Owned { .. })), "{owned:?}");
    claim(store, &worker, first.key.shard).await;

    let child = run(None);
    let (starts, messages) = (vec![child.clone()], vec![signal(child.key, 2)]);
    let family = Record { starts, messages, ..record(first.key, 1, Next::Stay) };
    let failed = record(first.key, 2, Next::Close(close(RunStatus::Failed)));
    for record in [record(first.key, 0, Next::Stay), family, failed] {
        assert_eq!(commit(store, &worker, &[record]).await, [Committed::Done]);
    }
    let again = store.rerun(first.key, &run(Some("order"))).await.expect("a rerun");
    assert_eq!(again, Started::Created);
    let next = NewRun::new(child.key.successor(), run(None).spec);
    let forked = store.fork(&[fork_of(child.key, next)]).await.expect("a fork");
    assert_eq!(forked, Started::Created);
    let end = close(RunStatus::Terminated);
    assert!(store.terminate(child.key, b"terminated", &end, &[]).await.expect("an end"));
    in_the_applications_transaction(&db, store).await;
}

/// The application's own commit makes it durable, and so it must wait for the disk.
async fn in_the_applications_transaction(db: &Setup, store: &PgStore) {
    let mut client = plain(db.database.url()).await;
    let tx = client.transaction().await.expect("a transaction");
    let new = run(None);
    let started = tx.verbs().start_one(&new).await.expect("a start");
    assert_eq!(started, Started::Created);
    tx.verbs().send_one(&signal(new.key, 3)).await.expect("a signal");
    tx.commit().await.expect("it waits for the disk");
    assert_eq!(store.describe(new.key).await.expect("an answer").expect("a run").inbox, 1);
}

#[tokio::test]
async fn where_the_database_does_not_wait_for_the_disk() {
    everything_is_durable("ALTER DATABASE {database}").await;
}

#[tokio::test]
async fn where_the_role_does_not_wait_for_the_disk() {
    everything_is_durable("ALTER ROLE {role} IN DATABASE {database}").await;
}

/// The check itself: what is committed otherwise is found.
#[tokio::test]
async fn a_careless_commit_is_found() {
    let db = careless("ALTER DATABASE {database}").await;
    start(&db.store, &run(None)).await;
    let sql = db.sql().await;
    let error = sql.batch_execute("UPDATE flows.runs SET priority = 1").await.unwrap_err();
    assert!(error.to_string().contains("db error"), "{error}");
}
