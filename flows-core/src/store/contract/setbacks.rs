//! Setbacks: runs that are stuck, and runs that may be what ends their workers.

use std::time::Duration;

use super::bench::{
    Bench, BenchWorker, MUCH_LATER, completed, names, no_turn, park, park_until, stuck, turn,
};
use crate::ids::RunKey;
use crate::store::{Activation, Committed, Next, Park, Placement, Record};
use crate::time::Timestamp;

/// A lease that lapses within a case.
const SHORT: Duration = Duration::from_secs(1);

fn keys(runs: &[Activation]) -> Vec<RunKey> {
    runs.iter().map(|run| run.key).collect()
}

/// Waits until this worker's lease is over and its runs have been let go of.
async fn dies(bench: &Bench, worker: &BenchWorker, key: RunKey) {
    tokio::time::sleep(SHORT * 2).await;
    let witness = bench.other_workflow().worker().await;
    for _ in 0..1_000 {
        witness.poll().await;
        match bench.place(key).await {
            Some(Placement::Owned { worker: owner, .. }) if owner == worker.id() => {}
            _ => return,
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("the run was never let go of");
}

/// A run that has lost so many workers in a row.
async fn lost_by(bench: &Bench, workers: usize) -> RunKey {
    let key = bench.started("order").await;
    for number in 0..workers {
        let worker = bench.worker_with_lease(SHORT).await;
        let found = match number {
            0 | 1 => worker.claim(key).await,
            _ => worker.claim_stuck(0, true).await.remove(0),
        };
        assert_eq!(found.setbacks, -i16::try_from(number).expect("few"));
        dies(bench, &worker, key).await;
    }
    key
}

async fn why_stuck(bench: &Bench, key: RunKey) -> Option<String> {
    match bench.place(key).await {
        Some(Placement::Parked { stuck, .. }) => stuck,
        _ => None,
    }
}

pub(super) async fn a_run_that_lost_its_worker_says_so(bench: Bench) {
    let key = lost_by(&bench, 1).await;
    let worker = bench.worker().await;
    assert_eq!(worker.claim(key).await.setbacks, -1);
    assert_eq!(worker.reload(&[key]).await[0].setbacks, -1);
    worker.retire().await;
    assert_eq!(bench.worker().await.claim(key).await.setbacks, -1, "a retreat changes nothing");
}

pub(super) async fn a_run_that_was_handed_back_has_no_setbacks(bench: Bench) {
    let (leaving, staying) = (bench.worker().await, bench.worker().await);
    let key = bench.owned("order", &leaving).await;
    leaving.retire().await;
    assert_eq!(staying.claim(key).await.setbacks, 0);
}

pub(super) async fn a_worker_that_retires_too_late_is_a_dead_one(bench: Bench) {
    let late = bench.worker_with_lease(SHORT).await;
    let key = bench.owned("order", &late).await;
    tokio::time::sleep(SHORT * 2).await;
    late.retire().await;
    assert_eq!(bench.worker().await.wait_for(key).await.setbacks, -1);
}

pub(super) async fn at_the_second_setback_a_run_waits_to_be_tried_alone(bench: Bench) {
    let key = lost_by(&bench, 2).await;
    let why = why_stuck(&bench, key).await.expect("it is stuck");
    assert!(why.contains("2 times in a row"), "{why}");
    let worker = bench.worker().await;
    bench.send(key, "letter").await.expect("send");
    assert!(why_stuck(&bench, key).await.is_some(), "messages waits with it");
    assert!(worker.poll().await.suspects);
    assert!(worker.claim_stuck(10, false).await.is_empty(), "not beside another suspect");
    let found = worker.claim_stuck(0, true).await;
    assert_eq!(keys(&found), [key]);
    assert_eq!(found[0].setbacks, -2);
    assert_eq!(names(&found[0].inbox), ["letter"], "with what has come");
    assert!(worker.claim_stuck(0, true).await.is_empty(), "it is taken");
}

pub(super) async fn one_suspect_is_claimed_at_a_time(bench: Bench) {
    let mut all = vec![bench.started("one").await, bench.started("two").await];
    for _ in 0..2 {
        let worker = bench.worker_with_lease(SHORT).await;
        for key in &all {
            assert_eq!(keys(&worker.claim_some(key.shard, 1).await).len(), 1);
        }
        dies(&bench, &worker, all[0]).await;
        dies(&bench, &worker, all[1]).await;
    }
    let worker = bench.worker().await;
    let first = worker.claim_stuck(10, true).await;
    let second = worker.claim_stuck(10, true).await;
    let mut found = keys(&first);
    found.extend(keys(&second));
    assert_eq!((first.len(), second.len()), (1, 1));
    found.sort();
    all.sort();
    assert_eq!(found, all);
}

pub(super) async fn setbacks_go_on_until_they_are_cleared(bench: Bench) {
    let key = lost_by(&bench, 3).await;
    let worker = bench.worker_with_lease(SHORT).await;
    assert_eq!(worker.claim_stuck(0, true).await[0].setbacks, -3);
    let record = Record { clears: true, ..turn(key, 0, Next::Stay) };
    assert_eq!(worker.commit(record).await, Committed::Done);
    dies(&bench, &worker, key).await;
    assert_eq!(bench.worker().await.claim(key).await.setbacks, -1, "it begins anew");
}

pub(super) async fn a_record_that_only_clears_is_kept(bench: Bench) {
    let key = lost_by(&bench, 1).await;
    let worker = bench.worker().await;
    worker.claim(key).await;
    let record = Record { clears: true, ..no_turn(key, 0, Next::Stay) };
    assert_eq!(worker.commit(record).await, Committed::Done);
    assert_eq!(worker.reload(&[key]).await[0].setbacks, 0);
    assert!(bench.positions(key).await.is_empty());
}

pub(super) async fn a_suspect_that_only_waits_is_none_any_more(bench: Bench) {
    let key = lost_by(&bench, 2).await;
    let worker = bench.worker().await;
    worker.claim_stuck(0, true).await;
    assert_eq!(worker.commit(turn(key, 0, park())).await, Committed::Done);
    assert_eq!(why_stuck(&bench, key).await, None);
    bench.send(key, "letter").await.expect("send");
    assert_eq!(worker.claim(key).await.setbacks, 0);
}

pub(super) async fn a_suspect_that_is_handed_back_is_tried_by_others(bench: Bench) {
    let key = lost_by(&bench, 2).await;
    let leaving = bench.worker().await;
    assert_eq!(leaving.claim_stuck(0, true).await.len(), 1);
    leaving.retire().await;
    let found = bench.worker().await.claim_stuck(0, true).await;
    assert_eq!((keys(&found), found[0].setbacks), (vec![key], -2));
}

pub(super) async fn stuck_runs_are_claimed_when_they_are_due(bench: Bench) {
    let worker = bench.worker().await;
    let (now, later) = (bench.owned("now", &worker).await, bench.owned("later", &worker).await);
    let due = Park { stuck: Some("no paper".into()), setbacks: 4, ..Park::default() };
    let due = Next::Park(Park { wake_at: Some(Timestamp(0)), ..due });
    assert_eq!(worker.commit(turn(now, 0, due)).await, Committed::Done);
    assert_eq!(worker.commit(turn(later, 0, stuck())).await, Committed::Done);
    worker.finds_nothing().await;
    let found = worker.claim_stuck(10, false).await;
    assert_eq!((keys(&found), found[0].setbacks), (vec![now], 4));
    assert_eq!(found[0].journal.len(), 1);
    assert!(why_stuck(&bench, later).await.is_some());
}

pub(super) async fn stuck_runs_are_due_when_a_worker_registers(bench: Bench) {
    let worker = bench.worker().await;
    let (one, two) = (bench.owned("one", &worker).await, bench.owned("two", &worker).await);
    let parked = bench.parked("parked", &worker).await;
    for key in [one, two] {
        assert_eq!(worker.commit(turn(key, 0, stuck())).await, Committed::Done);
    }
    worker.renew().await;
    assert!(worker.claim_stuck(10, true).await.is_empty(), "a renewal changes nothing");
    bench.other_workflow().worker().await;
    assert!(worker.claim_stuck(10, true).await.is_empty(), "nor does a worker of another lane");
    let newer = bench.worker().await;
    assert_eq!(newer.claim_stuck(1, true).await.len(), 1, "a few at a time");
    assert_eq!(newer.claim_stuck(10, true).await.len(), 1);
    assert!(bench.is_parked(parked).await, "not stuck");
}

pub(super) async fn what_ends_workers_is_not_due_when_a_worker_registers(bench: Bench) {
    let key = lost_by(&bench, 3).await;
    let worker = bench.worker().await;
    assert_eq!(worker.claim_stuck(0, true).await.len(), 1);
    let (stuck, wake_at) = (Some("it ends workers".into()), Some(MUCH_LATER));
    let convicted = Park { stuck, wake_at, setbacks: -3, ..Park::default() };
    assert_eq!(worker.commit(no_turn(key, 0, Next::Park(convicted))).await, Committed::Done);
    let newer = bench.worker().await;
    assert!(newer.claim_stuck(10, true).await.is_empty());
    assert_eq!(newer.commit(turn(key, 0, completed())).await, Committed::Lost, "nobody owns it");
}

pub(super) async fn who_sleeps_is_not_due_when_a_worker_registers(bench: Bench) {
    let worker = bench.worker().await;
    let key = bench.owned("order", &worker).await;
    assert_eq!(worker.commit(turn(key, 0, park_until(MUCH_LATER))).await, Committed::Done);
    bench.worker().await.finds_nothing().await;
    assert!(matches!(bench.place(key).await, Some(Placement::Parked { .. })));
}

/// A record that comes late has won the row, and nothing else.
pub(super) async fn who_does_not_own_a_run_clears_nothing(bench: Bench) {
    let key = lost_by(&bench, 1).await;
    let (owner, late) = (bench.worker().await, bench.worker().await);
    owner.claim(key).await;
    let record = Record { clears: true, ..turn(key, 0, Next::Stay) };
    assert_eq!(late.commit(record).await, Committed::Done);
    assert_eq!(owner.reload(&[key]).await[0].setbacks, -1);
}

pub(super) async fn who_has_no_lease_claims_nothing_that_is_stuck(bench: Bench) {
    let worker = bench.worker().await;
    let key = bench.owned("order", &worker).await;
    worker.commit(turn(key, 0, stuck())).await;
    bench.worker().await; // it is due now
    assert!(bench.stranger(SHORT).claim_stuck(10, true).await.is_empty());
    assert!(why_stuck(&bench, key).await.is_some());
}

/// Its runs have been taken over; those that blocked it keep their setback.
pub(super) async fn a_worker_that_comes_back_takes_its_setbacks_back(bench: Bench) {
    let late = bench.worker_with_lease(SHORT).await;
    let (innocent, other) = (bench.owned("one", &late).await, bench.owned("two", &late).await);
    dies(&bench, &late, innocent).await;
    dies(&bench, &late, other).await;
    late.retire_innocent(&[innocent]).await;
    let worker = bench.worker().await;
    assert_eq!(worker.claim(innocent).await.setbacks, 0);
    assert_eq!(worker.claim(other).await.setbacks, -1);
}

/// Nobody has taken its runs over yet.
pub(super) async fn a_worker_that_comes_back_first_takes_its_setbacks_back(bench: Bench) {
    let late = bench.worker_with_lease(SHORT).await;
    let (innocent, other) = (bench.owned("one", &late).await, bench.owned("two", &late).await);
    tokio::time::sleep(SHORT * 2).await;
    late.retire_innocent(&[innocent]).await;
    let worker = bench.worker().await;
    assert_eq!(worker.claim(innocent).await.setbacks, 0);
    assert_eq!(worker.claim(other).await.setbacks, -1);
}

pub(super) async fn setbacks_are_taken_back_wherever_a_run_is(bench: Bench) {
    let late = bench.worker_with_lease(SHORT).await;
    let key = bench.owned("first", &late).await;
    dies(&bench, &late, key).await;
    let next = bench.worker().await;
    assert_eq!(next.claim(key).await.setbacks, -1);
    late.retire_innocent(&[key]).await;
    assert_eq!(next.reload(&[key]).await[0].setbacks, 0, "it is owned by another");
    let ended = bench.owned("ended", &next).await;
    assert_eq!(next.commit(turn(ended, 0, completed())).await, Committed::Done);
    late.retire_innocent(&[key, ended]).await;
    assert_eq!(next.reload(&[key]).await[0].setbacks, 0, "there is none left");

    let key = lost_by(&bench, 2).await;
    late.retire_innocent(&[key]).await;
    assert_eq!(why_stuck(&bench, key).await, None, "it is no suspect any more");
    assert_eq!(bench.worker().await.claim(key).await.setbacks, -1);
}

/// One that was found to end workers is not sure to, when one of them was alive.
pub(super) async fn who_was_convicted_is_tried_again_without_a_setback(bench: Bench) {
    let key = lost_by(&bench, 3).await;
    let (worker, late) = (bench.worker().await, bench.stranger(SHORT));
    assert_eq!(worker.claim_stuck(0, true).await.len(), 1);
    let convicted = Park { stuck: Some("it ends workers".into()), setbacks: -3, ..Park::default() };
    assert_eq!(worker.commit(no_turn(key, 0, Next::Park(convicted))).await, Committed::Done);
    late.retire_innocent(&[key]).await;
    let found = worker.claim_stuck(0, true).await;
    assert_eq!((keys(&found), found[0].setbacks), (vec![key], -2));
}

pub(super) async fn a_live_worker_takes_nothing_back(bench: Bench) {
    let key = lost_by(&bench, 1).await;
    let worker = bench.worker().await;
    assert_eq!(worker.claim(key).await.setbacks, -1);
    worker.retire_innocent(&[key]).await;
    assert_eq!(bench.worker().await.claim(key).await.setbacks, -1);
}

pub(super) async fn stuck_runs_are_listed_and_tried_again(bench: Bench) {
    let convict = lost_by(&bench, 3).await;
    let worker = bench.worker().await;
    assert_eq!(worker.claim_stuck(0, true).await.len(), 1);
    let convicted = Park { stuck: Some("it ends workers".into()), setbacks: -3, ..Park::default() };
    assert_eq!(worker.commit(no_turn(convict, 0, Next::Park(convicted))).await, Committed::Done);
    let (fault, healthy) =
        (bench.owned("fault", &worker).await, bench.parked("none", &worker).await);
    assert_eq!(worker.commit(turn(fault, 0, stuck())).await, Committed::Done);

    let found = bench.store.stuck(bench.tenant, 10).await.expect("listed");
    assert_eq!(found.iter().map(|run| run.key).collect::<Vec<_>>(), [convict, fault]);
    let why = |at: usize| match &found[at].placement {
        Some(Placement::Parked { stuck: Some(why), .. }) => why.clone(),
        other => panic!("{other:?}"),
    };
    assert_eq!(why(0), "it ends workers");
    assert_eq!(Some(why(1)), why_stuck(&bench, fault).await);
    assert_eq!(bench.store.stuck(bench.tenant, 1).await.expect("listed").len(), 1);
    let stranger = bench.other_tenant();
    assert!(bench.store.stuck(stranger.tenant, 10).await.expect("listed").is_empty());

    let again = async |key| bench.store.retry_stuck(key).await.expect("asked");
    assert!(!again(RunKey { tenant: stranger.tenant, ..convict }).await, "of another tenant");
    assert!(worker.claim_stuck(10, true).await.is_empty());
    assert_eq!(
        (again(convict).await, again(fault).await, again(healthy).await),
        (true, true, false)
    );
    let mut found = worker.claim_stuck(10, true).await;
    found.sort_by_key(|run| run.setbacks);
    assert_eq!((keys(&found), found[0].setbacks), (vec![convict, fault], -2));
    assert!(!again(convict).await, "it is tried");
}
