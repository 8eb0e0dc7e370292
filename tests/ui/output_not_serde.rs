//! An output that serde cannot write and read.
use flows::prelude::*;

struct Receipt;

#[activity]
async fn charge(cents: u64) -> Result<Receipt> {
    drop(cents);
    Ok(Receipt)
}

fn main() {}
