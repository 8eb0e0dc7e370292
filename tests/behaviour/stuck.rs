//! Runs that cannot go on in this build: visible, waited for, and taken up by a mended build.

use flows::prelude::*;

use crate::harness::{Env, Serving, events, until};
use crate::world::World;

on_every_store! {
    a_panic_of_a_workflow_stops_that_run_until_a_build_mends_it,
    a_changed_workflow_stops_with_what_was_expected_and_found,
    a_foreign_wait_stops_with_its_place_until_a_build_mends_it,
    a_foreign_wait_beside_a_durable_one_is_found,
    an_activity_that_is_not_registered_is_named,
    an_input_that_does_not_decode_is_named,
    an_activity_on_a_queue_that_is_not_served_is_named,
    signals_wait_with_a_stuck_run,
    a_stuck_run_can_be_terminated,
    a_stuck_run_ends_at_its_time_limit,
    a_stuck_run_says_that_it_is_to_cancel,
    a_run_that_an_old_worker_took_up_during_a_deploy_is_mended,
}

#[activity]
async fn count(ctx: &ActivityContext, pages: u64) -> Result<u64> {
    ctx.state::<World>()?.note(format!("count {pages}"));
    Ok(pages + 1)
}

/// Waits until the paper is there.
#[activity]
async fn feed(ctx: &ActivityContext, pages: u64) -> Result<u64> {
    let world = ctx.state::<World>()?;
    world.note("feeding");
    world.pass("paper").await;
    Ok(pages)
}

#[activity]
async fn weigh(grams: u64) -> Result<u64> {
    Ok(grams)
}

#[activity(queue = "printers")]
async fn print_out(pages: u64) -> Result<u64> {
    Ok(pages)
}

/// The build that works.
mod mended {
    use super::*;

    #[workflow]
    pub(super) async fn report(ctx: &WorkflowContext, pages: u64) -> Result<u64> {
        let pages = count(ctx, pages).await?;
        Ok(pages + ctx.signal::<u64>("more").await?)
    }
}

/// Two builds of one workflow, in a deploy that goes step by step.
mod rolling {
    use super::*;

    #[workflow(name = "print", module = "old_print")]
    pub(super) async fn print_and_jam(ctx: &WorkflowContext, pages: u64) -> Result<u64> {
        let pages = feed(ctx, pages).await?;
        assert!(pages == 0, "jammed");
        Ok(pages)
    }

    /// Only the new build has it.
    #[workflow]
    pub(super) async fn hello(ctx: &WorkflowContext) -> Result<()> {
        ctx.side_effect(|| ()).await
    }

    #[workflow]
    pub(super) async fn print(ctx: &WorkflowContext, pages: u64) -> Result<u64> {
        feed(ctx, pages).await
    }
}

/// The build that panics where it should go on.
mod panicking {
    use super::*;

    #[workflow]
    pub(super) async fn report(ctx: &WorkflowContext, pages: u64) -> Result<u64> {
        let pages = count(ctx, pages).await?;
        assert!(pages == 0, "no paper for {pages} pages");
        Ok(pages)
    }
}

/// Somebody's macro: what its body waits for, nobody sees.
macro_rules! pause {
    () => {
        tokio::time::sleep(Duration::from_secs(3_600)).await
    };
}

/// The builds that wait for something that is not durable.
mod foreign {
    use super::*;

    /// The line of its `pause!`.
    pub(super) const REPORT: u32 = line!() + 5;

    #[workflow]
    pub(super) async fn report(ctx: &WorkflowContext, pages: u64) -> Result<u64> {
        let pages = count(ctx, pages).await?;
        pause!();
        Ok(pages)
    }

    /// The line of its `pause!`.
    pub(super) const BESIDE: u32 = line!() + 7;

    #[workflow(name = "report")]
    pub(super) async fn beside(ctx: &WorkflowContext, pages: u64) -> Result<u64> {
        let pages = count(ctx, pages).await?;
        let paused = async {
            if pages > 0 {
                pause!();
            }
            0
        };
        let (more, rest) = flows::join!(ctx.signal::<u64>("more"), paused);
        Ok(pages + more? + rest)
    }
}

/// The build that does something else.
mod changed {
    use super::*;

    #[workflow]
    pub(super) async fn report(ctx: &WorkflowContext, pages: u64) -> Result<u64> {
        weigh(ctx, pages).await
    }
}

/// The build whose input is of another type.
mod retyped {
    use super::*;

    #[workflow]
    pub(super) async fn report(ctx: &WorkflowContext, pages: String) -> Result<u64> {
        let _ = (ctx, pages);
        Ok(0)
    }
}

/// The build that asks for another queue.
mod queued {
    use super::*;

    #[workflow]
    pub(super) async fn report(ctx: &WorkflowContext, pages: u64) -> Result<u64> {
        print_out(ctx, pages).await
    }
}

fn good() -> Registry {
    register_all![mended::report, count]
}

/// Why a run is stuck, once it is.
async fn stuck<W: Workflow>(exec: &Execution<W>) -> Result<String> {
    let mut why = None;
    until(async || {
        why = exec.describe().await?.stuck;
        Ok(why.is_some())
    })
    .await?;
    Ok(why.unwrap_or_default())
}

async fn a_panic_of_a_workflow_stops_that_run_until_a_build_mends_it(env: Env) -> Result<()> {
    let bad = env.serve(register_all![panicking::report, count])?;
    let exec = env.engine.start(mended::report::Input { pages: 3 }).await?;
    let why = stuck(&exec).await?;
    let place = format!("the workflow panicked at {}:", file!());
    assert!(why.starts_with(&place) && why.ends_with(": no paper for 4 pages"), "{why}");
    let info = exec.describe().await?;
    assert_eq!((info.status, info.error.is_none()), (Status::Running, true));
    let waiting_for = info.waiting_for.unwrap_or_default();
    assert!(
        waiting_for.starts_with("a build that can replay it (tried again at "),
        "{waiting_for}"
    );
    assert!(exec.try_result().await?.is_none(), "neither failed nor lost");
    assert!(env.engine.dead_letters().list().await?.is_empty());
    bad.stop().await?;

    let _worker = env.serve(good())?;
    exec.signal("more", &10).await?;
    assert_eq!(exec.result().await?, 14);
    assert_eq!(env.world.notes(), ["count 3"], "what was recorded is not done again");
    assert_eq!(exec.describe().await?.stuck, None);
    Ok(())
}

async fn a_changed_workflow_stops_with_what_was_expected_and_found(env: Env) -> Result<()> {
    let old = env.serve(good())?;
    let exec = env.engine.start(mended::report::Input { pages: 3 }).await?;
    until(async || Ok(!events(&exec, "activity_completed").await?.is_empty())).await?;
    old.stop().await?;
    exec.signal("more", &1).await?;

    let new = env.serve(register_all![changed::report, weigh])?;
    let why = stuck(&exec).await?;
    assert!(why.contains("journal: activity `count` (#0) completed"), "{why}");
    assert!(
        why.contains("code:    activity `weigh` (#0), called at tests/behaviour/stuck.rs:"),
        "{why}"
    );
    let fresh = env.engine.start(changed::report::Input { pages: 5 }).await?;
    assert_eq!(fresh.result().await?, 5, "other runs go on");
    new.stop().await?;

    let _worker = env.serve(good())?;
    assert_eq!(exec.result().await?, 5, "the old build still knows it");
    Ok(())
}

async fn a_foreign_wait_stops_with_its_place_until_a_build_mends_it(env: Env) -> Result<()> {
    let bad = env.serve(register_all![foreign::report, count])?;
    let exec = env.engine.start(mended::report::Input { pages: 3 }).await?;
    let why = stuck(&exec).await?;
    let line = foreign::REPORT;
    let place = format!(
        "in the macro at tests/behaviour/stuck.rs:{line}, \
         behind the await at tests/behaviour/stuck.rs:{}\n",
        line - 1
    );
    assert!(why.contains(&place), "{why} should contain {place}");
    assert!(why.contains("Await activities, children, `ctx.sleep`"), "{why}");
    let info = exec.describe().await?;
    assert_eq!((info.status, info.error.is_none()), (Status::Running, true));
    bad.stop().await?;

    let _worker = env.serve(good())?;
    exec.signal("more", &10).await?;
    assert_eq!(exec.result().await?, 14);
    assert_eq!(env.world.notes(), ["count 3"], "what was recorded is not done again");
    Ok(())
}

async fn a_foreign_wait_beside_a_durable_one_is_found(env: Env) -> Result<()> {
    let bad = env.serve(register_all![foreign::beside, count])?;
    let exec = env.engine.start(mended::report::Input { pages: 3 }).await?;
    let why = stuck(&exec).await?;
    let place = format!("in the macro at tests/behaviour/stuck.rs:{}\n", foreign::BESIDE);
    assert!(why.contains(&place), "{why} should contain {place}");
    bad.stop().await?;
    let _worker = env.serve(good())?;
    exec.signal("more", &10).await?;
    assert_eq!(exec.result().await?, 14);
    Ok(())
}

async fn an_activity_that_is_not_registered_is_named(env: Env) -> Result<()> {
    let bad = env.serve(register_all![mended::report])?;
    let exec = env.engine.start(mended::report::Input { pages: 3 }).await?;
    let text = "activity `count` is not registered with this worker; add it to its registry";
    assert_eq!(stuck(&exec).await?, text);
    bad.stop().await?;
    let _worker = env.serve(good())?;
    exec.signal("more", &1).await?;
    assert_eq!(exec.result().await?, 5);
    Ok(())
}

async fn an_input_that_does_not_decode_is_named(env: Env) -> Result<()> {
    let bad = env.serve(register_all![retyped::report])?;
    let exec = env.engine.start(mended::report::Input { pages: 3 }).await?;
    let why = stuck(&exec).await?;
    assert!(why.starts_with("input of `report`: cannot decode as"), "{why}");
    assert!(why.contains("invalid type: integer `3`, expected a string"), "{why}");
    bad.stop().await?;
    let _worker = env.serve(good())?;
    exec.signal("more", &1).await?;
    assert_eq!(exec.result().await?, 5);
    Ok(())
}

async fn an_activity_on_a_queue_that_is_not_served_is_named(env: Env) -> Result<()> {
    let bad = env.serve(register_all![queued::report, print_out])?;
    let exec = env.engine.start(queued::report::Input { pages: 3 }).await?;
    let waits =
        |why: String| why.contains("activity `print_out` (#0), of a worker of queue `printers`");
    until(async || Ok(!exec.history().await?.is_empty())).await?;
    bad.stop().await?; // so that the run says what it waits for
    until(async || Ok(exec.describe().await?.waiting_for.is_some_and(waits))).await?;
    let worker = env.worker(register_all![queued::report, print_out]);
    let _worker = Serving::begin(worker.queues(["default", "printers"]).build()?);
    assert_eq!(exec.result().await?, 3);
    Ok(())
}

async fn signals_wait_with_a_stuck_run(env: Env) -> Result<()> {
    let bad = env.serve(register_all![panicking::report, count])?;
    let exec = env.engine.start(mended::report::Input { pages: 3 }).await?;
    stuck(&exec).await?;
    exec.signal("more", &100).await?;
    let why = stuck(&exec).await?;
    let place = format!("the workflow panicked at {}:", file!());
    assert!(why.starts_with(&place) && why.ends_with(": no paper for 4 pages"), "{why}");
    bad.stop().await?;
    let _worker = env.serve(good())?;
    assert_eq!(exec.result().await?, 104);
    Ok(())
}

async fn a_stuck_run_can_be_terminated(env: Env) -> Result<()> {
    let _worker = env.serve(register_all![panicking::report, count])?;
    let exec = env.engine.start(mended::report::Input { pages: 3 }).await?;
    stuck(&exec).await?;
    exec.terminate("no paper").await?;
    assert_eq!(exec.result().await.unwrap_err().kind(), ErrorKind::Terminated);
    assert_eq!(exec.describe().await?.stuck, None);
    Ok(())
}

async fn a_run_that_an_old_worker_took_up_during_a_deploy_is_mended(env: Env) -> Result<()> {
    let old = env.worker(register_all![rolling::old_print, feed]);
    let old = Serving::begin(old.retry_stuck(Duration::from_millis(100)).build()?);
    let exec = env.engine.start(rolling::print::Input { pages: 3 }).await?;
    env.world.noted("feeding", 1).await; // the old worker holds it
    let new = env.worker(register_all![rolling::print, rolling::hello, feed]);
    let _new = Serving::begin(new.retry_stuck(Duration::from_millis(100)).build()?);
    env.engine.start(rolling::hello::Input {}).await?.result().await?; // the new one has begun
    env.world.open("paper");
    until(async || {
        let jammed = exec.describe().await?.stuck.is_some();
        Ok(jammed || exec.try_result().await?.is_some())
    })
    .await?;
    old.stop().await?;
    assert_eq!(exec.result().await?, 3);
    Ok(())
}

async fn a_stuck_run_ends_at_its_time_limit(env: Env) -> Result<()> {
    let _worker = env.serve(register_all![panicking::report, count])?;
    let start = env.engine.start(mended::report::Input { pages: 3 });
    let exec = start.timeout(Duration::from_millis(700)).await?;
    stuck(&exec).await?;
    let error = exec.result().await.unwrap_err();
    assert!(error.is_timeout(), "{error}");
    assert_eq!(error.message(), "the run took longer than its limit of 700ms");
    assert_eq!(exec.describe().await?.status, Status::TimedOut);
    assert_eq!(env.engine.dead_letters().list().await?.len(), 1);
    Ok(())
}

async fn a_stuck_run_says_that_it_is_to_cancel(env: Env) -> Result<()> {
    let bad = env.serve(register_all![panicking::report, count])?;
    let exec = env.engine.start(mended::report::Input { pages: 3 }).await?;
    stuck(&exec).await?;
    assert!(!exec.describe().await?.cancel_requested);
    exec.cancel().await?;
    let info = exec.describe().await?;
    assert_eq!((info.status, info.cancel_requested), (Status::Running, true));
    bad.stop().await?;
    let _worker = env.serve(good())?;
    assert_eq!(exec.result().await.unwrap_err().kind(), ErrorKind::Cancelled);
    assert!(!exec.describe().await?.cancel_requested);
    Ok(())
}
