//! A child whose call is dropped: one more letter, with the turn that drops it. Others cost nothing more.

use flows::prelude::*;

use crate::bench::{Bench, with_worker};
use crate::costs::{Each, at_most};

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

/// Ends by itself, or never.
#[workflow]
async fn one_of_many(ctx: &WorkflowContext, waits: bool) -> Result<u64> {
    if waits {
        return ctx.signal("never").await;
    }
    Ok(1)
}

/// Ends when all its children have, or as soon as all have started: then it terminates them.
#[workflow]
async fn parent(ctx: &WorkflowContext, children: u64, waits: bool) -> Result<u64> {
    let child = || one_of_many(ctx, !waits).close_policy(ClosePolicy::Terminate).start();
    let all: Vec<_> = (0..children).map(|_| child()).collect();
    if waits {
        return Ok(flows::try_join_all(all).await?.into_iter().sum());
    }
    ctx.sleep(Duration::from_millis(1)).await?;
    Ok(children)
}

/// By the first placement that there is, so that asking costs next to nothing.
const NOBODY_IS_OPEN: &str =
    "SELECT NOT EXISTS (SELECT FROM flows.owned) AND NOT EXISTS (SELECT FROM flows.ready)
                                     AND NOT EXISTS (SELECT FROM flows.parked)";

/// What a child costs that is one of so many, with all that its parent does for it.
async fn each_child(bench: &Bench, children: u64, waits: bool) -> Result<Each> {
    let (costs, ended) = bench
        .costs_of(async |engine| {
            with_worker(&engine, async {
                let input = parent::Input { children, waits };
                let ended = engine.start(input).await?.result().await?;
                bench.comes_true(NOBODY_IS_OPEN).await?;
                Ok(ended)
            })
            .await
        })
        .await?;
    assert_eq!(ended, children);
    Ok(costs.each(children))
}

/// The same for each, however many there are.
async fn are_linear(waits: bool) -> Result<()> {
    let bench = Bench::new().await?;
    let few = each_child(&bench, 1_000, waits).await?;
    let many = each_child(&bench, 10_000, waits).await?;
    eprintln!("a child of a thousand: {few:?}\nof ten thousand: {many:?}");
    // It depends on who is faster whether a child is at a worker when it is told. What grows with them is ten times as much.
    at_most(1.1 * few.rows, "row operations", many.rows);
    at_most(1.2 * few.wal, "bytes of log", many.wal);
    at_most(1.5 * few.pages, "pages", many.pages);
    at_most(1.5 * few.reads, "rows that are read", many.reads);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_of_ten_thousand_children_costs_what_one_of_a_thousand_does() -> Result<()> {
    are_linear(true).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_of_ten_thousand_children_that_are_open_at_the_end_does_too() -> Result<()> {
    are_linear(false).await
}
