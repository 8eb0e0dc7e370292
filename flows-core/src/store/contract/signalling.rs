//! Signals that start the run that receives them.

use super::bench::{Bench, completed, failed, names, signal, turn};
use crate::error::{ErrorKind, Result};
use crate::ids::RunKey;
use crate::store::{ConflictPolicy, NewRun, OutgoingMessage, Sent, Started};

async fn send(bench: &Bench, run: &NewRun, name: &str) -> Result<(Started, Sent)> {
    bench.store.signal_with_start(run, &signal(run.key, name)).await
}

async fn send_keyed(bench: &Bench, run: &NewRun, key: &str) -> Result<(Started, Sent)> {
    let message = OutgoingMessage { dedup: Some(key.into()), ..signal(run.key, "go") };
    bench.store.signal_with_start(run, &message).await
}

pub(super) async fn a_signal_starts_its_run(bench: Bench) {
    let worker = bench.worker().await;
    let run = bench.run("cart");
    let (started, _) = send(&bench, &run, "go").await.expect("started");
    assert_eq!(started, Started::Created);
    assert_eq!(bench.find("cart").await, Some(run.key));
    assert_eq!(names(&worker.claim(run.key).await.inbox), ["go"]);
    let again = send(&bench, &run, "go").await.expect("an answer that was lost comes again");
    assert_eq!(again, (Started::Created, Sent::Duplicate));
    assert_eq!(bench.view(run.key).await.inbox, 1);
}

pub(super) async fn a_signal_goes_to_the_open_run_of_its_id(bench: Bench) {
    let worker = bench.worker().await;
    let first = bench.parked("cart", &worker).await;
    let policies = [
        ConflictPolicy::Reject,
        ConflictPolicy::UseExisting,
        ConflictPolicy::AllowIfClosed,
        ConflictPolicy::AllowIfFailed,
    ];
    for on_conflict in policies {
        let run = NewRun { on_conflict, ..bench.run("cart") };
        let answer = send(&bench, &run, "go").await.expect("sent");
        assert_eq!(answer, (Started::Exists(first), Sent::ToReady), "{on_conflict:?}");
        assert!(bench.store.describe(run.key).await.expect("describe").is_none());
    }
    assert_eq!(names(&worker.claim(first).await.inbox), ["go"; 4]);
    let (_, sent) = send(&bench, &bench.run("cart"), "go").await.expect("sent");
    assert_eq!(sent, Sent::ToOwner(worker.id()));
}

pub(super) async fn a_signal_behind_the_end_starts_what_the_policy_says(bench: Bench) {
    let worker = bench.worker().await;
    for (number, (end, policy, starts)) in [
        (completed(), ConflictPolicy::Reject, false),
        (completed(), ConflictPolicy::UseExisting, false),
        (completed(), ConflictPolicy::AllowIfFailed, false),
        (completed(), ConflictPolicy::AllowIfClosed, true),
        (failed(), ConflictPolicy::Reject, false),
        (failed(), ConflictPolicy::AllowIfFailed, true),
        (failed(), ConflictPolicy::AllowIfClosed, true),
    ]
    .into_iter()
    .enumerate()
    {
        let id = format!("cart {number}");
        let first = bench.ended(&id, &worker, end).await;
        let run = NewRun { on_conflict: policy, ..bench.run(&id) };
        let answer = send(&bench, &run, "go").await;
        if starts {
            assert_eq!(answer.expect("started").0, Started::Created);
            assert_eq!(bench.find(&id).await, Some(run.key));
            assert_eq!(names(&worker.claim(run.key).await.inbox), ["go"]);
        } else {
            let error = answer.expect_err("it has ended");
            assert_eq!(error.kind(), ErrorKind::Closed, "{policy:?}: {error}");
            assert_eq!(bench.find(&id).await, Some(first), "nothing was started");
        }
    }
}

pub(super) async fn a_start_takes_an_id_as_the_policy_says(bench: Bench) {
    let worker = bench.worker().await;
    let open = bench.parked("open", &worker).await;
    let (good, bad) = (
        bench.ended("good", &worker, completed()).await,
        bench.ended("bad", &worker, failed()).await,
    );
    for (id, policy, holder) in [
        ("open", ConflictPolicy::AllowIfFailed, Some(open)),
        ("open", ConflictPolicy::AllowIfClosed, Some(open)),
        ("good", ConflictPolicy::AllowIfFailed, Some(good)),
        ("bad", ConflictPolicy::AllowIfFailed, None),
        ("good", ConflictPolicy::AllowIfClosed, None),
    ] {
        let run = NewRun { on_conflict: policy, ..bench.run(id) };
        match (bench.start(&run).await, holder) {
            (Ok(started), None) => assert_eq!(started, Started::Created, "{id}"),
            (Err(error), Some(_)) => assert_eq!(error.kind(), ErrorKind::AlreadyExists, "{error}"),
            (answer, _) => panic!("{id} under {policy:?}: {answer:?}"),
        }
        assert_eq!(bench.find(id).await, holder.or(Some(run.key)), "{id} under {policy:?}");
    }
    assert_eq!(bench.view(bad).await.spec.workflow_id.as_deref(), Some("bad"), "it is kept");
}

pub(super) async fn a_key_of_a_signal_is_received_once_also_behind_the_end(bench: Bench) {
    let worker = bench.worker().await;
    let first = bench.run("cart");
    assert_eq!(send_keyed(&bench, &first, "k").await.expect("sent").0, Started::Created);
    let duplicate = (Started::Exists(first.key), Sent::Duplicate);
    assert_eq!(send_keyed(&bench, &bench.run("cart"), "k").await.expect("sent"), duplicate);
    let inbox = worker.claim(first.key).await.inbox;
    assert_eq!(names(&inbox), ["go"]);
    worker.commit(turn(first.key, 0, completed())).await;
    let again = NewRun { on_conflict: ConflictPolicy::AllowIfClosed, ..bench.run("cart") };
    assert_eq!(send_keyed(&bench, &again, "k").await.expect("sent"), duplicate);
    assert_eq!(send_keyed(&bench, &again, "other").await.expect("sent").0, Started::Created);
}

pub(super) async fn a_signal_does_not_go_to_another_workflow(bench: Bench) {
    let first = bench.started("cart").await;
    let other = bench.other_workflow();
    let error = send(&other, &other.run("cart"), "go").await.expect_err("another workflow");
    assert_eq!(error.kind(), ErrorKind::AlreadyExists, "{error}");
    assert_eq!(bench.view(first).await.inbox, 0);
}

pub(super) async fn of_racing_signals_one_starts(bench: Bench) {
    const CALLERS: usize = 10;
    const SIGNALS: usize = 5;
    let worker = bench.worker().await;
    let mut callers = tokio::task::JoinSet::new();
    for caller in 0..CALLERS {
        let bench = bench.clone();
        callers.spawn(async move {
            let mut started = 0;
            for number in 0..SIGNALS {
                let name = format!("{caller} {number}");
                let (answer, _) = send(&bench, &bench.run("cart"), &name).await.expect("sent");
                started += usize::from(answer == Started::Created);
            }
            started
        });
    }
    assert_eq!(callers.join_all().await.into_iter().sum::<usize>(), 1);
    let run: RunKey = bench.find("cart").await.expect("a run");
    let inbox = worker.claim(run).await.inbox;
    let names = names(&inbox);
    assert_eq!(names.len(), CALLERS * SIGNALS);
    for caller in 0..CALLERS {
        let of_caller = |name: &&&str| name.starts_with(&format!("{caller} "));
        let own: Vec<_> = names.iter().filter(of_caller).copied().collect();
        assert!(own.is_sorted(), "in the order of each caller: {own:?}");
    }
}
