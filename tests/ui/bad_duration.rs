//! Durations that are none.
use flows::prelude::*;

#[activity(
    start_to_close = "30 seconds",
    schedule_to_start = "1m1h",
    schedule_to_close = "",
    heartbeat = "0s",
    retry(initial_interval = "1.5s", max_interval = "99999999999999999d")
)]
async fn charge(cents: u64) -> Result<u64> {
    Ok(cents)
}

#[activity(retry(initial_interval = "2m", max_interval = "1m"))]
async fn ship(cents: u64) -> Result<u64> {
    Ok(cents)
}

fn main() {}
