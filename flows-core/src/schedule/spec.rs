//! All times of a schedule: expressions and intervals, within a start and an end, with jitter.

use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use super::{Cron, Every};
use crate::error::{Error, Result};
use crate::limits::{check_duration, check_time};
use crate::time::Timestamp;

/// When a schedule fires: at the times of every [`Cron`] and [`Every`] in it, each time once.
///
/// A single [`Cron`] or [`Every`] is accepted wherever a specification is.
///
/// ```
/// use std::time::{Duration, SystemTime};
/// use flows_core::schedule::{Cron, ScheduleSpec};
///
/// // 09:00 on weekdays, 11:00 on weekends
/// let opening = ScheduleSpec::from(Cron::parse("0 9 * * MON-FRI")?.timezone("Europe/Paris"))
///     .and(Cron::parse("0 11 * * SAT,SUN")?.timezone("Europe/Paris"))
///     .jitter(Duration::from_secs(60));
/// let next: Vec<SystemTime> = opening.after(SystemTime::now())?.take(3).collect();
/// assert_eq!(next.len(), 3);
/// # Ok::<(), flows_core::Error>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[must_use = "a specification does nothing until a schedule has it"]
pub struct ScheduleSpec {
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    crons: Vec<Cron>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    intervals: Vec<Every>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    start: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    end: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Duration::is_zero")]
    jitter: Duration,
}

impl From<Cron> for ScheduleSpec {
    fn from(cron: Cron) -> Self {
        Self { crons: vec![cron], ..Self::default() }
    }
}

impl From<Every> for ScheduleSpec {
    fn from(every: Every) -> Self {
        Self { intervals: vec![every], ..Self::default() }
    }
}

impl ScheduleSpec {
    /// Fires at these times too. A time that several name fires once.
    pub fn and(mut self, other: impl Into<Self>) -> Self {
        let other = other.into();
        self.crons.extend(other.crons);
        self.intervals.extend(other.intervals);
        self
    }

    /// The first moment at which it may fire. Default: no limit.
    pub fn starting(mut self, at: SystemTime) -> Self {
        self.start = Some(at.into());
        self
    }

    /// The last moment at which it may fire. Default: no limit.
    pub fn ending(mut self, at: SystemTime) -> Self {
        self.end = Some(at.into());
        self
    }

    /// Delays each firing by up to this long, so that many schedules of one time do not fire in one moment. The delay
    /// of a firing is computed from the schedule and its time: the same on every worker. Default: none.
    pub fn jitter(mut self, limit: Duration) -> Self {
        self.jitter = limit;
        self
    }

    /// The times after `at`, without jitter.
    ///
    /// # Errors
    /// `InvalidInput` for an unknown time zone, an interval that is too short, an end before the start, and
    /// expressions that no day matches.
    pub fn after(&self, at: SystemTime) -> Result<FiringTimes> {
        self.check()?;
        Ok(FiringTimes { spec: self.clone(), at: at.into() })
    }

    /// Checks all that can be wrong with it.
    pub(crate) fn check(&self) -> Result<()> {
        self.crons.iter().try_for_each(Cron::check)?;
        self.intervals.iter().try_for_each(Every::check)?;
        check_duration("jitter of the schedule", Some(self.jitter))?;
        check_time("start of the schedule", self.start.map(Into::into))?;
        check_time("end of the schedule", self.end.map(Into::into))?;
        if self.start.zip(self.end).is_some_and(|(start, end)| end < start) {
            return Err(Error::invalid("the schedule ends before it starts"));
        }
        if self.crons.is_empty() && self.intervals.is_empty() {
            return Err(Error::invalid(
                "the schedule has no times: give it a `Cron` or an `Every`",
            ));
        }
        let never =
            self.crons.iter().find(|cron| matches!(cron.next_after(Timestamp(0)), Ok(None)));
        never.map_or(Ok(()), |cron| {
            Err(Error::invalid(format!(
                "no day matches the cron expression of `{cron}`: it would never fire"
            )))
        })
    }

    /// The first time after `at`; `None` where there is none any more.
    pub(crate) fn next_after(&self, at: Timestamp) -> Result<Option<Timestamp>> {
        let at = self.start.map_or(at, |start| at.max(Timestamp(start.0.saturating_sub(1))));
        let mut next = self.intervals.iter().filter_map(|every| every.next_after(at)).min();
        for cron in &self.crons {
            next = cron.next_after(at)?.into_iter().chain(next).min();
        }
        Ok(next.filter(|next| self.end.is_none_or(|end| *next <= end)))
    }

    /// The longest delay of a firing.
    pub(super) fn jitter_limit(&self) -> Duration {
        self.jitter
    }
}

/// The times of a specification, in order; see [`ScheduleSpec::after`].
#[derive(Debug, Clone)]
pub struct FiringTimes {
    spec: ScheduleSpec,
    at: Timestamp,
}

impl Iterator for FiringTimes {
    type Item = SystemTime;

    fn next(&mut self) -> Option<SystemTime> {
        self.at = self.spec.next_after(self.at).ok()??;
        Some(self.at.into())
    }
}
