//! An activity, called as the function that it looks like.
use flows::prelude::*;

#[activity]
async fn charge(cents: u64) -> Result<u64> {
    Ok(cents)
}

#[workflow]
async fn order(ctx: &WorkflowContext, cents: u64) -> Result<u64> {
    let _ = ctx;
    charge(cents).await
}

fn main() {}
