//! The order of a hash map.
#![allow(unused)]
use std::collections::{HashMap, HashSet};

use flows::prelude::*;

#[activity]
async fn ship(item: String, count: u64) -> Result<()> {
    drop((item, count));
    Ok(())
}

#[workflow]
async fn order(ctx: &WorkflowContext, items: HashMap<String, u64>) -> Result<Vec<String>> {
    for (item, count) in &items {
        ship(ctx, item.clone(), *count).await?;
    }
    flows::try_join_all(items.iter().map(|(item, count)| ship(ctx, item.clone(), *count))).await?;
    let mut seen = HashSet::new();
    seen.insert(items.len());
    let first = seen.drain().next();
    Ok(items.into_keys().collect())
}

fn main() {}
