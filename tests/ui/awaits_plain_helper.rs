//! An async helper that is not marked `#[flows::durable]`.
use flows::prelude::*;

async fn total(ctx: &WorkflowContext) -> u64 {
    ctx.random()
}

#[workflow]
async fn order(ctx: &WorkflowContext) -> Result<u64> {
    Ok(total(ctx).await)
}

fn main() {}
