//! A definition that takes `self`.
use flows::prelude::*;

struct Gateway;

impl Gateway {
    #[activity]
    async fn charge(&self, cents: u64) -> Result<u64> {
        Ok(cents)
    }
}

fn main() {
    drop(Gateway.charge(1));
}
