//! A transaction without the key, and the key without a transaction.
use flows::prelude::*;

#[activity]
async fn debit(tx: &Transaction<'_>, cents: u64) -> Result<u64> {
    Ok(cents)
}

#[activity(transaction)]
async fn credit(cents: u64) -> Result<u64> {
    Ok(cents)
}

fn main() {}
