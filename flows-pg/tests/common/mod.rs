//! What the tests of this crate share: a migrated database of their own, and short ways to make
//! the store's arguments.
#![allow(dead_code, reason = "each test program uses a part of it")]

pub(crate) mod certificates;
pub(crate) mod pgbouncer;

use std::sync::Arc;
use std::time::Duration;

use flows_core::ids::{RunKey, SHARDS, lane_of};
use flows_core::payload::Payload;
use flows_core::store::traits::*;
use flows_core::store::{
    Activation, Claim, Close, CloseChildren, Committed, ForkedRun, MessageKind, NewRun, Next,
    Outcome, OutgoingMessage, Park, Record, RunSpec, RunStatus, Started, Takes, WorkerIdentity,
};
use flows_pg::PgStore;
use flows_pg::dev::{Database, fresh_database};
use flows_pg::tokio_postgres::{self, NoTls};
use uuid::Uuid;

pub(crate) const LEASE: Duration = Duration::from_secs(30);

/// A migrated database and a store on it.
pub(crate) struct Setup {
    pub(crate) store: PgStore,
    pub(crate) database: Database,
    admin: tokio_postgres::Client,
}

pub(crate) async fn setup() -> Setup {
    let database = fresh_database().await.expect("a database for the test");
    let store = PgStore::connect(database.url()).await.expect("a connection");
    store.migrate().await.expect("a schema");
    let admin = plain(database.superuser_url().unwrap_or(database.url())).await;
    Setup { store, database, admin }
}

impl Setup {
    /// Another process, as far as the store can tell.
    pub(crate) async fn another(&self) -> PgStore {
        PgStore::connect(self.database.url()).await.expect("a connection")
    }

    /// A plain connection that sees and may do everything.
    pub(crate) async fn sql(&self) -> tokio_postgres::Client {
        let url = self.database.superuser_url().unwrap_or(self.database.url());
        plain(url).await
    }

    pub(crate) async fn worker(&self) -> WorkerIdentity {
        let worker = worker(LEASE);
        self.store.register(&worker).await.expect("a lease");
        worker
    }

    /// Starts one run and claims it.
    pub(crate) async fn owned(&self, worker: &WorkerIdentity) -> RunKey {
        let run = run(None);
        start(&self.store, &run).await;
        let claimed = claim(&self.store, worker, run.key.shard).await;
        assert_eq!(claimed.iter().map(|a| a.key).collect::<Vec<_>>(), [run.key]);
        run.key
    }

    /// The rows of a statement's only column.
    pub(crate) async fn column(&self, sql: &str) -> Vec<String> {
        let rows = self.admin.query(sql, &[]).await.expect("an answer");
        rows.iter().map(|row| row.get(0)).collect()
    }

    pub(crate) async fn count(&self, table: &str) -> i64 {
        self.count_of(&format!("SELECT count(*) FROM flows.{table}")).await
    }

    pub(crate) async fn count_of(&self, sql: &str) -> i64 {
        self.admin.query_one(sql, &[]).await.expect("a count").get(0)
    }

    /// Until a query that counts gives what is waited for.
    pub(crate) async fn until(&self, sql: &str, is_so: fn(i64) -> bool) {
        while !is_so(self.count_of(sql).await) {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    /// Until somebody waits for a lock.
    pub(crate) async fn until_one_waits(&self) {
        let waiting = "SELECT count(*) FROM pg_stat_activity \
                       WHERE datname = current_database() AND wait_event_type = 'Lock'";
        self.until(waiting, |count| count > 0).await;
    }

    /// Until no statement of the store is at work.
    pub(crate) async fn until_none_runs(&self) {
        let active = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() \
                      AND application_name LIKE 'flows%' AND state <> 'idle'";
        self.until(active, |count| count == 0).await;
    }

    /// Where open runs are: `(ready, owned, parked)`.
    pub(crate) async fn places(&self) -> (i64, i64, i64) {
        (self.count("ready").await, self.count("owned").await, self.count("parked").await)
    }
}

pub(crate) async fn plain(url: &str) -> tokio_postgres::Client {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.expect("a connection");
    tokio::spawn(connection);
    client
}

pub(crate) fn lane() -> i64 {
    lane_of("default", "order", 1)
}

pub(crate) fn worker(lease: Duration) -> WorkerIdentity {
    let key = RunKey::new(Uuid::nil(), None);
    let (name, lanes) = ("test".into(), vec![lane()]);
    WorkerIdentity { id: key.run, name, lease, lanes, task_lanes: vec![] }
}

pub(crate) fn run(workflow_id: Option<&str>) -> NewRun {
    run_of(Uuid::nil(), workflow_id)
}

pub(crate) fn run_of(tenant: Uuid, workflow_id: Option<&str>) -> NewRun {
    let spec = RunSpec {
        workflow_id: workflow_id.map(Arc::from),
        workflow: "order".into(),
        version: 1,
        queue: "default".into(),
        priority: 0,
        input: r#"{"cents": 100}"#.into(),
        attempt: 1,
        retry: None,
        timeout: None,
        parent: None,
        predecessor: None,
        headers: flows_core::Headers::default(),
    };
    NewRun::new(RunKey::new(tenant, workflow_id), spec)
}

pub(crate) async fn start(store: &PgStore, run: &NewRun) {
    let started = store.start(std::slice::from_ref(run)).await.expect("starts");
    assert_eq!(started[0].as_ref().expect("a start"), &Started::Created);
}

pub(crate) async fn claim(store: &PgStore, worker: &WorkerIdentity, shard: i16) -> Vec<Activation> {
    let claim = Claim { worker: worker.id, shard, lanes: &worker.lanes, limit: 100, expected: &[] };
    store.claim(claim).await.expect("a claim")
}

pub(crate) async fn claim_all(store: &PgStore, worker: &WorkerIdentity) -> Vec<Activation> {
    let mut all = Vec::new();
    for shard in 0..SHARDS {
        all.extend(claim(store, worker, shard).await);
    }
    all
}

pub(crate) fn record(key: RunKey, position: i32, next: Next) -> Record {
    Record {
        key,
        position,
        events: format!("events {position}").into_bytes(),
        consumed: Vec::new(),
        starts: Vec::new(),
        messages: Vec::new(),
        next,
        held: 0,
        claim: Some(i64::MAX),
        clears: false,
        queries: Vec::new(),
        items: Vec::new(),
        attributes: Vec::new(),
        answers: Vec::new(),
        tasks: Vec::new(),
        withdrawn: Vec::new(),
    }
}

/// A record without a journal row.
pub(crate) fn move_only(key: RunKey, next: Next) -> Record {
    Record { events: Vec::new(), ..record(key, 0, next) }
}

pub(crate) fn close(status: RunStatus) -> Close {
    let failed = matches!(status, RunStatus::Failed | RunStatus::TimedOut);
    let outcome = Outcome {
        status,
        output: (!failed).then(|| r#"{"id": 7}"#.to_owned()),
        error: failed.then(|| r#"{"kind": "terminal", "message": "no"}"#.to_owned()),
        successor: None,
    };
    Close { outcome, claim: None, children: CloseChildren::None }
}

pub(crate) fn park() -> Next {
    Next::Park(Park { waiting_for: "signal `go`".into(), ..Park::default() })
}

pub(crate) fn signal(to: RunKey, number: u32) -> OutgoingMessage {
    let payload = Payload::json(&number).expect("JSON");
    OutgoingMessage { to, kind: MessageKind::Signal, name: "go".into(), payload, dedup: None }
}

pub(crate) async fn commit(
    store: &PgStore,
    worker: &WorkerIdentity,
    records: &[Record],
) -> Vec<Committed> {
    store.commit(0, worker.id, records).await.expect("a commit")
}

/// The numbers in signals.
pub(crate) fn numbers(letters: &[flows_core::store::InboxMessage]) -> Vec<u32> {
    letters.iter().map(|letter| letter.payload.decode().expect("a number")).collect()
}

/// A fork that takes nothing, of a run with or without rows.
pub(crate) fn fork_of(from: RunKey, run: NewRun) -> ForkedRun {
    let rewritten = vec![(0, b"fork".to_vec())];
    let (takes, messages) = (Takes::Nothing, Vec::new());
    ForkedRun { from, position: 0, run, copied: 0, rewritten, takes, messages, takes_inbox: false }
}
