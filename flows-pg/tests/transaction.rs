//! The verbs inside a transaction of the application's: both or neither, and nothing left behind.

mod common;

use common::*;
use flows_core::error::ErrorKind;
use flows_core::ids::RunKey;
use flows_core::store::traits::*;
use flows_core::store::{
    ConflictPolicy, InTransaction, NewRun, Next, RunStatus, Sent, Started, WorkerIdentity,
};
use flows_pg::tokio_postgres::types::ToSql;
use flows_pg::tokio_postgres::{Client, NoTls};
use flows_pg::{Postgres, deadpool_postgres};
use uuid::Uuid;

struct App {
    db: Setup,
    client: Client,
    worker: WorkerIdentity,
}

/// An application with a table of its own.
async fn app() -> App {
    let db = setup().await;
    let client = plain(db.database.url()).await;
    client.batch_execute("CREATE TABLE orders (id int)").await.unwrap();
    let worker = db.worker().await;
    App { db, client, worker }
}

impl App {
    /// A failed run.
    async fn dead(&self, id: &str) -> NewRun {
        let new = run(Some(id));
        start(&self.db.store, &new).await;
        claim(&self.db.store, &self.worker, new.key.shard).await;
        let end = [record(new.key, 0, Next::Close(close(RunStatus::Failed)))];
        commit(&self.db.store, &self.worker, &end).await;
        new
    }
}

fn tx<'a>(tx: &'a impl InTransaction<Postgres>) -> Box<dyn ClientStore + 'a> {
    tx.verbs()
}

/// Everything a transaction can do, and the application's own write.
async fn everything(tx: &flows_pg::Transaction<'_>, dead: &NewRun, open: RunKey) -> NewRun {
    let new = run(Some("new"));
    let again = run(Some("dead")).with(|spec| spec.predecessor = Some(dead.key.run));
    tx.execute("INSERT INTO orders VALUES (1)", &[]).await.unwrap();
    assert_eq!(self::tx(tx).start_one(&new).await.unwrap(), Started::Created);
    assert_eq!(self::tx(tx).find(Uuid::nil(), "new").await.unwrap(), Some(new.key));
    assert_eq!(self::tx(tx).send_one(&signal(new.key, 1)).await.unwrap(), Sent::ToReady);
    assert_eq!(self::tx(tx).rerun(dead.key, &again).await.unwrap(), Started::Created);
    let end = close(RunStatus::Terminated);
    assert!(self::tx(tx).terminate(open, b"t", &end, &[signal(new.key, 2)]).await.unwrap());
    let view = self::tx(tx).describe(open).await.unwrap().unwrap();
    assert_eq!(view.status, RunStatus::Terminated);
    tx.execute("INSERT INTO orders VALUES (2)", &[]).await.unwrap();
    let row = tx
        .query_one(
            "SELECT current_user = session_user, current_setting('flows.tenant_id', true)",
            &[],
        )
        .await
        .unwrap();
    assert!(row.get::<_, bool>(0), "the role stayed");
    assert!(row.get::<_, Option<&str>>(1).is_none_or(str::is_empty), "the tenant stayed");
    new
}

#[tokio::test]
async fn rolled_back_it_never_happened() {
    let mut app = app().await;
    let dead = app.dead("dead").await;
    let open = app.db.owned(&app.worker).await;
    let before = snapshot(&app.db).await;
    let tx = app.client.transaction().await.unwrap();
    everything(&tx, &dead, open).await;
    tx.rollback().await.unwrap();
    assert_eq!(snapshot(&app.db).await, before);
    let tx = app.client.transaction().await.unwrap();
    everything(&tx, &dead, open).await;
    drop(tx);
    app.client.batch_execute("SELECT 1").await.unwrap();
    assert_eq!(snapshot(&app.db).await, before);
}

#[tokio::test]
async fn committed_it_happened_with_the_applications_write() {
    let mut app = app().await;
    let dead = app.dead("dead").await;
    let open = app.db.owned(&app.worker).await;
    let tx = app.client.transaction().await.unwrap();
    let new = everything(&tx, &dead, open).await;
    assert_eq!(app.db.store.find(Uuid::nil(), "new").await.unwrap(), None, "invisible until then");
    tx.commit().await.unwrap();
    assert_eq!(app.db.count_of("SELECT count(*) FROM orders").await, 2);
    let claimed = claim_all(&app.db.store, &app.worker).await;
    assert_eq!(claimed.len(), 2);
    let claimed = claimed.iter().find(|run| run.key == new.key).unwrap();
    assert_eq!(numbers(&claimed.inbox), [1, 2]);
    let outcome = &app.db.store.outcomes(&[dead.key]).await.unwrap()[0].1;
    assert!(outcome.successor.is_some());
}

/// The number of rows of every table, and who has which id.
async fn snapshot(db: &Setup) -> Vec<String> {
    let mut rows = Vec::new();
    for table in [
        "runs",
        "journal",
        "dead_letters",
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
    ] {
        rows.push(format!("{table}: {}", db.count(table).await));
    }
    let runs = "SELECT concat(run_id, current, status, successor) FROM flows.runs ORDER BY run_id";
    rows.extend(db.column(runs).await);
    rows
}

#[tokio::test]
async fn a_conflict_leaves_the_transaction_usable() {
    let mut app = app().await;
    let (first, dead) = (run(Some("taken")), app.dead("dead").await);
    start(&app.db.store, &first).await;
    let tx = app.client.transaction().await.unwrap();
    let mut second = run(Some("taken"));
    assert_eq!(tx.verbs().start_one(&second).await.unwrap_err().kind(), ErrorKind::AlreadyExists);
    second.on_conflict = ConflictPolicy::UseExisting;
    assert_eq!(tx.verbs().start_one(&second).await.unwrap(), Started::Exists(first.key));
    second.on_conflict = ConflictPolicy::TerminateExisting;
    assert_eq!(
        tx.verbs().start_one(&second).await.unwrap(),
        Started::Exists(first.key),
        "it is open"
    );
    let ended = NewRun { on_conflict: ConflictPolicy::TerminateExisting, ..run(Some("dead")) };
    assert_eq!(tx.verbs().start_one(&ended).await.unwrap(), Started::Created, "it had ended");
    let error = tx.verbs().rerun(dead.key, &run(Some("dead"))).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AlreadyExists, "the id has gone to another run");
    assert!(tx.verbs().rerun(first.key, &run(None)).await.is_err(), "no dead letter");
    assert!(tx.verbs().send_one(&signal(dead.key, 1)).await.is_err(), "it has ended");
    tx.execute("INSERT INTO orders VALUES (1)", &[]).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(app.db.count_of("SELECT count(*) FROM orders").await, 1);
    assert_eq!(app.db.count("dead_letters").await, 1, "the dead letter stays");
}

#[tokio::test]
async fn the_applications_own_role_and_tenant_come_back() {
    let mut app = app().await;
    let tx = app.client.transaction().await.unwrap();
    let (outer, inner) = (Uuid::max(), RunKey::new(Uuid::nil(), None).run);
    let enter = format!(
        "SET LOCAL lock_timeout = '77s'; SET LOCAL ROLE flows_tenant; SET LOCAL flows.tenant_id = '{outer}'"
    );
    tx.batch_execute(&enter).await.unwrap();
    tx.verbs().start_one(&run_of(inner, Some("x"))).await.unwrap();
    let own = "SELECT current_user::text, current_setting('flows.tenant_id'), current_setting('lock_timeout')";
    let row = tx.query_one(own, &[]).await.unwrap();
    let outer = outer.to_string();
    assert_eq!([0, 1, 2].map(|at| row.get::<_, &str>(at)), ["flows_tenant", &outer, "77s"]);
    tx.commit().await.unwrap();
    assert!(app.db.store.find(inner, "x").await.unwrap().is_some());
}

#[tokio::test]
async fn statements_sent_at_the_same_time_run_as_the_application() {
    let mut app = app().await;
    let tx = app.client.transaction().await.unwrap();
    for number in 0..50 {
        let new = run_of(RunKey::new(Uuid::nil(), None).run, Some("x"));
        let sql = "INSERT INTO orders SELECT $1 WHERE current_user = session_user";
        let values: [&(dyn ToSql + Sync); 1] = [&number];
        let own = tx.execute(sql, &values);
        let verbs = tx.verbs();
        let (own, started) = tokio::join!(own, verbs.start_one(&new));
        assert_eq!(own.unwrap(), 1, "ran as the tenant");
        started.unwrap();
    }
    tx.commit().await.unwrap();
}

#[tokio::test]
async fn a_pools_transaction_works_too() {
    let app = app().await;
    let config = app.db.database.url().parse().unwrap();
    let manager = deadpool_postgres::Manager::new(config, NoTls);
    let pool = deadpool_postgres::Pool::builder(manager).max_size(2).build().unwrap();
    let mut client = pool.get().await.unwrap();
    for id in ["a", "b"] {
        let tx = client.transaction().await.unwrap();
        tx.verbs().start_one(&run(Some(id))).await.unwrap();
        tx.commit().await.unwrap();
    }
    assert_eq!(claim_all(&app.db.store, &app.worker).await.len(), 2);
}

#[tokio::test]
async fn bad_data_is_named_and_leaves_nothing() {
    let mut app = app().await;
    let tx = app.client.transaction().await.unwrap();
    let bad = run(None).with(|spec| spec.input = "{".into());
    assert_eq!(tx.verbs().start_one(&bad).await.unwrap_err().kind(), ErrorKind::InvalidInput);
    tx.rollback().await.unwrap();
    app.client.batch_execute("INSERT INTO orders VALUES (1)").await.expect("a usable connection");
    assert_eq!(app.db.count("runs").await, 0);
}
