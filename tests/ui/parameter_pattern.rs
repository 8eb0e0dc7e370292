//! A parameter without a name.
use flows::prelude::*;

#[activity]
async fn charge((customer, cents): (String, u64), _: u8) -> Result<u64> {
    drop(customer);
    Ok(cents)
}

fn main() {}
