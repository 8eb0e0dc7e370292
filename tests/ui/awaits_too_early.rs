//! Futures that are awaited before they are joined, and values that need no await.
use flows::prelude::*;

#[activity]
async fn ship(item: u64) -> Result<u64> {
    Ok(item)
}

#[workflow]
async fn order(ctx: &WorkflowContext) -> Result<u64> {
    let (a, b) = flows::try_join!(ship(ctx, 1).await?, ship(ctx, 2).await?)?;
    Ok(a + b)
}

#[workflow]
async fn first(ctx: &WorkflowContext) -> Result<u64> {
    flows::select! {
        a = ship(ctx, 1).await => a,
        b = ship(ctx, 2) => b,
    }
}

#[workflow]
async fn ids(ctx: &WorkflowContext) -> Result<()> {
    let _id = ctx.uuid().await;
    let _now = ctx.now().await;
    Ok(())
}

fn main() {}
