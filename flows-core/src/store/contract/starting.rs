//! Starts: what a worker gets of them, and who may have a workflow id.

use std::sync::Arc;
use std::time::Duration;

use super::bench::{Bench, completed, json, park, turn};
use crate::error::ErrorKind;
use crate::ids::RunKey;
use crate::retry::RetryPolicy;
use crate::store::ClosePolicy;
use crate::store::{ConflictPolicy, NewRun, Parent, RunSpec, RunStatus, Started};

pub(super) async fn a_started_run_can_be_claimed_with_all_it_needs(bench: Bench) {
    let worker = bench.worker().await;
    let parent =
        Parent { run: RunKey::new(bench.tenant, None).run, op: 7, on_close: ClosePolicy::Abandon };
    let run = bench.run("order").with(|spec| {
        (spec.priority, spec.attempt) = (3, 2);
        spec.timeout = Some(Duration::from_secs(90));
        spec.retry = Some(RetryPolicy::default().max_attempts(4));
        spec.parent = Some(parent);
        spec.headers = [("user", "ann"), ("trace", "t-1")].into_iter().collect();
    });
    let (before, _) = worker.renew().await;
    assert_eq!(bench.start(&run).await.expect("start"), Started::Created);
    let (after, _) = worker.renew().await;
    let found = worker.claim(run.key).await;
    assert_eq!(json(&found.spec.input), json(&run.spec.input));
    let input = Arc::clone(&run.spec.input); // JSON, and spelled as the store spells it
    assert_eq!(RunSpec { input, ..RunSpec::clone(&found.spec) }, *run.spec);
    assert!(before <= found.started_at && found.started_at <= after, "created in between");
    assert!(found.journal.is_empty() && found.inbox.is_empty());
}

pub(super) async fn starts_are_answered_in_order_and_independent(bench: Bench) {
    bench.started("taken").await;
    let runs = ["a", "taken", "b", "b", "c"].map(|id| bench.run(id));
    let answers = bench.store.start(&runs).await.expect("start");
    let created: Vec<_> = answers.iter().map(|a| matches!(a, Ok(Started::Created))).collect();
    assert_eq!(created, [true, false, true, false, true]);
    for (run, created) in runs.iter().zip(created) {
        let found = bench.store.describe(run.key).await.expect("describe");
        assert_eq!(found.is_some(), created, "{:?}", run.spec.workflow_id);
    }
}

pub(super) async fn an_id_that_exists_is_rejected(bench: Bench) {
    let worker = bench.worker().await;
    let first = bench.owned("order", &worker).await;
    let open = bench.start(&bench.run("order")).await.expect_err("a conflict");
    assert_eq!(open.kind(), ErrorKind::AlreadyExists, "{open}");
    worker.commit(turn(first, 0, completed())).await;
    let ended = bench.start(&bench.run("order")).await.expect_err("a conflict");
    assert_eq!(ended.kind(), ErrorKind::AlreadyExists, "{ended}");
    assert_eq!(bench.find("order").await, Some(first));
}

pub(super) async fn an_id_that_exists_can_be_used(bench: Bench) {
    let worker = bench.worker().await;
    let first = bench.owned("order", &worker).await;
    let again = NewRun { on_conflict: ConflictPolicy::UseExisting, ..bench.run("order") };
    assert_eq!(bench.start(&again).await.expect("start"), Started::Exists(first));
    worker.commit(turn(first, 0, completed())).await;
    assert_eq!(bench.start(&again).await.expect("start"), Started::Exists(first));
}

pub(super) async fn an_open_run_must_be_terminated_before_its_id_is_reused(bench: Bench) {
    let worker = bench.worker().await;
    let first = bench.parked("order", &worker).await;
    let again = NewRun { on_conflict: ConflictPolicy::TerminateExisting, ..bench.run("order") };
    assert_eq!(bench.start(&again).await.expect("start"), Started::Exists(first));
    assert!(bench.terminate(first, &[]).await);
    assert_eq!(bench.start(&again).await.expect("start"), Started::Created);
    assert_eq!(bench.find("order").await, Some(again.key));
    assert_eq!(bench.view(first).await.status, RunStatus::Terminated);
    worker.claim(again.key).await;
}

pub(super) async fn an_ended_run_gives_its_id_away_under_terminate_existing(bench: Bench) {
    let worker = bench.worker().await;
    let first = bench.ended("order", &worker, completed()).await;
    let again = NewRun { on_conflict: ConflictPolicy::TerminateExisting, ..bench.run("order") };
    assert_eq!(bench.start(&again).await.expect("start"), Started::Created);
    assert_eq!(bench.find("order").await, Some(again.key));
    assert_eq!(bench.view(first).await.status, RunStatus::Completed);
}

pub(super) async fn two_tenants_use_the_same_id(bench: Bench) {
    let (worker, other) = (bench.worker().await, bench.other_tenant());
    let first = bench.owned("order", &worker).await;
    let second = other.owned("order", &worker).await;
    assert_eq!(bench.find("order").await, Some(first));
    assert_eq!(other.find("order").await, Some(second));
    worker.commit(turn(first, 0, completed())).await;
    worker.commit(turn(second, 0, park())).await;
    assert_eq!(bench.view(first).await.status, RunStatus::Completed);
    assert_eq!(other.view(second).await.status, RunStatus::Running);
}

pub(super) async fn of_racing_starts_one_wins(bench: Bench) {
    let mut racers = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let bench = bench.clone();
        racers.spawn(async move { bench.start(&bench.run("order")).await });
    }
    let answers = racers.join_all().await;
    let won = answers.iter().filter(|answer| matches!(answer, Ok(Started::Created))).count();
    assert_eq!(won, 1, "{answers:?}");
    for error in answers.into_iter().filter_map(Result::err) {
        assert_eq!(error.kind(), ErrorKind::AlreadyExists, "{error}");
    }
}
