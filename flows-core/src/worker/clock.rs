//! The store's clock as a worker knows it: never ahead of it.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::time::Timestamp;

/// Resolves at that time; never, if there is none.
pub(super) async fn sleep_until(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}

/// An estimate of the store's time that is never too late, so that no timer fires early: the last
/// reading, plus what has passed here since its answer arrived.
pub(crate) struct StoreClock {
    reading: Mutex<(Timestamp, Instant)>,
}

impl StoreClock {
    pub(crate) fn new(reading: Timestamp) -> Self {
        Self { reading: Mutex::new((reading, Instant::now())) }
    }

    /// A reading that has just arrived: always the best there is, also when it is behind the
    /// estimate, because one of the clocks has been set.
    pub(crate) fn set(&self, reading: Timestamp) {
        let mut last = self.reading.lock().unwrap_or_else(PoisonError::into_inner);
        *last = (reading, Instant::now());
    }

    pub(crate) fn now(&self) -> Timestamp {
        let (reading, arrived) = *self.reading.lock().unwrap_or_else(PoisonError::into_inner);
        reading.after(arrived.elapsed())
    }

    /// The instant at which the store's time will be `at`, rounded up.
    pub(crate) fn instant_of(&self, at: Timestamp) -> Instant {
        let (reading, arrived) = *self.reading.lock().unwrap_or_else(PoisonError::into_inner);
        let wait = at.since(reading).min(Duration::from_secs(86_400 * 365));
        arrived + wait
    }
}
