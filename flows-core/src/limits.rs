//! Limits of names and durations: the same for who sends and who waits, who starts and who serves.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::error::{Error, Result};

/// The longest workflow id, queue, signal and the like, in bytes.
const NAME: usize = 255;
/// The longest delay, sleep and time limit: 100 years, leap days included.
const LONGEST: Duration = Duration::from_secs(36_525 * 86_400);
/// The first moment of the year 10000.
const END: Duration = Duration::from_secs(253_402_300_800);

/// A name's limits: not empty, not too long, no NUL.
pub(crate) fn check_name(what: &str, name: &str) -> Result<()> {
    let wrong = if name.is_empty() {
        "is empty".to_owned()
    } else if name.len() > NAME {
        format!("has {} bytes", name.len())
    } else if name.contains('\0') {
        "contains a NUL character".to_owned()
    } else {
        return Ok(());
    };
    Err(Error::invalid(format!("the {what} {wrong}; allowed are 1 to {NAME} bytes of text")))
}

/// A duration that the store and the clocks can hold.
pub(crate) fn check_duration(what: &str, duration: Option<Duration>) -> Result<()> {
    match duration {
        Some(duration) if duration > LONGEST => Err(Error::invalid(format!(
            "the {what} of {} s is longer than the limit of 100 years",
            duration.as_secs()
        ))),
        _ => Ok(()),
    }
}

/// A time that everybody can write down.
pub(crate) fn check_time(what: &str, time: Option<SystemTime>) -> Result<()> {
    let since = time.and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    if since.is_some_and(|since| since >= END) {
        return Err(Error::invalid(format!("the {what} is later than the year 9999")));
    }
    Ok(())
}

/// A limit within which something can be done.
pub(crate) fn check_limit(what: &str, limit: Option<Duration>) -> Result<()> {
    if limit.is_some_and(|limit| limit.is_zero()) {
        return Err(Error::invalid(format!("the {what} is 0 s: nothing could be done within it")));
    }
    check_duration(what, limit)
}
