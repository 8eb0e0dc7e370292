//! A compensation that takes something else.
use flows::prelude::*;

#[activity]
async fn refund(receipt: u64) -> Result<()> {
    drop(receipt);
    Ok(())
}

#[activity(compensate = refund)]
async fn charge(customer: String, cents: u64) -> Result<String> {
    Ok(format!("{customer} {cents}"))
}

fn main() {}
