//! Fixed intervals.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::error::Result;
use crate::limits::check_limit;
use crate::time::Timestamp;

/// A fixed interval, whatever clocks on walls do: at least one second, at most 100 years.
///
/// Firings are counted from 1970-01-01 00:00 UTC, so `Every` hour means each full hour in UTC, and no restart of a
/// worker moves them.
///
/// ```
/// use std::time::Duration;
/// use flows_core::schedule::Every;
///
/// let hourly = Every(Duration::from_secs(3600));
/// assert_eq!(hourly.to_string(), "every 3600s");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Every(pub Duration);

/// The shortest interval, in microseconds: workers look for due schedules about this often.
const SHORTEST: i64 = 1_000_000;

impl Every {
    pub(super) fn check(&self) -> Result<()> {
        check_limit("interval of the schedule", Some(self.0))?;
        if self.micros() < SHORTEST {
            let message =
                format!("the interval of the schedule is {:?}; the shortest is 1 s", self.0);
            return Err(crate::error::Error::invalid(message));
        }
        Ok(())
    }

    /// The first time after `at`.
    pub(super) fn next_after(&self, at: Timestamp) -> Option<Timestamp> {
        let number = at.0.div_euclid(self.micros()).checked_add(1)?;
        number.checked_mul(self.micros()).map(Timestamp)
    }

    fn micros(&self) -> i64 {
        i64::try_from(self.0.as_micros()).unwrap_or(i64::MAX).max(1)
    }
}

impl std::fmt::Display for Every {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "every {:?}", self.0)
    }
}
