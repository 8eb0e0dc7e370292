//! Mocks of activities: typed, around the real retries and limits.

use std::sync::atomic::{AtomicU32, Ordering};

use flows::prelude::*;
use flows::testing::{TestEnv, crash_everywhere};

use crate::shop::{self, Confirmation, Gateway, Receipt, charge_payment, order, ship};

#[flows::test]
async fn a_closure_gets_the_input(env: TestEnv) {
    env.mock(charge_payment::Activity, |input| Ok(Receipt { id: input.cents }));
    env.mock(ship::Activity, |input| Ok(format!("to {}", input.customer)));
    let exec = env.start(shop::input()).await?;
    exec.signal("warehouse-ready", &Confirmation { available: true }).await?;
    assert_eq!(exec.result().await?.tracking, "to A");
    let calls = env.calls(charge_payment::Activity);
    assert_eq!((calls.len(), calls[0].customer.as_str(), calls[0].cents), (1, "A", 4_200));
    env.assert_called(charge_payment::Activity, 1);
    env.assert_called(ship::Activity, 1);
}

#[flows::test]
async fn a_mock_of_a_failure_fails_the_run(env: TestEnv) {
    env.mock_error(charge_payment::Activity, Error::terminal("card declined"));
    let error = env.start(shop::input()).await?.result().await.expect_err("declined");
    assert_eq!(error.message(), "card declined");
    env.assert_called(charge_payment::Activity, 1);
}

/// The policy of the definition: 1 min, then 2 min.
#[flows::test]
async fn retries_are_real_and_take_virtual_time(env: TestEnv) {
    let begun = env.now();
    let busy = || Err(Error::retryable("the gateway is busy"));
    env.mock_sequence(charge_payment::Activity, [busy(), busy(), Ok(Receipt { id: 3 })]);
    let exec = env.start(shop::input()).await?;
    exec.signal("warehouse-ready", &Confirmation { available: true }).await?;
    exec.result().await?;
    env.assert_called(charge_payment::Activity, 3);
    assert_eq!(env.now().duration_since(begun)?, Duration::from_secs(3 * 60));
}

#[flows::test]
async fn a_sequence_that_is_over_says_so(env: TestEnv) {
    env.mock_sequence(charge_payment::Activity, [Err(Error::retryable("busy"))]);
    let error = env.start(shop::input()).await?.result().await.expect_err("too short");
    assert_eq!(
        error.message(),
        "the mock of activity `charge_payment` has 1 results and was invoked once more; give \
         `mock_sequence` another result, or use `mock`"
    );
    env.assert_called(charge_payment::Activity, 2);
}

#[flows::test]
async fn an_async_mock_may_take_its_time(env: TestEnv) {
    let minute = Duration::from_secs(60);
    env.mock_async(charge_payment::Activity, move |ctx, input| async move {
        if ctx.attempt() == 1 {
            tokio::time::sleep(20 * minute).await; // longer than its `start_to_close`
        }
        Ok(Receipt { id: input.cents + u64::from(ctx.attempt()) })
    });
    let begun = env.now();
    let exec = env.start(shop::input()).await?;
    exec.signal("warehouse-ready", &Confirmation { available: true }).await?;
    exec.result().await?;
    env.assert_called(charge_payment::Activity, 2);
    assert_eq!(env.now().duration_since(begun)?, 11 * minute, "10 min, and 1 min until the retry");
}

#[flows::test]
async fn a_mock_may_panic(env: TestEnv) {
    let attempts = AtomicU32::new(0);
    env.mock(charge_payment::Activity, move |_| {
        assert!(attempts.fetch_add(1, Ordering::Relaxed) > 0, "the first time");
        Ok(Receipt { id: 1 })
    });
    let exec = env.start(shop::input()).await?;
    exec.signal("warehouse-ready", &Confirmation { available: true }).await?;
    exec.result().await?;
    env.assert_called(charge_payment::Activity, 2);
}

#[flows::test]
async fn mocks_may_change_while_a_run_waits(env: TestEnv) {
    env.mock_value(charge_payment::Activity, Receipt { id: 1 });
    let exec = env.start(shop::input()).await?;
    env.settle().await?;
    env.assert_called(charge_payment::Activity, 1);
    env.mock_value(ship::Activity, "by boat".into());
    exec.signal("warehouse-ready", &Confirmation { available: true }).await?;
    assert_eq!(exec.result().await?.tracking, "by boat");
}

#[flows::test]
async fn state_that_is_missing_is_named_when_it_is_asked_for(env: TestEnv) {
    let error = env.start(shop::input()).await?.result().await.expect_err("no gateway");
    assert_eq!(
        error.message(),
        "activity `charge_payment` asks for state `testing::shop::Gateway`, which the worker was \
         not given; add `.state(…)` to its builder"
    );
}

#[flows::test]
async fn state_may_be_given_late(env: TestEnv) {
    let exec = env.start(shop::input()).await?;
    env.state(Gateway);
    exec.signal("warehouse-ready", &Confirmation { available: true }).await?;
    exec.result().await?;
}

#[flows::test]
#[should_panic(expected = "activity `ship` was invoked 0 times, not 1:")]
async fn a_call_that_was_not_made_fails_the_test(env: TestEnv) {
    env.assert_called(ship::Activity, 1);
}

#[flows::test]
async fn runs_are_counted_together(env: TestEnv) {
    env.mock_value(charge_payment::Activity, Receipt { id: 1 });
    for _ in 0..3 {
        env.start(order::Input { customer: "B".into(), cents: 1 }).await?;
    }
    env.settle().await?;
    env.assert_called(charge_payment::Activity, 3);
}

#[workflow]
async fn both(ctx: &WorkflowContext) -> Result<String> {
    let first = part(ctx, 1).await?;
    Ok(first + &part(ctx, 2).await?)
}

#[workflow]
async fn part(ctx: &WorkflowContext, number: u32) -> Result<String> {
    ctx.signal::<()>("never").await?;
    Ok(number.to_string())
}

#[flows::test]
async fn a_child_workflow_is_mocked(env: TestEnv) {
    env.mock_workflow(part::Workflow, |input| Ok(format!("<{}>", input.number)));
    assert_eq!(env.start(both::Input {}).await?.result().await?, "<1><2>");
    assert_eq!(env.start(part::Input { number: 3 }).await?.result().await?, "<3>");
}

#[flows::test]
async fn a_child_workflow_is_mocked_when_its_parent_is_crashed() {
    let output = crash_everywhere(both::Input {})
        .mock_workflow(part::Workflow, |input| match input.number {
            1 => Ok("one".into()),
            _ => Err(Error::terminal("only one")),
        })
        .await;
    assert_eq!(output.expect_err("of the second").message(), "only one");
}
