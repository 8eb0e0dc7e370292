//! What a replay of a database has found, for people and for a gate.

use std::collections::BTreeMap;
use std::fmt;

use uuid::Uuid;

use super::ReplayError;
use crate::error::{Error, ErrorKind, Result};
use crate::store::{Activation, RunStatus};

/// How many runs of one reason are listed; all of them are counted.
const LISTED: usize = 100;
/// How many reasons are told apart; runs beyond are counted with the last.
const REASONS: usize = 1_000;
/// How many runs of one reason are shown to people.
const SHOWN: usize = 3;

/// What [`replay_all`](super::replay_all) has found.
#[non_exhaustive]
#[derive(Debug, Clone, Default)]
pub struct Report {
    /// Open runs that were looked at.
    pub open: usize,
    /// Runs that have ended and were looked at.
    pub closed: usize,
    /// Runs that this build cannot go on with, by reason, the most frequent first.
    pub failures: Vec<Failure>,
    /// Workflows and versions of open runs that this build does not register, and how many runs
    /// they have. Nobody serves these runs unless another build does.
    pub unregistered: BTreeMap<(String, u32), usize>,
}

/// Runs that fail for one reason.
#[non_exhaustive]
#[derive(Debug, Clone)]
pub struct Failure {
    /// Workflow name.
    pub workflow: String,
    /// Workflow version.
    pub version: u32,
    /// Why they do not replay.
    pub why: String,
    /// How many they are.
    pub count: usize,
    /// The first 100 of them.
    pub runs: Vec<FailedRun>,
}

/// A run that does not replay.
#[non_exhaustive]
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailedRun {
    /// The run id.
    pub run_id: Uuid,
    /// The application's id for it; the run id, where the start gave none.
    pub workflow_id: String,
    /// The tenant; nil is the default tenant.
    pub tenant_id: Uuid,
    /// Whether it is open, or how it has ended.
    pub status: RunStatus,
    /// The event at which it stops, counted from 1; `None` where it cannot even begin.
    pub event: Option<usize>,
    /// The kind of that event.
    pub kind: Option<&'static str>,
}

impl Report {
    /// Whether every run that was looked at goes on in this build.
    pub fn is_ok(&self) -> bool {
        self.failures.is_empty() && self.unregistered.is_empty()
    }

    /// The report as an error, unless everything is well: for a test, or a gate before a deploy.
    ///
    /// # Errors
    /// When a run does not replay, or open runs are of a workflow that this build does not register.
    pub fn check(&self) -> Result<()> {
        if self.is_ok() {
            return Ok(());
        }
        Err(Error::new(ErrorKind::Configuration, self.to_string()))
    }

    pub(super) fn count(&mut self, status: RunStatus) {
        let counter = if status.is_open() { &mut self.open } else { &mut self.closed };
        *counter += 1;
    }

    /// Nobody needs the definition of a run that has ended.
    pub(super) fn unregistered(&mut self, workflow: &str, version: u32, status: RunStatus) {
        if status.is_open() {
            *self.unregistered.entry((workflow.to_owned(), version)).or_default() += 1;
        }
    }

    pub(super) fn failed(&mut self, run: &Activation, status: RunStatus, error: ReplayError) {
        let failed = FailedRun {
            run_id: run.key.run,
            workflow_id: run
                .spec
                .workflow_id
                .as_deref()
                .map_or_else(|| run.key.run.to_string(), str::to_owned),
            tenant_id: run.key.tenant,
            status,
            event: error.event(),
            kind: error.kind(),
        };
        let failure = self.failure(run, error.why());
        failure.count += 1;
        if failure.runs.len() < LISTED {
            failure.runs.push(failed);
        }
    }

    fn failure(&mut self, run: &Activation, why: &str) -> &mut Failure {
        let same = |known: &Failure| {
            known.version == run.spec.version
                && known.workflow == *run.spec.workflow
                && known.why == why
        };
        let known = self.failures.iter().position(same);
        let at = known.unwrap_or_else(|| {
            if self.failures.len() < REASONS {
                self.failures.push(Failure {
                    workflow: run.spec.workflow.to_string(),
                    version: run.spec.version,
                    why: why.to_owned(),
                    count: 0,
                    runs: Vec::new(),
                });
            }
            self.failures.len() - 1
        });
        &mut self.failures[at]
    }

    pub(super) fn finish(&mut self) {
        self.failures.sort_by_key(|failure| std::cmp::Reverse(failure.count));
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let looked = format!("{} open and {} closed", self.open, self.closed);
        if self.is_ok() {
            return write!(f, "{looked} runs replay in this build");
        }
        write!(f, "of {looked} runs, some do not go on in this build")?;
        for failure in &self.failures {
            write!(f, "\n\n{failure}")?;
        }
        for ((workflow, version), count) in &self.unregistered {
            write!(
                f,
                "\n\n{} of workflow `{workflow}` version {version}, which is not registered here: \
                 keep the old function until they have ended",
                runs(*count, " open")
            )?;
        }
        Ok(())
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { workflow, version, why, count, .. } = self;
        write!(f, "{} of workflow `{workflow}` version {version}: ", runs(*count, ""))?;
        f.write_str(&why.replace('\n', "\n  "))?;
        for run in self.runs.iter().take(SHOWN) {
            write!(f, "\n  - {run}")?;
        }
        match count.saturating_sub(SHOWN) {
            0 => Ok(()),
            more => write!(f, "\n  - and {more} more"),
        }
    }
}

impl fmt::Display for FailedRun {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { run_id, workflow_id, tenant_id, status, event, kind } = self;
        write!(f, "`{workflow_id}` ({status}, run {run_id}")?;
        if !tenant_id.is_nil() {
            write!(f, ", tenant {tenant_id}")?;
        }
        f.write_str(")")?;
        match (event, kind) {
            (Some(event), Some(kind)) => write!(f, " at event {event}, `{kind}`"),
            _ => Ok(()),
        }
    }
}

fn runs(count: usize, which: &str) -> String {
    if count == 1 { format!("1{which} run") } else { format!("{count}{which} runs") }
}
