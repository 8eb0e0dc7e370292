//! Answers that come through a channel.
use std::sync::mpsc;

use flows::prelude::*;

#[workflow]
async fn approval(ctx: &WorkflowContext) -> Result<bool> {
    let (sender, receiver) = mpsc::channel();
    sender.send(ctx.attempt() == 1)?;
    Ok(receiver.recv()?)
}

fn main() {}
