//! What a worker complains about again and again: said once in a while, with how often it was so.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::clock;
use crate::error::Error;

/// How often one thing is said.
const INTERVAL: Duration = Duration::from_secs(10);
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// When each thing was last said, and how often it was not said since.
#[derive(Debug, Default)]
pub(super) struct Complaints(Mutex<HashMap<&'static str, (Instant, u64)>>);

impl Complaints {
    /// Says it, if it is time to.
    pub(super) fn warn(&self, error: &Error, text: &'static str) {
        if let Some(unsaid) = self.due(text) {
            tracing::warn!(%error, unsaid, "{text}");
        }
    }

    /// Whether it is time to say this; if so, how often it was so before without being said.
    pub(super) fn due(&self, what: &'static str) -> Option<u64> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let Some((said, unsaid)) = all.get_mut(what) else {
            all.insert(what, (now, 0));
            return Some(0);
        };
        if now.duration_since(*said) < INTERVAL {
            *unsaid += 1;
            return None;
        }
        *said = now;
        Some(std::mem::take(unsaid))
    }
}

/// How long to leave alone what has failed, longer after each failure.
#[derive(Debug, Default)]
pub(super) struct Backoff {
    failures: u32,
    until: Option<Instant>,
}

impl Backoff {
    pub(super) fn failed(&mut self) {
        let pause = FIRST_PAUSE * 2_u32.saturating_pow(self.failures.min(10));
        let pause = pause.min(LONGEST_PAUSE).mul_f64(0.5 + clock::random_share() / 2.0);
        self.failures += 1;
        self.until = Some(Instant::now() + pause);
    }

    pub(super) fn succeeded(&mut self) {
        *self = Self::default();
    }

    /// Until when it is to be left alone, if that is not over.
    pub(super) fn until(&self) -> Option<Instant> {
        self.until.filter(|until| *until > Instant::now())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_thing_is_said_once_in_a_while_with_how_often_it_was_so() {
        let complaints = Complaints::default();
        let mut said = Vec::new();
        for _ in 0..250 {
            said.extend(complaints.due("it fails"));
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        assert_eq!(said, [0, 99, 99]);
        assert_eq!(complaints.due("something else"), Some(0));
    }

    #[tokio::test(start_paused = true)]
    async fn what_fails_is_left_alone_for_longer_and_longer() {
        let mut backoff = Backoff::default();
        assert_eq!(backoff.until(), None);
        let mut tries = 0;
        let begun = Instant::now();
        while begun.elapsed() < Duration::from_secs(60) {
            tries += 1;
            backoff.failed();
            tokio::time::sleep_until(backoff.until().expect("it has failed")).await;
        }
        assert!((15..40).contains(&tries), "{tries} in a minute");
        backoff.failed();
        backoff.succeeded();
        assert_eq!(backoff.until(), None);
    }
}
