//! Values out of bounds or of the wrong form.
use flows::prelude::*;

#[activity(
    name = "",
    codec = "xml",
    transaction = true,
    queue = 4,
    module = "not a name",
    crate = "self::flows",
    retry(max_attempts = 0, backoff = 0.5, jitter = -1, non_retryable("Declined"))
)]
async fn charge(tx: &Transaction<'_>, cents: u64) -> Result<u64> {
    Ok(cents)
}

#[workflow(name, version = 0, retry = "5 times")]
async fn order(ctx: &WorkflowContext) -> Result<()> {
    Ok(())
}

fn main() {}
