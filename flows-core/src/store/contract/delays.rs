//! Time: nothing happens early, everything happens.

use std::time::Duration;

use super::bench::{Bench, BenchWorker, names, park, park_until, stuck, turn};
use crate::ids::RunKey;
use crate::store::{Activation, Committed, NewRun, Overdue, Placement, Sent, Started};
use crate::time::Timestamp;

const DELAY: Duration = Duration::from_millis(300);

pub(super) async fn a_delayed_run_never_starts_early(bench: Bench) {
    let worker = bench.worker().await;
    let (before, _) = worker.renew().await;
    let run = NewRun { delay: Some(DELAY), ..bench.run("order") };
    assert_eq!(bench.start(&run).await.expect("start"), Started::Created);
    let due = wake_at(&bench, run.key).await;
    assert!(due >= before.after(DELAY), "counted from the start");
    is_never_early(&worker, run.key, due).await;
}

pub(super) async fn a_start_time_is_kept(bench: Bench) {
    let worker = bench.worker().await;
    let (now, _) = worker.renew().await;
    let run = NewRun { start_at: Some(now.after(DELAY)), ..bench.run("order") };
    assert_eq!(bench.start(&run).await.expect("start"), Started::Created);
    assert_eq!(wake_at(&bench, run.key).await, now.after(DELAY));
    let found = is_never_early(&worker, run.key, now.after(DELAY)).await;
    assert_eq!(found.started_at, now.after(DELAY), "its time counts from then");
}

pub(super) async fn a_start_time_in_the_past_is_now(bench: Bench) {
    let worker = bench.worker().await;
    let run = NewRun { start_at: Some(Timestamp(0)), ..bench.run("order") };
    assert_eq!(bench.start(&run).await.expect("start"), Started::Created);
    worker.wait_for(run.key).await;
}

pub(super) async fn message_does_not_start_a_delayed_run(bench: Bench) {
    let worker = bench.worker().await;
    let run = NewRun { delay: Some(DELAY), ..bench.run("order") };
    assert_eq!(bench.start(&run).await.expect("start"), Started::Created);
    assert_eq!(bench.send(run.key, "early").await.expect("send"), Sent::Kept);
    let due = wake_at(&bench, run.key).await;
    let found = is_never_early(&worker, run.key, due).await;
    assert_eq!(names(&found.inbox), ["early"]);
}

pub(super) async fn a_parked_run_wakes_when_it_is_due_and_not_before(bench: Bench) {
    let worker = bench.worker().await;
    let key = bench.owned("order", &worker).await;
    let (now, _) = worker.renew().await;
    let due = now.after(DELAY);
    assert_eq!(worker.commit(turn(key, 0, park_until(due))).await, Committed::Done);
    is_never_early(&worker, key, due).await;
}

async fn wake_at(bench: &Bench, key: RunKey) -> Timestamp {
    match bench.place(key).await {
        Some(Placement::Parked { wake_at: Some(at), .. }) => at,
        other => panic!("not parked until a time: {other:?}"),
    }
}

/// Looks and claims until the run comes, which must not be before it is due.
async fn is_never_early(worker: &BenchWorker, key: RunKey, due: Timestamp) -> Activation {
    let polled = worker.poll().await;
    assert!(polled.next_due.is_some_and(|at| at <= due), "{polled:?} does not know {due:?}");
    let found = worker.wait_for(key).await;
    let (now, _) = worker.renew().await;
    assert!(now >= due, "claimed at {now:?}, due at {due:?}");
    found
}

/// Those of its tenant that are overdue.
async fn overdue(bench: &Bench) -> Vec<Overdue> {
    let mut found = bench.store.overdue(1_000).await.expect("overdue");
    found.retain(|overdue| overdue.run.tenant == bench.tenant);
    found
}

pub(super) async fn runs_that_nobody_ends_are_overdue_at_their_limit(bench: Bench) {
    let (limit, worker) = (Duration::from_millis(300), bench.worker().await);
    let limited = |id| bench.run(id).with(|spec| spec.timeout = Some(limit));
    let (ready, stuck_one, parked, late) =
        (limited("ready"), limited("stuck"), limited("parked"), limited("late"));
    for (run, next) in [(&stuck_one, stuck()), (&parked, park())] {
        bench.start(run).await.expect("start");
        worker.claim(run.key).await;
        assert_eq!(worker.commit(turn(run.key, 0, next)).await, Committed::Done);
    }
    bench.start(&ready).await.expect("start");
    bench.start(&NewRun { delay: Some(limit * 100), ..late }).await.expect("start");
    bench.started("unlimited").await;
    let elsewhere = bench.other_workflow().run("elsewhere").with(|spec| spec.timeout = Some(limit));
    bench.start(&elsewhere).await.expect("start");
    assert_eq!(overdue(&bench).await, [], "not yet");
    tokio::time::sleep(limit).await; // time itself is under test
    let mut found = overdue(&bench).await;
    found.sort_by_key(|overdue| overdue.run);
    let mut expected = [elsewhere.key, stuck_one.key];
    expected.sort();
    assert_eq!(found.iter().map(|overdue| overdue.run).collect::<Vec<_>>(), expected);
    assert!(found.iter().all(|overdue| overdue.limit == limit && overdue.parent.is_none()));
    assert!(bench.is_ready(ready.key).await, "it has a worker");
    assert!(bench.other_workflow().worker().await.poll().await.overdue, "whoever looks");
    for overdue in found {
        assert!(bench.terminate(overdue.run, &[]).await);
    }
    assert_eq!(overdue(&bench).await, [], "they have ended");
}
