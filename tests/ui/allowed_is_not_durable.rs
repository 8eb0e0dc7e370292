//! The escape is for what the code does, and not for what it awaits.
use flows::prelude::*;

#[workflow]
async fn order(ctx: &WorkflowContext) -> Result<()> {
    #[flows(allow(nondeterminism))]
    tokio::time::sleep(Duration::from_secs(1)).await;
    Ok(())
}

fn main() {}
