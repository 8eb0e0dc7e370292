//! Claims: order, limits, lanes, and never one run twice.

use std::collections::HashSet;

use super::bench::{Bench, BenchWorker, LONG, names, park, turn};
use crate::ids::{RunKey, lane_of};
use crate::store::{Committed, NewRun, Placement, Started};

/// Starts runs in one shard, with these priorities.
async fn in_one_shard(bench: &Bench, priorities: &[i16]) -> Vec<RunKey> {
    let first = RunKey::new(bench.tenant, None);
    let mut keys = Vec::new();
    for priority in priorities {
        let key = first.successor();
        let run = NewRun { key, ..bench.run("") };
        let run = run.with(|spec| (spec.workflow_id, spec.priority) = (None, *priority));
        assert_eq!(bench.start(&run).await.expect("start"), Started::Created);
        keys.push(key);
    }
    keys
}

async fn claimed(worker: &BenchWorker, shard: i16, limit: usize) -> Vec<RunKey> {
    worker.claim_some(shard, limit).await.into_iter().map(|found| found.key).collect()
}

pub(super) async fn claims_go_by_priority_then_age(bench: Bench) {
    let worker = bench.worker().await;
    let keys = in_one_shard(&bench, &[5, 0, 5, -1, 0]).await;
    for expected in [3, 1, 4, 0, 2] {
        worker.claim(keys[expected]).await;
    }
}

pub(super) async fn a_claim_takes_no_more_than_its_limit(bench: Bench) {
    let worker = bench.worker().await;
    let keys = in_one_shard(&bench, &[0, 0, 0]).await;
    let mut first = claimed(&worker, keys[0].shard, 2).await;
    first.sort();
    assert_eq!(first, keys[..2]);
    assert_eq!(claimed(&worker, keys[0].shard, 2).await, keys[2..]);
    assert!(claimed(&worker, keys[0].shard, 2).await.is_empty());
}

pub(super) async fn a_look_names_the_shards_with_work(bench: Bench) {
    let worker = bench.worker().await;
    worker.finds_nothing().await;
    let (one, two) = (bench.started("a").await, bench.started("b").await);
    let mut shards = vec![one.shard, two.shard];
    shards.sort_unstable();
    shards.dedup();
    let mut ready = worker.poll().await.ready;
    ready.sort_unstable();
    assert_eq!(ready, shards);
    for shard in shards {
        claimed(&worker, shard, 2).await;
    }
    worker.finds_nothing().await;
}

pub(super) async fn lanes_not_served_are_left_alone(bench: Bench) {
    let other = bench.other_workflow();
    let (worker, key) = (other.worker().await, bench.started("order").await);
    worker.finds_nothing().await;
    assert!(claimed(&worker, key.shard, 10).await.is_empty());
    assert_eq!(bench.place(key).await, Some(Placement::Ready { served: false }));
    bench.worker().await.claim(key).await;
}

/// Also where one lane has more of them than its share of a claim.
pub(super) async fn urgent_runs_of_many_lanes_come_first(bench: Bench) {
    let first = RunKey::new(bench.tenant, None);
    let mut worker = bench.stranger(LONG);
    let lane = |version| lane_of("default", &bench.workflow, version);
    worker.identity.lanes = (1..=300).map(lane).collect();
    worker.identity.lanes.sort_unstable();
    worker.register().await;
    let mut expected = [Vec::new(), Vec::new()];
    // The two lanes with urgent runs were started last; one of them has five.
    let normal = (1..=6).map(|nth| (nth * 40, 0));
    let urgent = [(7, -1), (290, -1), (290, -1), (290, -1), (290, -1), (290, -1)];
    for (version, priority) in normal.chain(urgent) {
        let key = first.successor();
        let run = NewRun { key, ..bench.run("") }.with(|spec| {
            (spec.workflow_id, spec.version, spec.priority) = (None, version, priority);
        });
        assert_eq!(bench.start(&run).await.expect("start"), Started::Created);
        expected[usize::from(priority == 0)].push(key);
    }
    let mut found = Vec::new();
    while found.len() < 12 {
        let won = claimed(&worker, first.shard, 4).await;
        assert!(!won.is_empty() && won.len() <= 4, "{} won", won.len());
        found.extend(won);
    }
    assert!(claimed(&worker, first.shard, 4).await.is_empty());
    found[..6].sort();
    found[6..].sort();
    assert_eq!(found, expected.concat());
}

/// Whatever of it was expected.
pub(super) async fn a_claim_reads_all_that_its_runs_have(bench: Bench) {
    let worker = bench.worker().await;
    let keys = in_one_shard(&bench, &[0; 4]).await;
    let (woken, shard) = (&keys[..3], keys[0].shard);
    assert_eq!(claimed(&worker, shard, 4).await.len(), 4);
    for key in woken {
        assert_eq!(worker.commit(turn(*key, 0, park())).await, Committed::Done);
        bench.send(*key, "hello").await.expect("send");
    }
    // two that are there, the second twice; one that is not, and one that nobody has heard of
    let expected = [keys[2], keys[3], keys[0], keys[0], RunKey::new(bench.tenant, None)];
    let found = worker.claim_expecting(&expected, shard, 4).await;
    assert_eq!(found.iter().map(|run| run.key).collect::<Vec<_>>(), woken);
    for run in found {
        assert_eq!(run.journal, [b"turn 0".to_vec()]);
        assert_eq!(names(&run.inbox), ["hello"]);
    }
}

pub(super) async fn two_workers_never_claim_one_run(bench: Bench) {
    let keys = in_one_shard(&bench, &[0; 40]).await;
    let mut workers = tokio::task::JoinSet::new();
    for _ in 0..4 {
        let (bench, shard) = (bench.clone(), keys[0].shard);
        workers.spawn(async move {
            let worker = bench.worker().await;
            let mut mine = Vec::new();
            for _ in 0..40 {
                mine.extend(claimed(&worker, shard, 3).await);
            }
            mine
        });
    }
    let all = workers.join_all().await.concat();
    assert_eq!(all.len(), 40, "each is claimed once");
    assert_eq!(all.into_iter().collect::<HashSet<_>>(), keys.into_iter().collect());
}
