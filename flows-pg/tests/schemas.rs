//! The schema's name is a setting: services in one database do not see each other.

mod common;

use std::time::Duration;

use common::*;
use flows_core::error::ErrorKind;
use flows_core::ids::RunKey;
use flows_core::store::traits::*;
use flows_core::store::{
    Hint, InTransaction, ListFilter, Next, RunStatus, Scan, ScanKind, Started, WorkerIdentity,
};
use flows_pg::Engine;
use flows_pg::dev::{Database, fresh_database};
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::timeout;
use uuid::Uuid;

const SOON: Duration = Duration::from_secs(10);

/// One service: its engine, a worker, and what it hears.
struct Service {
    engine: Engine,
    worker: WorkerIdentity,
    hints: UnboundedReceiver<Hint>,
}

impl Service {
    async fn begin(database: &Database, schema: &str) -> Self {
        let engine = Engine::builder().url(database.url()).schema(schema);
        let engine = engine.connect().await.expect("a connection");
        engine.migrate().await.expect("a schema");
        engine.migrate().await.expect("again");
        let worker = worker(LEASE);
        engine.store().unwrap().register(&worker).await.expect("a lease");
        let hints = engine.store().unwrap().subscribe().expect("hints");
        Self { engine, worker, hints }
    }

    /// Every verb, of clients and of workers, on runs whose ids are the same in each service.
    async fn works(&self, database: &Database) {
        let store = self.engine.store().unwrap();
        let [one, two, three] = ["one", "two", "three"].map(|id| run(Some(id)));
        start(store, &one).await;
        let mut client = plain(database.url()).await;
        let tx = client.transaction().await.unwrap();
        assert_eq!(tx.verbs_of(Some(store)).start_one(&two).await.unwrap(), Started::Created);
        tx.commit().await.unwrap();
        let owned = store.start_owned(self.worker.id, std::slice::from_ref(&three)).await.unwrap();
        assert!(matches!(owned[0], Ok(Started::Owned { .. })), "{owned:?}");
        store.send(&[signal(one.key, 1)]).await.unwrap()[0].as_ref().unwrap();
        assert_eq!(store.find(Uuid::nil(), "one").await.unwrap(), Some(one.key));
        store.poll(&self.worker).await.unwrap();
        store.renew(&self.worker).await.unwrap();
        claim_all(store, &self.worker).await;
        store.collect(self.worker.id).await.unwrap();
        store.reload(self.worker.id, &[one.key]).await.unwrap();
        let end = |status| Next::Close(close(status));
        let records = [
            record(one.key, 0, end(RunStatus::Failed)),
            record(two.key, 0, park()),
            record(three.key, 0, end(RunStatus::Completed)),
        ];
        commit(store, &self.worker, &records).await;
        assert_eq!(store.outcomes(&[one.key, two.key, three.key]).await.unwrap().len(), 2);
        assert!(store.describe(two.key).await.unwrap().is_some());
        assert_eq!(store.history(one.key).await.unwrap().len(), 1);
        let filter = ListFilter { limit: 10, ..ListFilter::default() };
        assert_eq!(store.list(Uuid::nil(), &filter).await.unwrap().runs.len(), 3);
        assert_eq!(store.dead_letters(Uuid::nil(), 10, false).await.unwrap().len(), 1);
        assert_eq!(store.rerun(one.key, &run(None)).await.unwrap(), Started::Created);
        let from = RunKey { shard: 0, tenant: Uuid::nil(), run: Uuid::nil() };
        let scan = Scan { runs: ScanKind::Open, from, workflow: None, limit: 50 };
        store.scan(&scan).await.unwrap();
        let gone = close(RunStatus::Terminated);
        assert!(store.terminate(two.key, b"end", &gone, &[]).await.unwrap());
        let (worker, lanes) = (self.worker.id, &*self.worker.lanes);
        let claim = flows_core::store::ClaimStuck { worker, lanes, limit: 1, suspect: true };
        store.claim_stuck(claim).await.unwrap();
        store.overdue(1).await.unwrap();
    }

    /// Publishes until it is heard in the same schema.
    async fn hears(&mut self, from: &Engine, shard: i16) {
        let hearing = async {
            loop {
                from.store().unwrap().publish(Hint::Ready(vec![shard]));
                let next = timeout(Duration::from_millis(200), self.hints.recv()).await;
                if next == Ok(Some(Hint::Ready(vec![shard]))) {
                    break;
                }
            }
        };
        timeout(SOON, hearing).await.expect("a hint");
    }
}

/// A database whose sessions find another's functions, operators and types before PostgreSQL's own.
async fn hostile_database() -> Database {
    let database = fresh_database().await.expect("a database");
    let admin = plain(database.superuser_url().unwrap_or(database.url())).await;
    admin.batch_execute(include_str!("common/hostile.sql")).await.expect("a hostile schema");
    let name = database.url().rsplit('/').next().and_then(|rest| rest.split('?').next());
    let path =
        format!("ALTER DATABASE \"{}\" SET search_path = {HOSTILE}", name.expect("its name"));
    admin.batch_execute(&path).await.expect("a setting");
    let other = plain(database.url()).await;
    let wrong = other.query("SELECT statement_timestamp()", &[]).await.expect_err("a trap");
    assert!(wrong.to_string().contains("db error"), "{wrong:?}");
    database
}

const HOSTILE: &str = "evil, pg_catalog, public";

#[tokio::test]
async fn statements_mean_what_they_say_whatever_the_search_path_says() {
    let database = hostile_database().await;
    let service = Service::begin(&database, "flows").await;
    service.works(&database).await;
    let mut client = plain(database.url()).await;
    let tx = client.transaction().await.expect("a transaction");
    let store = service.engine.store().unwrap();
    for id in ["four", "five"] {
        let started = tx.verbs_of(Some(store)).start_one(&run(Some(id))).await;
        assert_eq!(started.expect("a start"), Started::Created);
        let path = tx.query_one("SHOW search_path", &[]).await.expect("a path");
        assert_eq!(path.get::<_, String>(0), HOSTILE, "the application has its own back");
    }
}

#[tokio::test]
async fn services_of_one_database_keep_apart() {
    let database = fresh_database().await.unwrap();
    let mut billing = Service::begin(&database, "billing").await;
    let admin = plain(database.url()).await;
    let schemas = "SELECT count(*) FROM pg_namespace WHERE nspname = 'flows'";
    let others: i64 = admin.query_one(schemas, &[]).await.unwrap().get(0);
    assert_eq!(others, 0, "the schema of the files is not needed");
    billing.works(&database).await;

    let mut shipping = Service::begin(&database, "shipping_2").await;
    let list = ListFilter { limit: 10, ..ListFilter::default() };
    assert!(
        shipping.engine.store().unwrap().list(Uuid::nil(), &list).await.unwrap().runs.is_empty()
    );
    assert!(claim_all(shipping.engine.store().unwrap(), &shipping.worker).await.is_empty());
    shipping.works(&database).await;
    assert_eq!(
        billing.engine.store().unwrap().list(Uuid::nil(), &list).await.unwrap().runs.len(),
        4
    );

    let another = |schema| Engine::builder().url(database.url()).schema(schema).connect();
    let (b, s) = (another("billing").await.unwrap(), another("shipping_2").await.unwrap());
    billing.hears(&b, 1).await;
    shipping.hears(&s, 2).await;
    while let Ok(hint) = billing.hints.try_recv() {
        assert_ne!(hint, Hint::Ready(vec![2]), "heard another service");
    }
    for service in [billing, shipping] {
        service.engine.store().unwrap().retire(service.worker.id, &[]).await.unwrap();
    }
}

#[tokio::test]
async fn roles_of_one_service_see_nothing_of_another() {
    let database = fresh_database().await.unwrap();
    for schema in ["billing", "shipping_2"] {
        Service::begin(&database, schema).await.works(&database).await;
    }
    let client = plain(database.url()).await;
    for (role, own, other) in [
        ("billing_worker", "billing", "shipping_2"),
        ("billing_tenant", "billing", "shipping_2"),
        ("shipping_2_worker", "shipping_2", "billing"),
    ] {
        client.batch_execute(&format!("SET ROLE {role}")).await.unwrap();
        client.query(&format!("SELECT FROM {own}.runs"), &[]).await.expect("its own");
        for table in ["runs", "journal", "inbox", "ready", "owned", "parked", "workers"] {
            let asked = client.query(&format!("SELECT FROM {other}.{table}"), &[]).await;
            let error = asked.expect_err(table);
            assert!(
                error.as_db_error().unwrap().message().contains("permission denied"),
                "{error:?}"
            );
        }
        client.batch_execute("RESET ROLE").await.unwrap();
    }
}

#[tokio::test]
async fn a_name_that_is_none_is_refused() {
    for name in ["", "Billing", "billing; DROP", "pg_billing", "order", "a.b"] {
        let error = Engine::builder().url("postgres://127.0.0.1:1/x").schema(name).connect().await;
        let error = error.err().expect(name);
        assert_eq!(error.kind(), ErrorKind::Configuration, "{error}");
        assert!(error.message().contains("cannot be the name of the schema"), "{error}");
        assert!(Engine::migration_sql_for(name).is_err(), "{name}");
    }
    let sql = Engine::migration_sql_for("billing").unwrap();
    assert!(sql.contains("CREATE TABLE billing.runs") && !sql.contains("flows."), "{sql}");
}

/// What is refused names the roles and the schema that it was about.
#[tokio::test]
async fn errors_name_the_roles_of_their_schema() {
    let database = fresh_database().await.unwrap();
    let admin = plain(database.superuser_url().unwrap_or(database.url())).await;
    let engine = Engine::builder().url(database.url()).schema("zebra").connect().await.unwrap();
    let missing = engine.store().unwrap().find(Uuid::nil(), "one").await.expect_err("no schema");
    assert!(missing.message().contains("no zebra schema"), "{missing}");
    engine.migrate().await.unwrap();
    start_in(&engine, "one").await.unwrap();

    let advice = "GRANT zebra_tenant, zebra_worker TO";
    let revoke = "REVOKE SELECT, INSERT, UPDATE ON zebra.runs FROM zebra_tenant;
                  REVOKE ALL ON zebra.workers FROM zebra_worker";
    admin.batch_execute(revoke).await.unwrap();
    let refused = start_in(&engine, "two").await.expect_err("a missing right");
    assert_eq!(refused.kind(), ErrorKind::Configuration);
    assert!(refused.message().contains(advice), "{refused}");
    let refused =
        engine.store().unwrap().register(&worker(LEASE)).await.expect_err("a missing right");
    assert!(refused.message().contains(advice), "{refused}");
}

async fn start_in(engine: &Engine, id: &str) -> flows_core::error::Result<Started> {
    engine.store().unwrap().start(&[run(Some(id))]).await?.remove(0)
}
