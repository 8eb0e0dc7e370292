//! An activity that calls another one; only workflows do.
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

fn main() {}
