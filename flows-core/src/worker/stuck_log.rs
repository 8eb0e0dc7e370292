//! What is said about runs that are stuck: a line for each cause, and no more than one a minute.
//!
//! A build that cannot go on with thousands of runs would otherwise write thousands of lines, at every
//! retry again.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;
use uuid::Uuid;

use crate::telemetry::metrics;

/// The shortest time between two lines about one cause.
const PAUSE: Duration = Duration::from_secs(60);
/// The most causes that are told apart; others are each told.
const CAUSES: usize = 200;
/// So much of a reason tells causes apart.
const LENGTH: usize = 200;

/// Counts runs that are stuck, by cause.
#[derive(Default)]
pub(crate) struct StuckLog {
    causes: Mutex<HashMap<(Arc<str>, String), Cause>>,
    total: AtomicUsize,
}

struct Cause {
    told_at: Instant,
    unsaid: usize,
}

impl StuckLog {
    /// How often a run could not go on.
    pub(super) fn total(&self) -> usize {
        self.total.load(Ordering::Relaxed)
    }

    /// A run is stuck. Says so, unless that was just said of another one for the same reason.
    pub(super) fn note(&self, run: Uuid, workflow: &Arc<str>, why: &str) {
        self.total.fetch_add(1, Ordering::Relaxed);
        metrics::stuck(workflow);
        match self.count(workflow, why, Instant::now()) {
            None => {}
            Some(0) => tracing::error!(%run, workflow = &**workflow, "run is stuck: {why}"),
            Some(others) => tracing::error!(
                %run,
                workflow = &**workflow,
                others,
                "run is stuck: {why} (so many others since the last such line)"
            ),
        }
    }

    /// How many others were not told of since the last line; nothing, if this one is not told of.
    fn count(&self, workflow: &Arc<str>, why: &str, now: Instant) -> Option<usize> {
        let mut causes = self.causes.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (Arc::clone(workflow), without_numbers(why));
        if let Some(cause) = causes.get_mut(&key) {
            if now - cause.told_at < PAUSE {
                cause.unsaid += 1;
                return None;
            }
            cause.told_at = now;
            return Some(std::mem::take(&mut cause.unsaid));
        }
        if causes.len() == CAUSES {
            causes.retain(|_, cause| now - cause.told_at < PAUSE);
        }
        if causes.len() < CAUSES {
            causes.insert(key, Cause { told_at: now, unsaid: 0 });
        }
        Some(0)
    }
}

/// Reasons that differ in numbers alone are one cause.
fn without_numbers(why: &str) -> String {
    let digits = |c: char| if c.is_ascii_digit() { '#' } else { c };
    why.chars().take(LENGTH).map(digits).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn one_line_for_a_cause_says_how_many_there_were() {
        let (log, order): (_, Arc<str>) = (StuckLog::default(), "order".into());
        let told = |why: &str| log.count(&order, why, Instant::now());
        assert_eq!(told("no paper for 4 pages"), Some(0));
        for pages in 5..10 {
            assert_eq!(told(&format!("no paper for {pages} pages")), None);
        }
        assert_eq!(told("no ink"), Some(0), "another cause");
        tokio::time::advance(PAUSE).await;
        assert_eq!(told("no paper for 4 pages"), Some(5));
    }
}
