//! Signals that a run has not asked for: a share of them is taken in, the others wait in the inbox.

use flows::prelude::*;

use crate::harness::{Env, Serving, events, until};

on_every_store! {
    what_nobody_receives_stays_in_the_inbox,
    what_stayed_in_the_inbox_is_received_in_order,
    what_stayed_in_the_inbox_is_received_elsewhere,
    what_stayed_in_the_inbox_goes_on_with_the_run,
    a_cancellation_passes_what_stayed_in_the_inbox,
    what_stayed_in_the_inbox_is_there_without_waiting,
}

const LETTERS: usize = 40;
/// So many of them are more than a run takes in.
const SHARE: usize = 9;
const BYTES: usize = 500_000;

type Letter = (usize, String);

/// Waits for others, and then receives all letters.
#[workflow]
async fn hoards(ctx: &WorkflowContext, others: Vec<String>, goes_on: bool) -> Result<Vec<usize>> {
    for other in others {
        ctx.signal::<()>(&other).await?;
    }
    if goes_on {
        return ctx.continue_as_new(hoards::Input { others: Vec::new(), goes_on: false });
    }
    let mut numbers = Vec::new();
    while numbers.len() < LETTERS {
        let (number, _): Letter = ctx.signal("letter").await?;
        numbers.push(number);
    }
    Ok(numbers)
}

/// Takes what is there, whenever it is woken.
#[workflow]
async fn looks(ctx: &WorkflowContext) -> Result<Vec<usize>> {
    ctx.signal::<()>("second").await?;
    let mut numbers = Vec::new();
    while numbers.len() < LETTERS {
        while let Some((number, _)) = ctx.try_signal::<Letter>("letter")? {
            numbers.push(number);
        }
        ctx.sleep(Duration::from_millis(10)).await?;
    }
    Ok(numbers)
}

fn serve(env: &Env) -> Result<Serving> {
    env.serve(register_all![hoards, looks])
}

fn input(goes_on: bool) -> hoards::Input {
    hoards::Input { others: vec!["first".to_owned(), "second".to_owned()], goes_on }
}

/// Sends all letters, and one behind them that the run waits for, which it receives.
async fn send<W: Workflow>(exec: &Execution<W>) -> Result<()> {
    for number in 0..LETTERS {
        exec.signal("letter", &(number, "x".repeat(BYTES))).await?;
        exec.signal("other", &number).await?;
    }
    exec.signal("first", &()).await
}

/// How many letters it has taken in, once it has received what came behind them.
async fn taken_in<W: Workflow>(exec: &Execution<W>) -> Result<usize> {
    let of = |name: &'static str| async move {
        let events = events(exec, "signal_received").await?;
        Ok::<_, Error>(events.iter().filter(|event| event.name.as_deref() == Some(name)).count())
    };
    until(async || Ok(of("first").await? == 1)).await?;
    of("letter").await
}

fn all() -> Vec<usize> {
    (0..LETTERS).collect()
}

async fn what_nobody_receives_stays_in_the_inbox(env: Env) -> Result<()> {
    let exec = env.engine.start(input(false)).await?;
    send(&exec).await?;
    let serving = serve(&env)?;
    let taken = taken_in(&exec).await?;
    assert!((1..=SHARE).contains(&taken), "{taken} letters were taken in");
    serving.stop().await?;
    let _another = serve(&env)?; // it takes in no share of its own beside that
    exec.signal("other", &0).await?;
    exec.signal("second", &()).await?;
    exec.result().await?;
    let events = events(&exec, "signal_received").await?;
    let before = events.iter().take_while(|event| event.name.as_deref() != Some("second"));
    let taken = before.filter(|event| event.name.as_deref() == Some("letter")).count();
    assert!(taken <= SHARE, "{taken} letters were taken in");
    Ok(())
}

async fn what_stayed_in_the_inbox_is_received_in_order(env: Env) -> Result<()> {
    let _serving = serve(&env)?;
    let exec = env.engine.start(input(false)).await?;
    send(&exec).await?;
    taken_in(&exec).await?;
    exec.signal("second", &()).await?;
    assert_eq!(exec.result().await?, all());
    Ok(())
}

async fn what_stayed_in_the_inbox_is_received_elsewhere(env: Env) -> Result<()> {
    let serving = serve(&env)?;
    let exec = env.engine.start(input(false)).await?;
    send(&exec).await?;
    taken_in(&exec).await?;
    serving.die().await;
    let _another = serve(&env)?;
    exec.signal("second", &()).await?;
    assert_eq!(exec.result().await?, all());
    Ok(())
}

async fn what_stayed_in_the_inbox_goes_on_with_the_run(env: Env) -> Result<()> {
    let _serving = serve(&env)?;
    let exec = env.engine.start(input(true)).id("goes on").await?;
    send(&exec).await?;
    taken_in(&exec).await?;
    exec.signal("second", &()).await?;
    assert_eq!(exec.result().await?, all());
    Ok(())
}

async fn a_cancellation_passes_what_stayed_in_the_inbox(env: Env) -> Result<()> {
    let _serving = serve(&env)?;
    let exec = env.engine.start(input(false)).await?;
    send(&exec).await?;
    exec.cancel().await?;
    assert!(exec.result().await.is_err_and(|error| error.is_cancelled()));
    Ok(())
}

async fn what_stayed_in_the_inbox_is_there_without_waiting(env: Env) -> Result<()> {
    let _serving = serve(&env)?;
    let exec = env.engine.start(looks::Input {}).await?;
    send(&exec).await?;
    exec.signal("second", &()).await?;
    assert_eq!(exec.result().await?, all());
    Ok(())
}
