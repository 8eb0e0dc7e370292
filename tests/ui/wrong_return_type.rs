//! A definition that does not return `Result<T>`.
use flows::prelude::*;

#[activity]
async fn charge(cents: u64) -> u64 {
    cents
}

#[activity]
async fn notify(cents: u64) {
    drop(cents);
}

#[workflow]
async fn order(ctx: &WorkflowContext) -> Option<Vec<u64>> {
    None
}

#[activity]
async fn listed() -> Result<impl Iterator<Item = u64>> {
    Ok(std::iter::empty())
}

fn main() {}
