//! Calls in an iterator, which nobody awaits.
use flows::prelude::*;

#[activity]
async fn ship(item: u64) -> Result<u64> {
    Ok(item)
}

#[workflow]
async fn order(ctx: &WorkflowContext, items: Vec<u64>) -> Result<Vec<u64>> {
    let shipped: Vec<u64> = items.into_iter().map(|item| ship(ctx, item)).collect();
    Ok(shipped)
}

fn main() {}
