//! The forms of `#[flows::test]`.

use flows::prelude::*;
use flows::testing::TestEnv;

use crate::shop::{self, Receipt, charge_payment};

#[workflow]
async fn greet(ctx: &WorkflowContext, name: String) -> Result<String> {
    let _ = ctx;
    Ok(format!("hello, {name}"))
}

/// What a helper of a test may give.
fn number(text: &str) -> Result<u32, std::num::ParseIntError> {
    text.parse()
}

#[flows::test]
async fn it_takes_nothing() {
    assert_eq!(number("7")?, 7);
}

#[flows::test]
async fn it_takes_an_environment(mut_env: TestEnv) {
    let exec = mut_env.start(greet::Input { name: "Ada".into() }).await?;
    assert_eq!(exec.result().await?, "hello, Ada");
}

#[flows::test]
async fn it_returns_a_result(env: TestEnv) -> Result<()> {
    let exec = env.start(greet::Input { name: "Ada".into() }).await?;
    assert_eq!(exec.result().await?, "hello, Ada");
    Ok(())
}

#[flows::test]
async fn it_returns_a_result_of_another_error(_env: TestEnv) -> Result<(), std::fmt::Error> {
    Ok(())
}

#[flows::test]
#[should_panic(expected = "invalid digit found in string")]
async fn an_error_is_shown_as_people_read_it() {
    number("seven")?;
}

#[flows::test]
#[should_panic(expected = "of its own")]
async fn it_panics(env: TestEnv) {
    let _ = env;
    panic!("of its own");
}

#[flows::test]
#[ignore = "to see that it is"]
async fn it_is_ignored() {
    panic!("it ran");
}

/// The same code on both stores.
#[flows::test(postgres)]
async fn it_runs_on_both_stores(env: TestEnv) {
    env.mock(charge_payment::Activity, |_| Ok(Receipt { id: 1 }));
    let exec = env.start(shop::input()).id("order-1").await?;
    let waits = env.waits_for(&exec).await?;
    assert!(
        waits.contains("signal `warehouse-ready` (#1), called at tests/testing/shop.rs:"),
        "{waits}"
    );
    exec.signal("warehouse-ready", &shop::Confirmation { available: true }).await?;
    assert_eq!(exec.result().await?.tracking, "T-1");
    assert_eq!(env.calls(charge_payment::Activity)[0].cents, 4_200);
}

#[flows::test(postgres)]
async fn it_returns_a_result_on_both_stores(env: TestEnv) -> Result<()> {
    let exec = env.start(greet::Input { name: "Ada".into() }).await?;
    assert_eq!(exec.result().await?, "hello, Ada");
    Ok(())
}

#[flows::test(postgres)]
#[should_panic(expected = "stuck: the workflow panicked at tests/testing/attribute.rs:92: no")]
async fn it_panics_on_both_stores(env: TestEnv) {
    env.start(refuse::Input {}).await?.result().await?;
}

#[workflow]
async fn refuse(ctx: &WorkflowContext) -> Result<()> {
    let _ = ctx;
    panic!("no")
}
