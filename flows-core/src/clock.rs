//! The only place that reads the machine's clock and makes random ids.
//!
//! Everything that decides (leases, timers, retries) follows the database's clock instead. The
//! testing kit can make a thread's share of it follow from a seed, so that a run can be repeated.

#[cfg(feature = "testing")]
mod seeded;

#[cfg(feature = "testing")]
pub use seeded::{Seeded, seeded};

/// Whether the clock of this runtime is paused. The runtime does not say; so its clock is watched
/// until the machine's has moved.
#[cfg(feature = "testing")]
#[expect(clippy::disallowed_methods, reason = "to tell tokio's clock from the machine's")]
pub(crate) fn is_paused() -> bool {
    let (virtually, really) = (tokio::time::Instant::now(), std::time::Instant::now());
    while really.elapsed() < std::time::Duration::from_micros(1) {
        std::hint::spin_loop();
    }
    virtually == tokio::time::Instant::now()
}

use uuid::Uuid;

/// A new UUIDv7.
#[expect(clippy::disallowed_methods, reason = "this is where they come from")]
pub fn uuid_v7() -> Uuid {
    #[cfg(feature = "testing")]
    if let Some(id) = seeded::uuid_v7() {
        return id;
    }
    Uuid::now_v7()
}

/// A new UUIDv7 for the run that goes on in place of `before`.
///
/// Under a seed it follows from that id, so that a turn that is run again makes the same.
pub fn uuid_v7_after(before: Uuid) -> Uuid {
    #[cfg(feature = "testing")]
    if let Some(id) = seeded::uuid_v7_after(before) {
        return id;
    }
    let _ = before;
    uuid_v7()
}

/// A random number from 0 to 1, for jitter.
#[expect(clippy::disallowed_methods, reason = "this is where they come from")]
pub fn random_share() -> f64 {
    #[cfg(feature = "testing")]
    if let Some(share) = seeded::random_share() {
        return share;
    }
    let (high, _) = Uuid::new_v4().as_u64_pair();
    share_of(high)
}

fn share_of(random: u64) -> f64 {
    f64::from(u32::try_from(random >> 32).unwrap_or(0)) / f64::from(u32::MAX)
}

/// The machine's time, for the memory store and for schedules given as `SystemTime`.
#[expect(clippy::disallowed_methods, reason = "this is where it comes from")]
pub fn system_time() -> std::time::SystemTime {
    #[cfg(feature = "testing")]
    if let Some(time) = seeded::system_time() {
        return time;
    }
    std::time::SystemTime::now()
}

/// What passes for real, also while a test stops or moves tokio's clock: for how long user code has
/// held its thread. Nothing that a run decides depends on it.
#[expect(clippy::disallowed_methods, reason = "this is where it comes from")]
pub fn real_time() -> std::time::Instant {
    std::time::Instant::now()
}
