//! `ctx.batch`: many small activities, each with a result of its own.

use flows::prelude::*;

use crate::harness::{Env, Serving, events};
use crate::world::World;

on_every_store! {
    each_item_is_retried_and_fails_by_itself,
    what_was_recorded_is_not_repeated,
    a_batch_goes_on_although_its_run_is_evicted,
}

/// Some customers are busy at first, some always, and some are unknown.
#[activity(retry(max_attempts = 2, initial_interval = "1ms"))]
async fn notify(ctx: &ActivityContext, customer: u32) -> Result<u32> {
    let world = ctx.state::<World>()?;
    world.note(format!("notify {customer}"));
    match customer % 10 {
        1 if ctx.attempt() == 1 => Err(Error::retryable("busy at first")),
        2 => Err(Error::retryable("always busy")),
        3 => Err(Error::terminal(format!("{customer} is unknown"))),
        5 if customer == 15 => {
            world.note("gate");
            world.pass("gate").await;
            Ok(10 * customer)
        }
        _ => Ok(10 * customer),
    }
}

#[workflow]
async fn campaign(ctx: &WorkflowContext, customers: u32, n: usize) -> Result<Vec<Result<u32>>> {
    Ok(ctx.batch(0..customers, n, |customer| notify(ctx, customer)).await)
}

fn registry() -> Registry {
    register_all![campaign, notify]
}

/// What comes of a customer.
fn expected(customer: u32) -> Result<u32, String> {
    match customer % 10 {
        2 => Err("always busy".to_owned()),
        3 => Err(format!("{customer} is unknown")),
        _ => Ok(10 * customer),
    }
}

fn said(results: Vec<Result<u32>>) -> Vec<Result<u32, String>> {
    let said = |result: Result<u32>| result.map_err(|error| error.message().to_owned());
    results.into_iter().map(said).collect()
}

async fn each_item_is_retried_and_fails_by_itself(env: Env) -> Result<()> {
    env.world.open("gate");
    let _worker = env.serve(registry())?;
    let exec = env.engine.start(campaign::Input { customers: 200, n: 30 }).await?;
    let results = exec.result().await?;
    let unknown = results[13].as_ref().expect_err("13 is unknown");
    assert_eq!(unknown.failed_steps().next().map(|step| step.name()), Some("notify"));
    assert_eq!(said(results), (0..200).map(expected).collect::<Vec<_>>(), "in order");
    for customer in 0..200_u32 {
        let attempts = if matches!(customer % 10, 1 | 2) { 2 } else { 1 };
        assert_eq!(env.world.count(&format!("notify {customer}")), attempts, "{customer}");
    }
    Ok(())
}

/// A worker dies while one item has not ended: another one does that item again, and no other.
async fn what_was_recorded_is_not_repeated(env: Env) -> Result<()> {
    let worker = env.serve(registry())?;
    let exec = env.engine.start(campaign::Input { customers: 30, n: 10 }).await?;
    env.world.noted("notify 29", 1).await; // all others have gone past the one that waits
    let ended = async || Ok(events(&exec, "activity_completed").await?.len() == 23);
    crate::harness::until(ended).await?;
    let failed = async || Ok(events(&exec, "activity_failed").await?.len() == 6);
    crate::harness::until(failed).await?;
    let before = env.world.notes().len();
    worker.die().await;
    env.world.open("gate");
    let _worker = env.serve(registry())?;
    assert_eq!(said(exec.result().await?), (0..30).map(expected).collect::<Vec<_>>());
    let after: Vec<_> = env.world.notes().split_off(before);
    let again = after.iter().filter(|note| note.starts_with("notify")).count();
    assert_eq!(again, 1, "{after:?}");
    Ok(())
}

async fn a_batch_goes_on_although_its_run_is_evicted(env: Env) -> Result<()> {
    let worker = env.worker(registry()).resident_for(Duration::ZERO).build()?;
    let _worker = Serving::begin(worker);
    env.world.open("gate");
    let exec = env.engine.start(campaign::Input { customers: 60, n: 7 }).await?;
    assert_eq!(said(exec.result().await?), (0..60).map(expected).collect::<Vec<_>>());
    Ok(())
}
