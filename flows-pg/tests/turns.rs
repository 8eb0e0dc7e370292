//! The path of a run: started, claimed, its turns committed, closed.

mod common;

use common::*;
use flows_core::RetryPolicy;
use flows_core::store::traits::*;
use flows_core::store::{
    Claim, ClosePolicy, Committed, Next, Parent, Placement, Polled, RunStatus,
};
use std::sync::Arc;
use std::time::Duration;
use uuid::Uuid;

#[tokio::test]
async fn a_run_goes_from_start_to_end() {
    let db = setup().await;
    let worker = db.worker().await;
    let new = run(Some("order-1")).with(|spec| {
        spec.priority = 3;
        spec.timeout = Some(Duration::from_millis(1500));
        spec.retry = Some(RetryPolicy::default().max_attempts(3));
        spec.parent =
            Some(Parent { run: Uuid::max(), op: u32::MAX, on_close: ClosePolicy::Terminate });
    });
    start(&db.store, &new).await;
    assert_eq!(db.store.poll(&worker).await.unwrap().ready, [new.key.shard]);

    let [claimed] = &claim(&db.store, &worker, new.key.shard).await[..] else { panic!("one run") };
    assert_eq!(claimed.key, new.key);
    assert_eq!(claimed.spec, new.spec);
    assert_eq!(&*claimed.spec.input, r#"{"cents": 100}"#);
    assert!(claimed.journal.is_empty() && claimed.inbox.is_empty());
    assert_eq!(db.places().await, (0, 1, 0));

    let step = |position, next| [record(new.key, position, next)];
    assert_eq!(commit(&db.store, &worker, &step(0, Next::Stay)).await, [Committed::Done]);
    let end = Next::Close(close(RunStatus::Completed));
    assert_eq!(commit(&db.store, &worker, &step(1, end)).await, [Committed::Done]);
    assert_eq!(db.places().await, (0, 0, 0));

    let outcomes = db.store.outcomes(&[new.key]).await.unwrap();
    assert_eq!(outcomes[0].1.status, RunStatus::Completed);
    assert_eq!(outcomes[0].1.output.as_deref(), Some(r#"{"id": 7}"#));
    let history = db.store.history(new.key).await.unwrap();
    assert_eq!(history.iter().map(|row| row.position).collect::<Vec<_>>(), [0, 1]);
    assert_eq!(history[1].events, b"events 1");
    let view = db.store.describe(new.key).await.unwrap().unwrap();
    assert_eq!((view.status, view.placement), (RunStatus::Completed, None));
    assert!(view.closed_at.unwrap() >= view.created_at);
    assert_eq!(db.store.find(Uuid::nil(), "order-1").await.unwrap(), Some(new.key));
}

#[tokio::test]
async fn claims_go_by_priority_then_age_and_lane() {
    let db = setup().await;
    let worker = db.worker().await;
    let mut runs = (0..6).map(|_| run(Some("x"))).collect::<Vec<_>>();
    for (number, new) in runs.iter_mut().enumerate() {
        let spec = Arc::make_mut(&mut new.spec);
        spec.workflow_id = None;
        spec.priority = if number == 4 { -1 } else { 0 };
        spec.version = if number == 5 { 2 } else { 1 };
    }
    let started = db.store.start(&runs).await.unwrap();
    assert!(started.iter().all(Result::is_ok));
    let keys = |range: &[usize]| range.iter().map(|n| runs[*n].key).collect::<Vec<_>>();
    let claimed = |limit| {
        let shard = runs[0].key.shard;
        flows_core::store::Claim {
            worker: worker.id,
            shard,
            lanes: &worker.lanes,
            limit,
            expected: &[],
        }
    };
    let first = db.store.claim(claimed(3)).await.unwrap();
    assert_eq!(first.iter().map(|a| a.key).collect::<Vec<_>>(), keys(&[4, 0, 1]));
    let rest = db.store.claim(claimed(9)).await.unwrap();
    assert_eq!(rest.iter().map(|a| a.key).collect::<Vec<_>>(), keys(&[2, 3]));
    assert_eq!(db.store.poll(&worker).await.unwrap(), Polled::default(), "the sixth is not ours");
}

#[tokio::test]
async fn what_was_expected_and_not_won_is_not_read() {
    let db = setup().await;
    let (owner, other) = (db.worker().await, db.worker().await);
    let key = db.owned(&owner).await;
    for position in 0..20 {
        commit(&db.store, &owner, &[record(key, position, Next::Stay)]).await;
    }
    let read = || db.store.counters()["rows"];
    let before = read();
    let claim = Claim {
        worker: other.id,
        shard: key.shard,
        lanes: &other.lanes,
        limit: 9,
        expected: &[key],
    };
    assert!(db.store.claim(claim).await.expect("claim").is_empty());
    assert_eq!(read() - before, 0);
}

/// It cannot be: a run has one place. If it were, it would stay with its owner, who looks at its mail.
#[tokio::test]
async fn a_run_that_is_ready_and_owned_stays_with_its_owner() {
    let db = setup().await;
    let (owner, other) = (db.worker().await, db.worker().await);
    let key = db.owned(&owner).await;
    let twice = "INSERT INTO flows.ready (shard, lane, priority, run_id, tenant_id, load) \
                 SELECT shard, lane, priority, run_id, tenant_id, true FROM flows.owned";
    db.sql().await.batch_execute(twice).await.expect("a second place");
    assert!(claim(&db.store, &other, key.shard).await.is_empty());
    assert_eq!(db.places().await, (0, 1, 0));
    let collected = db.store.collect(owner.id).await.expect("collect");
    assert_eq!(collected.iter().map(|mail| mail.run).collect::<Vec<_>>(), [key]);
}

#[tokio::test]
async fn a_batch_keeps_what_others_have_not_touched() {
    let db = setup().await;
    let (mine, theirs) = (db.worker().await, db.worker().await);
    let mut runs = Vec::new();
    for _ in 0..20 {
        runs.push(db.owned(&mine).await);
    }
    // somebody else has written at position 0 of three of them
    let other = db.another().await;
    let intruder = runs[..3].iter().map(|key| record(*key, 0, Next::Stay)).collect::<Vec<_>>();
    assert_eq!(commit(&other, &theirs, &intruder).await, vec![Committed::Done; 3]);

    let mut batch = runs.iter().map(|key| record(*key, 0, Next::Stay)).collect::<Vec<_>>();
    batch[10].next = Next::Close(close(RunStatus::Completed));
    let mut poisoned = close(RunStatus::Completed);
    poisoned.outcome.output = Some("{not json".into());
    batch[15].next = Next::Close(poisoned);
    let answers = commit(&db.store, &mine, &batch).await;
    for (number, answer) in answers.iter().enumerate() {
        match number {
            0..3 => assert_eq!(answer, &Committed::Lost),
            15 => assert!(matches!(answer, Committed::Refused(why) if why.contains("json"))),
            _ => assert_eq!(answer, &Committed::Done, "{number}"),
        }
    }
    assert_eq!(db.count("journal").await, 19);
    let kept = db.store.reload(mine.id, &runs).await.unwrap();
    assert_eq!(kept.len(), 19, "all but the closed one");
    assert!(kept.iter().filter(|run| run.key == runs[15]).all(|run| run.journal.is_empty()));
}

#[tokio::test]
async fn only_the_owner_moves_a_run() {
    let db = setup().await;
    let (mine, zombie) = (db.worker().await, db.worker().await);
    let key = db.owned(&mine).await;
    for next in [park(), Next::Close(close(RunStatus::Completed))] {
        let answers = commit(&db.store, &zombie, &[record(key, 0, next.clone())]).await;
        assert_eq!(answers, [Committed::Lost]);
        let answers = commit(&db.store, &zombie, &[move_only(key, next)]).await;
        assert_eq!(answers, [Committed::Lost]);
    }
    assert_eq!(db.count("journal").await, 0, "nothing was kept");
    assert_eq!(db.places().await, (0, 1, 0));
    let answers = commit(&db.store, &mine, &[record(key, 0, park())]).await;
    assert_eq!(answers, [Committed::Done]);
    let view = db.store.describe(key).await.unwrap().unwrap();
    let Some(Placement::Parked { waiting_for, .. }) = view.placement else {
        panic!("{:?}", view.placement)
    };
    assert_eq!(waiting_for, "signal `go`");
}

#[tokio::test]
async fn children_and_letters_go_with_the_record() {
    let db = setup().await;
    let worker = db.worker().await;
    let (parent, sibling) = (db.owned(&worker).await, db.owned(&worker).await);
    let (child, taken) = (run(Some("child")), run(Some("taken")));
    start(&db.store, &run(Some("taken"))).await;
    let mut turn = record(parent, 0, park());
    turn.starts = vec![child.clone(), taken.clone()];
    turn.messages = vec![signal(sibling, 1), signal(child.key, 2), signal(run(None).key, 3)];
    let mut hints = db.store.subscribe().expect("hints");
    assert_eq!(commit(&db.store, &worker, &[turn]).await, [Committed::Done]);

    let mail = db.store.collect(worker.id).await.unwrap();
    assert_eq!(mail.len(), 1);
    assert_eq!((mail[0].run, numbers(&mail[0].inbox)), (sibling, vec![1]));
    let claimed = claim_all(&db.store, &worker).await;
    let claimed = claimed.iter().find(|run| run.key == child.key).expect("the child");
    assert_eq!(numbers(&claimed.inbox), [2]);
    assert!(db.store.describe(taken.key).await.unwrap().is_none(), "its id was left alone");
    let mut heard = Vec::new();
    while let Ok(hint) = hints.try_recv() {
        heard.push(hint);
    }
    assert!(heard.contains(&flows_core::store::Hint::Messages(worker.id)), "{heard:?}");
}

#[tokio::test]
async fn a_successor_takes_over_the_workflow_id() {
    let db = setup().await;
    let worker = db.worker().await;
    let first = run(Some("loop"));
    start(&db.store, &first).await;
    claim(&db.store, &worker, first.key.shard).await;
    let next = run(Some("loop")).with(|spec| spec.predecessor = Some(first.key.run));
    let mut end = close(RunStatus::Continued);
    end.outcome.successor = Some(next.key.run);
    let mut turn = record(first.key, 0, Next::Close(end));
    turn.starts = vec![next.clone()];
    assert_eq!(commit(&db.store, &worker, &[turn]).await, [Committed::Done]);
    assert_eq!(db.store.find(Uuid::nil(), "loop").await.unwrap(), Some(next.key));
    let outcome = &db.store.outcomes(&[first.key]).await.unwrap()[0].1;
    assert_eq!(outcome.successor, Some(next.key.run));
    let view = db.store.describe(next.key).await.unwrap().unwrap();
    assert_eq!(view.spec.predecessor, Some(first.key.run));
}
