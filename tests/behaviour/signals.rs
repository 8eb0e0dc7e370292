//! Signals: acknowledged means delivered, once, in order, whenever they were sent.

use flows::prelude::*;

use crate::harness::{Env, Serving, events, until};
use crate::world::World;

on_every_store! {
    a_signal_sent_before_the_first_turn_is_received,
    a_signal_sent_before_the_wait_is_received,
    signals_are_received_in_the_order_they_were_sent,
    names_do_not_mix,
    a_dedup_key_is_received_once,
    a_typed_signal_is_sent_and_received,
    a_signal_finds_the_run_of_a_workflow_id,
    a_signal_wakes_a_run_that_left_memory,
    a_signal_of_another_type_is_an_error_of_the_workflow,
    a_signal_needs_an_open_run,
    a_signal_that_comes_too_late_is_counted,
    a_signal_has_a_name_of_some_length,
}

#[signal]
#[derive(Debug, PartialEq)]
struct Ready {
    shelf: u32,
}

#[activity]
async fn pause(ctx: &ActivityContext) -> Result<()> {
    let world = ctx.state::<World>()?;
    world.note("pausing");
    world.pass("pause").await;
    Ok(())
}

/// Receives so many signals of each of the names, in turn, after a pause.
#[workflow]
async fn collects(ctx: &WorkflowContext, names: Vec<String>, pauses: bool) -> Result<Vec<u32>> {
    if pauses {
        pause(ctx).await?;
    }
    let mut got = Vec::new();
    for name in names {
        got.push(ctx.signal(&name).await?);
    }
    Ok(got)
}

#[workflow]
async fn shelves(ctx: &WorkflowContext) -> Result<u32> {
    let before = ctx.try_signal::<Ready>(Ready::NAME)?;
    assert_eq!(before, None);
    Ok(ctx.receive::<Ready>().await?.shelf)
}

fn registry() -> Registry {
    register_all![collects, shelves, pause]
}

fn input(names: &[&str], pauses: bool) -> collects::Input {
    collects::Input { names: names.iter().map(|name| (*name).to_owned()).collect(), pauses }
}

async fn a_signal_sent_before_the_first_turn_is_received(env: Env) -> Result<()> {
    let exec = env.engine.start(input(&["n"], false)).await?;
    exec.signal("n", &5).await?; // no worker has seen the run yet
    let _worker = env.serve(registry())?;
    assert_eq!(exec.result().await?, [5]);
    Ok(())
}

async fn a_signal_sent_before_the_wait_is_received(env: Env) -> Result<()> {
    let _worker = env.serve(registry())?;
    let exec = env.engine.start(input(&["n"], true)).await?;
    env.world.noted("pausing", 1).await;
    exec.signal("n", &5).await?;
    env.world.open("pause");
    assert_eq!(exec.result().await?, [5]);
    Ok(())
}

async fn signals_are_received_in_the_order_they_were_sent(env: Env) -> Result<()> {
    let exec = env.engine.start(input(&["n"; 30], true)).await?;
    for number in 0..10 {
        exec.signal("n", &number).await?;
    }
    let _worker = env.serve(registry())?;
    env.world.noted("pausing", 1).await;
    for number in 10..20 {
        exec.signal("n", &number).await?;
    }
    env.world.open("pause");
    for number in 20..30 {
        exec.signal("n", &number).await?;
    }
    assert_eq!(exec.result().await?, (0..30).collect::<Vec<_>>());
    Ok(())
}

async fn names_do_not_mix(env: Env) -> Result<()> {
    let _worker = env.serve(registry())?;
    let exec = env.engine.start(input(&["a", "b", "a"], false)).await?;
    for (name, number) in [("b", 1), ("c", 2), ("a", 3), ("b", 4), ("a", 5)] {
        exec.signal(name, &number).await?;
    }
    assert_eq!(exec.result().await?, [3, 1, 5]);
    Ok(())
}

async fn a_dedup_key_is_received_once(env: Env) -> Result<()> {
    let exec = env.engine.start(input(&["n", "n", "n"], false)).await?;
    exec.signal("n", &1).dedup("first").await?;
    exec.signal("n", &1).dedup("first").await?;
    let _worker = env.serve(registry())?;
    exec.signal("n", &2).dedup("second").await?;
    exec.signal("n", &1).dedup("first").await?; // also when it has been received long ago
    exec.signal("n", &3).await?;
    assert_eq!(exec.result().await?, [1, 2, 3]);
    Ok(())
}

async fn a_typed_signal_is_sent_and_received(env: Env) -> Result<()> {
    let _worker = env.serve(registry())?;
    let exec = env.engine.start(shelves::Input {}).await?;
    until(async || Ok(exec.describe().await?.waiting_for.is_some())).await?;
    exec.send(Ready { shelf: 4 }).await?;
    assert_eq!(exec.result().await?, 4);
    Ok(())
}

async fn a_signal_finds_the_run_of_a_workflow_id(env: Env) -> Result<()> {
    let _worker = env.serve(registry())?;
    let exec = env.engine.start(input(&["n", "n", "n"], false)).id("collector").await?;
    env.engine.signal("collector", "n", &1).await?;
    env.engine.execution::<collects::Workflow>("collector").signal("n", &2).await?;
    env.engine.signal(exec.run_id().to_string(), "n", &3).await?;
    assert_eq!(exec.result().await?, [1, 2, 3]);
    Ok(())
}

async fn a_signal_wakes_a_run_that_left_memory(env: Env) -> Result<()> {
    let worker = env.worker(registry()).resident_for(Duration::ZERO).build()?;
    let _worker = Serving::begin(worker);
    let exec = env.engine.start(input(&["n", "n"], false)).await?;
    for number in 1..=2 {
        until(async || {
            let waiting_for = exec.describe().await?.waiting_for.unwrap_or_default();
            Ok(waiting_for.starts_with("signal `n`"))
        })
        .await?;
        exec.signal("n", &number).await?;
        if number == 1 {
            until(async || Ok(events(&exec, "signal_received").await?.len() == 1)).await?;
        }
    }
    assert_eq!(exec.result().await?, [1, 2]);
    Ok(())
}

async fn a_signal_of_another_type_is_an_error_of_the_workflow(env: Env) -> Result<()> {
    let _worker = env.serve(registry())?;
    let exec = env.engine.start(input(&["n"], false)).await?;
    exec.signal("n", &"text").await?;
    let error = exec.result().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Codec);
    let from = format!(
        "signal `n` of run `{}` (workflow `collects`) was sent as the string `\"text\"`",
        exec.run_id()
    );
    assert!(error.message().starts_with(&from), "{error}");
    assert!(error.message().contains(": cannot decode as `u32`: "), "{error}");
    Ok(())
}

async fn a_signal_needs_an_open_run(env: Env) -> Result<()> {
    let nobody = env.engine.signal("nobody", "n", &1).await.unwrap_err();
    assert_eq!(nobody.kind(), ErrorKind::NotFound);
    assert!(nobody.message().starts_with("there is no run `nobody` in this tenant"), "{nobody}");

    let _worker = env.serve(registry())?;
    let exec = env.engine.start(input(&[], false)).await?;
    exec.result().await?;
    let ended = exec.signal("n", &1).await.unwrap_err();
    assert_eq!(ended.kind(), ErrorKind::Closed);
    assert!(ended.message().contains("has ended"), "{ended}");
    Ok(())
}

/// Every acknowledged signal is in the history, or counted at the end.
async fn a_signal_that_comes_too_late_is_counted(env: Env) -> Result<()> {
    for round in 0..20 {
        let worker = env.serve(registry())?;
        let exec = env.engine.start(input(&["n"], false)).await?;
        let mut acknowledged = 0;
        loop {
            match exec.signal("n", &round).await {
                Ok(()) => acknowledged += 1,
                Err(error) if error.kind() == ErrorKind::Closed => break,
                Err(error) => return Err(error),
            }
        }
        let run = exec.describe().await?;
        let received = events(&exec, "signal_received").await?.len();
        assert_eq!(received + run.unread_signals as usize, acknowledged, "{run:?}");
        worker.stop().await?;
    }
    let exec = env.engine.start(input(&["n"], false)).await?;
    exec.signal("n", &1).await?;
    assert_eq!(exec.describe().await?.unread_signals, 0, "while it is open");
    exec.terminate("enough").await?;
    assert_eq!(exec.describe().await?.unread_signals, 1);
    Ok(())
}

async fn a_signal_has_a_name_of_some_length(env: Env) -> Result<()> {
    let exec = env.engine.start(input(&["n"], false)).await?;
    let empty = exec.signal("", &1).await.unwrap_err();
    assert_eq!(empty.message(), "the signal name is empty; allowed are 1 to 255 bytes of text");
    let long = exec.signal("n", &1).dedup("k".repeat(300)).await.unwrap_err();
    let text = "the dedup key has 300 bytes; allowed are 1 to 255 bytes of text";
    assert_eq!(long.message(), text);
    let _worker = env.serve(registry())?;
    exec.signal("n", &7).await?;
    assert_eq!(exec.result().await?, [7], "nothing was sent by the refused ones");
    Ok(())
}
