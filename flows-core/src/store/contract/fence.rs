//! The fence: of two workers that believe to own a run, one wins and the other leaves no trace.

use super::bench::{
    Bench, BenchWorker, completed, ended_as, failed, names, no_turn, park, signal, turn,
};
use crate::ids::RunKey;
use crate::store::{Close, Committed, Next, Placement, Record, RunStatus};

/// A run that its first worker still believes to own, though the second has taken it over.
async fn taken_over(bench: &Bench) -> (RunKey, BenchWorker, BenchWorker) {
    let (stale, owner) = (bench.worker().await, bench.worker().await);
    let key = bench.owned("order", &stale).await;
    stale.retire().await;
    owner.claim(key).await;
    (key, stale, owner)
}

fn is_owned_by(worker: &BenchWorker, place: Option<Placement>) -> bool {
    matches!(place, Some(Placement::Owned { worker: owner, .. }) if owner == worker.id())
}

pub(super) async fn a_history_is_dense(bench: Bench) {
    let worker = bench.worker().await;
    let (before, _) = worker.renew().await;
    let key = bench.owned("order", &worker).await;
    for position in 0..3 {
        assert_eq!(worker.commit(turn(key, position, Next::Stay)).await, Committed::Done);
    }
    let history = bench.store.history(key).await.expect("history");
    let rows: Vec<_> = history.iter().map(|row| (row.position, &row.events[..])).collect();
    assert_eq!(rows, [(0, &b"turn 0"[..]), (1, &b"turn 1"[..]), (2, &b"turn 2"[..])]);
    let (after, _) = worker.renew().await;
    let mut times = vec![before];
    times.extend(history.iter().map(|row| row.written_at));
    times.push(after);
    assert!(times.is_sorted(), "{times:?}");
}

pub(super) async fn a_row_without_the_one_before_it_is_lost(bench: Bench) {
    let worker = bench.worker().await;
    let friend = bench.parked("friend", &worker).await;
    let (key, other) = (bench.owned("order", &worker).await, bench.owned("other", &worker).await);
    assert_eq!(worker.commit(turn(key, 0, Next::Stay)).await, Committed::Done);
    // Row 1 was acknowledged by a server that is no more.
    let late = Record { messages: vec![signal(friend, "hello")], ..turn(key, 2, completed()) };
    let answers = worker.commit_all(&[late, turn(other, 0, Next::Stay)]).await;
    assert_eq!(answers, [Committed::Lost, Committed::Done]);
    assert!(bench.is_parked(friend).await, "no messages");
    assert_eq!(bench.positions(key).await, [0]);
    let again = worker.reload(&[key]).await.remove(0);
    assert_eq!(again.journal.len(), 1, "it goes on from what is there");
    assert_eq!(worker.commit(turn(key, 1, completed())).await, Committed::Done);
}

pub(super) async fn a_second_row_at_a_position_is_lost_without_a_trace(bench: Bench) {
    let (key, stale, owner) = taken_over(&bench).await;
    let friend = bench.parked("friend", &owner).await;
    bench.send(key, "letter").await.expect("send");
    assert_eq!(owner.commit(turn(key, 0, Next::Stay)).await, Committed::Done);
    let late = Record {
        events: b"late".to_vec(),
        consumed: vec![1],
        starts: vec![bench.run("child")],
        messages: vec![signal(friend, "hello")],
        ..turn(key, 0, Next::Stay)
    };
    assert_eq!(stale.commit(late).await, Committed::Lost);
    let history = bench.store.history(key).await.expect("history");
    assert_eq!(history.iter().map(|row| &row.events[..]).collect::<Vec<_>>(), [&b"turn 0"[..]]);
    assert_eq!(bench.find("child").await, None, "no child");
    assert!(bench.is_parked(friend).await, "no messages");
    assert_eq!(bench.view(friend).await.inbox, 0, "no messages");
    assert_eq!(bench.view(key).await.inbox, 1, "nothing consumed");
}

pub(super) async fn others_commit_although_one_record_lost(bench: Bench) {
    let (key, stale, owner) = taken_over(&bench).await;
    stale.register().await;
    let (one, two) = (bench.owned("a", &stale).await, bench.owned("b", &stale).await);
    owner.commit(turn(key, 0, Next::Stay)).await;
    let child = Record { starts: vec![bench.run("child")], ..turn(one, 0, park()) };
    let batch = [child, turn(key, 0, Next::Stay), turn(two, 0, completed())];
    let answers = stale.commit_all(&batch).await;
    assert_eq!(answers, [Committed::Done, Committed::Lost, Committed::Done]);
    assert!(bench.is_parked(one).await);
    assert!(bench.find("child").await.is_some());
    assert_eq!(bench.view(two).await.status, RunStatus::Completed);
    assert_eq!(bench.positions(key).await, [0]);
}

pub(super) async fn an_owner_that_was_not_first_reloads(bench: Bench) {
    let (key, stale, owner) = taken_over(&bench).await;
    assert_eq!(stale.commit(turn(key, 0, Next::Stay)).await, Committed::Done, "it was first");
    assert_eq!(owner.commit(turn(key, 0, completed())).await, Committed::Lost);
    let again = owner.reload(&[key]).await.remove(0);
    assert_eq!(again.journal, [b"turn 0".to_vec()]);
    assert_eq!(owner.commit(turn(key, 1, completed())).await, Committed::Done);
}

pub(super) async fn what_is_not_owned_is_not_reloaded(bench: Bench) {
    let (key, stale, owner) = taken_over(&bench).await;
    let mine = bench.parked("parked", &owner).await;
    let ready = bench.started("ready").await; // last: a claim takes whatever is ready in its shard
    assert!(stale.reload(&[key]).await.is_empty());
    let found = owner.reload(&[ready, key, mine]).await;
    assert_eq!(found.into_iter().map(|run| run.key).collect::<Vec<_>>(), [key]);
}

pub(super) async fn a_stale_worker_cannot_park(bench: Bench) {
    let (key, stale, owner) = taken_over(&bench).await;
    assert_eq!(stale.commit(turn(key, 0, park())).await, Committed::Lost);
    assert!(is_owned_by(&owner, bench.place(key).await));
    assert!(bench.positions(key).await.is_empty(), "nothing was kept");
    assert_eq!(owner.commit(turn(key, 0, completed())).await, Committed::Done);
}

pub(super) async fn a_stale_worker_that_closes_wins_or_loses_whole(bench: Bench) {
    let (key, stale, owner) = taken_over(&bench).await;
    let won = stale.commit(turn(key, 0, completed())).await == Committed::Done;
    let late = owner.commit(turn(key, 0, failed())).await;
    assert_eq!(late, if won { Committed::Lost } else { Committed::Done });
    let view = bench.view(key).await;
    let status = if won { RunStatus::Completed } else { RunStatus::Failed };
    assert_eq!((view.status, view.placement), (status, None));
    assert_eq!(bench.positions(key).await, [0]);
}

pub(super) async fn a_stale_worker_cannot_park_without_a_row(bench: Bench) {
    let (key, stale, owner) = taken_over(&bench).await;
    assert_eq!(stale.commit(no_turn(key, 0, park())).await, Committed::Lost);
    assert!(is_owned_by(&owner, bench.place(key).await));
}

pub(super) async fn only_the_first_owner_has_a_new_run(bench: Bench) {
    let (first, second) = (bench.worker().await, bench.worker().await);
    let key = bench.started("order").await;
    assert!(first.claim(key).await.is_new);
    assert!(!first.reload(&[key]).await[0].is_new, "it may have written");
    first.retire().await;
    assert!(!second.claim(key).await.is_new, "the first may still write");
    let key = bench.parked("parked", &second).await;
    bench.send(key, "letter").await.expect("send");
    assert!(!second.claim(key).await.is_new, "it has had a turn");
}

pub(super) async fn a_stale_worker_cannot_close_without_a_row(bench: Bench) {
    let (key, stale, owner) = taken_over(&bench).await;
    assert_eq!(stale.commit(no_turn(key, 0, completed())).await, Committed::Lost);
    assert!(is_owned_by(&owner, bench.place(key).await));
    assert_eq!(owner.commit(turn(key, 0, failed())).await, Committed::Done);
}

/// The commit had failed as far as its worker knew, and comes when that has claimed the run again.
pub(super) async fn a_close_of_an_earlier_claim_is_lost(bench: Bench) {
    let worker = bench.worker().await;
    let key = bench.started("order").await;
    let closes = |claim| Next::Close(Close { claim, ..ended_as(RunStatus::Completed) });
    let first = worker.claim(key).await.claim;
    assert_eq!(worker.commit(no_turn(key, 0, park())).await, Committed::Done);
    bench.send(key, "hello").await.expect("send");
    let second = worker.claim(key).await.claim;
    assert_eq!(worker.commit(turn(key, 0, Next::Stay)).await, Committed::Done);
    for late in [no_turn(key, 0, closes(Some(first))), turn(key, 1, closes(Some(first)))] {
        assert_eq!(worker.commit(late).await, Committed::Lost);
    }
    assert_eq!(bench.view(key).await.status, RunStatus::Running);
    assert!(is_owned_by(&worker, bench.place(key).await));
    assert_eq!(worker.commit(turn(key, 1, closes(Some(second)))).await, Committed::Done);
    assert_eq!(bench.positions(key).await, [0, 1]);
}

pub(super) async fn a_run_that_has_closed_without_a_row_is_closed(bench: Bench) {
    let worker = bench.worker().await;
    let key = bench.ended_without_row("order", &worker).await;
    let view = bench.view(key).await;
    assert_eq!((view.status, view.placement), (RunStatus::Completed, None));
    assert_eq!(worker.commit(no_turn(key, 0, completed())).await, Committed::Lost, "twice");
    assert!(!bench.terminate(key, &[]).await, "it has ended");
    assert!(worker.reload(&[key]).await.is_empty(), "nobody owns it");
    assert!(bench.positions(key).await.is_empty());
}

pub(super) async fn of_racing_rows_one_wins(bench: Bench) {
    let (key, stale, owner) = taken_over(&bench).await;
    for position in 0..10 {
        let record = || turn(key, position, Next::Stay);
        let (stale, owner) = (stale.clone(), owner.clone());
        let (first, second) = (record(), record());
        let first = tokio::spawn(async move { stale.commit(first).await });
        let second = tokio::spawn(async move { owner.commit(second).await });
        let answers = [first.await.expect("no panic"), second.await.expect("no panic")];
        assert!(answers.contains(&Committed::Done), "{answers:?}");
        assert!(answers.contains(&Committed::Lost), "{answers:?}");
    }
    assert_eq!(bench.positions(key).await, (0..10).collect::<Vec<_>>());
}

pub(super) async fn starts_are_kept_only_with_their_record(bench: Bench) {
    let worker = bench.worker().await;
    let key = bench.owned("order", &worker).await;
    let taken = bench.parked("taken", &worker).await;
    let starts = vec![bench.run("child"), bench.run("taken")];
    let record = Record { starts: starts.clone(), ..turn(key, 0, Next::Stay) };
    assert_eq!(worker.commit(record).await, Committed::Done);
    assert_eq!(bench.find("child").await, Some(starts[0].key));
    worker.claim(starts[0].key).await;
    assert_eq!(bench.find("taken").await, Some(taken), "an id that exists is left alone");
}

pub(super) async fn letters_leave_only_with_a_winning_record(bench: Bench) {
    let (key, stale, owner) = taken_over(&bench).await;
    for name in ["one", "two"] {
        bench.send(key, name).await.expect("send");
    }
    let messages = owner.reload(&[key]).await.remove(0).inbox;
    owner.commit(turn(key, 0, Next::Stay)).await;
    let consumed = vec![messages[0].seq];
    let late = Record { consumed: consumed.clone(), ..turn(key, 0, Next::Stay) };
    assert_eq!(stale.commit(late).await, Committed::Lost);
    assert_eq!(names(&owner.reload(&[key]).await[0].inbox), ["one", "two"]);
    owner.commit(Record { consumed, ..turn(key, 1, Next::Stay) }).await;
    assert_eq!(names(&owner.reload(&[key]).await[0].inbox), ["two"]);
}
