//! A context that is not a shared reference, not first, not once or not named.
use flows::prelude::*;

#[workflow]
async fn by_value(ctx: WorkflowContext) -> Result<()> {
    Ok(())
}

#[workflow]
async fn by_mutable_reference(ctx: &mut WorkflowContext) -> Result<()> {
    Ok(())
}

#[activity]
async fn second(cents: u64, ctx: &ActivityContext) -> Result<u64> {
    Ok(cents)
}

#[activity]
async fn twice(a: &ActivityContext, b: &ActivityContext) -> Result<()> {
    Ok(())
}

fn main() {}
