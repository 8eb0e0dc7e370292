//! A parameter whose type serde cannot write and read.
use flows::prelude::*;

struct Customer;

#[activity]
async fn charge(customer: Customer, cents: u64) -> Result<u64> {
    drop(customer);
    Ok(cents)
}

fn main() {}
