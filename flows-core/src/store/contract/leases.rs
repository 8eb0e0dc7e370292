//! Leases: a dead worker's runs go on, a live worker's runs stay.

use std::time::Duration;

use super::bench::{Bench, BenchWorker, LONG};
use crate::ids::RunKey;
use crate::store::Placement;

/// A lease that lapses within a case.
const SHORT: Duration = Duration::from_secs(1);

/// A worker that owns a run and whose lease has lapsed.
async fn lapsed(bench: &Bench) -> (BenchWorker, RunKey) {
    let worker = bench.worker_with_lease(SHORT).await;
    let key = bench.owned("order", &worker).await;
    tokio::time::sleep(SHORT * 2).await;
    (worker, key)
}

pub(super) async fn a_lapsed_workers_runs_are_taken_over(bench: Bench) {
    let (dead, key) = lapsed(&bench).await;
    let worker = bench.worker().await;
    bench.send(key, "hello").await.expect("send");
    assert_eq!(worker.poll().await.ready, [key.shard]);
    let found = worker.claim(key).await;
    assert_eq!(found.inbox.len(), 1, "with what came meanwhile");
    assert!(dead.renew().await.1, "the lease had lapsed");
    assert_eq!(bench.place(key).await, Some(owned_by(&worker)), "and stays with its new owner");
}

pub(super) async fn a_live_workers_runs_stay(bench: Bench) {
    let (owner, other) = (bench.worker().await, bench.worker().await);
    let key = bench.owned("order", &owner).await;
    assert!(!owner.renew().await.1);
    other.finds_nothing().await;
    assert_eq!(bench.place(key).await, Some(owned_by(&owner)));
}

/// The longest dead first, and nobody behind them.
pub(super) async fn a_live_worker_beside_dead_ones_keeps_its_runs(bench: Bench) {
    let live = bench.worker().await;
    let kept = bench.owned("kept", &live).await;
    let mut dead = Vec::new();
    for id in ["one", "two"] {
        let worker = bench.worker_with_lease(SHORT).await;
        dead.push(bench.owned(id, &worker).await);
    }
    tokio::time::sleep(SHORT * 2).await;
    let looking = bench.worker().await;
    looking.poll().await;
    for key in dead {
        assert!(bench.is_ready(key).await);
    }
    assert_eq!(bench.place(kept).await, Some(owned_by(&live)));
    assert!(!live.renew().await.1, "it is known still");
}

pub(super) async fn a_worker_without_a_lease_claims_nothing(bench: Bench) {
    let late = bench.worker_with_lease(SHORT).await;
    let retired = bench.worker().await;
    retired.retire().await;
    tokio::time::sleep(SHORT * 2).await;
    let key = bench.started("order").await;
    for worker in [late, retired, bench.stranger(SHORT)] {
        assert!(worker.claim_some(key.shard, 1).await.is_empty());
    }
    assert!(bench.is_ready(key).await);
}

pub(super) async fn a_renewal_that_came_too_late_says_so(bench: Bench) {
    let (mut late, key) = lapsed(&bench).await;
    late.identity.lease = LONG;
    assert!(late.renew().await.1, "it must forget its runs");
    assert!(late.renew().await.1, "and register anew");
    // Even if it dies before it retires.
    bench.worker().await.wait_for(key).await;
}

pub(super) async fn a_retired_workers_runs_are_ready_at_once(bench: Bench) {
    let (leaving, staying) = (bench.worker().await, bench.worker().await);
    let key = bench.owned("order", &leaving).await;
    let parked = bench.parked("parked", &leaving).await;
    leaving.retire().await;
    assert_eq!(staying.poll().await.ready, [key.shard]);
    staying.claim(key).await;
    assert!(bench.is_parked(parked).await, "what it does not hold stays");
}

fn owned_by(worker: &BenchWorker) -> Placement {
    Placement::Owned { worker: worker.id(), name: worker.identity.name.clone() }
}
