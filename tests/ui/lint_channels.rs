//! Channels and locks to wait on.
#![allow(unused)]
use flows::prelude::*;
use tokio::sync::mpsc;

#[workflow]
async fn order(ctx: &WorkflowContext) -> Result<u64> {
    let (sender, mut receiver) = mpsc::channel::<u64>(8);
    let (done, wait) = tokio::sync::oneshot::channel::<()>();
    let limit = tokio::sync::Semaphore::new(4);
    Ok(receiver.recv().await.unwrap_or_default())
}

fn main() {}
