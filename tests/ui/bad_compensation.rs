//! A compensation that is no name.
use flows::prelude::*;

#[activity]
async fn refund(receipt: u64) -> Result<()> {
    drop(receipt);
    Ok(())
}

#[activity(compensate = "refund")]
async fn charge(cents: u64) -> Result<u64> {
    Ok(cents)
}

#[activity(compensate)]
async fn pay(cents: u64) -> Result<u64> {
    Ok(cents)
}

fn main() {}
