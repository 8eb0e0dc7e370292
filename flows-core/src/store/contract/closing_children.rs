//! Children that are open when their parent ends: what they are told, in the transaction of the end.

use super::bench::{Bench, BenchWorker, completed, ended_as, no_turn, stuck, turn};
use crate::ids::RunKey;
use crate::store::{
    Close, CloseChildren, ClosePolicy, Committed, MessageKind, NewRun, Next, Parent, Record,
    RunStatus,
};

const POLICIES: [ClosePolicy; 3] =
    [ClosePolicy::Cancel, ClosePolicy::Terminate, ClosePolicy::Abandon];

/// A child of a run.
fn child(bench: &Bench, parent: RunKey, id: &str, on_close: ClosePolicy) -> NewRun {
    let parent = Parent { run: parent.run, op: u32::MAX, on_close };
    bench.run(id).with(|spec| spec.parent = Some(parent))
}

/// A run that is owned, and a child of it for each policy.
async fn family(bench: &Bench, worker: &BenchWorker) -> (RunKey, [RunKey; 3]) {
    let parent = bench.owned("parent", worker).await;
    let starts = POLICIES.map(|policy| child(bench, parent, &format!("{policy:?}"), policy));
    let keys = starts.each_ref().map(|start| start.key);
    let record = Record { starts: starts.to_vec(), ..turn(parent, 0, Next::Stay) };
    assert_eq!(worker.commit(record).await, Committed::Done);
    (parent, keys)
}

fn closing(status: RunStatus, children: CloseChildren) -> Close {
    Close { children, ..ended_as(status) }
}

/// What a run has in its inbox.
async fn told(worker: &BenchWorker, key: RunKey) -> Vec<(MessageKind, String)> {
    let inbox = worker.claim(key).await.inbox;
    inbox.into_iter().map(|it| (it.kind, it.payload.decode().expect("a reason"))).collect()
}

pub(super) async fn open_children_are_told_that_their_parent_was_ended(bench: Bench) {
    let worker = bench.worker().await;
    let (parent, [cancel, terminate, abandon]) = family(&bench, &worker).await;
    let close = closing(RunStatus::Terminated, CloseChildren::All);
    assert!(bench.store.terminate(parent, b"terminated", &close, &[]).await.expect("terminate"));
    assert!(bench.view(cancel).await.cancelling && bench.view(terminate).await.cancelling);
    let reason = || "its parent has ended (terminated)".to_owned();
    assert_eq!(told(&worker, cancel).await, [(MessageKind::Cancel, reason())]);
    assert_eq!(told(&worker, terminate).await, [(MessageKind::Terminate, reason())]);
    assert_eq!(told(&worker, abandon).await, []);
    let again = bench.store.terminate(parent, b"terminated", &close, &[]).await;
    assert!(!again.expect("terminate"), "it had ended");
}

pub(super) async fn a_record_that_ends_a_run_tells_its_children(bench: Bench) {
    let worker = bench.worker().await;
    let (parent, [cancel, terminate, abandon]) = family(&bench, &worker).await;
    let close = closing(RunStatus::Completed, CloseChildren::Terminated);
    let record = turn(parent, 1, Next::Close(close));
    assert_eq!(worker.commit(record).await, Committed::Done);
    assert_eq!(told(&worker, cancel).await, [], "the record does that by itself");
    let reason = "its parent has completed".to_owned();
    assert_eq!(told(&worker, terminate).await, [(MessageKind::Terminate, reason)]);
    assert_eq!(told(&worker, abandon).await, []);
}

pub(super) async fn a_record_that_is_lost_tells_no_child(bench: Bench) {
    let worker = bench.worker().await;
    let (parent, children) = family(&bench, &worker).await;
    let close = closing(RunStatus::Completed, CloseChildren::All);
    let record = turn(parent, 0, Next::Close(close));
    assert_eq!(worker.commit(record).await, Committed::Lost);
    for child in children {
        assert_eq!(told(&worker, child).await, []);
    }
}

pub(super) async fn children_that_have_ended_or_are_others_are_not_told(bench: Bench) {
    let worker = bench.worker().await;
    let (parent, [ended, ..]) = family(&bench, &worker).await;
    worker.claim(ended).await;
    assert_eq!(worker.commit(no_turn(ended, 0, completed())).await, Committed::Done);
    let theirs = bench.other_tenant();
    let stranger = child(&theirs, parent, "theirs", ClosePolicy::Terminate);
    theirs.start(&stranger).await.expect("start");
    let close = closing(RunStatus::Terminated, CloseChildren::All);
    assert!(bench.store.terminate(parent, b"terminated", &close, &[]).await.expect("terminate"));
    assert_eq!(bench.view(ended).await.inbox, 0);
    assert_eq!(theirs.view(stranger.key).await.inbox, 0);
}

pub(super) async fn a_stuck_child_that_is_to_be_terminated_is_due(bench: Bench) {
    let worker = bench.worker().await;
    let (parent, [_, terminate, _]) = family(&bench, &worker).await;
    worker.claim(terminate).await;
    assert_eq!(worker.commit(turn(terminate, 0, stuck())).await, Committed::Done);
    assert!(worker.claim_stuck(9, false).await.is_empty(), "it is not due");
    let close = closing(RunStatus::Terminated, CloseChildren::All);
    assert!(bench.store.terminate(parent, b"terminated", &close, &[]).await.expect("terminate"));
    let claimed = worker.claim_stuck(9, false).await;
    assert_eq!(claimed.iter().map(|it| it.key).collect::<Vec<_>>(), [terminate]);
    assert_eq!(claimed[0].inbox[0].kind, MessageKind::Terminate);
}

pub(super) async fn who_goes_on_for_a_child_is_told(bench: Bench) {
    let worker = bench.worker().await;
    let (parent, [_, terminate, _]) = family(&bench, &worker).await;
    let old = worker.claim(terminate).await;
    let new = NewRun::new(terminate.successor(), old.spec.successor(terminate.run));
    let key = new.key;
    let close = super::bench::ended_by(RunStatus::Continued, key.run);
    let record = Record { starts: vec![new], ..turn(terminate, 0, Next::Close(close)) };
    assert_eq!(worker.commit(record).await, Committed::Done);
    let close = closing(RunStatus::Terminated, CloseChildren::All);
    assert!(bench.store.terminate(parent, b"terminated", &close, &[]).await.expect("terminate"));
    assert_eq!(told(&worker, key).await.len(), 1);
}
