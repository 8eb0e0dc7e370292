//! Futures that no replay could repeat, awaited in a workflow.
use std::time::Duration;

use flows::prelude::*;
use tokio::sync::oneshot::Receiver;
use tokio::time::sleep;

#[workflow]
async fn order(ctx: &WorkflowContext) -> Result<()> {
    sleep(Duration::from_secs(1)).await;
    flows::select! {
        _ = ctx.sleep(Duration::from_secs(1)) => {}
        _ = sleep(Duration::from_secs(1)) => {}
    }
    Ok(())
}

#[flows::durable]
async fn helper(ctx: &WorkflowContext, receiver: Receiver<u8>) {
    let _ = flows::join!(ctx.sleep(Duration::ZERO), receiver);
}

#[flows::durable]
async fn around(ctx: &WorkflowContext, receiver: Receiver<Result<u8>>) {
    let _ = ctx.timeout(Duration::ZERO, async { receiver.await? }).await;
    let _ = ctx.shield(sleep(Duration::ZERO)).await;
    let _ = flows::join_all([sleep(Duration::ZERO)]).await;
}

fn main() {}
