//! A `static mut`, and a set that a list is extended with.
use flows::prelude::*;
use std::collections::HashSet;

static mut COUNT: u64 = 0;

#[workflow]
async fn order(ctx: &WorkflowContext) -> Result<u64> {
    unsafe { COUNT += 1 };
    ctx.sleep(Duration::from_secs(1)).await?;
    Ok(unsafe { COUNT })
}

#[workflow]
async fn tagged(ctx: &WorkflowContext, tags: HashSet<String>) -> Result<Vec<String>> {
    ctx.sleep(Duration::from_secs(1)).await?;
    let mut all = vec!["first".to_owned()];
    all.extend(tags);
    Ok(all)
}

fn main() {}
