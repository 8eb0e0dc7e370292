//! `select!` and `join!` of tokio, imported at the top of the file.
use std::time::Duration;

use flows::prelude::*;
use tokio::{join, select};

#[workflow]
async fn approval(ctx: &WorkflowContext) -> Result<bool> {
    let _ = join!(ctx.sleep(Duration::from_secs(1)), ctx.sleep(Duration::from_secs(2)));
    select! {
        answer = ctx.signal::<bool>("answer") => answer,
        _ = ctx.sleep(Duration::from_secs(3600)) => Ok(false),
    }
}

fn main() {}
