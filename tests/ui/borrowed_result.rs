//! A result that borrows.
use flows::prelude::*;

#[activity]
async fn name_of(cents: u64) -> Result<&'static str> {
    drop(cents);
    Ok("Ada")
}

fn main() {}
