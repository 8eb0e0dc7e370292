//! A child whose call is dropped: one more letter, with the turn that drops it. Others cost nothing more.

use flows::prelude::*;

use crate::bench::Bench;

const ROUNDS: u64 = 20;

#[workflow]
async fn tortoise(ctx: &WorkflowContext) -> Result<()> {
    ctx.signal("never").await
}

#[workflow]
async fn overtakes(ctx: &WorkflowContext, abandons: bool) -> Result<()> {
    for _ in 0..ROUNDS {
        let child = tortoise(ctx);
        flows::select! {
            ended = if abandons { child.abandon_on_drop() } else { child } => ended?,
            slept = ctx.sleep(Duration::from_millis(5)) => slept?,
        }
    }
    Ok(())
}

/// How many statements sent letters.
async fn letters(abandons: bool) -> Result<u64> {
    let bench = Bench::new().await?;
    let engine = bench.engine().await?;
    let worker = Worker::builder(&engine, flows::register_all![tortoise, overtakes]).build()?;
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let open = if abandons { ROUNDS } else { 0 };
    let (served, ended) = tokio::join!(worker.run_until(stopped), async {
        engine.start(overtakes::Input { abandons }).await?.result().await?;
        let settled = format!("SELECT count(*) = {open} FROM flows.runs WHERE status = 0");
        bench.comes_true(&settled).await?;
        drop(stop);
        Ok::<_, Error>(())
    });
    ended?;
    served?;
    Ok(engine.store().unwrap().counters().get("send").copied().unwrap_or(0))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_child_that_is_dropped_costs_one_letter_to_it_and_one_back() -> Result<()> {
    let cancelled = letters(false).await?;
    // those that are sent at one time go together
    assert!((1..=2 * ROUNDS).contains(&cancelled), "{cancelled} statements that send letters");
    assert_eq!(letters(true).await?, 0, "who is abandoned is told nothing");
    Ok(())
}
