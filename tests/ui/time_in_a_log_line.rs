//! A log line with the time of day.
use std::time::SystemTime;

use flows::prelude::*;

#[activity]
async fn charge(cents: u64) -> Result<u64> {
    Ok(cents)
}

#[workflow]
async fn order(ctx: &WorkflowContext, cents: u64) -> Result<u64> {
    tracing::info!("order started at {:?}", SystemTime::now());
    let receipt = charge(ctx, cents).await?;
    println!("charged at {:?}", SystemTime::now());
    Ok(receipt)
}

fn main() {}
