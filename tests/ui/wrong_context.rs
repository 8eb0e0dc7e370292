//! Each kind of definition with the other's context.
use flows::prelude::*;

#[activity]
async fn charge(ctx: &WorkflowContext, cents: u64) -> Result<u64> {
    Ok(cents)
}

#[workflow]
async fn order(ctx: &ActivityContext, cents: u64) -> Result<u64> {
    charge(ctx, cents).await
}

#[workflow]
async fn uses_them(ctx: &WorkflowContext) -> Result<u64> {
    Ok(charge(ctx, 1).await? + order(ctx, 2).await?)
}

fn main() {}
