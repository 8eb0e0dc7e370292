//! Many mistakes in one item: all are shown at once, and its uses are not errors of their own.
use flows::prelude::*;

#[workflow(verson = 2, timeout = 30, retry(backoff = 0))]
fn order(cents: &u64, (a, b): (u8, u8), more: impl Sized) {
    println!("{cents}");
}

#[workflow]
async fn uses_it(ctx: &WorkflowContext) -> Result<()> {
    order(ctx, &1, (2, 3), 4).await?;
    let _ = order::Workflow::NAME;
    Ok(())
}

fn main() {
    let _ = flows::register_all![order, uses_it];
}
