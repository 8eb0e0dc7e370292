//! Attempts of activities for workers of other queues: queued by a record, claimed once, ended once.

use std::time::Duration;

use super::bench::{Bench, BenchWorker, completed, park, turn};
use crate::ids::RunKey;
use crate::payload::Payload;
use crate::store::{
    ClaimTasks, ClaimedTask, Committed, MessageKind, Next, OutgoingMessage, Placement, QueuedTask,
    Record, TaskBeat, TaskEnd,
};

/// A lease that lapses within a case.
const SHORT: Duration = Duration::from_secs(1);

impl Bench {
    fn task(&self, run: RunKey, op: u32) -> QueuedTask {
        QueuedTask { run, op, attempt: 1, lane: self.lane() ^ 1, content: vec![7] }
    }

    /// A run whose owner has queued an attempt.
    async fn queued(&self, id: &str, worker: &BenchWorker) -> (RunKey, QueuedTask) {
        let key = self.owned(id, worker).await;
        let task = self.task(key, 3);
        let record = Record { tasks: vec![task.clone()], ..turn(key, 0, Next::Stay) };
        assert_eq!(worker.commit(record).await, Committed::Done);
        (key, task)
    }
}

impl BenchWorker {
    async fn claim_tasks(&self, limit: usize) -> Vec<ClaimedTask> {
        let lanes = &self.identity.task_lanes;
        let claim = ClaimTasks { worker: self.id(), lanes, limit };
        self.store().claim_tasks(claim).await.expect("claim_tasks")
    }

    /// Whether somebody waits for it.
    async fn check_task(&self, task: &QueuedTask, heartbeat: Option<&str>) -> bool {
        let QueuedTask { run, op, attempt, .. } = *task;
        let beat =
            TaskBeat { run, op, attempt, heartbeat: heartbeat.map(|it| it.as_bytes().to_vec()) };
        self.store().check_tasks(self.id(), &[beat]).await.expect("check_tasks")[0]
    }

    async fn end_task(&self, task: &QueuedTask) {
        self.end(task, false).await;
    }

    async fn end(&self, task: &QueuedTask, queued: bool) {
        let QueuedTask { run, op, attempt, .. } = *task;
        let (to, kind, payload) = (run, MessageKind::ActivityCompleted, Payload::from_json("1"));
        let (name, dedup) = (format!("{op}-{attempt}"), Some(format!("end of {op}-{attempt}")));
        let message = Some(OutgoingMessage { to, kind, name, payload, dedup });
        let ends = [TaskEnd { run, op, attempt, queued, message }];
        while !self.store().end_tasks(self.id(), &ends).await.expect("end_tasks")[0] {
            tokio::time::sleep(Duration::from_millis(10)).await; // others race with it
        }
    }
}

fn claimed(task: QueuedTask) -> ClaimedTask {
    ClaimedTask { task, heartbeat: None, lost: false, is_open: true }
}

pub(super) async fn a_task_is_queued_with_its_record_and_only_then(bench: Bench) {
    let (owner, other) = (bench.worker().await, bench.worker().await);
    let key = bench.owned("order", &owner).await;
    assert_eq!(owner.commit(turn(key, 0, Next::Stay)).await, Committed::Done);
    let late = Record { tasks: vec![bench.task(key, 1)], ..turn(key, 0, Next::Stay) };
    assert_eq!(owner.commit(late).await, Committed::Lost);
    assert!(!other.poll().await.tasks);
    assert!(other.claim_tasks(9).await.is_empty());
    let record = Record { tasks: vec![bench.task(key, 1)], ..turn(key, 1, park()) };
    assert_eq!(owner.commit(record).await, Committed::Done);
    assert!(other.poll().await.tasks);
    assert_eq!(other.claim_tasks(9).await, [claimed(bench.task(key, 1))]);
}

pub(super) async fn a_task_is_claimed_once(bench: Bench) {
    let (owner, other) = (bench.worker().await, bench.worker().await);
    let key = bench.owned("order", &owner).await;
    let tasks: Vec<_> = (0..6).map(|op| bench.task(key, op)).collect();
    let record = Record { tasks: tasks.clone(), ..turn(key, 0, Next::Stay) };
    assert_eq!(owner.commit(record).await, Committed::Done);
    let stranger = bench.other_workflow().worker().await;
    assert!(stranger.claim_tasks(9).await.is_empty(), "another lane");
    assert!(bench.stranger(SHORT).claim_tasks(9).await.is_empty(), "it has no lease");
    let (first, second) = (other.claim_tasks(4).await, owner.claim_tasks(9).await);
    assert_eq!((first.len(), second.len()), (4, 2));
    let mut all: Vec<_> = first.into_iter().chain(second).map(|claimed| claimed.task).collect();
    all.sort_by_key(|task| task.op);
    assert_eq!(all, tasks);
    assert!(!other.poll().await.tasks);
}

pub(super) async fn a_task_ends_once_and_its_run_hears_of_it(bench: Bench) {
    let (owner, other) = (bench.worker().await, bench.worker().await);
    let (key, task) = bench.queued("order", &owner).await;
    assert_eq!(owner.commit(turn(key, 1, park())).await, Committed::Done);
    other.end_task(&task).await; // it has not claimed it
    assert!(bench.is_parked(key).await, "nobody has told it anything");
    other.claim_tasks(1).await;
    owner.end_task(&task).await; // another one has
    assert!(bench.is_parked(key).await, "nobody has told it anything");
    other.end_task(&task).await;
    other.end_task(&task).await;
    let found = owner.wait_for(key).await;
    let kinds: Vec<_> = found.inbox.iter().map(|message| message.kind).collect();
    assert_eq!(kinds, [MessageKind::ActivityCompleted]);
    assert!(!other.poll().await.tasks);
}

pub(super) async fn a_task_of_a_dead_worker_is_lost_and_ready(bench: Bench) {
    let owner = bench.worker().await;
    let dead = bench.worker_with_lease(SHORT).await;
    let (key, task) = bench.queued("order", &owner).await;
    assert_eq!(dead.claim_tasks(1).await.len(), 1);
    tokio::time::sleep(SHORT * 2).await;
    while !owner.poll().await.tasks {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let lost = ClaimedTask { lost: true, ..claimed(task.clone()) };
    assert_eq!(owner.claim_tasks(1).await, [lost]);
    dead.end_task(&task).await; // too late
    assert!(!owner.poll().await.messages, "it is not its any more");
    owner.end_task(&task).await;
    assert_eq!(owner.collect_of(key).await.inbox.len(), 1);
}

pub(super) async fn a_task_that_is_handed_back_is_not_lost(bench: Bench) {
    let (owner, other) = (bench.worker().await, bench.worker().await);
    let (_, task) = bench.queued("order", &owner).await;
    assert_eq!(other.claim_tasks(1).await.len(), 1);
    other.retire().await;
    assert_eq!(owner.claim_tasks(1).await, [claimed(task)]);
}

pub(super) async fn a_heartbeat_is_kept_for_the_next_worker(bench: Bench) {
    let (owner, other) = (bench.worker().await, bench.worker().await);
    let (_, task) = bench.queued("order", &owner).await;
    assert!(!other.check_task(&task, Some("1")).await, "it has not claimed it");
    assert_eq!(other.claim_tasks(1).await, [claimed(task.clone())]);
    assert!(other.check_task(&task, Some("2")).await);
    assert!(other.check_task(&task, None).await, "nothing is new");
    assert!(!owner.check_task(&task, Some("3")).await, "another one has");
    other.retire().await;
    assert!(!other.check_task(&task, Some("4")).await, "not any more");
    let again = ClaimedTask { heartbeat: Some(b"2".to_vec()), ..claimed(task) };
    assert_eq!(owner.claim_tasks(1).await, [again]);
}

pub(super) async fn a_task_that_no_worker_has_claimed_can_be_ended(bench: Bench) {
    let (owner, other) = (bench.worker().await, bench.worker().await);
    let (key, task) = bench.queued("order", &owner).await;
    other.end(&task, true).await;
    assert_eq!(owner.collect_of(key).await.inbox.len(), 1);
    assert!(other.claim_tasks(9).await.is_empty(), "it is gone");
    let (_, task) = bench.queued("other", &owner).await;
    assert_eq!(other.claim_tasks(9).await, [claimed(task.clone())]);
    owner.end(&task, true).await;
    other.end(&task, true).await;
    assert!(other.check_task(&task, None).await, "it was claimed");
}

pub(super) async fn a_task_that_is_withdrawn_is_gone(bench: Bench) {
    let (owner, other) = (bench.worker().await, bench.worker().await);
    let key = bench.owned("order", &owner).await;
    let tasks = vec![bench.task(key, 0), bench.task(key, 1), bench.task(key, 2)];
    let record = Record { tasks: tasks.clone(), ..turn(key, 0, Next::Stay) };
    assert_eq!(owner.commit(record).await, Committed::Done);
    assert_eq!(other.claim_tasks(1).await, [claimed(tasks[0].clone())]);
    let at_once = vec![bench.task(key, 4)];
    let record = Record { tasks: at_once, withdrawn: vec![0, 1, 4], ..turn(key, 1, Next::Stay) };
    assert_eq!(owner.commit(record).await, Committed::Done);
    assert!(!other.check_task(&tasks[0], None).await, "nobody waits for it");
    assert_eq!(other.claim_tasks(9).await, [claimed(tasks[2].clone())]);
    other.end_task(&tasks[0]).await; // nobody hears of it
    other.end_task(&tasks[2]).await;
    assert_eq!(owner.collect_of(key).await.inbox.len(), 1);
}

pub(super) async fn a_task_of_a_run_that_has_ended_says_so(bench: Bench) {
    let (owner, other) = (bench.worker().await, bench.worker().await);
    let (key, task) = bench.queued("order", &owner).await;
    assert_eq!(owner.commit(turn(key, 1, completed())).await, Committed::Done);
    let unwanted = ClaimedTask { is_open: false, ..claimed(task.clone()) };
    assert_eq!(other.claim_tasks(9).await, [unwanted]);
    assert!(!other.check_task(&task, None).await);
    other.end_task(&task).await; // nobody hears of it
    assert!(!other.poll().await.tasks);
    assert_eq!(bench.place(key).await, None::<Placement>);
}
