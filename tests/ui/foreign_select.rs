//! Other libraries' combinators, and async closures.
use flows::prelude::*;

#[workflow]
async fn order(ctx: &WorkflowContext) -> Result<()> {
    tokio::select! {
        _ = ctx.cancelled() => {}
    }
    futures::join!(ctx.cancelled(), ctx.cancelled());
    let wait = async |_: u8| ctx.cancelled().await;
    wait(1).await;
    Ok(())
}

fn main() {}
