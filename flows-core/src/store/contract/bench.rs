//! The bench that cases work on: their own tenant and lane, workers, and short forms of records.

use std::sync::Arc;
use std::time::Duration;

use uuid::Uuid;

use crate::clock;
use crate::error::Result;
use crate::ids::{RunKey, lane_of};
use crate::payload::Payload;
use crate::store::{
    Activation, Claim, ClaimStuck, Close, CloseChildren, Collected, Committed, InboxMessage,
    MessageKind, NewRun, Next, Outcome, OutgoingMessage, PATIENCE, Page, Park, Placement, Polled,
    Record, RunSpec, RunStatus, RunView, Sent, Started, Store, WorkerIdentity,
};
use crate::time::Timestamp;

/// A lease that never lapses within a case.
pub(super) const LONG: Duration = Duration::from_secs(120);

/// A store, and a corner of it that no other case touches.
#[derive(Clone)]
pub(super) struct Bench {
    pub(super) store: Arc<dyn Store>,
    pub(super) tenant: Uuid,
    pub(super) workflow: Arc<str>,
}

impl Bench {
    pub(super) fn new(store: Arc<dyn Store>) -> Self {
        let workflow = format!("contract-{}", clock::uuid_v7()).into();
        Self { store, tenant: clock::uuid_v7(), workflow }
    }

    /// Another tenant with the same workflow.
    pub(super) fn other_tenant(&self) -> Self {
        Self { tenant: clock::uuid_v7(), ..self.clone() }
    }

    /// Another workflow of the same tenant, in another lane.
    pub(super) fn other_workflow(&self) -> Self {
        Self { workflow: format!("contract-{}", clock::uuid_v7()).into(), ..self.clone() }
    }

    pub(super) fn lane(&self) -> i64 {
        lane_of("default", &self.workflow, 1)
    }

    /// A run to start.
    pub(super) fn run(&self, id: &str) -> NewRun {
        let spec = RunSpec {
            workflow_id: Some(id.into()),
            workflow: self.workflow.clone(),
            version: 1,
            queue: "default".into(),
            priority: 0,
            input: r#"{"cents":42}"#.into(),
            attempt: 1,
            retry: None,
            timeout: None,
            parent: None,
            predecessor: None,
            headers: crate::Headers::default(),
        };
        NewRun::new(RunKey::new(self.tenant, Some(id)), spec)
    }

    /// A run that goes on for another, under its id.
    pub(super) fn successor(&self, of: RunKey, id: &str) -> NewRun {
        let spec = RunSpec { attempt: 2, ..self.run(id).spec.successor(of.run) };
        NewRun::new(of.successor(), spec)
    }

    pub(super) async fn start(&self, run: &NewRun) -> Result<Started> {
        let answers = self.store.start(std::slice::from_ref(run)).await;
        match answers.expect("start").remove(0) {
            Ok(Started::Held) => self.store.start_held(run, PATIENCE).await, // others race with it
            answer => answer,
        }
    }

    /// Starts a run, which must be new.
    pub(super) async fn started(&self, id: &str) -> RunKey {
        let run = self.run(id);
        assert_eq!(self.start(&run).await.expect("start"), Started::Created);
        run.key
    }

    /// Starts a run and has a worker claim it.
    pub(super) async fn owned(&self, id: &str, worker: &BenchWorker) -> RunKey {
        let key = self.started(id).await;
        worker.claim(key).await;
        key
    }

    /// Starts a run, has a worker claim it, and put it down.
    pub(super) async fn parked(&self, id: &str, worker: &BenchWorker) -> RunKey {
        let key = self.owned(id, worker).await;
        assert_eq!(worker.commit(turn(key, 0, park())).await, Committed::Done);
        key
    }

    /// Ends a run from outside; answers whether it was open.
    pub(super) async fn terminate(&self, key: RunKey, messages: &[OutgoingMessage]) -> bool {
        let close = ended_as(RunStatus::Terminated);
        let done = self.store.terminate(key, b"terminated", &close, messages).await;
        done.expect("terminate")
    }

    /// Starts a run and ends it in some way.
    pub(super) async fn ended(&self, id: &str, worker: &BenchWorker, next: Next) -> RunKey {
        let key = self.owned(id, worker).await;
        assert_eq!(worker.commit(turn(key, 0, next)).await, Committed::Done);
        key
    }

    /// Starts a run that ends in its first turn, and has nothing to tell.
    pub(super) async fn ended_without_row(&self, id: &str, worker: &BenchWorker) -> RunKey {
        let key = self.owned(id, worker).await;
        assert_eq!(worker.commit(no_turn(key, 0, completed())).await, Committed::Done);
        key
    }

    /// A worker of this lane, whose lease lasts.
    pub(super) async fn worker(&self) -> BenchWorker {
        self.worker_with_lease(LONG).await
    }

    pub(super) async fn worker_with_lease(&self, lease: Duration) -> BenchWorker {
        let worker = self.stranger(lease);
        worker.register().await;
        worker
    }

    /// A worker that the store does not know.
    pub(super) fn stranger(&self, lease: Duration) -> BenchWorker {
        let id = clock::uuid_v7();
        let lanes = vec![self.lane()];
        let (name, task_lanes) = (format!("worker {id}"), vec![self.lane() ^ 1]);
        let identity = WorkerIdentity { id, name, lease, lanes, task_lanes };
        BenchWorker { store: self.store.clone(), identity }
    }

    pub(super) async fn send(&self, to: RunKey, name: &str) -> Result<Sent> {
        self.deliver(&signal(to, name)).await
    }

    pub(super) async fn deliver(&self, message: &OutgoingMessage) -> Result<Sent> {
        let answers = self.store.send(std::slice::from_ref(message)).await;
        match answers.expect("send").remove(0) {
            Ok(Sent::Held) => self.store.send_held(message, PATIENCE).await, // others race with it
            answer => answer,
        }
    }

    pub(super) async fn view(&self, key: RunKey) -> RunView {
        self.store.describe(key).await.expect("describe").expect("a run")
    }

    pub(super) async fn place(&self, key: RunKey) -> Option<Placement> {
        self.view(key).await.placement
    }

    pub(super) async fn is_ready(&self, key: RunKey) -> bool {
        matches!(self.place(key).await, Some(Placement::Ready { .. }))
    }

    pub(super) async fn is_parked(&self, key: RunKey) -> bool {
        matches!(self.place(key).await, Some(Placement::Parked { .. }))
    }

    pub(super) async fn find(&self, id: &str) -> Option<RunKey> {
        self.store.find(self.tenant, id).await.expect("find")
    }

    pub(super) async fn positions(&self, key: RunKey) -> Vec<i32> {
        let history = self.store.history(key).await.expect("history");
        history.into_iter().map(|row| row.position).collect()
    }
}

/// A worker process.
#[derive(Clone)]
pub(super) struct BenchWorker {
    store: Arc<dyn Store>,
    pub(super) identity: WorkerIdentity,
}

impl BenchWorker {
    pub(super) fn store(&self) -> &dyn Store {
        &*self.store
    }

    pub(super) fn id(&self) -> Uuid {
        self.identity.id
    }

    pub(super) async fn register(&self) {
        let lease = self.store.register(&self.identity).await.expect("register");
        assert!(!lease.lapsed, "a new lease has not lapsed");
    }

    /// Claims stuck runs that are due, and a suspect.
    pub(super) async fn claim_stuck(&self, limit: usize, suspect: bool) -> Vec<Activation> {
        let lanes = &self.identity.lanes;
        let claim = ClaimStuck { worker: self.id(), lanes, limit, suspect };
        self.store.claim_stuck(claim).await.expect("claim_stuck")
    }

    /// The store's time, and whether the lease had lapsed.
    pub(super) async fn renew(&self) -> (Timestamp, bool) {
        let lease = self.store.renew(&self.identity).await.expect("renew");
        (lease.now, lease.lapsed)
    }

    pub(super) async fn start_owned(&self, runs: &[NewRun]) -> Vec<Result<Started>> {
        let answers = self.store.start_owned(self.id(), runs).await.expect("start_owned");
        assert_eq!(answers.len(), runs.len(), "one answer for each run");
        answers
    }

    pub(super) async fn poll(&self) -> Polled {
        self.store.poll(&self.identity).await.expect("poll")
    }

    pub(super) async fn finds_nothing(&self) {
        let polled = self.poll().await;
        assert!(polled.ready.is_empty(), "{polled:?}");
    }

    pub(super) async fn claim_some(&self, shard: i16, limit: usize) -> Vec<Activation> {
        self.claim_expecting(&[], shard, limit).await
    }

    pub(super) async fn claim_expecting(
        &self,
        expected: &[RunKey],
        shard: i16,
        limit: usize,
    ) -> Vec<Activation> {
        let lanes = &self.identity.lanes;
        let claim = Claim { worker: self.id(), shard, lanes, limit, expected };
        self.store.claim(claim).await.expect("claim")
    }

    /// Claims a run, which must be the next of its shard.
    pub(super) async fn claim(&self, key: RunKey) -> Activation {
        let mut claimed = self.claim_some(key.shard, 1).await;
        assert_eq!(claimed.iter().map(|a| a.key).collect::<Vec<_>>(), [key], "the run is ready");
        claimed.remove(0)
    }

    /// Looks and claims until the run comes.
    pub(super) async fn wait_for(&self, key: RunKey) -> Activation {
        for _ in 0..1_000 {
            self.poll().await;
            if let Some(found) = self.claim_some(key.shard, 1).await.pop() {
                assert_eq!(found.key, key);
                return found;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("the run never became ready");
    }

    pub(super) async fn commit(&self, record: Record) -> Committed {
        match self.commit_all(std::slice::from_ref(&record)).await.remove(0) {
            Committed::Held => self.commit_held(record).await,
            answer => answer,
        }
    }

    /// Hands a record in again until nobody holds its run: others race with it.
    async fn commit_held(&self, mut record: Record) -> Committed {
        loop {
            tokio::time::sleep(Duration::from_millis(10)).await;
            record.held += 1;
            match self.commit_all(std::slice::from_ref(&record)).await.remove(0) {
                Committed::Held => {}
                answer => return answer,
            }
        }
    }

    pub(super) async fn commit_all(&self, records: &[Record]) -> Vec<Committed> {
        let answers = self.store.commit(0, self.id(), records).await.expect("commit");
        assert_eq!(answers.len(), records.len(), "one answer for each record");
        answers
    }

    pub(super) async fn collect(&self) -> Vec<Collected> {
        self.store.collect(self.id()).await.expect("collect")
    }

    /// Collects the messages of one run, which must be the only one that has some.
    pub(super) async fn collect_of(&self, key: RunKey) -> Collected {
        let mut runs = self.collect().await;
        assert_eq!(runs.iter().map(|collected| collected.run).collect::<Vec<_>>(), [key]);
        runs.remove(0)
    }

    pub(super) async fn reload(&self, runs: &[RunKey]) -> Vec<Activation> {
        self.store.reload(self.id(), runs).await.expect("reload")
    }

    /// Reads on in one inbox.
    pub(super) async fn read_on(&self, key: RunKey, behind: i64) -> Page {
        let mut pages = self.store.read_inboxes(&[(key, behind)]).await.expect("read_inboxes");
        assert_eq!(pages.len(), 1, "one page for each");
        pages.remove(0)
    }

    pub(super) async fn retire(&self) {
        self.retire_innocent(&[]).await;
    }

    /// It has been alive, and these runs did not block it.
    pub(super) async fn retire_innocent(&self, runs: &[RunKey]) {
        self.store.retire(self.id(), runs).await.expect("retire");
    }
}

/// A turn of a run: one journal row, and what becomes of the run.
pub(super) fn turn(key: RunKey, position: i32, next: Next) -> Record {
    Record {
        key,
        position,
        events: format!("turn {position}").into_bytes(),
        consumed: Vec::new(),
        starts: Vec::new(),
        messages: Vec::new(),
        next,
        held: 0,
        claim: None,
        clears: false,
        queries: Vec::new(),
        items: Vec::new(),
        attributes: Vec::new(),
        answers: Vec::new(),
        tasks: Vec::new(),
        withdrawn: Vec::new(),
    }
}

/// No turn: only what becomes of the run.
pub(super) fn no_turn(key: RunKey, position: i32, next: Next) -> Record {
    Record { events: Vec::new(), ..turn(key, position, next) }
}

pub(super) fn park() -> Next {
    park_knowing(0)
}

/// Parks, knowing of so many messages.
pub(super) fn park_knowing(sent: i64) -> Next {
    Next::Park(Park { waiting_for: "a signal".to_owned(), sent, ..Park::default() })
}

pub(super) fn park_until(at: Timestamp) -> Next {
    let waiting_for = "a timer".to_owned();
    Next::Park(Park { wake_at: Some(at), waiting_for, ..Park::default() })
}

pub(super) fn stuck() -> Next {
    let why = Some("its code has changed".to_owned());
    let (waiting_for, wake_at) = ("a mended build".to_owned(), Some(MUCH_LATER));
    Next::Park(Park { waiting_for, stuck: why, setbacks: 1, wake_at, ..Park::default() })
}

/// When a stuck run is tried again, unless a build comes that may mend it.
pub(super) const MUCH_LATER: Timestamp = Timestamp(4_000_000_000_000_000);

pub(super) fn completed() -> Next {
    let output = Some(r#"{"paid":true}"#.to_owned());
    closed(Outcome { output, ..outcome(RunStatus::Completed) })
}

pub(super) fn failed() -> Next {
    let error = Some(r#"{"kind":"terminal","message":"declined"}"#.to_owned());
    closed(Outcome { error, ..outcome(RunStatus::Failed) })
}

fn closed(outcome: Outcome) -> Next {
    Next::Close(Close { outcome, claim: None, children: CloseChildren::None })
}

pub(super) fn ended_as(status: RunStatus) -> Close {
    Close { outcome: outcome(status), claim: None, children: CloseChildren::None }
}

/// Ended, and this run goes on.
pub(super) fn ended_by(status: RunStatus, successor: Uuid) -> Close {
    let outcome = Outcome { successor: Some(successor), ..outcome(status) };
    Close { outcome, claim: None, children: CloseChildren::None }
}

fn outcome(status: RunStatus) -> Outcome {
    Outcome { status, output: None, error: None, successor: None }
}

/// A signal whose payload is its own name.
pub(super) fn signal(to: RunKey, name: &str) -> OutgoingMessage {
    let payload = Payload::json(&name).expect("json");
    OutgoingMessage { to, kind: MessageKind::Signal, name: name.to_owned(), payload, dedup: None }
}

pub(super) fn names(messages: &[InboxMessage]) -> Vec<&str> {
    messages.iter().map(|message| message.name.as_str()).collect()
}

/// JSON text as a value: stores keep JSON, not its spelling.
pub(super) fn json(text: &str) -> serde_json::Value {
    serde_json::from_str(text).expect("JSON")
}
