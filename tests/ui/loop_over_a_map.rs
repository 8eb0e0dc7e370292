//! One activity for each entry of a hash map.
use std::collections::HashMap;

use flows::prelude::*;

#[activity]
async fn reserve(item: String, count: u32) -> Result<()> {
    drop((item, count));
    Ok(())
}

#[workflow]
async fn order(ctx: &WorkflowContext, lines: Vec<String>) -> Result<()> {
    let mut counts: HashMap<String, u32> = HashMap::new();
    for line in lines {
        *counts.entry(line).or_insert(0) += 1;
    }
    for (item, count) in counts {
        reserve(ctx, item, count).await?;
    }
    Ok(())
}

fn main() {}
