//! Calls whose result is looked at, and nobody has awaited it.
use flows::prelude::*;

#[activity]
async fn charge(cents: u64) -> Result<u64> {
    Ok(cents)
}

#[workflow]
async fn order(ctx: &WorkflowContext, cents: u64) -> Result<u64> {
    match charge(ctx, cents) {
        Ok(charged) => Ok(charged),
        Err(error) => Err(error),
    }
}

#[workflow]
async fn refund(ctx: &WorkflowContext, cents: u64) -> Result<u64> {
    charge(ctx, cents).map_err(|error| Error::terminal(error.to_string()))?;
    if let Err(error) = ctx.sleep(Duration::from_secs(1)) {
        return Err(error);
    }
    let Ok(charged) = charge(ctx, cents) else { return Ok(0) };
    let total: u64 = charge(ctx, charged);
    Ok(charge(ctx, total))
}

#[workflow]
async fn renew(ctx: &WorkflowContext, cents: u64) -> Result<u64> {
    charge(ctx, cents)
}

fn main() {}
