//! Timers of tokio.
#![allow(unused)]
use std::time::Duration;

use flows::prelude::*;
use tokio::time;

#[flows::durable]
async fn remind(ctx: &WorkflowContext) -> Result<()> {
    tokio::time::sleep(Duration::from_secs(1)).await;
    time::timeout(Duration::from_secs(1), ctx.signal::<bool>("paid")).await??;
    let mut every_minute = tokio::time::interval(Duration::from_secs(60));
    every_minute.tick().await;
    Ok(())
}

fn main() {}
