//! A definition with type or lifetime parameters.
use flows::prelude::*;

#[activity]
async fn store<T: serde::Serialize>(value: T) -> Result<()> {
    drop(value);
    Ok(())
}

#[workflow]
async fn order<'a>(ctx: &'a WorkflowContext, cents: u64) -> Result<u64> {
    store(ctx, cents).await?;
    Ok(cents)
}

fn main() {}
