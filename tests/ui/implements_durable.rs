//! A future of one's own that claims to be durable.
use std::pin::Pin;
use std::task::{Context, Poll};

use flows::prelude::*;

struct Later;

impl Future for Later {
    type Output = ();

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        Poll::Pending
    }
}

impl Durable for Later {}

#[workflow]
async fn order(ctx: &WorkflowContext) -> Result<()> {
    let _ = ctx;
    Later.await;
    Ok(())
}

fn main() {}
