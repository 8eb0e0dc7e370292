//! What a test is told instead of waiting for ever.

use std::sync::atomic::{AtomicU64, Ordering};

use flows::prelude::*;
use flows::testing::TestEnv;

use crate::shop::{self, Confirmation, Receipt, charge_payment, refund, ship};

/// The line of a call in this file.
macro_rules! called_at {
    ($line:expr) => {
        format!("called at tests/testing/waiting.rs:{}", $line)
    };
}

const BEFORE_LISTEN: u32 = line!();
#[workflow]
async fn listen(ctx: &WorkflowContext, deaf: bool) -> Result<u64> {
    assert!(!deaf, "it cannot hear");
    ctx.signal::<u64>("word").await
}

#[workflow]
async fn ask(ctx: &WorkflowContext, deaf: bool) -> Result<u64> {
    listen(ctx, deaf).await
}

#[flows::test]
async fn a_stuck_run_is_an_error_at_once(env: TestEnv) {
    let begun = env.now();
    let exec = env.start(listen::Input { deaf: true }).id("x").await?;
    let error = exec.result().await.expect_err("it is stuck");
    assert_eq!(
        error.message(),
        format!(
            "run `x` of workflow `listen` is stuck: the workflow panicked at {}:{}: it cannot hear",
            file!(),
            BEFORE_LISTEN + 3
        )
    );
    assert_eq!(env.waits_for(&exec).await.expect_err("stuck").message(), error.message());
    assert!(env.now().duration_since(begun)? < Duration::from_secs(1));
}

#[flows::test]
async fn so_is_a_run_with_a_stuck_child(env: TestEnv) {
    let exec = env.start(ask::Input { deaf: true }).id("x").await?;
    let message = exec.result().await.expect_err("its child is stuck").message().to_owned();
    assert!(message.contains("of workflow `listen` is stuck"), "{message}");
}

#[flows::test]
async fn a_run_that_nothing_moves_is_an_error(env: TestEnv) {
    let exec = env.start(listen::Input { deaf: false }).id("x").await?;
    let at = called_at!(BEFORE_LISTEN + 4);
    assert_eq!(env.waits_for(&exec).await?, format!("signal `word` (#0), {at}"));
    assert_eq!(
        exec.result().await.expect_err("nobody speaks").message(),
        format!(
            "run `x` of workflow `listen` waits for signal `word` (#0), {at}; and nothing in this \
             test will move it. Send what it waits for before you await its result, or schedule \
             it: `env.after(duration, exec.signal(..))`"
        )
    );
    exec.signal("word", &7).await?;
    assert_eq!(exec.result().await?, 7);
}

#[flows::test]
async fn so_is_one_with_a_child_that_nothing_moves(env: TestEnv) {
    let exec = env.start(ask::Input { deaf: false }).id("x").await?;
    let message = exec.result().await.expect_err("nobody speaks").message().to_owned();
    assert!(
        message.contains("run `x` of workflow `ask` waits for child workflow `listen`"),
        "{message}"
    );
    assert!(message.contains("of workflow `listen` waits for signal `word` (#0)"), "{message}");
}

#[flows::test]
async fn so_is_one_that_no_worker_serves(env: TestEnv) {
    let exec = env.start(listen::Input { deaf: false }).id("x").queue("attic").await?;
    exec.signal("word", &7).await?;
    let message = exec.result().await.expect_err("no worker").message().to_owned();
    assert!(
        message.contains("none that is alive serves workflow `listen` version 1 on queue `attic`"),
        "{message}"
    );
    env.queues(["attic"]);
    assert_eq!(exec.result().await?, 7);
}

/// A signal that comes after years is still one that comes.
#[flows::test]
async fn a_late_signal_is_waited_for(env: TestEnv) {
    let exec = env.start(listen::Input { deaf: false }).await?;
    env.after(Duration::from_secs(10 * 365 * 86_400), exec.signal("word", &7));
    assert_eq!(exec.result().await?, 7);
}

#[flows::test]
async fn a_run_that_does_not_exist_is_not_waited_for(env: TestEnv) {
    let error = env.execution::<listen::Workflow>("nobody").result().await.expect_err("nobody");
    assert_eq!(error.kind(), ErrorKind::NotFound);
}

static ROUNDS: AtomicU64 = AtomicU64::new(0);

#[activity]
async fn note(round: u64) -> Result<u64> {
    Ok(round)
}

/// Its input depends on how often it has run.
#[workflow]
async fn impure(ctx: &WorkflowContext) -> Result<u64> {
    #[flows(allow(nondeterminism))]
    let noted = note(ctx, ROUNDS.fetch_add(1, Ordering::Relaxed)).await?;
    Ok(noted + ctx.signal::<u64>("word").await?)
}

#[flows::test]
async fn a_changed_input_on_replay_is_an_error(env: TestEnv) {
    let exec = env.start(impure::Input {}).id("x").await?;
    env.settle().await?;
    exec.signal("word", &7).await?;
    let error = exec.result().await.expect_err("another input");
    expect_test::expect![[r#"
        run `x` of workflow `impure` is stuck: activity `note` (#0) at tests/testing/waiting.rs:119 is called with another input than the journal has for it; its recorded result is used (a worker in production only warns)
            recorded: {"round":0}
            now:      {"round":1}
            differs at .round: 0, now 1
          usual causes, and what to write instead:
            - a clock (`SystemTime::now`, `Instant::now`): `ctx.now()`
            - chance (`rand`, `Uuid::new_v4`): `ctx.random()`, `ctx.rng()`, `ctx.uuid()`
            - the environment, a file, a setting: an activity, `ctx.side_effect(|| …)`, or the workflow's input
            - a counter, a cache or another `static`: a local variable, or state of an activity
            - the order of a `HashMap` or `HashSet`: a `BTreeMap`, or sort before the loop"#]].assert_eq(error.message());
}

#[flows::test]
async fn a_signal_of_another_type_says_what_was_sent_to_whom(env: TestEnv) {
    let exec = env.start(listen::Input { deaf: false }).id("x").await?;
    exec.signal("word", &"seven").await?;
    let error = exec.result().await.expect_err("it is no number");
    expect_test::expect![[r#"signal `word` of run `x` (workflow `listen`) was sent as the string `"seven"`: cannot decode as `u64`: invalid type: string "seven", expected u64 at line 1 column 7; send what the workflow receives: with one `#[signal]` type, both sides agree"#]].assert_eq(error.message());
}

#[flows::test]
async fn what_a_run_waits_for_is_told(env: TestEnv) {
    env.mock_async(ship::Activity, |_, _| std::future::pending());
    env.mock_sequence(
        charge_payment::Activity,
        [Err(Error::retryable("busy")), Ok(Receipt { id: 1 })],
    );
    let exec = env.start(shop::input()).await?;
    let waits = env.waits_for(&exec).await?;
    assert!(waits.starts_with("activity `charge_payment` (#0), called at"), "{waits}");
    assert!(waits.ends_with("(wakes at 2030-01-01T00:01:00Z)"), "{waits}");
    env.sleep(Duration::from_secs(60)).await;
    let waits = env.waits_for(&exec).await?;
    assert!(waits.contains("signal `warehouse-ready` (#1)"), "{waits}");
    exec.signal("warehouse-ready", &Confirmation { available: true }).await?;
    assert_eq!(env.waits_for(&exec).await?, "activity `ship` (#3), attempt 1, which runs");
    exec.terminate("enough").await?;
    assert_eq!(env.waits_for(&exec).await?, "nothing: it has ended as terminated");
    env.assert_called(refund::Activity, 0);
}
