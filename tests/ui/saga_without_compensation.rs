//! A step that nothing undoes.
use flows::prelude::*;

#[activity]
async fn ship(item: u64) -> Result<u64> {
    Ok(item)
}

#[workflow]
async fn order(ctx: &WorkflowContext, item: u64) -> Result<u64> {
    let saga = ctx.saga();
    saga.run(ship(ctx, item)).await
}

fn main() {}
