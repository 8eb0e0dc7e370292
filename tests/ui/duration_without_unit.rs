//! Durations as bare numbers, or without quotes.
use flows::prelude::*;

#[activity(start_to_close = 30, schedule_to_close = "30", heartbeat = 5s)]
async fn charge(cents: u64) -> Result<u64> {
    Ok(cents)
}

fn main() {}
