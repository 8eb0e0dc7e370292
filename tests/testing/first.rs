//! The first test that anybody writes, and what virtual time costs.

use flows::prelude::*;
use flows::testing::TestEnv;

use crate::shop::{Confirmation, Receipt, charge_payment, order};

#[flows::test] // in-memory store, virtual clock
async fn ships_when_confirmed(env: TestEnv) {
    env.mock(charge_payment::Activity, |_| Ok(Receipt { id: 1 }));
    let exec = env.start(order::Input { customer: "A".into(), cents: 4_200 }).await?;
    exec.signal("warehouse-ready", &Confirmation { available: true }).await?;
    assert_eq!(exec.result().await?.tracking, "T-1");
}

#[workflow]
async fn trial(ctx: &WorkflowContext, days: u64) -> Result<String> {
    ctx.sleep(Duration::from_secs(days * 86_400)).await?;
    Ok(format!("over after {days} days"))
}

#[flows::test]
async fn a_trial_ends(env: TestEnv) {
    let (days, begun) = (30, env.now());
    let exec = env.start(trial::Input { days }).await?;
    assert_eq!(exec.result().await?, "over after 30 days");
    assert_eq!(env.now().duration_since(begun)?, Duration::from_secs(days * 86_400));
}

/// The machine's load is not the library's fault, so the best of many counts. The bound is generous;
/// a worker that looked for work every hour of virtual time would need a hundred times as long.
#[flows::test]
async fn thirty_days_take_a_few_milliseconds_at_most(env: TestEnv) {
    let mut best = Duration::MAX;
    for _ in 0..20 {
        let begun = std::time::Instant::now();
        env.start(trial::Input { days: 30 }).await?.result().await?;
        best = best.min(begun.elapsed());
    }
    println!("30 days in {best:?}");
    assert!(best < Duration::from_millis(5), "{best:?}");
}

#[flows::test]
async fn a_century_is_exact_too(env: TestEnv) {
    let (days, begun) = (36_525, env.now());
    env.start(trial::Input { days }).await?.result().await?;
    assert_eq!(env.now().duration_since(begun)?, Duration::from_secs(days * 86_400));
}

#[tokio::test]
async fn any_runtime_of_one_thread_will_do() -> Result<()> {
    let env = TestEnv::new();
    let exec = env.start(trial::Input { days: 30 }).await?;
    assert_eq!(exec.result().await?, "over after 30 days");
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn so_will_one_that_is_paused() -> Result<()> {
    let env = TestEnv::with(flows::register_all![trial]);
    let exec = env.start(trial::Input { days: 30 }).await?;
    assert_eq!(exec.result().await?, "over after 30 days");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
#[should_panic(expected = "virtual time needs a runtime of one thread")]
async fn one_of_several_threads_is_refused() {
    drop(TestEnv::new());
}

#[test]
#[should_panic(expected = "virtual time needs a runtime")]
fn so_is_none_at_all() {
    drop(TestEnv::new());
}
