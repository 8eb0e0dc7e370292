//! What is to be done with a schedule at a moment. Pure: the same on every worker and in every store.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Overlap, ScheduleSpec};
use crate::error::{Error, Result};
use crate::ids::fnv1a;
use crate::limits::check_duration;
use crate::time::Timestamp;

/// Times that wait for an open run, at most.
const WAITING: usize = 1_000;
/// Runs that one look starts, at most; the next look goes on.
const AT_ONCE: usize = 100;
/// How soon an open run for which others wait is looked at again; the longer they wait, the rarer.
const SHORTEST_WAIT: Duration = Duration::from_secs(1);
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// What its owner has said about a schedule.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SchedulePolicy {
    /// Its times.
    pub spec: ScheduleSpec,
    /// What happens while a run is open.
    pub overlap: Overlap,
    /// How late a time may still fire.
    pub catch_up: Duration,
}

/// How far a schedule is.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ScheduleProgress {
    /// Every time up to here is decided.
    pub decided: Timestamp,
    /// Why it is paused, if it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paused: Option<String>,
    /// Times that wait for an open run, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub waiting: Vec<Timestamp>,
    /// The last time that has fired.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fired: Option<Timestamp>,
}

/// What is to be done.
#[derive(Debug, Default, PartialEq)]
pub struct Firing {
    /// The times for which runs are to be started.
    pub start: Vec<Timestamp>,
    /// What is to be done with the open run before.
    pub open_run: OpenRun,
    /// When to look again.
    pub due: Option<Timestamp>,
}

/// What is to be done with a run that is open.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub enum OpenRun {
    /// Nothing.
    #[default]
    Leave,
    /// It is asked to cancel.
    Cancel,
    /// It is terminated.
    Terminate,
}

impl SchedulePolicy {
    /// Checks all that can be wrong with it.
    pub fn check(&self) -> Result<()> {
        self.spec.check()?;
        check_duration("catch-up window of the schedule", Some(self.catch_up))
    }

    /// Decides all times up to `now`. `seed` is the schedule's; `is_open`: whether the run that it started last is.
    ///
    /// # Errors
    /// When its specification means nothing to this build.
    pub fn fire(
        &self,
        progress: &mut ScheduleProgress,
        seed: u64,
        now: Timestamp,
        is_open: bool,
    ) -> Result<Firing> {
        if progress.paused.is_some() {
            return Ok(Firing::default());
        }
        let oldest = now.before(self.catch_up).before(self.spec.jitter_limit());
        progress.decided = progress.decided.max(Timestamp(oldest.0.saturating_sub(1)));
        let mut firing = Firing::default();
        let mut is_open = is_open;
        loop {
            let next = self.spec.next_after(progress.decided)?;
            firing.due = next.map(|at| self.delayed(at, seed));
            let Some(at) = next.filter(|_| firing.due <= Some(now) && firing.start.len() < AT_ONCE)
            else {
                break;
            };
            progress.decided = at;
            self.decide(progress, &mut firing, &mut is_open, at);
        }
        if !is_open && !progress.waiting.is_empty() {
            firing.start.insert(0, progress.waiting.remove(0));
        }
        progress.fired = firing.start.last().copied().or(progress.fired);
        if let Some(first) = progress.waiting.first() {
            let wait = (now.since(*first) / 10).clamp(SHORTEST_WAIT, LONGEST_WAIT);
            firing.due = firing.due.into_iter().chain([now.after(wait)]).min();
        }
        Ok(firing)
    }

    /// Decides one time.
    fn decide(
        &self,
        progress: &mut ScheduleProgress,
        firing: &mut Firing,
        is_open: &mut bool,
        at: Timestamp,
    ) {
        let waiting = &mut progress.waiting;
        match self.overlap {
            Overlap::AllowAll => firing.start.push(at),
            _ if !*is_open && waiting.is_empty() => {
                firing.start.push(at);
                *is_open = true;
            }
            Overlap::BufferOne if waiting.is_empty() => waiting.push(at),
            Overlap::BufferAll if waiting.len() < WAITING => waiting.push(at),
            Overlap::Skip | Overlap::BufferOne | Overlap::BufferAll => {}
            // Of times that come together, the last one counts.
            Overlap::CancelOther | Overlap::TerminateOther if !firing.start.is_empty() => {
                firing.start = vec![at];
            }
            Overlap::CancelOther => {
                *waiting = vec![at];
                firing.open_run = OpenRun::Cancel;
            }
            Overlap::TerminateOther => {
                firing.open_run = OpenRun::Terminate;
                firing.start.push(at);
            }
        }
    }

    /// When a time fires: later by its share of the jitter.
    pub fn delayed(&self, at: Timestamp, seed: u64) -> Timestamp {
        let limit = u64::try_from(self.spec.jitter_limit().as_micros()).unwrap_or(u64::MAX);
        let share = fnv1a(seed.to_le_bytes().into_iter().chain(at.0.to_le_bytes()));
        at.after(Duration::from_micros(share.checked_rem(limit).unwrap_or(0)))
    }

    /// The times from `from` to `to`, both included.
    ///
    /// # Errors
    /// When there are too many.
    pub fn between(&self, from: Timestamp, to: Timestamp, limit: usize) -> Result<Vec<Timestamp>> {
        let (mut at, mut times) = (Timestamp(from.0.saturating_sub(1)), Vec::new());
        while let Some(next) = self.spec.next_after(at)?.filter(|next| *next <= to) {
            if times.len() == limit {
                let message = format!("a backfill starts at most {limit} runs; split the range");
                return Err(Error::invalid(message));
            }
            times.push(next);
            at = next;
        }
        Ok(times)
    }
}

/// A time as it stands in workflow ids: RFC 3339, in UTC.
pub fn name_of(at: Timestamp) -> String {
    jiff::Timestamp::from_microsecond(at.0).map_or_else(|_| at.0.to_string(), |at| at.to_string())
}
