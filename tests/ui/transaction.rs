//! A transaction without the key, the key without a transaction, and a transaction elsewhere.
use flows::prelude::*;

#[activity]
async fn debit(tx: &Transaction<'_>, cents: u64) -> Result<u64> {
    Ok(cents)
}

#[activity(transaction)]
async fn credit(cents: u64) -> Result<u64> {
    Ok(cents)
}

#[activity(transaction, queue = "ledger")]
async fn transfer(tx: &Transaction<'_>, cents: u64) -> Result<u64> {
    Ok(cents)
}

fn main() {}
