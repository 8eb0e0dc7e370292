//! A run is started with the input of a workflow, not with the function.
use flows::prelude::*;

#[workflow]
async fn order(ctx: &WorkflowContext) -> Result<()> {
    ctx.sleep(Duration::from_secs(1)).await
}

async fn starts(engine: &Engine) -> Result<()> {
    engine.start(order).await?;
    Ok(())
}

fn main() {
    let _ = starts;
}
