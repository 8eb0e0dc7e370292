//! Activities that call another one, and a child; only workflows do.
use flows::prelude::*;

#[activity]
async fn charge(cents: u64) -> Result<u64> {
    Ok(cents)
}

#[activity]
async fn charge_twice(ctx: &ActivityContext, cents: u64) -> Result<u64> {
    charge(ctx, cents).await?;
    charge(ctx, cents).await
}

#[workflow]
async fn order(ctx: &WorkflowContext, cents: u64) -> Result<u64> {
    charge(ctx, cents).await
}

#[activity]
async fn starts_a_child(ctx: &ActivityContext, cents: u64) -> Result<u64> {
    let fee = match cents {
        0 => 1,
        cents => order(ctx, cents).await?,
    };
    Ok(fee)
}

fn main() {}
