//! Definitions with the error types of an application: `?` both ways, and what an error is stays.

use std::error::Error as StdError;

use flows::prelude::*;
use flows::testing::TestEnv;
use serde::{Deserialize, Serialize};

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
    let said: Vec<_> = std::iter::once(error.message()).chain(error.chain()).collect();
    Ok((error.kind(), said.join(": "), attempts.unwrap_or(0)))
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

/// An error type of which every value is known.
#[derive(Debug, Clone, PartialEq, thiserror::Error, Serialize, Deserialize, ErrorClass)]
#[error_class(terminal_if = Self::is_final)]
enum Gateway {
    #[error("declined with code {code}")]
    #[error_class(terminal)]
    Declined { code: u32 },
    #[error("answered {0}")]
    Answered(u16),
    #[error("no answer")]
    NoAnswer,
}

impl Gateway {
    fn is_final(&self) -> bool {
        matches!(self, Self::Answered(400..500))
    }
}

/// One that serde knows, and nobody else.
#[derive(Debug, Clone, PartialEq, thiserror::Error, Serialize, Deserialize)]
enum Stock {
    #[error("sold out until {until}")]
    SoldOut { until: String },
    #[error("no answer")]
    NoAnswer,
}

/// The error type of all activities: a gateway's error stays one in it.
#[derive(Debug, thiserror::Error, ErrorClass)]
enum Service {
    #[error(transparent)]
    Gateway(#[from] Gateway),
    #[error(transparent)]
    Other(#[from] anyhow::Error),
    #[error("the library")]
    Flows(#[from] flows::Error),
}

/// Through `?`: the type is known because it has derived its class.
#[activity(retry(max_attempts = 2, initial_interval = "1ms"))]
async fn charges(fails: Gateway, within: String) -> Result<u32> {
    let failed = || Err(fails);
    match &*within {
        "anyhow" => boxed_in_anyhow(failed()).map_err(Error::retryable)?,
        "service" => failed().map_err(Service::Gateway)?,
        "service and anyhow" => boxed_in_anyhow(failed()).map_err(Service::Other)?,
        _ => failed()?,
    }
    Ok(1)
}

fn boxed_in_anyhow(result: std::result::Result<(), Gateway>) -> anyhow::Result<()> {
    anyhow::Context::context(result, "at the gateway")
}

#[activity(retry(
    max_attempts = 2,
    initial_interval = "1ms",
    non_retryable(Stock::SoldOut, std::num::ParseIntError)
))]
async fn picks(fails: Stock) -> std::result::Result<u32, Stock> {
    Err(fails)
}

#[activity(retry(
    max_attempts = 2,
    initial_interval = "1ms",
    non_retryable(Stock::SoldOut, std::num::ParseIntError)
))]
async fn parses(text: String) -> anyhow::Result<u32> {
    if text == "sold out" {
        anyhow::bail!(Stock::SoldOut { until: "noon".into() });
    }
    anyhow::Context::context(text.parse(), "no number")
}

/// What the workflow sees: whether to try again, and the value.
#[workflow]
async fn sees_gateway(
    ctx: &WorkflowContext,
    fails: Gateway,
    within: String,
) -> Result<(bool, Option<Gateway>)> {
    let error = charges(ctx, fails, within).await.unwrap_err();
    Ok((error.is_terminal(), error.details()))
}

#[workflow]
async fn sees_stock(ctx: &WorkflowContext, fails: Stock) -> Result<(bool, Option<Stock>)> {
    let error = picks(ctx, fails).await.unwrap_err();
    Ok((error.is_terminal(), error.details()))
}

/// Passes on what it gets, and is itself tried again unless it is sold out.
#[workflow(retry(max_attempts = 2, initial_interval = "1ms", non_retryable(Stock::SoldOut)))]
async fn passes_on(ctx: &WorkflowContext, fails: Stock) -> std::result::Result<u32, Stock> {
    match picks(ctx, fails).retry(RetryPolicy::never()).await {
        Ok(picked) => Ok(picked),
        Err(error) => Err(error.details::<Stock>().expect("its value")),
    }
}

#[flows::test]
async fn an_own_error_keeps_its_class_and_its_value(env: TestEnv) -> Result<()> {
    let declined = Gateway::Declined { code: 51 };
    for (fails, within) in [
        (declined.clone(), true),
        (Gateway::Answered(404), true),
        (Gateway::Answered(503), false),
        (Gateway::NoAnswer, false),
    ]
    .into_iter()
    .flat_map(|case| ["", "service", "service and anyhow"].map(|within| (case.clone(), within)))
    {
        let (fails, is_terminal) = fails;
        let input = sees_gateway::Input { fails: fails.clone(), within: within.into() };
        let exec = env.start(input).await?;
        assert_eq!(exec.result().await?, (is_terminal, Some(fails)));
        let attempts = exec.history().await?.iter().filter_map(|event| event.attempt).max();
        assert_eq!(attempts, Some(if is_terminal { 1 } else { 2 }));
    }
    let input = sees_gateway::Input { fails: declined.clone(), within: "anyhow".into() };
    let seen = env.start(input).await?.result().await?;
    assert_eq!(seen, (false, Some(declined)), "it was said to be retryable, and keeps its value");
    Ok(())
}

#[flows::test]
async fn variants_are_not_tried_again(env: TestEnv) -> Result<()> {
    let sold_out = Stock::SoldOut { until: "noon".into() };
    for (fails, is_terminal) in [(sold_out.clone(), true), (Stock::NoAnswer, false)] {
        let exec = env.start(sees_stock::Input { fails: fails.clone() }).await?;
        assert_eq!(exec.result().await?, (is_terminal, Some(fails.clone())));
        let attempts = exec.history().await?.iter().filter_map(|event| event.attempt).max();
        assert_eq!(attempts, Some(if is_terminal { 1 } else { 2 }), "{fails:?}");

        let exec = env.start(passes_on::Input { fails: fails.clone() }).await?;
        let error = exec.result().await.unwrap_err();
        assert_eq!((error.is_terminal(), error.details()), (is_terminal, Some(fails)));
        let successor = exec.describe().await?.successor;
        assert_eq!(successor.is_some(), !is_terminal, "another run tries it again");
    }
    Ok(())
}

#[activity(name = "parses-twice", retry(max_attempts = 2, initial_interval = "1ms"))]
async fn parses_twice(text: String) -> anyhow::Result<u32> {
    anyhow::Context::context(text.parse(), "no number")
}

#[workflow]
async fn reads(ctx: &WorkflowContext, text: String, how: String) -> Result<u32> {
    let policy = RetryPolicy::default().max_attempts(2).initial_interval(Duration::from_millis(1));
    match &*how {
        "by the definition" => parses(ctx, text).await,
        "by the call" => {
            let policy = policy.non_retryable::<std::num::ParseIntError>();
            parses_twice(ctx, text).retry(policy).await
        }
        _ => parses_twice(ctx, text).await,
    }
}

#[flows::test]
async fn types_are_found_among_the_causes(env: TestEnv) -> Result<()> {
    for (how, text, attempts) in [
        ("by the definition", "many", 1),
        ("by the definition", "sold out", 1),
        ("by the call", "many", 1),
        ("not at all", "many", 2),
    ] {
        let failed = failed(&env, reads::Input { text: text.into(), how: how.into() }).await?;
        assert_eq!(failed.2, attempts, "{how}: {failed:?}");
    }
    Ok(())
}

#[flows::test]
async fn a_mock_fails_as_the_activity_does(env: TestEnv) -> Result<()> {
    let sold_out = Stock::SoldOut { until: "noon".into() };
    let fails = sold_out.clone();
    env.mock(picks::Activity, move |_| Err(fails.clone().into()));
    let seen = env.start(sees_stock::Input { fails: Stock::NoAnswer }).await?.result().await?;
    assert_eq!(seen, (true, Some(sold_out)));
    Ok(())
}

#[derive(Debug, PartialEq, thiserror::Error, Serialize, Deserialize, ErrorClass)]
enum Weather {
    #[error("a storm of force {force}")]
    #[error_class(terminal)]
    Storm { force: u32 },
}

/// Holds an error of the library, and travels as a whole.
#[derive(Debug, thiserror::Error, Serialize, Deserialize)]
#[error("no crossing")]
struct NoCrossing(#[from] Error);

#[update(response = (), error = Weather)]
struct Sail {
    force: u32,
}

#[activity]
async fn leaves(force: u32) -> Result<(), Weather> {
    if force > 8 { Err(Weather::Storm { force }) } else { Ok(()) }
}

#[workflow]
async fn crosses(ctx: &WorkflowContext, force: u32) -> Result<(), NoCrossing> {
    Ok(leaves(ctx, force).await?)
}

/// Refuses what its child could not do, with the error of its child's activity.
#[workflow]
async fn ferry(ctx: &WorkflowContext) -> Result<String> {
    let sail = ctx.update::<Sail>().await?;
    let error = crosses(ctx, sail.force).id("crossing").await.expect_err("a storm");
    let Some(NoCrossing(inner)) = error.details() else { return Err(error) };
    let Some(weather @ Weather::Storm { .. }) = inner.details() else { return Err(inner) };
    sail.reject(weather);
    Ok(format!("{error:#}"))
}

#[flows::test]
async fn values_and_steps_of_errors_survive_every_crash() -> Result<()> {
    let said = flows::testing::crash_everywhere(ferry::Input {}).update(Sail { force: 9 }).await?;
    let chain = "no crossing: activity `leaves` (#0): a storm of force 9";
    assert_eq!(said, format!("child workflow `crosses` (crossing): {chain}"));
    Ok(())
}
