//! What is large: turns that no row of a journal holds, errors that are whole documents.

use flows::prelude::*;

use crate::harness::{Env, Serving, events};
use crate::world::World;

on_every_store! {
    a_turn_that_is_larger_than_a_record_is_several,
    children_with_large_inputs_start_once_each,
    a_run_goes_on_with_a_large_input,
    more_letters_than_a_page_are_received_in_order,
    large_letters_are_received_in_order,
    an_error_that_is_too_large_is_cut,
    reasons_that_are_too_large_are_refused,
}

/// The largest text that is accepted.
const LARGE: usize = (2 << 20) - 2;
/// So many together are more than any store takes in one record.
const MANY: usize = 68;

/// All of them end together.
#[activity(start_to_close = "10m")]
async fn weighs_in(ctx: &ActivityContext, number: usize) -> Result<String> {
    let world = ctx.state::<World>()?;
    world.note(format!("begun {number}"));
    if world.notes().len() == MANY {
        world.open("together");
    }
    world.pass("together").await;
    Ok("x".repeat(LARGE))
}

#[workflow]
async fn gathers(ctx: &WorkflowContext) -> Result<usize> {
    let all = flows::try_join_all((0..MANY).map(|number| weighs_in(ctx, number))).await?;
    Ok(all.iter().map(String::len).sum())
}

#[workflow]
async fn measures(ctx: &WorkflowContext, text: String) -> Result<usize> {
    if ctx.workflow_id().starts_with("again") && text.len() < LARGE / 2 {
        let text = text.repeat(2);
        return ctx.continue_as_new(measures::Input { text });
    }
    Ok(text.len())
}

#[workflow]
async fn delegates(ctx: &WorkflowContext, children: usize) -> Result<usize> {
    // The texts are made once, too: marks and starts of children take turns.
    let mut calls = Vec::new();
    for child in 0..children {
        let text = ctx.side_effect(|| "y".repeat(LARGE / 2 + child)).await?;
        calls.push(measures(ctx, text).start());
    }
    Ok(flows::try_join_all(calls).await?.iter().sum())
}

#[activity(retry(max_attempts = 1))]
async fn complains(ctx: &ActivityContext, bytes: usize) -> Result<()> {
    let refused = ctx.heartbeat(&"x".repeat(LARGE + 1)).expect_err("it is too large");
    assert_eq!(refused.kind(), ErrorKind::InvalidInput, "{refused}");
    Err(Error::terminal("no! ".repeat(bytes / 4)))
}

#[workflow]
async fn passes_on(ctx: &WorkflowContext, bytes: usize) -> Result<()> {
    complains(ctx, bytes).await
}

#[workflow]
async fn waits(ctx: &WorkflowContext) -> Result<()> {
    ctx.signal("go").await
}

/// Receives so many letters, and says whether they came in order.
#[workflow]
async fn receives(ctx: &WorkflowContext, letters: usize) -> Result<bool> {
    let mut in_order = true;
    for expected in 0..letters {
        let letter: String = ctx.signal("letter").await?;
        in_order &= letter.trim_end_matches('x') == expected.to_string();
    }
    Ok(in_order)
}

fn registry() -> Registry {
    register_all![weighs_in, gathers, measures, delegates, complains, passes_on, waits, receives]
}

/// What is large may take a while, and the lease is not what these behaviours are about.
fn serve(env: &Env) -> Result<Serving> {
    Ok(Serving::begin(env.worker(registry()).lease(Duration::from_secs(60)).build()?))
}

async fn a_turn_that_is_larger_than_a_record_is_several(env: Env) -> Result<()> {
    let _worker = serve(&env)?;
    let exec = env.engine.start(gathers::Input {}).await?;
    assert_eq!(exec.result().await?, MANY * LARGE);
    assert_eq!(env.world.notes().len(), MANY, "each was invoked once");
    assert_eq!(events(&exec, "activity_completed").await?.len(), MANY);
    Ok(())
}

async fn children_with_large_inputs_start_once_each(env: Env) -> Result<()> {
    let _worker = serve(&env)?;
    let children = 9;
    let exec = env.engine.start(delegates::Input { children }).await?;
    assert_eq!(exec.result().await?, children * (LARGE / 2) + (0..children).sum::<usize>());
    assert_eq!(env.engine.list().await?.len(), children + 1);
    Ok(())
}

async fn a_run_goes_on_with_a_large_input(env: Env) -> Result<()> {
    let _worker = serve(&env)?;
    let text = "z".repeat(LARGE / 5);
    let exec = env.engine.start(measures::Input { text }).id("again").await?;
    assert_eq!(exec.result().await?, LARGE / 5 * 4, "it went on twice");
    Ok(())
}

async fn an_error_that_is_too_large_is_cut(env: Env) -> Result<()> {
    let _worker = serve(&env)?;
    let exec = env.engine.start(passes_on::Input { bytes: 3 << 20 }).await?;
    let error = exec.result().await.expect_err("it complains");
    assert_eq!(error.kind(), ErrorKind::Terminal);
    assert!(error.message().starts_with("no! no! "));
    assert!(error.message().contains("and the limit is 2097152: the rest of it is left out"));
    assert!(error.message().len() < 5_000, "{} bytes", error.message().len());
    Ok(())
}

async fn reasons_that_are_too_large_are_refused(env: Env) -> Result<()> {
    let exec = env.engine.start(waits::Input {}).await?;
    let reason = "x".repeat(LARGE + 3);
    let cancelled = exec.cancel().reason(reason.clone()).await.expect_err("it is too large");
    assert!(cancelled.message().starts_with("the reason of a cancellation has 2097155 bytes"));
    let terminated = exec.terminate(reason).await.expect_err("it is too large");
    assert!(terminated.message().starts_with("the reason of a termination has 2097153 bytes"));
    assert_eq!(exec.describe().await?.status, Status::Running);
    Ok(())
}

async fn letters_are_received(env: Env, letters: usize, bytes: usize) -> Result<()> {
    let exec = env.engine.start(receives::Input { letters }).await?;
    let send = async |number: usize| {
        exec.signal("letter", &format!("{number}{}", "x".repeat(bytes))).await
    };
    for number in 0..letters / 2 {
        send(number).await?;
    }
    let _worker = serve(&env)?;
    for number in letters / 2..letters {
        send(number).await?; // while it reads
    }
    assert!(exec.result().await?, "in order, and none is lost");
    Ok(())
}

async fn more_letters_than_a_page_are_received_in_order(env: Env) -> Result<()> {
    letters_are_received(env, 2_600, 1).await
}

/// A page holds few of them, and none of the largest.
async fn large_letters_are_received_in_order(env: Env) -> Result<()> {
    env.engine.set_payload_limit(6 << 20)?;
    letters_are_received(env, 8, 5 << 20).await
}
