//! The order workflow: complete, declined, retried, exhausted; identical activities in order.

use flows::prelude::*;
use serde::{Deserialize, Serialize};

use crate::scene::{Calls, Scene};

#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Declined {
    pub(crate) code: u32,
}

#[signal]
pub(crate) struct Warehouse {
    pub(crate) available: bool,
}

#[activity(retry(max_attempts = 4, initial_interval = "20ms", backoff = 2.0, jitter = 0.0))]
async fn charge(ctx: &ActivityContext, cents: i64) -> Result<String> {
    let call = ctx.state::<Calls>()?.count();
    match cents {
        0 => Err(Error::terminal_with(Declined { code: 51 }).with_message("card declined")),
        1 => Err(Error::retryable(format!("gateway down, attempt {}", ctx.attempt()))),
        2 if ctx.attempt() < 3 => Err(std::io::Error::other("gateway slow").into()),
        _ => Ok(format!("receipt-{call}")),
    }
}

#[activity]
async fn refund(ctx: &ActivityContext, receipt: String) -> Result<String> {
    ctx.state::<Calls>()?.count();
    Ok(receipt)
}

#[activity]
async fn number(ctx: &ActivityContext) -> Result<u32> {
    Ok(ctx.state::<Calls>()?.count())
}

#[workflow(name = "seed-order")]
pub(crate) async fn order(ctx: &WorkflowContext, cents: i64) -> Result<String> {
    let receipt = charge(ctx, cents).await?;
    let warehouse = ctx.receive::<Warehouse>().await?;
    if !warehouse.available {
        refund(ctx, receipt).await?;
        return Err(Error::terminal("out of stock"));
    }
    Ok(receipt)
}

#[workflow]
async fn numbers(ctx: &WorkflowContext) -> Result<Vec<u32>> {
    let mut numbers = Vec::new();
    for _ in 0..20 {
        numbers.push(number(ctx).await?);
    }
    Ok(numbers)
}

async fn run(cents: i64, available: bool) -> Result<(Scene, Result<String>, Description)> {
    let scene = Scene::new().await?;
    let exec = scene.engine.start(order::Input { cents }).id("order-1").await?;
    exec.send(Warehouse { available }).await?; // before a worker can have ended the run
    let ended = async { Ok((exec.result().await, exec.describe().await?)) };
    let (result, info) = scene.with_worker(ended).await?;
    Ok((scene, result, info))
}

#[tokio::test]
async fn complete_order() -> Result<()> {
    let (scene, result, info) = run(4_200, true).await?;
    assert_eq!(result?, "receipt-1");
    assert_eq!((info.status, info.attempt, info.waiting_for), (Status::Completed, 1, None));
    assert_eq!(scene.calls.seen(), 1);
    Ok(())
}

#[tokio::test]
async fn out_of_stock_is_refunded() -> Result<()> {
    let (scene, result, info) = run(4_200, false).await?;
    assert_eq!(result.unwrap_err().message(), "out of stock");
    assert_eq!(info.status, Status::Failed);
    assert_eq!(scene.calls.seen(), 2, "charged and refunded");
    Ok(())
}

#[tokio::test]
async fn declined_payment_is_not_retried_and_keeps_its_details() -> Result<()> {
    let (scene, result, info) = run(0, true).await?;
    let error = result.unwrap_err();
    assert_eq!(error.message(), "card declined");
    assert!(error.is_terminal());
    assert_eq!(error.details::<Declined>(), Some(Declined { code: 51 }));
    assert_eq!((info.status, scene.calls.seen()), (Status::Failed, 1));
    Ok(())
}

#[tokio::test]
async fn activity_is_retried_with_back_off_until_it_works() -> Result<()> {
    let scene = Scene::new().await?;
    scene
        .with_worker(async {
            let exec = scene.engine.start(order::Input { cents: 2 }).await?;
            exec.send(Warehouse { available: true }).await?;
            assert_eq!(exec.result().await?, "receipt-3");
            Ok(())
        })
        .await?;
    let moments = scene.calls.moments();
    let waits = [moments[1] - moments[0], moments[2] - moments[1]];
    assert!(waits[0] >= Duration::from_millis(20), "{waits:?}");
    assert!(waits[1] >= Duration::from_millis(40), "the second wait is longer: {waits:?}");
    Ok(())
}

#[tokio::test]
async fn attempts_are_counted_and_exhausted() -> Result<()> {
    let (scene, result, info) = run(1, true).await?;
    assert_eq!(result.unwrap_err().message(), "gateway down, attempt 4");
    assert_eq!((info.status, scene.calls.seen()), (Status::Failed, 4));
    Ok(())
}

#[tokio::test]
async fn identical_activities_keep_their_order() -> Result<()> {
    let scene = Scene::new().await?;
    let numbers = scene
        .with_worker(async { scene.engine.start(numbers::Input {}).await?.result().await })
        .await?;
    assert_eq!(numbers, (1..=20).collect::<Vec<_>>());
    Ok(())
}

#[tokio::test]
async fn a_signal_sent_before_the_run_begins_is_received() -> Result<()> {
    let scene = Scene::new().await?;
    let exec = scene.engine.start(order::Input { cents: 5 }).await?;
    exec.send(Warehouse { available: true }).await?; // no worker runs yet
    scene.with_worker(exec.result()).await?;
    assert_eq!(scene.rows("inbox").await?, 0, "it left the inbox with its record");
    Ok(())
}
