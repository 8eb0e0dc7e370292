//! A lock that is held while the workflow waits.
use std::sync::Mutex;

use flows::prelude::*;

#[activity]
async fn charge(cents: u64) -> Result<u64> {
    Ok(cents)
}

#[workflow]
async fn order(ctx: &WorkflowContext, cents: u64) -> Result<u64> {
    let total = Mutex::new(0);
    let mut guard = total.lock().unwrap();
    *guard += charge(ctx, cents).await?;
    Ok(*guard)
}

fn main() {}
