//! Tasks and timers of tokio that a workflow starts in a function which no compiler looks into.

use flows::prelude::*;
use flows::testing::{TestEnv, crash_everywhere};

#[activity]
async fn file_word(word: String) -> Result<String> {
    Ok(word)
}

const SPAWNS: u32 = line!() + 2;
fn audit(word: String) {
    tokio::spawn(async move { drop(word) });
}

#[workflow]
async fn audited(ctx: &WorkflowContext) -> Result<String> {
    let word = file_word(ctx, "invoice".into()).await?;
    audit(word.clone());
    Ok(word)
}

const TICKS: u32 = line!() + 2;
fn ticker() -> tokio::time::Sleep {
    tokio::time::sleep(Duration::from_secs(1))
}

#[workflow]
async fn ticks(ctx: &WorkflowContext) -> Result<bool> {
    ctx.sleep(Duration::from_secs(1)).await?;
    Ok(ticker().is_elapsed())
}

fn uses_it(name: &str, line: u32) -> String {
    let file = file!();
    format!(
        "of workflow `{name}` is stuck: the workflow at {file}:{line} uses the runtime of tokio, as"
    )
}

#[flows::test]
async fn a_task_that_a_workflow_starts_fails_the_test(env: TestEnv) {
    let error = env.start(audited::Input {}).await?.result().await.expect_err("it is stuck");
    assert!(error.to_string().contains(&uses_it("audited", SPAWNS)), "{error}");
    let error = crash_everywhere(audited::Input {}).await.expect_err("it is stuck");
    assert!(error.to_string().contains(&uses_it("audited", SPAWNS)), "{error}");
    let error = env.start(ticks::Input {}).await?.result().await.expect_err("it is stuck");
    assert!(error.to_string().contains(&uses_it("ticks", TICKS)), "{error}");
}

#[workflow]
async fn measured(ctx: &WorkflowContext) -> Result<u64> {
    let workers =
        ctx.side_effect(|| tokio::runtime::Handle::current().metrics().num_workers() as u64);
    workers.await
}

/// What it does is recorded, so it may do anything.
#[flows::test]
async fn a_side_effect_may_use_the_runtime() {
    assert_eq!(crash_everywhere(measured::Input {}).await?, 1);
}
