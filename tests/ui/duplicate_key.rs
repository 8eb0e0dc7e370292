//! A key given twice.
use flows::prelude::*;

#[activity(queue = "a", queue = "b", retry(jitter = 0.1, jitter = 0.2))]
async fn charge(cents: u64) -> Result<u64> {
    Ok(cents)
}

fn main() {}
