//! A pool of connections, passed to a workflow.
use std::sync::Arc;

use flows::prelude::*;

struct Pool;

#[workflow]
async fn order(ctx: &WorkflowContext, pool: Arc<Pool>, id: u64) -> Result<u64> {
    let _ = (ctx, pool);
    Ok(id)
}

fn main() {}
