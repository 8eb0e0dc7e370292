//! Calls that are made and never awaited: a mistake that no check of results sees.

use flows::prelude::*;
use flows::testing::TestEnv;

#[activity]
async fn mail(to: String) -> Result<String> {
    Ok(to)
}

#[activity]
async fn refuse(why: String) -> Result<()> {
    Err(Error::terminal(why))
}

#[workflow]
async fn parcel(ctx: &WorkflowContext, to: String) -> Result<String> {
    mail(ctx, to).await
}

/// What a run is stuck with, and where.
async fn forgets<I: flows::WorkflowInput>(env: &TestEnv, input: I, what: &str) -> Result<()> {
    let exec = env.start(input).await?;
    let error = exec.result().await.err().expect("the run is stuck").to_string();
    assert!(error.contains("is stuck: ") && error.contains(what), "{error}");
    assert!(error.contains("called at tests/testing/forgotten.rs:"), "{error}");
    Ok(())
}

#[workflow]
async fn started_and_dropped(ctx: &WorkflowContext) -> Result<()> {
    let call = mail(ctx, "a".into()).start();
    drop(call);
    ctx.sleep(Duration::from_secs(1)).await
}

#[workflow]
async fn kept_until_the_end(ctx: &WorkflowContext) -> Result<()> {
    let _mail = mail(ctx, "a".into()).start();
    ctx.sleep(Duration::from_secs(1)).await
}

#[workflow]
async fn never_started(ctx: &WorkflowContext, people: Vec<String>) -> Result<usize> {
    let calls: Vec<_> = people.iter().map(|person| mail(ctx, person.clone())).collect();
    ctx.sleep(Duration::from_secs(1)).await?;
    Ok(calls.len())
}

#[flows::durable]
async fn notify(ctx: &WorkflowContext) -> Result<()> {
    let call = mail(ctx, "a".into()).start();
    ctx.sleep(Duration::from_secs(1)).await?;
    drop(call);
    Ok(())
}

#[workflow]
async fn in_a_helper(ctx: &WorkflowContext) -> Result<String> {
    notify(ctx).await?;
    mail(ctx, "b".into()).await
}

#[workflow]
async fn child_dropped(ctx: &WorkflowContext) -> Result<()> {
    let child = parcel(ctx, "a".into()).start();
    drop(child);
    ctx.sleep(Duration::from_secs(1)).await
}

#[flows::test]
async fn a_call_that_nobody_awaits_fails_the_test(env: TestEnv) {
    let started = "activity `mail` (#0), called at tests/testing/forgotten.rs:32, was started and dropped, and \
                   never awaited";
    forgets(&env, started_and_dropped::Input {}, started).await?;
    let started =
        "activity `mail` (#0), called at tests/testing/forgotten.rs:39, was started and dropped";
    forgets(&env, kept_until_the_end::Input {}, started).await?;
    let people = vec!["a".to_owned(), "b".to_owned()];
    let unstarted = "activity `mail` (#0), called at tests/testing/forgotten.rs:45, was dropped, and neither \
                     awaited nor started";
    forgets(&env, never_started::Input { people }, unstarted).await?;
    forgets(&env, in_a_helper::Input {}, "activity `mail` (#0)").await?;
    forgets(&env, child_dropped::Input {}, "child workflow `parcel` (#0)").await?;
}

#[flows::durable]
async fn refused(ctx: &WorkflowContext, why: &str) -> Result<String> {
    let reminder = mail(ctx, "later".into()).start();
    refuse(ctx, why.to_owned()).await?;
    reminder.await
}

#[flows::durable]
async fn invalid(ctx: &WorkflowContext) -> Result<String> {
    let reminder = mail(ctx, "later".into()).start();
    ctx.sleep(Duration::from_secs(1)).await?;
    Err(Error::terminal("an address is missing"))?;
    reminder.await
}

/// What is given up on purpose, in all the ways that there are.
#[workflow]
async fn gives_up(ctx: &WorkflowContext, fails: bool) -> Result<String> {
    let second = Duration::from_secs(1);
    let mut job = mail(ctx, "job".into()).start();
    let first = flows::select! {
        ready = std::future::ready("ready") => ready.to_owned(),
        done = &mut job => done?,
        _ = async { let early = mail(ctx, "early".into()).start(); ctx.sleep(second).await?; early.await } => "no".into(),
    };
    drop(job);
    drop(refused(ctx, "no").await.expect_err("it is refused"));
    drop(invalid(ctx).await.expect_err("it is invalid"));
    let calls: Vec<_> = ["a", "b"].map(|to| refuse(ctx, to.into()).start()).into();
    let mut failed = 0;
    for call in calls {
        if call.await.is_err() {
            failed += 1;
            break;
        }
    }
    let slow = async {
        let kept = mail(ctx, "kept".into()).start();
        ctx.sleep(second * 60).await?;
        kept.await
    };
    assert!(ctx.timeout(second, slow).await.is_err_and(|error| error.is_timeout()));
    mail(ctx, "unsent".into()).cancel();
    mail(ctx, "stopped".into()).start().cancel();
    parcel(ctx, "unsent".into()).cancel();
    parcel(ctx, "by itself".into()).detach();
    let both = (refuse(ctx, "x".into()), mail(ctx, "never polled".into()).start());
    assert!(flows::try_join!(both.0, async { both.1.await.map(drop) }).is_err());
    let _until_the_end = parcel(ctx, "left".into()).start();
    let left = mail(ctx, "left".into()).start();
    ctx.sleep(second).await?;
    if fails {
        return Err(Error::terminal("it fails"));
    }
    Ok(first + &failed.to_string() + &left.await?)
}

#[flows::test]
async fn what_is_given_up_on_purpose_is_no_mistake(env: TestEnv) {
    let exec = env.start(gives_up::Input { fails: false }).await?;
    assert_eq!(exec.result().await?, "ready1left");
    let exec = env.start(gives_up::Input { fails: true }).await?;
    assert_eq!(exec.result().await.expect_err("it fails").to_string(), "it fails");
    let exec = env.start(kept_until_the_end::Input {}).await?;
    exec.cancel().reason("enough").await?;
    assert!(exec.result().await.is_err_and(|error| error.to_string().contains("enough")));
}
