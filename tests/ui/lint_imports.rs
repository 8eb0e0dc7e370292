//! What a body imports under another name.
#![allow(unused)]
use flows::prelude::*;

#[workflow]
async fn order(ctx: &WorkflowContext) -> Result<u64> {
    use std::time::SystemTime as Clock;
    use tokio::{select as first, time::sleep};
    let began = Clock::now();
    sleep(Duration::from_secs(1)).await;
    first! {
        _ = ctx.cancelled() => {}
    }
    Ok(1)
}

fn main() {}
