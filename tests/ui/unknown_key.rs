//! Keys that do not exist, some nearly.
use flows::prelude::*;

#[activity(start_to_clos = "30s", retries = 3, retry(attempts = 5))]
async fn charge(cents: u64) -> Result<u64> {
    Ok(cents)
}

#[workflow(verson = 2, start_to_close = "1s")]
async fn order(ctx: &WorkflowContext) -> Result<u64> {
    charge(ctx, 1).await
}

#[flows::signal(nam = "ready")]
struct Ready;

fn main() {}
