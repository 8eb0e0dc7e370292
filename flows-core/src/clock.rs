//! The only place that reads the machine's clock and makes random ids.
//!
//! Everything that decides (leases, timers, retries) follows the database's clock instead.

use uuid::Uuid;

/// A new UUIDv7.
#[expect(clippy::disallowed_methods, reason = "this is where they come from")]
pub fn uuid_v7() -> Uuid {
    Uuid::now_v7()
}

/// A random number from 0 to 1, for jitter.
#[expect(clippy::disallowed_methods, reason = "this is where they come from")]
pub fn random_share() -> f64 {
    let (high, _) = Uuid::new_v4().as_u64_pair();
    f64::from(u32::try_from(high >> 32).unwrap_or(0)) / f64::from(u32::MAX)
}

/// The machine's time, for the memory store and for schedules given as `SystemTime`.
#[expect(clippy::disallowed_methods, reason = "this is where it comes from")]
pub fn system_time() -> std::time::SystemTime {
    std::time::SystemTime::now()
}
