//! A definition that returns a future, by hand or on top of its own.
use std::collections::BTreeMap;

use flows::prelude::*;
use serde::Serialize;

#[activity]
fn charge(cents: u64) -> impl Future<Output = Result<u64>> + Send {
    async move { Ok(cents) }
}

#[activity]
async fn ship(item: u64) -> impl Future<Output = Result<u64>> {
    async move { Ok(item) }
}

#[workflow]
async fn order(ctx: &WorkflowContext) -> Result<u64> {
    Ok(charge(ctx, 1).await? + ship(ctx, 2).await?)
}

/// What only this body uses is in use.
#[activity(retrys = 3)]
async fn list(names: Vec<String>) -> Result<usize> {
    let names: BTreeMap<_, _> = names.into_iter().map(|name| (name, ())).collect();
    fn written(value: &impl Serialize) -> usize {
        serde_json::to_string(value).map_or(0, |text| text.len())
    }
    Ok(written(&names))
}

#[activity]
async fn store<T: Serialize>(value: T) -> Result<String> {
    Ok(serde_json::to_string(&value)?)
}

fn main() {}
