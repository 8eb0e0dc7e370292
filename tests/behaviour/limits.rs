//! Time limits: of attempts, of all attempts, between heartbeats, for a slot, of runs.

use flows::prelude::*;

use crate::harness::{Env, Serving, events, until};
use crate::world::World;

on_every_store! {
    an_attempt_that_takes_too_long_is_given_up_and_retried,
    all_attempts_together_have_a_limit,
    silence_is_a_timeout_and_the_next_attempt_knows_how_far_it_was,
    heartbeats_keep_an_activity_alive,
    the_wait_for_a_slot_has_a_limit,
    a_run_that_takes_too_long_is_timed_out,
    a_workflow_can_limit_what_it_waits_for,
    it_is_told_whose_limit_has_passed,
    a_limit_of_a_child_is_a_failure_of_its_parent,
    a_timer_never_fires_early,
}

const fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// Never ends at the first attempt.
#[activity(start_to_close = "100ms", retry(initial_interval = "5ms"))]
async fn slow_at_first(ctx: &ActivityContext) -> Result<u32> {
    ctx.state::<World>()?.note("begun");
    if ctx.attempt() == 1 {
        ctx.state::<World>()?.pass("never").await;
    }
    Ok(ctx.attempt())
}

#[activity(
    schedule_to_close = "300ms",
    retry(initial_interval = "40ms", backoff = 1.0, max_attempts = 1_000)
)]
async fn never_works(ctx: &ActivityContext) -> Result<()> {
    ctx.state::<World>()?.note("begun");
    Err(Error::retryable(format!("failed at attempt {}", ctx.attempt())))
}

/// Works through the pages, reports each, and falls silent at page 3 the first time.
#[activity(heartbeat = "150ms", retry(initial_interval = "5ms"))]
async fn reads_pages(ctx: &ActivityContext) -> Result<Vec<u32>> {
    let first = ctx.last_heartbeat::<u32>().map_or(1, |page| page + 1);
    let mut read = Vec::new();
    for page in first..=5 {
        if page == 3 && ctx.attempt() == 1 {
            ctx.state::<World>()?.pass("never").await;
        }
        read.push(page);
        ctx.heartbeat(&page)?;
    }
    Ok(read)
}

/// Takes longer than the pause that is allowed between two heartbeats.
#[activity(heartbeat = "200ms", retry(max_attempts = 1))]
async fn beats(ctx: &ActivityContext) -> Result<u32> {
    for beat in 0..10_u32 {
        tokio::time::sleep(millis(40)).await;
        ctx.heartbeat(&beat)?;
    }
    Ok(ctx.last_heartbeat().unwrap_or_default())
}

#[activity]
async fn occupies(ctx: &ActivityContext) -> Result<()> {
    let world = ctx.state::<World>()?;
    world.note("occupied");
    world.pass("leave").await;
    Ok(())
}

#[activity(schedule_to_start = "100ms", retry(max_attempts = 1))]
async fn wants_a_slot(ctx: &ActivityContext) -> Result<()> {
    ctx.state::<World>()?.note("got a slot");
    Ok(())
}

#[workflow]
async fn calls(ctx: &WorkflowContext, which: String) -> Result<u32> {
    match &*which {
        "slow" => slow_at_first(ctx).await,
        "never" => never_works(ctx).await.map(|()| 0),
        "beats" => beats(ctx).await,
        "occupies" => occupies(ctx).await.map(|()| 0),
        _ => wants_a_slot(ctx).await.map(|()| 0),
    }
}

#[activity(start_to_close = "100ms", retry(max_attempts = 1))]
async fn endless(ctx: &ActivityContext) -> Result<()> {
    ctx.state::<World>()?.pass("never").await;
    Ok(())
}

#[workflow]
async fn within(ctx: &WorkflowContext, limit: u64, attempt: u64) -> Result<()> {
    ctx.timeout(millis(limit), endless(ctx).start_to_close(millis(attempt))).await
}

#[workflow(timeout = "100ms")]
async fn short(ctx: &WorkflowContext) -> Result<()> {
    ctx.signal("never").await
}

#[workflow]
async fn awaits_short(ctx: &WorkflowContext) -> Result<()> {
    short(ctx).await
}

#[workflow]
async fn library(ctx: &WorkflowContext) -> Result<Vec<u32>> {
    reads_pages(ctx).await
}

#[workflow]
async fn waits(ctx: &WorkflowContext) -> Result<String> {
    let limited = ctx.timeout(millis(150), ctx.signal::<String>("go")).await;
    let error = match limited {
        Ok(value) => return Ok(value),
        Err(error) => error,
    };
    assert!(error.is_timeout() && error.is_retryable());
    let late: String = ctx.signal("go").await?;
    Ok(format!("{error}, then {late}"))
}

#[workflow]
async fn naps(ctx: &WorkflowContext, millis: u64) -> Result<Duration> {
    let before = ctx.now();
    ctx.sleep(Duration::from_millis(millis)).await?;
    Ok(ctx.now().duration_since(before)?)
}

fn registry() -> Registry {
    register_all![
        calls,
        library,
        waits,
        naps,
        slow_at_first,
        never_works,
        reads_pages,
        beats,
        occupies,
        wants_a_slot,
        endless,
        within,
        short,
        awaits_short
    ]
}

fn which(which: &str) -> calls::Input {
    calls::Input { which: which.to_owned() }
}

async fn an_attempt_that_takes_too_long_is_given_up_and_retried(env: Env) -> Result<()> {
    let _worker = env.serve(registry())?;
    let exec = env.engine.start(which("slow")).await?;
    assert_eq!(exec.result().await?, 2);
    let failed = events(&exec, "activity_attempt_failed").await?;
    let error = failed[0].error.as_ref().expect("the first attempt failed");
    assert!(error.is_timeout());
    let text = "activity `slow_at_first` took longer than its `start_to_close` of 100ms";
    assert_eq!(error.message(), text);
    Ok(())
}

async fn all_attempts_together_have_a_limit(env: Env) -> Result<()> {
    let _worker = env.serve(registry())?;
    let exec = env.engine.start(which("never")).await?;
    let error = exec.result().await.unwrap_err();
    let attempts = env.world.count("begun");
    assert!((2..=9).contains(&attempts), "{attempts} attempts in 300 ms, 40 ms apart");
    assert_eq!(error.message(), format!("failed at attempt {attempts}"));
    Ok(())
}

async fn silence_is_a_timeout_and_the_next_attempt_knows_how_far_it_was(env: Env) -> Result<()> {
    let _worker = env.serve(registry())?;
    let exec = env.engine.start(library::Input {}).await?;
    assert_eq!(exec.result().await?, [3, 4, 5], "pages 1 and 2 were read before");
    let failed = events(&exec, "activity_attempt_failed").await?;
    let error = failed[0].error.as_ref().expect("the first attempt failed");
    let text = "activity `reads_pages` gave no heartbeat for longer than its `heartbeat` of 150ms";
    assert_eq!((error.is_timeout(), error.message()), (true, text));
    Ok(())
}

async fn heartbeats_keep_an_activity_alive(env: Env) -> Result<()> {
    let _worker = env.serve(registry())?;
    let exec = env.engine.start(which("beats")).await?;
    assert_eq!(exec.result().await?, 9);
    Ok(())
}

async fn the_wait_for_a_slot_has_a_limit(env: Env) -> Result<()> {
    let _worker = Serving::begin(env.worker(registry()).max_activities(1).build()?);
    let occupant = env.engine.start(which("occupies")).await?;
    env.world.noted("occupied", 1).await;
    let exec = env.engine.start(which("slot")).await?;
    let error = exec.result().await.unwrap_err();
    let text = "activity `wants_a_slot` waited for a free slot longer than its \
                `schedule_to_start` of 100ms";
    assert_eq!((error.is_timeout(), error.message()), (true, text));

    env.world.open("leave");
    occupant.result().await?;
    assert_eq!(env.world.notes(), ["occupied"], "it was not begun behind the limit");
    Ok(())
}

async fn a_run_that_takes_too_long_is_timed_out(env: Env) -> Result<()> {
    let _worker = env.serve(registry())?;
    let exec = env.engine.start(which("occupies")).timeout(millis(200)).await?;
    let error = exec.result().await.unwrap_err();
    let text = "the run took longer than its limit of 200ms";
    assert_eq!((error.is_timeout(), error.message()), (true, text));
    assert_eq!(exec.describe().await?.status, Status::TimedOut);
    assert_eq!(env.engine.dead_letters().list().await?.len(), 1, "it can be rerun");

    let parked = env.engine.start(waits::Input {}).timeout(millis(200)).delay(millis(100)).await?;
    assert!(parked.result().await.unwrap_err().is_timeout(), "counted from its first turn");
    Ok(())
}

async fn a_workflow_can_limit_what_it_waits_for(env: Env) -> Result<()> {
    let _worker = env.serve(registry())?;
    let exec = env.engine.start(waits::Input {}).await?;
    until(async || Ok(!events(&exec, "timer_fired").await?.is_empty())).await?;
    exec.signal("go", &"better late").await?;
    assert_eq!(
        exec.result().await?,
        "timed out after 150ms, waiting for signal `go`, then better late"
    );
    Ok(())
}

async fn it_is_told_whose_limit_has_passed(env: Env) -> Result<()> {
    let _worker = env.serve(registry())?;
    let input = within::Input { limit: 60_000, attempt: 50 };
    let error = env.engine.start(input).await?.result().await.unwrap_err();
    assert_eq!((error.is_timeout(), error.timeout_kind()), (true, Some(TimeoutKind::StartToClose)));

    let input = within::Input { limit: 10, attempt: 60_000 };
    let error = env.engine.start(input).await?.result().await.unwrap_err();
    assert_eq!((error.is_timeout(), error.timeout_kind()), (true, Some(TimeoutKind::CtxTimeout)));
    assert_eq!(error.message(), "timed out after 10ms, waiting for activity `endless`");
    let [activity, own] = error.chain().collect::<Vec<_>>()[..] else { panic!("{error:#}") };
    let called = "activity `endless` (#0), called at tests/behaviour/limits.rs:";
    assert!(activity.starts_with(called), "{error:#}");
    assert!(own.starts_with("`ctx.timeout` at tests/behaviour/limits.rs:"), "{error:#}");
    Ok(())
}

async fn a_limit_of_a_child_is_a_failure_of_its_parent(env: Env) -> Result<()> {
    let _worker = env.serve(registry())?;
    let exec = env.engine.start(awaits_short::Input {}).await?;
    let error = exec.result().await.unwrap_err();
    assert_eq!(error.timeout_kind(), Some(TimeoutKind::Run), "{error:?}");
    assert_eq!(exec.describe().await?.status, Status::Failed, "its own limit has not passed");
    Ok(())
}

/// On PostgreSQL it would take as long as it says.
#[tokio::test(start_paused = true)]
async fn a_sleep_of_hours_takes_no_time_on_the_memory_store() -> Result<()> {
    let night = 5 * 3_600_000;
    crate::harness::on_memory(async |env| {
        let _worker = env.serve(registry())?;
        let exec = env.engine.start(naps::Input { millis: night }).await?;
        assert!(exec.result().await? >= millis(night));
        Ok(())
    })
    .await
}

/// Many that are due together need not be claimed then.
#[tokio::test(start_paused = true)]
async fn who_sleeps_is_parked_and_in_memory_again_in_time() -> Result<()> {
    let hour = 3_600_000;
    crate::harness::on_memory(async |env| {
        let _worker = Serving::begin(env.worker(registry()).name("keen").build()?);
        let exec = env.engine.start(naps::Input { millis: hour }).await?;
        let place = async || exec.describe().await.map(|run| run.waiting_for.unwrap_or_default());
        let begun = tokio::time::Instant::now();

        tokio::time::sleep_until(begun + millis(hour - 2_500)).await;
        assert!(place().await?.starts_with("timer (#"), "{}", place().await?);
        tokio::time::sleep_until(begun + millis(hour - 1_500)).await;
        assert_eq!(place().await?, "worker keen, which runs it");
        assert!(exec.result().await? >= millis(hour));
        Ok(())
    })
    .await
}

async fn a_timer_never_fires_early(env: Env) -> Result<()> {
    let _worker = env.serve(registry())?;
    let naps = [0, 1, 7, 50, 120, 250].map(|millis| env.engine.start(naps::Input { millis }));
    let mut execs = Vec::new();
    for nap in naps {
        execs.push(nap.await?);
    }
    for (exec, asked) in execs.iter().zip([0, 1, 7, 50, 120, 250]) {
        let slept = exec.result().await?;
        assert!(slept >= millis(asked), "{slept:?} is less than {asked} ms");
    }
    Ok(())
}
