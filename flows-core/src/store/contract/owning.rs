//! Runs that a worker owns from their start.

use std::time::Duration;

use super::bench::{Bench, BenchWorker, completed, names, turn};
use crate::error::{ErrorKind, Result};
use crate::store::{Committed, ConflictPolicy, NewRun, Placement, RunSpec, Started};

/// A lease that lapses within a case.
const SHORT: Duration = Duration::from_secs(1);

fn json(text: &str) -> serde_json::Value {
    serde_json::from_str(text).expect("json")
}

async fn is_owned(bench: &Bench, run: &NewRun, by: &BenchWorker) -> bool {
    let place = bench.place(run.key).await;
    matches!(place, Some(Placement::Owned { worker, .. }) if worker == by.id())
}

pub(super) async fn a_run_can_be_owned_from_its_start(bench: Bench) {
    let worker = bench.worker().await;
    let (before, _) = worker.renew().await;
    let run = bench.run("order");
    let answers = worker.start_owned(std::slice::from_ref(&run)).await;
    let Ok(Started::Owned { started_at, claim }) = answers[0] else { panic!("{answers:?}") };
    assert!(before <= started_at && started_at <= worker.renew().await.0);
    assert!(is_owned(&bench, &run, &worker).await);
    worker.finds_nothing().await;
    let found = worker.reload(&[run.key]).await.remove(0);
    assert_eq!((found.key, found.claim, found.started_at), (run.key, claim, started_at));
    assert_eq!(
        (&found.spec.workflow_id, json(&found.spec.input)),
        (&run.spec.workflow_id, json(&run.spec.input))
    );
    assert_eq!(bench.find("order").await, Some(run.key));

    bench.send(run.key, "hello").await.expect("send");
    assert_eq!(names(&worker.collect().await[0].inbox), ["hello"], "its messages is the owner's");
    assert_eq!(worker.commit(turn(run.key, 0, completed())).await, Committed::Done);
    assert_eq!(bench.place(run.key).await, None);
}

pub(super) async fn claims_of_starts_differ(bench: Bench) {
    let worker = bench.worker().await;
    let claimed = bench.owned("claimed", &worker).await;
    let claimed = worker.reload(&[claimed]).await.remove(0).claim;
    let claim_of = async |id: &str| {
        let run = bench.run(id);
        match worker.start_owned(&[run]).await.remove(0) {
            Ok(Started::Owned { claim, .. }) => claim,
            other => panic!("{other:?}"),
        }
    };
    let (one, other) = (claim_of("one").await, claim_of("other").await);
    assert!(claimed != one && one != other && claimed != other);
}

pub(super) async fn who_has_no_lease_owns_no_start(bench: Bench) {
    let late = bench.worker_with_lease(SHORT).await;
    let retired = bench.worker().await;
    retired.retire().await;
    tokio::time::sleep(SHORT * 2).await;
    for (number, worker) in [late, retired, bench.stranger(SHORT)].iter().enumerate() {
        let run = bench.run(&number.to_string());
        let answers = worker.start_owned(std::slice::from_ref(&run)).await;
        assert!(matches!(answers[0], Ok(Started::Created)), "{answers:?}");
        assert!(bench.is_ready(run.key).await);
    }
}

pub(super) async fn ids_that_are_taken_are_not_owned(bench: Bench) {
    let worker = bench.worker().await;
    let taken = bench.started("taken").await;
    let uses = NewRun { on_conflict: ConflictPolicy::UseExisting, ..bench.run("taken") };
    let other = bench.other_tenant();
    let runs = [bench.run("a"), bench.run("taken"), uses, other.run("taken"), bench.run("a")];
    let answers = worker.start_owned(&runs).await;
    assert!(matches!(answers[0], Ok(Started::Owned { .. })), "{answers:?}");
    let error = answers[1].as_ref().expect_err("rejected");
    assert_eq!(error.kind(), ErrorKind::AlreadyExists);
    assert!(matches!(answers[2], Ok(Started::Exists(key)) if key == taken), "{answers:?}");
    assert!(matches!(answers[3], Ok(Started::Owned { .. })), "of another tenant: {answers:?}");
    assert!(answers[4].is_err(), "twice in one batch: {answers:?}");
    assert!(bench.is_ready(taken).await, "it stays where it was");
    assert!(is_owned(&other, &runs[3], &worker).await);
}

pub(super) async fn runs_owned_from_their_start_are_taken_over(bench: Bench) {
    let dead = bench.worker_with_lease(SHORT).await;
    let run = bench.run("order");
    let answers = dead.start_owned(std::slice::from_ref(&run)).await;
    assert!(matches!(answers[0], Ok(Started::Owned { .. })), "{answers:?}");
    tokio::time::sleep(SHORT * 2).await;
    let worker = bench.worker().await;
    let found = worker.wait_for(run.key).await;
    assert_eq!(json(&found.spec.input), json(&run.spec.input));
    assert!(is_owned(&bench, &run, &worker).await);
}

pub(super) async fn delayed_runs_are_owned_by_nobody(bench: Bench) {
    let worker = bench.worker().await;
    let run = NewRun { delay: Some(Duration::from_secs(3_600)), ..bench.run("later") };
    let answers = worker.start_owned(std::slice::from_ref(&run)).await;
    assert!(matches!(answers[0], Ok(Started::Created)), "{answers:?}");
    assert!(bench.is_parked(run.key).await);
}

/// Behind a lost answer, a run is started under its run id again; it may come together with others.
pub(super) async fn a_start_that_comes_again_harms_no_other(bench: Bench) {
    let worker = bench.worker().await;
    let [once, other] = ["one", "other"].map(|id| without_id(bench.run(id)));
    let answers = worker.start_owned(std::slice::from_ref(&once)).await;
    assert!(matches!(answers[0], Ok(Started::Owned { .. })), "{answers:?}");
    let answers = worker.start_owned(&[other.clone(), once.clone()]).await;
    let is_started =
        |answer: &Result<Started>| matches!(answer, Ok(Started::Owned { .. } | Started::Created));
    assert!(is_started(&answers[0]), "{answers:?}");
    let is_known = match answers[1] {
        Ok(Started::Exists(key)) => key == once.key,
        Ok(Started::Created) => true, // by the start before
        _ => false,
    };
    assert!(is_known, "{answers:?}");
    assert!(is_owned(&bench, &once, &worker).await, "it stays where it was");
    assert!(bench.is_ready(other.key).await || is_owned(&bench, &other, &worker).await);
}

fn without_id(run: NewRun) -> NewRun {
    let spec = RunSpec { workflow_id: None, ..RunSpec::clone(&run.spec) };
    NewRun { spec: spec.into(), on_conflict: ConflictPolicy::UseExisting, ..run }
}
