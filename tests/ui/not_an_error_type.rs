//! An error type that cannot become the library's.
use flows::prelude::*;

struct Declined;

#[activity]
async fn charge(cents: u64) -> Result<u64, Declined> {
    if cents == 0 { Err(Declined) } else { Ok(cents) }
}

fn main() {}
