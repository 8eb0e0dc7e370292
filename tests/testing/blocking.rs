//! Code that blocks its thread, in a function that no compiler looks into, fails the test.

use std::sync::atomic::{AtomicBool, Ordering};

use flows::prelude::*;
use flows::testing::TestEnv;

#[activity]
async fn look_up(word: String) -> Result<String> {
    Ok(word)
}

/// The end of the test ends it, too.
static ENOUGH: AtomicBool = AtomicBool::new(false);

fn settle_down() {
    while !ENOUGH.load(Ordering::Relaxed) {
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn compute() -> u64 {
    let mut rounds = 0_u64;
    while !ENOUGH.load(Ordering::Relaxed) {
        rounds = rounds.wrapping_add(1);
    }
    rounds
}

const SLEEPS: u32 = line!() + 3;
#[workflow]
async fn sleeps(ctx: &WorkflowContext) -> Result<String> {
    let word = look_up(ctx, "pause".into()).await?;
    settle_down();
    Ok(word)
}

const SPINS: u32 = line!() + 2;
#[workflow]
async fn spins_at_first(ctx: &WorkflowContext) -> Result<u64> {
    let rounds = compute();
    ctx.sleep(Duration::from_secs(1)).await?;
    Ok(rounds)
}

/// Others go on in the same test.
#[flows::test]
async fn code_that_blocks_fails_the_test(env: TestEnv) {
    let sleeps = env.start(sleeps::Input {}).id("sleeps").await?;
    let error = sleeps.result().await.expect_err("it blocks").to_string();
    let place = format!("since #0, called at {}:{SLEEPS}. What sleeps", file!());
    assert!(
        error.contains("run `sleeps` of workflow `sleeps` is stuck: its code blocks"),
        "{error}"
    );
    assert!(error.contains(&place), "{error}");
    let spins = env.start(spins_at_first::Input {}).await?;
    let error = spins.result().await.expect_err("it never ends").to_string();
    assert!(error.contains(&format!("since its beginning at {}:{}. ", file!(), SPINS)), "{error}");
    ENOUGH.store(true, Ordering::Relaxed);
    let other = env.start(sleeps::Input {}).await?;
    assert_eq!(other.result().await?, "pause");
}
