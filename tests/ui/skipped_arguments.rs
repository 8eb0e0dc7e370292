//! What depends on the run, where it may be skipped: in logging and in `debug_assert!`.
use flows::prelude::*;

#[activity]
async fn charge(cents: u64) -> Result<u64> {
    Ok(cents)
}

#[flows::durable]
async fn helper(context: &WorkflowContext) {
    tracing::debug!(id = %context.uuid(), "drawn only where the level is enabled");
}

#[workflow]
async fn order(ctx: &WorkflowContext) -> Result<()> {
    tracing::info!("charged {}", charge(ctx, 1).await?);
    tracing::info!(call = charge(ctx, 1).start().is_some());
    debug_assert_eq!(charge(ctx, 1).await?, 1);
    helper(ctx).await;
    Ok(())
}

fn main() {}
