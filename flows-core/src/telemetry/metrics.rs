//! Metrics of workers, through the facade of the crate `metrics`: names, and where they are counted. Without the
//! feature `metrics` nothing is measured.
//!
//! Labels are names of definitions and of outcomes, so there are only so many of them.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::error::{Error, ErrorKind};
use crate::store::{Outcome, RunSpec};
use crate::time::Timestamp;

/// What a metric is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MetricKind {
    /// It only grows.
    Counter,
    /// It goes up and down.
    Gauge,
    /// A distribution; of seconds, if its name ends so.
    Histogram,
}

/// A metric that workers have.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Metric {
    /// Its name.
    pub name: &'static str,
    /// What it is.
    pub kind: MetricKind,
    /// The names of its labels.
    pub labels: &'static [&'static str],
    /// What it says.
    pub help: &'static str,
}

macro_rules! metrics {
    ($($id:ident = $kind:ident $name:literal $labels:tt $help:literal;)*) => {
        $(const $id: &str = $name;)*

        /// All metrics of workers.
        pub const METRICS: &[Metric] = &[$(Metric {
            name: $name,
            kind: MetricKind::$kind,
            labels: &$labels,
            help: $help,
        }),*];
    };
}

metrics! {
    RUNS_STARTED = Counter "flows_runs_started_total" ["workflow"] "runs whose code has begun for the first time";
    RUNS_ENDED = Counter "flows_runs_ended_total" ["workflow", "status"] "runs that have ended, by status";
    DEAD_LETTERS = Counter "flows_dead_letters_total" ["workflow"] "runs that have become dead letters";
    STUCK = Counter "flows_stuck_total" ["workflow"] "how often a run could not continue in this build";
    LOST = Counter "flows_runs_lost_total" [] "runs that another worker has continued";
    TAKEN_OVER = Counter "flows_runs_taken_over_total" [] "runs of lost workers that this one has continued";
    FIRST_TURN = Histogram "flows_first_turn_wait_seconds" ["workflow"] "from the start of a run to its first turn";
    RUN_TIME = Histogram "flows_run_seconds" ["workflow", "status"] "from the start of a run to its end";
    ATTEMPTS = Counter "flows_attempts_total" ["activity", "outcome"] "attempts of activities: `completed`, `failed`, `cancelled`, or `pending` if it ends elsewhere";
    ATTEMPT_WAIT = Histogram "flows_attempt_wait_seconds" ["activity"] "from an activity's call to its first attempt";
    ATTEMPT_TIME = Histogram "flows_attempt_seconds" ["activity"] "how long attempts run";
    COMMIT_TIME = Histogram "flows_commit_seconds" [] "how long the database takes to commit a batch";
    COMMIT_SIZE = Histogram "flows_commit_runs" [] "runs in a batch";
    COMMITS_UNKNOWN = Counter "flows_commits_unknown_total" [] "batches whose outcome is unknown";
    RENEWALS = Counter "flows_lease_renewals_total" ["outcome"] "renewals of leases: `renewed` or `failed`";
    LEASES_LOST = Counter "flows_leases_lost_total" [] "leases that were lost";
    RESIDENT = Gauge "flows_resident_runs" [] "runs in memory; brought up to date when a lease is renewed";
    SLOTS = Gauge "flows_activity_slots_used" [] "attempts that run; brought up to date when a lease is renewed";
}

/// Gives the recorder that is installed the descriptions of all metrics.
#[cfg(feature = "metrics")]
pub fn describe_metrics() {
    for Metric { name, kind, help, .. } in METRICS {
        match kind {
            MetricKind::Counter => metrics::describe_counter!(*name, *help),
            MetricKind::Gauge => metrics::describe_gauge!(*name, *help),
            MetricKind::Histogram => metrics::describe_histogram!(*name, *help),
        }
    }
}

/// The value of a label.
#[cfg_attr(not(feature = "metrics"), expect(dead_code, reason = "nothing is measured"))]
enum LabelValue<'a> {
    Fixed(&'static str),
    Shared(&'a Arc<str>),
}

type Labels<'a> = &'a [(&'static str, LabelValue<'a>)];

#[cfg(feature = "metrics")]
fn labels(labels: Labels<'_>) -> Vec<metrics::Label> {
    let value = |value: &LabelValue<'_>| match value {
        LabelValue::Fixed(text) => metrics::SharedString::const_str(text),
        LabelValue::Shared(text) => metrics::SharedString::from_shared(Arc::clone(text)),
    };
    labels.iter().map(|(name, of)| metrics::Label::new(*name, value(of))).collect()
}

#[cfg(feature = "metrics")]
fn count(name: &'static str, of: Labels<'_>, n: u64) {
    metrics::counter!(name, labels(of)).increment(n);
}

#[cfg(feature = "metrics")]
fn observe(name: &'static str, of: Labels<'_>, value: impl FnOnce() -> f64) {
    metrics::histogram!(name, labels(of)).record(value());
}

#[cfg(feature = "metrics")]
fn shift(name: &'static str, by: f64) {
    metrics::gauge!(name).increment(by);
}

#[cfg(not(feature = "metrics"))]
fn count(_: &'static str, _: Labels<'_>, _: u64) {}

#[cfg(not(feature = "metrics"))]
fn observe(_: &'static str, _: Labels<'_>, _: impl FnOnce() -> f64) {}

#[cfg(not(feature = "metrics"))]
fn shift(_: &'static str, _: f64) {}

/// The code of a run begins for the first time.
pub(crate) fn run_started(spec: &RunSpec, waited: Duration) {
    let workflow = [("workflow", LabelValue::Shared(&spec.workflow))];
    count(RUNS_STARTED, &workflow, 1);
    observe(FIRST_TURN, &workflow, || waited.as_secs_f64());
}

/// A run has ended, durably.
pub(crate) fn run_ended(spec: &RunSpec, outcome: &Outcome, took: Duration) {
    let workflow = || ("workflow", LabelValue::Shared(&spec.workflow));
    let both = [workflow(), ("status", LabelValue::Fixed(outcome.status.name()))];
    count(RUNS_ENDED, &both, 1);
    observe(RUN_TIME, &both, || took.as_secs_f64());
    if outcome.is_dead_letter() {
        count(DEAD_LETTERS, &[workflow()], 1);
    }
}

/// A run could not continue.
pub(crate) fn stuck(workflow: &Arc<str>) {
    count(STUCK, &[("workflow", LabelValue::Shared(workflow))], 1);
}

/// Another worker has continued runs.
pub(crate) fn lost(runs: usize) {
    count(LOST, &[], runs as u64);
}

/// This worker continues runs of lost ones.
pub(crate) fn taken_over(runs: usize) {
    count(TAKEN_OVER, &[], runs as u64);
}

/// The body of an attempt begins: the first of its activity has waited since then.
pub(crate) fn attempt_began(
    activity: &'static str,
    attempt: u32,
    called: Timestamp,
    now: Timestamp,
) {
    if attempt == 1 {
        let activity = [("activity", LabelValue::Fixed(activity))];
        observe(ATTEMPT_WAIT, &activity, || now.since(called).as_secs_f64());
    }
}

/// The body of an attempt that began then has returned, or was stopped.
pub(crate) fn attempt_ran(activity: &'static str, begun: Option<Instant>, now: Instant) {
    if let Some(begun) = begun {
        let activity = [("activity", LabelValue::Fixed(activity))];
        observe(ATTEMPT_TIME, &activity, || now.duration_since(begun).as_secs_f64());
    }
}

/// An attempt has ended here.
pub(crate) fn attempt_ended(activity: &'static str, error: Option<&Error>) {
    let outcome = match error.map(Error::kind) {
        None => "completed",
        Some(ErrorKind::Pending) => "pending",
        Some(ErrorKind::Cancelled) => "cancelled",
        Some(_) => "failed",
    };
    count(
        ATTEMPTS,
        &[("activity", LabelValue::Fixed(activity)), ("outcome", LabelValue::Fixed(outcome))],
        1,
    );
}

/// A batch has come back.
pub(crate) fn committed(runs: usize, took: Duration, is_known: bool) {
    observe(COMMIT_TIME, &[], || took.as_secs_f64());
    observe(COMMIT_SIZE, &[], || runs as f64);
    if !is_known {
        count(COMMITS_UNKNOWN, &[], 1);
    }
}

/// A lease was renewed, or not.
pub(crate) fn renewed(is_renewed: bool) {
    let outcome = if is_renewed { "renewed" } else { "failed" };
    count(RENEWALS, &[("outcome", LabelValue::Fixed(outcome))], 1);
}

/// A lease was lost.
pub(crate) fn lease_lost() {
    count(LEASES_LOST, &[], 1);
}

/// What one worker adds to the gauges of its process.
#[derive(Default)]
pub(crate) struct Gauges {
    resident: f64,
    slots: f64,
}

impl Gauges {
    /// So much it is now.
    pub(crate) fn set(&mut self, resident: usize, slots: usize) {
        let (resident, slots) = (resident as f64, slots as f64);
        shift(RESIDENT, resident - self.resident);
        shift(SLOTS, slots - self.slots);
        (self.resident, self.slots) = (resident, slots);
    }
}

impl Drop for Gauges {
    fn drop(&mut self) {
        self.set(0, 0);
    }
}
