//! When and how often a failed activity, or a failed run, is tried again.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// A retry policy: exponential backoff with jitter.
///
/// Defaults: first retry after 1 s, doubling up to 1 h, jitter 0.1, 10 attempts.
///
/// ```
/// use std::time::Duration;
/// use flows_core::RetryPolicy;
///
/// let policy = RetryPolicy::default().max_attempts(3).initial_interval(Duration::from_millis(200));
/// assert_eq!(policy.delay_after(1, 0.5), Duration::from_millis(200));
/// assert_eq!(policy.delay_after(2, 0.5), Duration::from_millis(400));
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[must_use = "its methods give a new policy"]
pub struct RetryPolicy {
    max_attempts: u32,
    initial_interval: Duration,
    max_interval: Duration,
    backoff: f64,
    jitter: f64,
    non_retryable: Vec<Excluded>,
}

/// Errors that are not retried: all or some of a type.
#[derive(Clone, Serialize, Deserialize)]
#[serde(from = "Cow<'static, str>", into = "Cow<'static, str>")]
struct Excluded {
    /// What is stored of it.
    name: Cow<'static, str>,
    /// Whether an error is one, where the policy was made.
    is: Option<fn(&Error) -> bool>,
}

impl From<Cow<'static, str>> for Excluded {
    fn from(name: Cow<'static, str>) -> Self {
        Self { name, is: None }
    }
}

impl From<Excluded> for Cow<'static, str> {
    fn from(excluded: Excluded) -> Self {
        excluded.name
    }
}

impl PartialEq for Excluded {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl fmt::Debug for Excluded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            max_attempts: 10,
            initial_interval: Duration::from_secs(1),
            max_interval: Duration::from_secs(3600),
            backoff: 2.0,
            jitter: 0.1,
            non_retryable: Vec::new(),
        }
    }
}

impl RetryPolicy {
    /// A policy that never retries.
    pub fn never() -> Self {
        Self::default().max_attempts(1)
    }

    /// The maximum number of attempts, the first included; 0 is refused where the policy is used. Default 10.
    pub fn max_attempts(mut self, attempts: u32) -> Self {
        self.max_attempts = attempts;
        self
    }

    /// The delay after the first failure. Default 1 s.
    pub fn initial_interval(mut self, interval: Duration) -> Self {
        self.initial_interval = interval;
        self
    }

    /// The longest delay. Default 1 h.
    pub fn max_interval(mut self, interval: Duration) -> Self {
        self.max_interval = interval;
        self
    }

    /// The factor from one delay to the next; one below 1 is refused where the policy is used. Default 2.
    pub fn backoff(mut self, factor: f64) -> Self {
        self.backoff = factor;
        self
    }

    /// The random share of each delay, from 0 to 1; another is refused where the policy is used. Default 0.1:
    /// ±10 %.
    pub fn jitter(mut self, share: f64) -> Self {
        self.jitter = share;
        self
    }

    /// A type of error that is not retried. May be given several times.
    ///
    /// The policy looks at the error itself and at each of its causes, also inside an `anyhow::Error` and
    /// similar types. Of an error that came from elsewhere (from a child, or from an activity whose run is
    /// retried), it knows only the type's name.
    ///
    /// ```
    /// # use flows_core::{Error, RetryPolicy};
    /// let policy = RetryPolicy::default().non_retryable::<std::num::ParseIntError>();
    /// let error = Error::from("many".parse::<u32>().unwrap_err());
    /// assert!(!policy.retries(1, &error));
    /// ```
    pub fn non_retryable<E: std::error::Error + 'static>(self) -> Self {
        self.excluding(std::any::type_name::<E>(), |error| error.downcast_ref::<E>().is_some())
    }

    /// Some errors of a type that are not retried, as a variant of it; for the macros.
    #[doc(hidden)]
    pub fn excluding_some<E: std::error::Error + 'static>(
        self,
        variant: &str,
        is: fn(&Error) -> bool,
    ) -> Self {
        self.excluding(format!("{}::{variant}", std::any::type_name::<E>()), is)
    }

    fn excluding(mut self, name: impl Into<Cow<'static, str>>, is: fn(&Error) -> bool) -> Self {
        self.non_retryable.push(Excluded { name: name.into(), is: Some(is) });
        self
    }

    /// Refuses what nobody could do; `of` says whose policy it is.
    pub(crate) fn check(&self, of: &str) -> Result<()> {
        let wrong = if self.max_attempts == 0 {
            "max_attempts is 0: the first attempt counts too".to_owned()
        } else if !(1.0..f64::INFINITY).contains(&self.backoff) {
            format!("backoff is {}: it takes a factor from 1", self.backoff)
        } else if !(0.0..=1.0).contains(&self.jitter) {
            format!("jitter is {}: it takes a share from 0 to 1", self.jitter)
        } else {
            return Ok(());
        };
        Err(Error::invalid(format!("the retry policy of {of} cannot be: {wrong}")))
    }

    /// As it is once it has been stored: a type of error counts by its name.
    pub(crate) fn by_name(mut self) -> Self {
        self.non_retryable.iter_mut().for_each(|excluded| excluded.is = None);
        self
    }

    /// The same error; a terminal one, if this policy excludes it.
    pub(crate) fn settle(&self, error: Error) -> Error {
        if self.excludes(&error) { error.into_terminal() } else { error }
    }

    /// Whether there is one attempt, and no other whatever happens.
    pub(crate) fn is_single(&self) -> bool {
        self.max_attempts == 1
    }

    /// Whether there is an attempt after attempt number `attempt` (from 1) failed with `error`.
    pub fn retries(&self, attempt: u32, error: &Error) -> bool {
        error.is_retryable() && attempt < self.max_attempts && !self.excludes(error)
    }

    /// The delay after attempt number `attempt` (from 1) failed; `random` is from 0 to 1.
    pub fn delay_after(&self, attempt: u32, random: f64) -> Duration {
        let exponent = i32::try_from(attempt.saturating_sub(1)).unwrap_or(i32::MAX);
        let factor = self.backoff.powi(exponent);
        let wait =
            (self.initial_interval.as_secs_f64() * factor).min(self.max_interval.as_secs_f64());
        let wait = wait * (1.0 + self.jitter * (2.0 * random - 1.0));
        Duration::try_from_secs_f64(wait).unwrap_or(self.max_interval)
    }

    fn excludes(&self, error: &Error) -> bool {
        self.non_retryable.iter().any(|excluded| excluded.has(error))
    }
}

impl Excluded {
    fn has(&self, error: &Error) -> bool {
        let is_named =
            |name: &str| name == self.name || name.rsplit("::").next() == Some(&*self.name);
        self.is.is_some_and(|is| is(error)) || error.type_name().is_some_and(is_named)
    }
}
