//! Scans: every run once, in the order of the keys, of all tenants, and nothing is touched.

use std::time::Duration;

use uuid::Uuid;

use super::bench::{Bench, completed, failed, park, stuck, turn};
use crate::ids::{RunKey, SHARDS};
use crate::store::{Activation, Committed, Placement, Polled, RunStatus, Scan, ScanKind, Scanned};

/// All pages, of all shards.
async fn all(bench: &Bench, runs: ScanKind, limit: usize) -> Vec<(Activation, RunStatus)> {
    let mut found = Vec::new();
    let mut shards: Vec<_> = (0..SHARDS).collect();
    if runs == ScanKind::Open {
        shards.truncate(1); // it goes on by itself
    }
    for shard in shards {
        let mut from = Some(match runs {
            ScanKind::Open => RunKey { shard, tenant: Uuid::nil(), run: Uuid::nil() },
            ScanKind::Closed => RunKey { shard, tenant: Uuid::max(), run: Uuid::max() },
        });
        while let Some(start) = from {
            let workflow = Some(bench.workflow.to_string());
            let page = Scan { runs, from: start, workflow, limit };
            let Scanned { runs: page, next } = bench.store.scan(&page).await.expect("scan");
            assert!(page.len() <= limit, "no more than the limit");
            found.extend(page);
            from = next;
        }
    }
    found
}

fn keys(runs: &[(Activation, RunStatus)]) -> Vec<RunKey> {
    runs.iter().map(|(run, _)| run.key).collect()
}

pub(super) async fn a_scan_gives_every_open_run_once_shard_by_shard(bench: Bench) {
    let worker = bench.worker().await;
    let other = bench.other_tenant();
    let mut expected = Vec::new();
    for number in 0..12 {
        let id = format!("run {number}");
        expected.push(bench.owned(&id, &worker).await);
        expected.push(bench.parked(&format!("parked {id}"), &worker).await);
        bench.ended(&format!("ended {id}"), &worker, completed()).await;
    }
    for number in 0..12 {
        expected.push(bench.started(&format!("ready {number}")).await);
        expected.push(other.started(&format!("theirs {number}")).await);
    }
    expected.sort();
    for limit in [1, 2, 1000] {
        let found = all(&bench, ScanKind::Open, limit).await;
        let mut keys = keys(&found);
        assert!(keys.is_sorted_by_key(|key| key.shard), "in pages of {limit}: {keys:?}");
        keys.sort();
        assert_eq!(keys, expected, "in pages of {limit}");
        assert!(found.iter().all(|(_, status)| *status == RunStatus::Running));
    }
}

pub(super) async fn a_scan_gives_what_a_claim_would(bench: Bench) {
    let worker = bench.worker().await;
    let key = bench.owned("order", &worker).await;
    worker.commit(turn(key, 0, park())).await;
    bench.send(key, "hello").await.expect("send");
    let (scanned, _) = all(&bench, ScanKind::Open, 10).await.remove(0);
    let claimed = Activation { claim: scanned.claim, ..worker.claim(key).await };
    assert_eq!(format!("{scanned:?}"), format!("{claimed:?}"));
    assert_eq!((claimed.journal.len(), claimed.inbox.len()), (1, 1), "it has something to give");
}

pub(super) async fn a_scan_gives_closed_runs_newest_first(bench: Bench) {
    let worker = bench.worker().await;
    let mut expected = Vec::new();
    for number in 0..6 {
        let next = if number % 2 == 0 { completed() } else { failed() };
        expected.push(bench.ended(&format!("run {number}"), &worker, next).await);
        tokio::time::sleep(Duration::from_millis(2)).await; // so that ids are in order
    }
    expected.sort_by_key(|key| (key.shard, std::cmp::Reverse(key.run)));
    bench.started("open").await; // last, so that nobody claims it in place of another
    for limit in [1, 1000] {
        let found = all(&bench, ScanKind::Closed, limit).await;
        assert_eq!(keys(&found), expected, "in pages of {limit}");
        assert!(found.iter().all(|(run, status)| run.journal.len() == 1 && !status.is_open()));
    }
}

pub(super) async fn a_scan_is_of_one_workflow(bench: Bench) {
    let other = bench.other_workflow();
    let (mine, theirs) = (bench.started("mine").await, other.started("theirs").await);
    assert_eq!(keys(&all(&bench, ScanKind::Open, 1000).await), [mine]);
    assert_eq!(keys(&all(&other, ScanKind::Open, 1).await), [theirs]);
}

pub(super) async fn a_scan_touches_nothing(bench: Bench) {
    let worker = bench.worker().await;
    let ready = bench.started("ready").await;
    let messaged = bench.other_workflow();
    let stuck_at = bench.other_workflow();
    let (message_worker, stuck_worker) = (messaged.worker().await, stuck_at.worker().await);
    let owned = messaged.owned("owned", &message_worker).await;
    messaged.send(owned, "hello").await.expect("send");
    let halted = stuck_at.ended("stuck", &stuck_worker, stuck()).await;
    let before = (messaged.place(owned).await, stuck_at.place(halted).await);
    for bench in [&bench, &messaged, &stuck_at] {
        assert_eq!(all(bench, ScanKind::Open, 10).await.len(), 1);
    }
    assert_eq!(before, (messaged.place(owned).await, stuck_at.place(halted).await));
    assert_eq!(bench.place(ready).await, Some(Placement::Ready { served: true }));
    let Polled { messages, .. } = message_worker.poll().await;
    assert!(messages, "the flag of the messages is still up");
    assert_eq!(message_worker.commit(turn(owned, 0, park())).await, Committed::NotParked);
    worker.claim(ready).await;
}
