//! Forks: rows of another journal, a place that is taken once, and all of them or none.

use super::bench::{Bench, completed, ended_as, failed, names, park, turn};
use crate::error::ErrorKind;
use crate::ids::RunKey;
use crate::store::{
    Committed, ForkedRun, NewRun, Next, Origin, Placement, RunStatus, Started, Takes,
};

/// A run with three rows that is open and owned.
async fn three_rows(bench: &Bench, id: &str) -> (RunKey, super::bench::BenchWorker) {
    let worker = bench.worker().await;
    let key = bench.owned(id, &worker).await;
    for position in 0..3 {
        assert_eq!(worker.commit(turn(key, position, Next::Stay)).await, Committed::Done);
    }
    (key, worker)
}

fn fork(from: RunKey, run: NewRun, takes: Takes) -> ForkedRun {
    let rewritten = vec![(0, b"fork".to_vec())];
    let (messages, takes_inbox) = (Vec::new(), false);
    ForkedRun { from, position: 4, run, copied: 2, rewritten, takes, messages, takes_inbox }
}

fn beside(bench: &Bench, from: RunKey) -> ForkedRun {
    let run = bench.run("").with(|spec| spec.workflow_id = None);
    fork(from, NewRun { key: from.successor(), ..run }, Takes::Nothing)
}

fn in_place(bench: &Bench, from: RunKey, id: &str) -> ForkedRun {
    let place = Takes::Place(b"reset".to_vec(), ended_as(RunStatus::Terminated));
    fork(from, bench.successor(from, id), place)
}

async fn forked(bench: &Bench, fork: ForkedRun) -> RunKey {
    let key = fork.run.key;
    assert_eq!(bench.store.fork(&[fork]).await.expect("fork"), Started::Created);
    key
}

async fn rows(bench: &Bench, key: RunKey) -> Vec<(i32, Vec<u8>)> {
    let rows = bench.store.history(key).await.expect("history");
    rows.into_iter().map(|row| (row.position, row.events)).collect()
}

pub(super) async fn a_fork_has_the_rows_that_are_copied_and_those_that_are_written(bench: Bench) {
    let (from, _worker) = three_rows(&bench, "order").await;
    let old = rows(&bench, from).await;
    let mut fork = beside(&bench, from);
    fork.rewritten.push((2, b"more".to_vec()));
    let key = forked(&bench, fork).await;
    let new = rows(&bench, key).await;
    assert_eq!(new, [(0, b"fork".to_vec()), old[1].clone(), (2, b"more".to_vec())]);
    assert_eq!(rows(&bench, from).await, old);
}

pub(super) async fn a_fork_is_read_by_who_claims_it(bench: Bench) {
    let (from, worker) = three_rows(&bench, "order").await;
    let key = forked(&bench, beside(&bench, from)).await;
    let claimed = worker.claim(key).await;
    assert_eq!((claimed.journal.len(), claimed.is_new), (2, false));
    assert_eq!(worker.commit(turn(key, 1, park())).await, Committed::Lost, "that row is there");
    assert_eq!(worker.commit(turn(key, 2, completed())).await, Committed::Done);
}

pub(super) async fn a_fork_knows_where_it_is_from_and_the_other_run_knows_it(bench: Bench) {
    let (from, _worker) = three_rows(&bench, "order").await;
    let first = forked(&bench, beside(&bench, from)).await;
    let second = forked(&bench, beside(&bench, from)).await;
    let origin = Origin { run: from.run, position: 4 };
    assert_eq!(bench.view(first).await.origin, Some(origin));
    let mut both = [first.run, second.run];
    both.sort_unstable();
    assert_eq!(bench.view(from).await.forks, both);
    assert_eq!(bench.view(from).await.origin, None);
}

pub(super) async fn a_fork_that_takes_nothing_leaves_the_other_run_alone(bench: Bench) {
    let (from, worker) = three_rows(&bench, "order").await;
    bench.send(from, "go").await.expect("a signal");
    let mut fork = beside(&bench, from);
    fork.messages.push(super::bench::signal(fork.run.key, "again"));
    let key = forked(&bench, fork).await;
    assert_eq!(names(&worker.claim(key).await.inbox), ["again"]);
    assert_eq!(bench.find("order").await, Some(from));
    let old = bench.view(from).await;
    assert_eq!((old.status, old.successor, old.inbox), (RunStatus::Running, None, 1));
    assert_eq!(worker.commit(turn(from, 3, completed())).await, Committed::Done);
}

pub(super) async fn a_place_is_taken_from_an_open_run_with_its_signals(bench: Bench) {
    let (from, worker) = three_rows(&bench, "order").await;
    bench.send(from, "unread").await.expect("a signal");
    let mut fork = in_place(&bench, from, "order");
    fork.messages.push(super::bench::signal(fork.run.key, "later"));
    fork.takes_inbox = true;
    let key = forked(&bench, fork).await;
    let old = bench.view(from).await;
    assert_eq!((old.status, old.successor), (RunStatus::Terminated, Some(key.run)));
    assert_eq!((old.placement, old.inbox), (None, 0));
    assert_eq!(rows(&bench, from).await.last(), Some(&(3, b"reset".to_vec())));
    assert_eq!(worker.commit(turn(from, 3, completed())).await, Committed::Lost);
    assert_eq!(bench.find("order").await, Some(key));
    assert_eq!(names(&worker.claim(key).await.inbox), ["later", "unread"]);
}

pub(super) async fn a_place_is_taken_once(bench: Bench) {
    let worker = bench.worker().await;
    let dead = bench.ended("order", &worker, failed()).await;
    let first = forked(&bench, in_place(&bench, dead, "order")).await;
    assert!(bench.store.dead_letters(bench.tenant, 10, false).await.expect("none").is_empty());
    let second = in_place(&bench, dead, "order");
    let refused = bench.store.fork(&[second]).await.expect_err("taken");
    assert_eq!(refused.kind(), ErrorKind::Closed, "{refused}");
    let letter = fork(dead, bench.successor(dead, "order"), Takes::DeadLetter);
    let refused = bench.store.fork(&[letter]).await.expect_err("no dead letter");
    assert_eq!(refused.kind(), ErrorKind::NotFound, "{refused}");
    assert_eq!(bench.find("order").await, Some(first));
    let elsewhere = RunKey { tenant: bench.other_tenant().tenant, ..dead };
    let foreign = in_place(&bench.other_tenant(), elsewhere, "order");
    drop(bench.store.fork(&[foreign]).await.expect_err("of another tenant"));
}

pub(super) async fn forks_are_made_all_or_none(bench: Bench) {
    let (from, worker) = three_rows(&bench, "order").await;
    let done = bench.ended("done", &worker, completed()).await;
    let forks = [
        in_place(&bench, from, "order"),
        fork(done, bench.successor(done, "done"), Takes::DeadLetter),
    ];
    let refused = bench.store.fork(&forks).await.expect_err("no dead letter");
    assert_eq!(refused.kind(), ErrorKind::NotFound, "{refused}");
    assert_eq!(bench.view(from).await.status, RunStatus::Running);
    assert!(bench.store.describe(forks[0].run.key).await.expect("describe").is_none());
    assert!(matches!(bench.place(from).await, Some(Placement::Owned { .. })));
    assert_eq!(worker.commit(turn(from, 3, completed())).await, Committed::Done);
}

pub(super) async fn of_racing_resets_one_wins(bench: Bench) {
    let (from, worker) = three_rows(&bench, "order").await;
    let mut racers = tokio::task::JoinSet::new();
    for _ in 0..6 {
        let bench = bench.clone();
        racers.spawn(async move { bench.store.fork(&[in_place(&bench, from, "order")]).await });
    }
    let answers = racers.join_all().await;
    let won = answers.iter().filter(|answer| matches!(answer, Ok(Started::Created))).count();
    assert_eq!(won, 1, "{answers:?}");
    assert_eq!(worker.claim_some(from.shard, 10).await.len(), 1);
}
