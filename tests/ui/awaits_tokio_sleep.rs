//! Futures that no replay could repeat, awaited in a workflow.
use std::time::Duration;

use flows::prelude::*;

#[workflow]
async fn order(ctx: &WorkflowContext) -> Result<()> {
    tokio::time::sleep(Duration::from_secs(1)).await;
    flows::select! {
        _ = ctx.sleep(Duration::from_secs(1)) => {}
        _ = tokio::time::sleep(Duration::from_secs(1)) => {}
    }
    Ok(())
}

#[flows::durable]
async fn helper(ctx: &WorkflowContext) {
    let (sender, receiver) = tokio::sync::oneshot::channel::<u8>();
    drop(sender);
    let _ = flows::join!(ctx.sleep(Duration::ZERO), receiver);
}

fn main() {}
