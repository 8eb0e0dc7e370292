//! Definitions with the error types of an application: `?` both ways, and what an error is stays.

use std::error::Error as StdError;

use flows::prelude::*;
use flows::testing::TestEnv;

type BoxError = Box<dyn StdError + Send + Sync>;

/// A result by another name.
type Res<T> = flows::Result<T>;

/// Another, with an error of the application.
type Attempted = std::result::Result<u32, App>;

#[derive(Debug, thiserror::Error)]
enum App {
    #[error("the library")]
    Flows(#[from] flows::Error),
    #[error("not a number")]
    Parse(#[from] std::num::ParseIntError),
    #[error(transparent)]
    Other(#[from] anyhow::Error),
}

/// How an activity is to fail.
fn failure(how: &str) -> flows::Error {
    match how {
        "terminal" => Error::terminal("no such customer"),
        _ => Error::retryable("try again"),
    }
}

#[activity(retry(max_attempts = 2, initial_interval = "1ms"))]
async fn anyhows(how: String) -> anyhow::Result<u32> {
    if let Ok(number) = how.parse() {
        return Ok(number);
    }
    anyhow::ensure!(how != "ensured", "made with {}", "ensure");
    Err::<(), _>(failure(&how)).context("in the activity")?;
    anyhow::bail!("never here")
}

#[activity(retry(max_attempts = 2, initial_interval = "1ms"))]
async fn eyres(how: String) -> eyre::Result<u32> {
    if let Ok(number) = how.parse() {
        return Ok(number);
    }
    Err::<(), _>(failure(&how)).wrap_err("in the activity")?;
    eyre::bail!("never here")
}

#[activity(retry(max_attempts = 2, initial_interval = "1ms"))]
async fn boxes(how: String) -> Result<u32, BoxError> {
    if let Ok(number) = how.parse() {
        return Ok(number);
    }
    Err(failure(&how).with_message("in the activity: it failed"))?
}

#[activity(retry(max_attempts = 2, initial_interval = "1ms"))]
async fn own(how: String) -> Attempted {
    if how.starts_with(char::is_numeric) {
        return Ok(how.parse()?);
    }
    Err(failure(&how))?
}

#[activity]
async fn renamed(how: String) -> Res<u32> {
    Ok(how.parse()?)
}

#[durable]
async fn helper(ctx: &WorkflowContext, how: &str) -> anyhow::Result<u32> {
    use anyhow::Context;
    let number = how.trim().parse::<u32>().context("no number");
    let other = anyhows(ctx, how.to_owned()).await.context("in the helper")?;
    Ok(number? + other)
}

#[workflow]
async fn on_anyhow(ctx: &WorkflowContext, how: String) -> anyhow::Result<u32> {
    ctx.sleep(Duration::from_secs(1)).await?;
    let third = renamed(ctx, "1".into()).await.with_context(|| format!("about {how}"))?;
    Ok(helper(ctx, &how).await? + third)
}

#[workflow]
async fn on_eyre(ctx: &WorkflowContext, how: String) -> eyre::Result<u32> {
    ctx.sleep(Duration::from_secs(1)).await?;
    Ok(eyres(ctx, how).await.wrap_err("in the workflow")?)
}

#[workflow]
async fn on_boxes(ctx: &WorkflowContext, how: String) -> Result<u32, BoxError> {
    ctx.sleep(Duration::from_secs(1)).await?;
    Ok(boxes(ctx, how).await?)
}

#[workflow]
async fn on_own(ctx: &WorkflowContext, how: String) -> Attempted {
    ctx.sleep(Duration::from_secs(1)).await?;
    Ok(own(ctx, how).await?)
}

#[workflow]
async fn renames(ctx: &WorkflowContext, how: String) -> Res<u32> {
    renamed(ctx, how).await
}

/// Goes on as itself, and counts.
#[workflow]
async fn counts(ctx: &WorkflowContext, count: u32) -> anyhow::Result<u32> {
    if count < 3 {
        return Ok(ctx.continue_as_new(counts::Input { count: count + 1 })?);
    }
    let waited = ctx.timeout(Duration::from_secs(9), ctx.signal::<u32>("never")).await;
    Ok(waited?)
}

#[flows::test]
async fn they_all_work(env: TestEnv) -> anyhow::Result<()> {
    let how = || "7".to_owned();
    assert_eq!(env.start(on_anyhow::Input { how: how() }).await?.result().await?, 15);
    assert_eq!(env.start(on_eyre::Input { how: how() }).await?.result().await?, 7);
    assert_eq!(env.start(on_boxes::Input { how: how() }).await?.result().await?, 7);
    assert_eq!(env.start(on_own::Input { how: how() }).await?.result().await?, 7);
    assert_eq!(env.start(renames::Input { how: how() }).await?.result().await?, 7);
    flows::testing::crash_everywhere(on_anyhow::Input { how: how() }).await?;
    Ok(())
}

/// How the run of this input fails: the error in full, and the attempts of its activity.
async fn failed<I: WorkflowInput>(env: &TestEnv, input: I) -> Result<(ErrorKind, String, u32)> {
    let exec = env.start(input).await?;
    let error = exec.result().await.map(|_| ()).unwrap_err();
    let attempts = exec.history().await?.iter().filter_map(|event| event.attempt).max();
    Ok((error.kind(), format!("{error:#}"), attempts.unwrap_or(0)))
}

#[flows::test]
async fn whether_to_try_again_is_kept(env: TestEnv) -> Result<()> {
    use ErrorKind::{Retryable, Terminal};
    let said = |kind, text: &str, attempts| (kind, text.to_owned(), attempts);
    for (how, kind, cause, attempts) in
        [("terminal", Terminal, "no such customer", 1), ("retryable", Retryable, "try again", 2)]
    {
        let how = || how.to_owned();
        let message = format!("in the helper: in the activity: {cause}");
        assert_eq!(
            failed(&env, on_anyhow::Input { how: how() }).await?,
            said(kind, &message, attempts)
        );
        let message = format!("in the workflow: in the activity: {cause}");
        assert_eq!(
            failed(&env, on_eyre::Input { how: how() }).await?,
            said(kind, &message, attempts)
        );
        let message = "in the activity: it failed";
        assert_eq!(
            failed(&env, on_boxes::Input { how: how() }).await?,
            said(kind, message, attempts)
        );
        let message = format!("the library: the library: {cause}");
        assert_eq!(
            failed(&env, on_own::Input { how: how() }).await?,
            said(kind, &message, attempts)
        );
    }
    let ensured = failed(&env, on_anyhow::Input { how: "ensured".to_owned() }).await?;
    assert_eq!(ensured, said(Retryable, "in the helper: made with ensure", 2));
    Ok(())
}

#[flows::test]
async fn a_cancelled_run_is_cancelled(env: TestEnv) -> Result<()> {
    let how = || "7".to_owned();
    let exec = env.start(on_anyhow::Input { how: how() }).await?;
    exec.cancel().await?;
    assert!(exec.result().await.unwrap_err().is_cancelled());
    assert_eq!(exec.describe().await?.status, Status::Cancelled);
    let exec = env.start(on_own::Input { how: how() }).await?;
    exec.cancel().await?;
    assert!(exec.result().await.unwrap_err().is_cancelled());
    assert_eq!(exec.describe().await?.status, Status::Cancelled);
    Ok(())
}

#[flows::test]
async fn a_run_goes_on_as_another_and_times_out(env: TestEnv) -> Result<()> {
    let exec = env.start(counts::Input { count: 1 }).await?;
    let error = exec.result().await.unwrap_err();
    assert!(error.is_timeout(), "{error:?}");
    Ok(())
}

#[test]
fn bodies_return_their_own_errors() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let error = runtime.block_on(own::run("1x".to_owned())).unwrap_err();
    assert!(matches!(error, App::Parse(_)), "{error:?}");
    let other = App::from(anyhow::anyhow!("broken"));
    assert_eq!(Error::from(other).to_string(), "broken");
}
