//! Two tasks, spawned and joined.
use flows::prelude::*;
use tokio::task::JoinHandle;

#[workflow]
async fn report(ctx: &WorkflowContext) -> Result<u64> {
    let first: JoinHandle<u64> = tokio::spawn(async { 1 });
    let second = tokio::task::spawn_blocking(|| 2);
    let _ = ctx;
    Ok(first.await? + second.await?)
}

fn main() {}
