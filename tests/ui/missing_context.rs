//! A workflow without its context.
use flows::prelude::*;

#[workflow]
async fn order(cents: u64) -> Result<u64> {
    Ok(cents)
}

fn main() {
    let _ = order::Input { cents: 4 };
}
