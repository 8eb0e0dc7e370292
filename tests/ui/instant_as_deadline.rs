//! A deadline, by the monotonic clock.
use std::time::{Duration, Instant};

use flows::prelude::*;

#[workflow]
async fn approval(ctx: &WorkflowContext) -> Result<bool> {
    let deadline = Instant::now() + Duration::from_secs(3600);
    while Instant::now() < deadline {
        if let Some(answer) = ctx.try_signal::<bool>("answer")? {
            return Ok(answer);
        }
        ctx.sleep(Duration::from_secs(10)).await?;
    }
    Ok(false)
}

fn main() {}
