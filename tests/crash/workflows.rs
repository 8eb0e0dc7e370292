//! The order workflow, whose activities leave a line in a ledger outside the database.

use std::sync::Arc;

use flows::prelude::*;

use crate::gate::Gate;
use crate::ledger::Ledger;

#[signal]
pub(crate) struct Ready {
    pub(crate) available: bool,
}

#[activity(start_to_close = "5m")]
pub(crate) async fn charge(ctx: &ActivityContext, cents: u64) -> Result<u64> {
    effect(ctx, "charge").await?;
    Ok(cents)
}

/// Exactly once: the entry and the activity's record are one commit.
#[activity(transaction, start_to_close = "5m")]
pub(crate) async fn book(
    ctx: &ActivityContext,
    tx: &flows::pg::Transaction<'_>,
    cents: u64,
) -> Result<i64> {
    effect(ctx, "book").await?;
    let (run, cents) = (ctx.run_id(), i64::try_from(cents)?);
    tx.execute("INSERT INTO effects (run, cents) VALUES ($1, $2)", &[&run, &cents]).await?;
    Ok(cents)
}

#[activity(start_to_close = "5m")]
pub(crate) async fn ship(ctx: &ActivityContext) -> Result<String> {
    effect(ctx, "ship").await?;
    Ok(format!("T-{}", ctx.workflow_id()))
}

#[activity(start_to_close = "5m")]
pub(crate) async fn email(ctx: &ActivityContext, tracking: String) -> Result<usize> {
    effect(ctx, "email").await?;
    Ok(tracking.len())
}

/// Leaves a line, then waits at the gate, so that a fault can fall between effect and record.
async fn effect(ctx: &ActivityContext, name: &str) -> Result<()> {
    ctx.state::<Ledger>()?.enter(ctx.run_id(), ctx.activity_id(), name)?;
    ctx.state::<Arc<Gate>>()?.pass().await;
    Ok(())
}

#[workflow]
pub(crate) async fn order(ctx: &WorkflowContext, cents: u64) -> Result<String> {
    charge(ctx, cents).await?;
    book(ctx, cents).await?;
    let ready = ctx.receive::<Ready>().await?;
    if !ready.available {
        return Err(Error::terminal("out of stock"));
    }
    let tracking = ship(ctx).await?;
    email(ctx, tracking.clone()).await?;
    Ok(tracking)
}
