//! Return types that may be a `Result` by another name, and are none.
use flows::prelude::*;
use std::sync::MutexGuard;

struct Receipt;

#[activity]
async fn charge(cents: u64) -> Receipt {
    Receipt
}

#[workflow]
async fn order(ctx: &WorkflowContext) -> Result {
    Ok(())
}

type Outcome = Result<(), MutexGuard<'static, ()>>;

#[activity]
async fn ship() -> Outcome {
    Ok(())
}

fn main() {}
