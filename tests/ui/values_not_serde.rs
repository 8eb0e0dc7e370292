//! A signal and a side effect that serde cannot read.
use flows::prelude::*;

struct Receipt {
    id: u64,
}

#[workflow]
async fn order(ctx: &WorkflowContext) -> Result<u64> {
    let paid: Receipt = ctx.signal("paid").await?;
    let drawn = ctx.side_effect(|| Receipt { id: 1 }).await?;
    Ok(paid.id + drawn.id)
}

fn main() {}
