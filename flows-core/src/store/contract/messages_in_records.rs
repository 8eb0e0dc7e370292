//! Messages inside records, where one batch may hold both the message and the move of its addressee.

use super::bench::{Bench, BenchWorker, completed, ended_by, names, park, signal, turn};
use crate::ids::RunKey;
use crate::store::{
    ClosePolicy, Committed, ConflictPolicy, MessageKind, NewRun, Next, OutgoingMessage, Parent,
    Record, RunStatus,
};

fn child_closed(parent: RunKey) -> OutgoingMessage {
    OutgoingMessage { kind: MessageKind::ChildClosed, ..signal(parent, "0") }
}

/// The record of a child that ends and says so.
fn end_of(child: RunKey, parent: RunKey) -> Record {
    Record { messages: vec![child_closed(parent)], ..turn(child, 0, completed()) }
}

/// After a batch that parks a run and writes to it: its worker holds it and finds the message, for
/// messages is sent before runs are parked.
async fn message_is_found(worker: &BenchWorker, key: RunKey, parked: &Committed) {
    assert_eq!(*parked, Committed::NotParked);
    let inbox = worker.collect_of(key).await.inbox;
    assert_eq!(inbox.len(), 1, "{inbox:?}");
}

pub(super) async fn a_child_that_ends_wakes_its_parked_parent(bench: Bench) {
    let worker = bench.worker().await;
    let parent = bench.parked("parent", &worker).await;
    let child = bench.owned("child", &worker).await;
    assert_eq!(worker.commit(end_of(child, parent)).await, Committed::Done);
    assert_eq!(worker.poll().await.ready, [parent.shard]);
    let inbox = worker.claim(parent).await.inbox;
    assert_eq!(inbox[0].kind, MessageKind::ChildClosed);
    assert_eq!(names(&inbox), ["0"]);
}

pub(super) async fn message_in_a_record_raises_the_flag_of_an_owner(bench: Bench) {
    let (here, there) = (bench.worker().await, bench.worker().await);
    let parent = bench.owned("parent", &here).await;
    let child = bench.owned("child", &there).await;
    assert_eq!(there.commit(end_of(child, parent)).await, Committed::Done);
    assert!(here.poll().await.messages);
    assert_eq!(here.commit(turn(parent, 0, park())).await, Committed::NotParked);
    assert_eq!(names(&here.collect_of(parent).await.inbox), ["0"]);
}

pub(super) async fn message_in_a_record_to_an_ended_run_is_dropped(bench: Bench) {
    let worker = bench.worker().await;
    let parent = bench.ended("parent", &worker, completed()).await;
    let child = bench.owned("child", &worker).await;
    let nobody = RunKey::new(bench.tenant, Some("nobody"));
    let mut record = end_of(child, parent);
    record.messages.push(signal(nobody, "hello"));
    assert_eq!(worker.commit(record).await, Committed::Done);
    assert_eq!(bench.place(parent).await, None);
    assert_eq!(bench.view(parent).await.inbox, 0);
    worker.finds_nothing().await;
}

pub(super) async fn requests_in_a_record_follow_a_run_to_where_it_goes_on(bench: Bench) {
    let worker = bench.worker().await;
    let parent = bench.owned("parent", &worker).await;
    let first = bench.owned("child", &worker).await;
    let mut at = first;
    for _ in 0..2 {
        let new = bench.successor(at, "child");
        let next = ended_by(RunStatus::Continued, new.key.run);
        let key = new.key;
        let record = Record { starts: vec![new], ..turn(at, 0, Next::Close(next)) };
        assert_eq!(worker.commit(record).await, Committed::Done);
        worker.claim(key).await;
        at = key;
    }
    let messages = vec![
        OutgoingMessage { kind: MessageKind::Cancel, ..signal(first, "") },
        signal(first, "hello"),
    ];
    let record = Record { messages, ..turn(parent, 0, Next::Stay) };
    assert_eq!(worker.commit(record).await, Committed::Done);
    let inbox = worker.collect_of(at).await.inbox;
    let kinds = inbox.iter().map(|message| message.kind).collect::<Vec<_>>();
    assert_eq!(kinds, [MessageKind::Cancel, MessageKind::Signal]);
}

pub(super) async fn a_parent_parks_while_its_child_ends_in_one_batch(bench: Bench) {
    let worker = bench.worker().await;
    let parent = bench.owned("parent", &worker).await;
    let child = bench.owned("child", &worker).await;
    let batch = [turn(parent, 0, park()), end_of(child, parent)];
    let answers = worker.commit_all(&batch).await;
    assert_eq!(answers[1], Committed::Done);
    message_is_found(&worker, parent, &answers[0]).await;
}

pub(super) async fn a_child_ends_while_its_parent_parks_in_one_batch(bench: Bench) {
    let worker = bench.worker().await;
    let parent = bench.owned("parent", &worker).await;
    let child = bench.owned("child", &worker).await;
    let batch = [end_of(child, parent), turn(parent, 0, park())];
    let answers = worker.commit_all(&batch).await;
    assert_eq!(answers[0], Committed::Done);
    message_is_found(&worker, parent, &answers[1]).await;
}

pub(super) async fn a_run_that_writes_to_itself_is_not_put_down(bench: Bench) {
    let worker = bench.worker().await;
    let key = bench.owned("order", &worker).await;
    let record = Record { messages: vec![signal(key, "to myself")], ..turn(key, 0, park()) };
    let answer = worker.commit(record).await;
    message_is_found(&worker, key, &answer).await;
}

pub(super) async fn message_reaches_a_run_started_by_the_same_record(bench: Bench) {
    let worker = bench.worker().await;
    let parent = bench.owned("parent", &worker).await;
    let child = bench.run("child");
    let messages = vec![signal(child.key, "hello")];
    let record = Record { starts: vec![child.clone()], messages, ..turn(parent, 0, Next::Stay) };
    assert_eq!(worker.commit(record).await, Committed::Done);
    assert_eq!(names(&worker.claim(child.key).await.inbox), ["hello"]);
}

pub(super) async fn message_in_a_record_is_received_once(bench: Bench) {
    let worker = bench.worker().await;
    let (to, from) = (bench.parked("to", &worker).await, bench.owned("from", &worker).await);
    let once = OutgoingMessage { dedup: Some("k".to_owned()), ..signal(to, "paid") };
    bench.deliver(&once).await.expect("send");
    let record = Record { messages: vec![once], ..turn(from, 0, Next::Stay) };
    assert_eq!(worker.commit(record).await, Committed::Done);
    assert_eq!(names(&worker.claim(to).await.inbox), ["paid"]);
}

/// A child with a workflow id, started by a record of its parent.
fn child_of(bench: &Bench, parent: RunKey, id: &str, on_conflict: ConflictPolicy) -> NewRun {
    let parent = Parent { run: parent.run, op: 7, on_close: ClosePolicy::Cancel };
    NewRun { on_conflict, ..bench.run(id).with(|spec| spec.parent = Some(parent)) }
}

pub(super) async fn a_child_whose_id_is_taken_has_ended_for_its_parent(bench: Bench) {
    let worker = bench.worker().await;
    let (parent, other) =
        (bench.owned("parent", &worker).await, bench.owned("other", &worker).await);
    let free = child_of(&bench, parent, "free", ConflictPolicy::Reject);
    let taken = child_of(&bench, parent, "other", ConflictPolicy::AllowIfClosed);
    let (of_free, of_taken) = (free.key, taken.key);
    let record = Record { starts: vec![free, taken], ..turn(parent, 0, park()) };
    let answer = worker.commit(record).await;
    assert!(bench.is_ready(of_free).await);
    assert_eq!(bench.store.describe(of_taken).await.expect("describe").map(|run| run.key), None);
    assert_eq!(bench.find("other").await, Some(other));
    let inbox = match answer {
        Committed::NotParked => worker.collect_of(parent).await.inbox,
        answer => {
            assert_eq!(answer, Committed::Done, "it was parked, and woken");
            worker.claim(parent).await.inbox
        }
    };
    assert_eq!(inbox.iter().map(|it| it.kind).collect::<Vec<_>>(), [MessageKind::ChildClosed]);
}

pub(super) async fn a_child_takes_the_id_of_a_run_that_has_ended(bench: Bench) {
    let worker = bench.worker().await;
    let parent = bench.owned("parent", &worker).await;
    bench.ended("done", &worker, completed()).await;
    let failed = bench.started("failed").await;
    assert!(bench.terminate(failed, &[]).await);
    let child = |id, policy| child_of(&bench, parent, id, policy);
    let starts = vec![
        child("done", ConflictPolicy::AllowIfFailed),
        child("failed", ConflictPolicy::AllowIfFailed),
    ];
    let [refused, taken] = [starts[0].key, starts[1].key];
    let record = Record { starts, ..turn(parent, 0, Next::Stay) };
    assert_eq!(worker.commit(record).await, Committed::Done);
    assert_eq!(bench.find("failed").await, Some(taken));
    assert_ne!(bench.find("done").await, Some(refused));
    let message = worker.collect_of(parent).await.inbox.remove(0);
    assert_eq!((message.kind, &*message.name), (MessageKind::ChildClosed, "7"));
    let again = vec![child("done", ConflictPolicy::AllowIfClosed)];
    let taken = again[0].key;
    let record = Record { starts: again, ..turn(parent, 1, Next::Stay) };
    assert_eq!(worker.commit(record).await, Committed::Done);
    assert_eq!(bench.find("done").await, Some(taken));
}
