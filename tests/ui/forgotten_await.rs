//! Calls that nobody awaits.
use std::time::Duration;

use flows::prelude::*;

#[activity]
async fn email(to: String) -> Result<()> {
    drop(to);
    Ok(())
}

#[flows::durable]
async fn remind(ctx: &WorkflowContext) -> Result<()> {
    email(ctx, "a@example.com".into());
    Ok(())
}

#[workflow]
async fn order(ctx: &WorkflowContext) -> Result<()> {
    email(ctx, "b@example.com".into());
    remind(ctx);
    ctx.sleep(Duration::from_secs(1));
    async { 1 };
    email(ctx, "c@example.com".into()).await;
    Ok(())
}

fn main() {}
