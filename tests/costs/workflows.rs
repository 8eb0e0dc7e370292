//! What is run: nothing, and so many steps.

use flows::prelude::*;

#[activity]
pub(crate) async fn step(n: u64) -> Result<u64> {
    Ok(n + 1)
}

#[workflow]
pub(crate) async fn sequence(ctx: &WorkflowContext, steps: u64) -> Result<u64> {
    let mut n = 0;
    for _ in 0..steps {
        n = step(ctx, n).await?;
    }
    Ok(n)
}

#[workflow]
pub(crate) async fn noop(ctx: &WorkflowContext, n: u64) -> Result<u64> {
    let _ = ctx.run_id();
    Ok(n)
}
