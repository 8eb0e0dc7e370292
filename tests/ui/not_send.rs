//! A local that cannot move to another thread, kept across an await.
use std::rc::Rc;

use flows::prelude::*;

#[activity]
async fn charge(cents: u64) -> Result<u64> {
    let shared = Rc::new(cents);
    tokio::task::yield_now().await;
    Ok(*shared)
}

#[workflow]
async fn order(ctx: &WorkflowContext) -> Result<u64> {
    let total = Rc::new(1);
    let charged = charge(ctx, *total).await?;
    Ok(charged + *total)
}

fn main() {}
