//! A signal or a timeout, by the `select!` that everybody knows.
use std::time::Duration;

use flows::prelude::*;

#[workflow]
async fn approval(ctx: &WorkflowContext) -> Result<bool> {
    tokio::select! {
        answer = ctx.signal::<bool>("answer") => answer,
        _ = tokio::time::sleep(Duration::from_secs(3600)) => Ok(false),
    }
}

fn main() {}
