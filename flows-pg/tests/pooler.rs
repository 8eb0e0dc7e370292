//! Behind a pooler: clients work in transaction mode and leave nothing on its sessions, workers are
//! refused before they set anything, and in session mode there is nothing to see.

mod common;

use std::time::Duration;

use common::pgbouncer::{PgBouncer, SESSIONS};
use common::*;
use flows_core::error::ErrorKind;
use flows_core::ids::{RunKey, lane_of};
use flows_core::store::traits::*;
use flows_core::store::{
    Hint, InTransaction, ListFilter, Next, RunStatus, Scan, ScanKind, Started, WorkerIdentity,
};
use flows_pg::deadpool_postgres::{Manager, Pool};
use flows_pg::tokio_postgres::NoTls;
use flows_pg::{Engine, PgStore};
use tokio::time::timeout;
use uuid::Uuid;

const BOTH: [&str; 2] = ["", "server_round_robin = 1"];

fn pool(url: &str, size: usize) -> Pool {
    let manager = Manager::new(url.parse().unwrap(), NoTls);
    Pool::builder(manager).max_size(size).build().unwrap()
}

#[tokio::test]
async fn a_worker_is_refused_before_it_has_set_anything() {
    let db = setup().await;
    for (more, sessions) in BOTH.into_iter().flat_map(|more| (0..=SESSIONS).map(move |n| (more, n)))
    {
        let Some(pooler) = PgBouncer::start(db.database.url(), "transaction", more).await else {
            return;
        };
        for client in pooler.hold(sessions).await {
            client.batch_execute("COMMIT").await.unwrap();
        }
        let by_url = PgStore::connect(pooler.url()).await.unwrap();
        for store in [by_url, PgStore::from_pool(pool(pooler.url(), 1))] {
            let error = store.register(&worker(LEASE)).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Configuration, "{error}");
            assert!(error.message().contains("a pooler in transaction mode"), "{error}");
            assert!(store.is_refused(&worker(LEASE)).await, "{more}");
        }
        assert_eq!(pooler.left_behind().await, [""; 0], "{more} with {sessions} sessions");
    }
    assert_eq!(db.count("workers").await, 0);
}

/// What a worker would do without having registered.
trait Asked {
    async fn is_refused(&self, worker: &WorkerIdentity) -> bool;
}

impl Asked for PgStore {
    async fn is_refused(&self, worker: &WorkerIdentity) -> bool {
        self.poll(worker).await.is_err() && self.commit(0, worker.id, &[]).await.is_err()
    }
}

#[tokio::test]
async fn clients_do_all_that_clients_do() {
    let db = setup().await;
    for more in BOTH {
        let Some(pooler) = PgBouncer::start(db.database.url(), "transaction", more).await else {
            return;
        };
        let by_url = PgStore::connect(pooler.url()).await.unwrap();
        let stores = [by_url, PgStore::from_pool(pool(pooler.url(), 6))];
        let (before, many) = (db.count("runs").await, 12);
        let calls = (0..many).map(|number| everything(&db, &stores[number % 2]));
        futures_util::future::join_all(calls).await;
        assert!(db.count("runs").await >= before + many as i64 * 4, "{more}");
        for store in &stores {
            in_a_transaction(store, &pooler).await;
        }
        assert_eq!(pooler.left_behind().await, [""; 0], "{more}");
    }
}

/// Every verb of a client, beside a worker that is connected directly.
async fn everything(db: &Setup, store: &PgStore) {
    let tenant = RunKey::new(Uuid::nil(), None).run;
    let name: std::sync::Arc<str> = tenant.to_string().into(); // a lane of this call alone
    let lane = lane_of("default", &name, 1);
    let worker = WorkerIdentity { lanes: vec![lane], ..worker(LEASE) };
    db.store.register(&worker).await.unwrap();
    let [one, two] =
        ["one", "two"].map(|id| run_of(tenant, Some(id)).with(|spec| spec.workflow = name.clone()));
    start(store, &one).await;
    let conflicting = [run_of(tenant, Some("one")), two.clone()];
    let started = store.start(&conflicting).await.unwrap();
    assert!(started[0].is_err() && started[1].is_ok(), "{started:?}");
    assert_eq!(store.find(tenant, "one").await.unwrap(), Some(one.key));
    assert!(store.send(&[signal(one.key, 1), signal(two.key, 2)]).await.unwrap()[0].is_ok());
    assert_eq!(store.describe(one.key).await.unwrap().unwrap().key, one.key);

    let owned = [&one, &two].map(|run| run.key);
    let mine = |key: &RunKey| owned.contains(key);
    for run in &owned {
        claim(&db.store, &worker, run.shard).await;
    }
    let end = Next::Close(close(RunStatus::Failed));
    commit(&db.store, &worker, &[record(one.key, 0, end)]).await;
    let outcomes = store.outcomes(&owned).await.unwrap();
    assert_eq!(outcomes.iter().map(|(key, _)| *key).collect::<Vec<_>>(), [one.key]);
    assert_eq!(store.history(one.key).await.unwrap().len(), 1);
    let filter = ListFilter { limit: 10, ..ListFilter::default() };
    let listed = store.list(tenant, &filter).await.unwrap().runs;
    assert!(listed.len() == 2 && listed.iter().all(|view| mine(&view.key)), "{listed:?}");
    assert_eq!(store.dead_letters(tenant, 10, false).await.unwrap().len(), 1);
    assert_eq!(store.rerun(one.key, &run_of(tenant, None)).await.unwrap(), Started::Created);
    let gone = close(RunStatus::Terminated);
    assert!(store.terminate(two.key, b"end", &gone, &[]).await.unwrap());
    start(store, &run_of(tenant, None)).await;
    let from = RunKey { shard: 0, tenant: Uuid::nil(), run: Uuid::nil() };
    let scan = Scan { runs: ScanKind::Open, from, workflow: None, limit: 50 };
    store.scan(&scan).await.unwrap();
    store.publish(Hint::Ready(vec![one.key.shard]));
}

/// Transactions of the application's, of both kinds, again and again on the same connection.
async fn in_a_transaction(store: &PgStore, pooler: &PgBouncer) {
    let pool = pool(pooler.url(), SESSIONS);
    let mut clients = Vec::new();
    for _ in 0..SESSIONS {
        clients.push(pool.get().await.unwrap());
    }
    for round in 0..4 {
        for client in &mut clients {
            let new = run(None);
            if round % 2 == 0 {
                let tx = client.transaction().await.unwrap();
                assert_eq!(tx.verbs().start_one(&new).await.unwrap(), Started::Created);
                tx.verbs().send_one(&signal(new.key, 1)).await.unwrap();
                tx.commit().await.unwrap();
            } else {
                let client: &mut flows_pg::tokio_postgres::Client = &mut *client;
                let tx = client.transaction().await.unwrap();
                assert_eq!(tx.verbs().start_one(&new).await.unwrap(), Started::Created);
                tx.commit().await.unwrap();
            }
            assert!(store.describe(new.key).await.unwrap().is_some());
        }
    }
}

#[tokio::test]
async fn the_schema_is_made_through_it() {
    let database = flows_pg::dev::fresh_database().await.unwrap();
    let Some(pooler) = PgBouncer::start(database.url(), "transaction", BOTH[1]).await else {
        return;
    };
    let store = PgStore::connect(pooler.url()).await.unwrap();
    let error = store.find(Uuid::nil(), "x").await.unwrap_err();
    assert!(error.message().contains("engine.migrate()"), "{error}");
    store.migrate().await.unwrap();
    store.migrate().await.unwrap();
    start(&store, &run(None)).await;
    assert_eq!(pooler.left_behind().await, [""; 0]);
}

/// A process whose pool goes through the pooler, and whose workers do not.
#[tokio::test]
async fn workers_go_beside_it() {
    let db = setup().await;
    let Some(pooler) = PgBouncer::start(db.database.url(), "transaction", "").await else { return };
    let engine = Engine::builder().pool(pool(pooler.url(), 4)).url(db.database.url());
    let engine = engine.connect().await.unwrap();
    let (store, soon) = (engine.store().unwrap(), Duration::from_secs(10));
    let worker = worker(LEASE);
    store.register(&worker).await.unwrap();
    let mut hints = store.subscribe().unwrap();
    let teller = PgStore::connect(pooler.url()).await.unwrap(); // a client behind the pooler
    let hearing = async {
        loop {
            teller.publish(Hint::Ready(vec![7]));
            let next = timeout(Duration::from_millis(200), hints.recv()).await;
            if next == Ok(Some(Hint::Ready(vec![7]))) {
                break;
            }
        }
    };
    timeout(soon, hearing).await.expect("what a client tells is heard");
    let new = run(None);
    start(store, &new).await;
    assert_eq!(claim(store, &worker, new.key.shard).await.len(), 1);
    assert_eq!(pooler.left_behind().await, [""; 0]);
}

#[tokio::test]
async fn listening_behind_it_ends_quietly_and_nothing_else_does() {
    let db = setup().await;
    let Some(pooler) = PgBouncer::start(db.database.url(), "transaction", "").await else { return };
    let store = PgStore::connect(pooler.url()).await.unwrap();
    let mut hints = store.subscribe().unwrap();
    start(&store, &run(None)).await;
    let heard = timeout(Duration::from_secs(2), hints.recv()).await;
    assert!(heard.is_err(), "heard {heard:?} over a connection that others use too");
    assert_eq!(pooler.left_behind().await, [""; 0]);
}

#[tokio::test]
async fn in_session_mode_everything_works() {
    let db = setup().await;
    let more = "default_pool_size = 20\nserver_reset_query = DISCARD ALL";
    let Some(pooler) = PgBouncer::start(db.database.url(), "session", more).await else { return };
    let store = PgStore::connect(pooler.url()).await.unwrap();
    let worker = worker(LEASE);
    store.register(&worker).await.unwrap();
    let mut hints = store.subscribe().unwrap();
    let soon = Duration::from_secs(10);
    assert_eq!(timeout(soon, hints.recv()).await.unwrap(), Some(Hint::Unsure));
    let new = run(None);
    start(&store, &new).await;
    assert_eq!(claim(&store, &worker, new.key.shard).await.len(), 1);
    let end = Next::Close(close(RunStatus::Completed));
    commit(&store, &worker, &[record(new.key, 0, end)]).await;
    assert_eq!(store.outcomes(&[new.key]).await.unwrap().len(), 1);
}

/// In session mode without `server_reset_query`: the next client gets the session as it was left.
#[tokio::test]
async fn workers_are_refused_where_sessions_are_not_reset() {
    let db = setup().await;
    let reset_by_half = "server_reset_query = RESET ALL";
    for more in BOTH.into_iter().chain([reset_by_half]) {
        let Some(pooler) = PgBouncer::start(db.database.url(), "session", more).await else {
            return;
        };
        let store = PgStore::connect(pooler.url()).await.unwrap();
        let error = store.register(&worker(LEASE)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Configuration, "{error}");
        assert!(error.message().contains("set server_reset_query"), "{error}");
        let mut hints = store.subscribe().unwrap();
        for _ in 0..2 {
            let client = PgStore::connect(pooler.url()).await.unwrap();
            let new = run(None);
            start(&client, &new).await;
            assert!(client.describe(new.key).await.unwrap().is_some());
        }
        assert!(timeout(Duration::from_millis(500), hints.recv()).await.is_err(), "it listens");
        drop(store);
        assert_eq!(pooler.left_behind().await, [""; 0], "{more}");
    }
    assert_eq!(db.count("workers").await, 0);
}

#[tokio::test]
async fn statement_mode_is_refused() {
    let db = setup().await;
    let Some(pooler) = PgBouncer::start(db.database.url(), "statement", "").await else { return };
    let store = PgStore::connect(pooler.url()).await.unwrap();
    let error = store.find(Uuid::nil(), "x").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Configuration, "{error}");
    assert!(error.message().contains("is in statement mode, which has no transactions"), "{error}");
}
