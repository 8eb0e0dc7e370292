//! A worker that has as many runs as it may.

use flows::prelude::*;
use tokio::sync::Semaphore;

use crate::bench::{Bench, results, start_all};
use crate::waiting::until;

const SLOTS: u64 = 10;
const RUNS: u64 = 60;

/// What the activities wait for.
static GO: Semaphore = Semaphore::const_new(0);

#[activity]
async fn busy(n: u64) -> Result<u64> {
    GO.acquire().await.map_err(|_| Error::terminal("closed"))?.forget();
    Ok(n)
}

#[workflow]
async fn work(ctx: &WorkflowContext, n: u64) -> Result<u64> {
    busy(ctx, n).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_without_free_slots_claims_nothing() -> Result<()> {
    let bench = Bench::new().await?;
    let engine = bench.engine().await?;
    let start = async |range: std::ops::Range<u64>| {
        start_all(range.map(|n| (engine.tenant(uuid::Uuid::nil()), work::Input { n }))).await
    };
    let mut execs = start(0..RUNS / 2).await?;
    let worker =
        Worker::builder(&engine, register_all!()).max_resident_runs(SLOTS as usize).build()?;
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let (served, checked) = tokio::join!(worker.run_until(stopped), async {
        bench.comes_true(&format!("SELECT count(*) = {SLOTS} FROM flows.owned")).await?;
        let count = |name: &str| engine.store().unwrap().counters().get(name).copied().unwrap_or(0);
        let (claims, looks) = (count("claim"), count("poll"));
        execs.extend(start(RUNS / 2..RUNS).await?); // it hears of them
        until(async || Ok(count("poll") >= looks + 3)).await?;
        assert_eq!(count("claim"), claims, "claims of a full worker");
        let waiting = RUNS - SLOTS;
        let places = format!(
            "SELECT (SELECT count(*) FROM flows.owned) = {SLOTS}
                AND (SELECT count(*) FROM flows.ready) = {waiting}"
        );
        assert!(bench.is_true(&places).await?, "more runs than slots");
        GO.add_permits(RUNS as usize);
        let ended = results(execs).await;
        drop(stop);
        ended.map(|outputs| assert_eq!(outputs.len() as u64, RUNS))
    });
    served?;
    checked
}
