//! Ends: outcomes, termination, successors.

use super::bench::{Bench, completed, ended_as, ended_by, failed, json, names, park, signal, turn};
use crate::store::{Committed, MessageKind, Next, Outcome, OutgoingMessage, Record, RunStatus};

pub(super) async fn an_ended_run_has_an_outcome_and_no_place(bench: Bench) {
    let worker = bench.worker().await;
    let key = bench.owned("order", &worker).await;
    bench.send(key, "unread").await.expect("send");
    let (before, _) = worker.renew().await;
    assert_eq!(worker.commit(turn(key, 0, completed())).await, Committed::Done);
    let view = bench.view(key).await;
    assert_eq!((view.status, view.placement, view.inbox), (RunStatus::Completed, None, 1));
    assert!(view.closed_at.is_some_and(|at| at >= before), "{:?}", view.closed_at);
    assert_eq!(json(&view.output.expect("output")), json(r#"{"paid":true}"#));
    let (found, outcome) = bench.store.outcomes(&[key]).await.expect("outcomes").remove(0);
    assert_eq!((found, outcome.status), (key, RunStatus::Completed));
    assert_eq!(json(&outcome.output.expect("output")), json(r#"{"paid":true}"#));
    assert_eq!((outcome.error, outcome.successor), (None, None));
    assert!(worker.collect().await.is_empty());
    worker.finds_nothing().await;
}

pub(super) async fn signals_that_came_too_late_stay_with_their_run(bench: Bench) {
    let worker = bench.worker().await;
    let (closed, ended) =
        (bench.owned("closed", &worker).await, bench.parked("ended", &worker).await);
    for key in [closed, ended] {
        for kind in [MessageKind::Signal, MessageKind::Cancel, MessageKind::ChildClosed] {
            bench.deliver(&OutgoingMessage { kind, ..signal(key, "late") }).await.expect("send");
        }
        bench.send(key, "later").await.expect("send");
    }
    assert_eq!(worker.commit(turn(closed, 0, completed())).await, Committed::Done);
    assert!(bench.terminate(ended, &[]).await);
    for key in [closed, ended] {
        let view = bench.view(key).await;
        assert_eq!((view.inbox, view.cancelling), (2, false), "{:?}", view.status);
        assert!(bench.send(key, "too late").await.is_err());
    }
    assert!(worker.collect().await.is_empty());
    worker.finds_nothing().await;
}

pub(super) async fn only_ended_runs_have_outcomes(bench: Bench) {
    let worker = bench.worker().await;
    let open = bench.parked("open", &worker).await;
    let error = bench.ended("error", &worker, failed()).await;
    let found = bench.store.outcomes(&[open, error]).await.expect("outcomes");
    assert_eq!(found.iter().map(|(key, _)| *key).collect::<Vec<_>>(), [error]);
    let Outcome { status, error, .. } = &found[0].1;
    assert_eq!(*status, RunStatus::Failed);
    assert!(error.as_ref().is_some_and(|text| text.contains("declined")), "{error:?}");
}

pub(super) async fn a_terminated_run_ends_wherever_it_is(bench: Bench) {
    let worker = bench.worker().await;
    let parked = bench.parked("parked", &worker).await;
    let owned = bench.owned("owned", &worker).await;
    let ready = bench.started("ready").await;
    for key in [parked, owned, ready] {
        assert!(bench.terminate(key, &[]).await);
        let view = bench.view(key).await;
        assert_eq!((view.status, view.placement), (RunStatus::Terminated, None));
        let last = bench.store.history(key).await.expect("history").pop();
        assert_eq!(last.expect("a row").events, b"terminated");
    }
    assert_eq!(bench.positions(parked).await, [0, 1]);
    worker.finds_nothing().await;
    assert!(worker.claim_some(ready.shard, 1).await.is_empty());
}

pub(super) async fn termination_makes_the_owner_lose(bench: Bench) {
    let worker = bench.worker().await;
    let key = bench.owned("order", &worker).await;
    assert!(bench.terminate(key, &[]).await);
    for next in [Next::Stay, park(), completed()] {
        let record = Record { starts: vec![bench.run("child")], ..turn(key, 0, next) };
        assert_eq!(worker.commit(record).await, Committed::Lost);
    }
    assert!(worker.reload(&[key]).await.is_empty());
    assert_eq!(bench.find("child").await, None);
    assert_eq!(bench.view(key).await.status, RunStatus::Terminated);
}

pub(super) async fn a_termination_tells_the_parent_once(bench: Bench) {
    let worker = bench.worker().await;
    let parent = bench.parked("parent", &worker).await;
    let child = bench.started("child").await;
    let messages = [OutgoingMessage { kind: MessageKind::ChildClosed, ..signal(parent, "0") }];
    assert!(bench.terminate(child, &messages).await);
    assert!(!bench.terminate(child, &messages).await);
    assert_eq!(names(&worker.claim(parent).await.inbox), ["0"]);
}

pub(super) async fn a_run_ends_once(bench: Bench) {
    let worker = bench.worker().await;
    let key = bench.ended("order", &worker, completed()).await;
    assert!(!bench.terminate(key, &[]).await);
    assert_eq!(worker.commit(turn(key, 1, failed())).await, Committed::Lost);
    assert_eq!(bench.view(key).await.status, RunStatus::Completed);
    assert_eq!(bench.positions(key).await, [0]);
}

pub(super) async fn a_successor_inherits_the_messages(bench: Bench) {
    let worker = bench.worker().await;
    let first = bench.owned("order", &worker).await;
    for kind in [MessageKind::Signal, MessageKind::Cancel, MessageKind::ChildClosed] {
        bench.deliver(&OutgoingMessage { kind, ..signal(first, "left") }).await.expect("send");
    }
    let next = bench.successor(first, "order");
    let close = ended_by(RunStatus::Continued, next.key.run);
    let passed_on = signal(next.key, "passed on");
    let record = turn(first, 0, Next::Close(close));
    let record = Record { starts: vec![next.clone()], messages: vec![passed_on], ..record };
    assert_eq!(worker.commit(record).await, Committed::Done);
    let successor = worker.claim(next.key).await;
    let order = ["passed on", "left", "left"];
    assert_eq!(names(&successor.inbox), order, "what the record sends comes first");
    let kinds: Vec<_> = successor.inbox.iter().map(|message| message.kind).collect();
    let expected = [MessageKind::Signal, MessageKind::Signal, MessageKind::Cancel];
    assert_eq!(kinds, expected, "but what answers an operation of the ended run");
    assert_eq!(bench.view(first).await.inbox, 0);
}

pub(super) async fn a_successor_inherits_messages_though_it_is_sent_none(bench: Bench) {
    let worker = bench.worker().await;
    let first = bench.owned("order", &worker).await;
    bench.deliver(&signal(first, "left")).await.expect("send");
    let next = bench.successor(first, "order");
    let close = ended_by(RunStatus::Continued, next.key.run);
    let record = Record { starts: vec![next.clone()], ..turn(first, 0, Next::Close(close)) };
    assert_eq!(worker.commit(record).await, Committed::Done);
    assert_eq!(names(&worker.claim(next.key).await.inbox), ["left"]);
}

pub(super) async fn a_successor_takes_over_the_id(bench: Bench) {
    let worker = bench.worker().await;
    let first = bench.owned("order", &worker).await;
    let next = bench.successor(first, "order");
    let successor = Some(next.key.run);
    let close = ended_by(RunStatus::Continued, next.key.run);
    let record = Record { starts: vec![next.clone()], ..turn(first, 0, Next::Close(close)) };
    assert_eq!(worker.commit(record).await, Committed::Done);
    assert_eq!(bench.find("order").await, Some(next.key));
    let outcome = bench.store.outcomes(&[first]).await.expect("outcomes").remove(0).1;
    assert_eq!((outcome.status, outcome.successor), (RunStatus::Continued, successor));
    assert_eq!(bench.view(first).await.successor, successor);
    let found = worker.claim(next.key).await;
    assert_eq!((found.spec.workflow_id.as_deref(), found.spec.attempt), (Some("order"), 2));
    assert_eq!(bench.view(next.key).await.spec.predecessor, Some(first.run));
}

pub(super) async fn a_successor_makes_no_dead_letter(bench: Bench) {
    let worker = bench.worker().await;
    let first = bench.owned("order", &worker).await;
    let next = bench.successor(first, "order");
    let close = ended_by(RunStatus::Failed, next.key.run);
    let record = Record { starts: vec![next], ..turn(first, 0, Next::Close(close)) };
    assert_eq!(worker.commit(record).await, Committed::Done);
    let dead = bench.store.dead_letters(bench.tenant, 10, false).await.expect("dead letters");
    assert!(dead.is_empty(), "{dead:?}");
}

pub(super) async fn only_failures_make_dead_letters(bench: Bench) {
    use RunStatus::{Cancelled, Completed, Failed, Terminated, TimedOut};
    let worker = bench.worker().await;
    for status in [Completed, Failed, Cancelled, Terminated, TimedOut] {
        bench.ended(status.name(), &worker, Next::Close(ended_as(status))).await;
    }
    let dead = bench.store.dead_letters(bench.tenant, 10, false).await.expect("dead letters");
    let ids: Vec<_> = dead.iter().map(|letter| letter.workflow_id.as_deref()).collect();
    assert_eq!(ids, [Some("timed_out"), Some("failed")], "newest first");
    let one = bench.store.dead_letters(bench.tenant, 1, false).await.expect("dead letters");
    assert_eq!(one.len(), 1);
}
