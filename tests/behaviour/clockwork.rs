//! What is due when, over hours: alarms of runs that left memory, time limits over a takeover, waits
//! between attempts; and what goes along to the run that goes on.
//!
//! All on the memory store, in virtual time.

use flows::prelude::*;

use crate::harness::Env;
use crate::world::World;

const fn minutes(minutes: u64) -> Duration {
    Duration::from_secs(60 * minutes)
}

#[activity]
async fn step(ctx: &ActivityContext, name: String) -> Result<()> {
    let world = ctx.state::<World>()?;
    world.note(&*name);
    world.pass(&name).await;
    Ok(())
}

#[workflow]
async fn naps(ctx: &WorkflowContext, naps: Vec<u64>) -> Result<usize> {
    for nap in &naps {
        ctx.sleep(minutes(*nap)).await?;
    }
    Ok(naps.len())
}

/// Waits for two things at once, of which neither can be woken by mail.
#[workflow]
async fn naps_twice(ctx: &WorkflowContext) -> Result<String> {
    let short = ctx.sleep(minutes(10));
    let long = ctx.sleep(minutes(60));
    flows::select! {
        slept = long => slept.map(|()| "long".to_owned()),
        slept = short => slept.map(|()| "short".to_owned()),
    }
}

#[tokio::test(start_paused = true)]
async fn a_run_that_left_memory_wakes_at_the_next_of_its_alarms() -> Result<()> {
    let env = Env::on_memory();
    let _worker = env.serve(register_all![naps, naps_twice])?;
    let limited = env.engine.start(naps::Input { naps: vec![10, 10] }).timeout(minutes(60)).await?;
    let twice = env.engine.start(naps_twice::Input {}).await?;
    assert_eq!(twice.result().await?, "short");
    assert_eq!(limited.result().await?, 2);
    Ok(())
}

#[workflow]
async fn two_steps(ctx: &WorkflowContext) -> Result<()> {
    step(ctx, "first".into()).await?;
    step(ctx, "second".into()).await
}

/// It counts from the start of the run, whoever has it.
#[tokio::test(start_paused = true)]
async fn a_time_limit_does_not_begin_anew_at_a_takeover() -> Result<()> {
    let env = Env::on_memory();
    let worker = env.serve(register_all![two_steps, step])?;
    let began = tokio::time::Instant::now();
    let exec = env.engine.start(two_steps::Input {}).timeout(minutes(60)).await?;
    env.world.open("first");
    env.world.noted("second", 1).await;
    tokio::time::sleep(minutes(50)).await;
    worker.die().await;
    let _worker = env.serve(register_all![two_steps, step])?;
    env.world.noted("second", 2).await;
    assert!(exec.result().await.unwrap_err().is_timeout());
    assert!(began.elapsed() < minutes(61), "{:?}", began.elapsed());
    Ok(())
}

#[activity(start_to_close = "10ms", retry(max_attempts = 1))]
async fn takes_too_long(ctx: &ActivityContext) -> Result<()> {
    ctx.state::<World>()?.pass("never").await;
    Ok(())
}

#[workflow]
async fn gives_up(ctx: &WorkflowContext) -> Result<()> {
    takes_too_long(ctx).await
}

/// Only a run that took too long itself has timed out; this one failed, because of another's limit.
#[tokio::test(start_paused = true)]
async fn an_activity_that_timed_out_is_a_failure_of_its_run() -> Result<()> {
    let env = Env::on_memory();
    let _worker = env.serve(register_all![gives_up, takes_too_long])?;
    let exec = env.engine.start(gives_up::Input {}).await?;
    assert!(exec.result().await.unwrap_err().is_timeout());
    assert_eq!(exec.describe().await?.status, Status::Failed);
    Ok(())
}

#[activity(retry(initial_interval = "10m", backoff = 1.0))]
async fn never_works(ctx: &ActivityContext) -> Result<()> {
    ctx.state::<World>()?.note("an attempt");
    Err(Error::retryable("no"))
}

#[workflow]
async fn turns_to_something_else(ctx: &WorkflowContext) -> Result<()> {
    flows::select! {
        done = never_works(ctx) => done?,
        slept = ctx.sleep(minutes(1)) => slept?,
    }
    step(ctx, "else".into()).await
}

#[tokio::test(start_paused = true)]
async fn what_has_lost_a_select_is_not_tried_again() -> Result<()> {
    let env = Env::on_memory();
    let _worker = env.serve(register_all![turns_to_something_else, never_works, step])?;
    let exec = env.engine.start(turns_to_something_else::Input {}).await?;
    env.world.noted("else", 1).await;
    tokio::time::sleep(minutes(60)).await;
    env.world.open("else");
    exec.result().await?;
    assert_eq!(env.world.count("an attempt"), 1);
    Ok(())
}

#[workflow]
async fn goes_on(ctx: &WorkflowContext, round: u32) -> Result<u32> {
    step(ctx, format!("round {round}")).await?;
    let got: u32 = ctx.signal("go").await?;
    if round == 0 { ctx.continue_as_new(goes_on::Input { round: 1 }) } else { Ok(got) }
}

/// It was read already, and nobody had asked for it.
#[tokio::test(start_paused = true)]
async fn a_signal_that_was_not_received_goes_along() -> Result<()> {
    let env = Env::on_memory();
    let _worker = env.serve(register_all![goes_on, step])?;
    let exec = env.engine.start(goes_on::Input { round: 0 }).id("goes on").await?;
    env.world.noted("round 0", 1).await;
    for number in [1_u32, 2] {
        exec.signal("go", &number).await?;
    }
    tokio::time::sleep(minutes(1)).await; // both are read
    env.world.open("round 0");
    env.world.open("round 1");
    assert_eq!(exec.result().await?, 2);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_time_limit_goes_along() -> Result<()> {
    let env = Env::on_memory();
    let _worker = env.serve(register_all![goes_on, step])?;
    let exec = env.engine.start(goes_on::Input { round: 0 }).timeout(minutes(60)).await?;
    env.world.open("round 0");
    env.world.open("round 1");
    exec.signal("go", &1_u32).await?;
    env.world.noted("round 1", 1).await;
    assert!(exec.result().await.unwrap_err().is_timeout());
    Ok(())
}

/// Its code goes round under a shield, and never comes to where it would see the request.
#[workflow]
async fn goes_on_shielded(ctx: &WorkflowContext, round: u32) -> Result<u32> {
    if round == 0 {
        ctx.shield(step(ctx, "round 0".into())).await?;
        return ctx.continue_as_new(goes_on_shielded::Input { round: 1 });
    }
    ctx.signal("never").await
}

#[tokio::test(start_paused = true)]
async fn a_request_to_cancel_goes_along() -> Result<()> {
    let env = Env::on_memory();
    let _worker = env.serve(register_all![goes_on_shielded, step])?;
    let exec = env.engine.start(goes_on_shielded::Input { round: 0 }).id("shielded").await?;
    env.world.noted("round 0", 1).await;
    exec.cancel().reason("enough").await?;
    tokio::time::sleep(minutes(1)).await; // it is read
    env.world.open("round 0");
    let error = exec.result().await.unwrap_err();
    assert_eq!((error.is_cancelled(), error.message()), (true, "the run was cancelled: enough"));
    Ok(())
}

#[workflow]
async fn fails_once(ctx: &WorkflowContext) -> Result<u32> {
    step(ctx, format!("attempt {}", ctx.attempt())).await?;
    if ctx.attempt() == 1 { Err(Error::retryable("not yet")) } else { Ok(ctx.attempt()) }
}

#[tokio::test(start_paused = true)]
async fn the_next_attempt_of_a_run_waits_for_its_time() -> Result<()> {
    let env = Env::on_memory();
    let _worker = env.serve(register_all![fails_once, step])?;
    for gate in ["attempt 1", "attempt 2"] {
        env.world.open(gate);
    }
    let policy = RetryPolicy::default().initial_interval(minutes(30));
    let began = tokio::time::Instant::now();
    let exec = env.engine.start(fails_once::Input {}).retry(policy).await?;
    assert_eq!(exec.result().await?, 2);
    assert!(began.elapsed() >= minutes(27), "{:?}", began.elapsed());
    Ok(())
}

/// The workflow of the guide's first page.
mod guide {
    use flows::prelude::*;

    #[activity]
    pub(super) async fn measure(city: String) -> Result<i32> {
        Ok(i32::try_from(city.len()).unwrap_or(0))
    }

    #[activity]
    pub(super) async fn report(text: String) -> Result<()> {
        drop(text);
        Ok(())
    }

    #[workflow]
    pub(super) async fn weather(ctx: &WorkflowContext, city: String) -> Result<i32> {
        let first = measure(ctx, city.clone()).await?;
        ctx.sleep(Duration::from_secs(60)).await?;
        let second = measure(ctx, city.clone()).await?;
        report(ctx, format!("{city}: {first} degrees, then {second}")).await?;
        Ok(second - first)
    }
}

#[tokio::test(start_paused = true)]
async fn the_guide_shows_the_history_of_its_first_workflow() -> Result<()> {
    use guide::{measure, report, weather};
    let page = include_str!("../../docs/src/getting-started.md");
    let env = Env::on_memory();
    let _worker = env.serve(register_all![weather, measure, report])?;
    let exec = env.engine.start(weather::Input { city: "Oslo".into() }).id("oslo-today").await?;
    exec.result().await?;
    let mut shown = String::from("```text\n");
    for event in exec.history().await? {
        shown += &format!("{} {} {:?}\n", event.position, event.kind, event.name);
    }
    assert!(page.contains(&shown), "{shown}");
    Ok(())
}
