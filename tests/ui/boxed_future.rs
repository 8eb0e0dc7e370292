//! Futures in a list, boxed by hand.
use std::pin::Pin;

use flows::prelude::*;

#[activity]
async fn ship(item: u64) -> Result<u64> {
    Ok(item)
}

#[workflow]
async fn order(ctx: &WorkflowContext) -> Result<u64> {
    let first: Pin<Box<dyn Future<Output = Result<u64>> + Send>> = Box::pin(ship(ctx, 1));
    first.await
}

fn main() {}
