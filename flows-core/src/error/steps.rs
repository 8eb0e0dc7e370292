//! What an error has come through on its way: activities, children, and the run whose result was asked for.
//!
//! Whoever receives the error of one of them adds it; nobody stores it before the run that received it ends
//! with this error.

use std::fmt::{self, Formatter};

use serde::{Deserialize, Serialize};

use super::{Contents, Error};

/// The most that are kept, from the innermost.
const MOST: usize = 32;

/// An activity, a child or a run that an error has come through; [`Error::failed_steps`] gives them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailedStep {
    kind: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    name: String,
    id: String,
    #[serde(default = "first", skip_serializing_if = "is_first")]
    attempt: u32,
    /// It was added when the error had so many texts.
    of: usize,
}

fn first() -> u32 {
    1
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it")]
fn is_first(attempt: &u32) -> bool {
    *attempt == first()
}

const ACTIVITY: &str = "activity";
const CHILD: &str = "child";
const RUN: &str = "run";

impl FailedStep {
    /// Whether it is an activity.
    pub fn is_activity(&self) -> bool {
        self.kind == ACTIVITY
    }

    /// Whether it is a child workflow.
    pub fn is_child(&self) -> bool {
        self.kind == CHILD
    }

    /// The name of the activity or workflow; empty where it is not known.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Of an activity, the number of its call within its run; of a child or run, its workflow id.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The attempt that failed for good, from 1.
    pub fn attempt(&self) -> u32 {
        self.attempt
    }

    fn write(&self, f: &mut Formatter<'_>, with_attempt: bool) -> fmt::Result {
        let Self { kind, name, id, attempt, .. } = self;
        let (what, number) = match &**kind {
            ACTIVITY => ("activity", "#"),
            CHILD => ("child workflow", ""),
            _ => ("workflow", ""),
        };
        match &**name {
            "" => write!(f, "run {id}")?,
            name => write!(f, "{what} `{name}` ({number}{id}")?,
        }
        if with_attempt && (*attempt > 1 || self.is_activity()) {
            write!(f, ", attempt {attempt}")?;
        }
        f.write_str(if name.is_empty() { "" } else { ")" })
    }
}

/// `activity `charge` (#0, attempt 3)`.
impl fmt::Display for FailedStep {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.write(f, true)
    }
}

impl Error {
    /// The activities, children and runs that it has come through, outermost first: the run whose result was asked
    /// for, its child that failed, the child's activity. `{:#}` names them, `{:?}` also with their attempts.
    pub fn failed_steps(&self) -> impl Iterator<Item = &FailedStep> {
        self.0.steps.iter().rev()
    }

    /// The error of an activity, as its workflow receives it.
    pub(crate) fn through_activity(self, name: &str, op: u32, attempt: u32) -> Self {
        self.through(ACTIVITY, name, op.to_string(), attempt)
    }

    /// The error of a child, as its parent receives it.
    pub(crate) fn through_child(mut self, workflow: &str, id: String) -> Self {
        let attempt = self.0.run_attempt.take();
        self.through(CHILD, workflow, id, attempt.unwrap_or(first()))
    }

    /// The error of a run, as who waits for its result receives it.
    pub(crate) fn through_run(mut self, workflow: &str, id: String) -> Self {
        let attempt = self.0.run_attempt.take();
        self.through(RUN, workflow, id, attempt.unwrap_or(first()))
    }

    /// The error that this attempt of a run ends with.
    pub(crate) fn of_attempt(mut self, attempt: u32) -> Self {
        self.0.run_attempt = Some(attempt).filter(|attempt| !is_first(attempt));
        self
    }

    fn through(mut self, kind: &str, name: &str, id: String, attempt: u32) -> Self {
        let of = 1 + self.chain().count();
        if self.0.steps.len() < MOST {
            let (kind, name) = (kind.to_owned(), name.to_owned());
            self.0.steps.push(FailedStep { kind, name, id, attempt, of });
        }
        self
    }
}

impl Contents {
    /// Its message and its causes, each behind what it has come through; no text that the one before it ends with.
    pub(super) fn write_all(&self, f: &mut Formatter<'_>, with_attempts: bool) -> fmt::Result {
        let causes = std::iter::successors(self.causes.as_deref(), |cause| cause.next());
        let texts: Vec<_> =
            std::iter::once(&*self.message).chain(causes.map(|it| it.message())).collect();
        let mut steps = self.steps.iter().rev().peekable();
        let (mut begins, mut before) = (true, None::<&str>);
        let mut colon = |f: &mut Formatter<'_>| match std::mem::take(&mut begins) {
            true => Ok(()),
            false => f.write_str(": "),
        };
        for (at, text) in texts.iter().enumerate() {
            while let Some(step) = steps.next_if(|step| step.of >= texts.len() - at) {
                colon(f)?;
                step.write(f, with_attempts)?;
            }
            if before.replace(text).is_none_or(|before| !before.ends_with(text)) {
                colon(f)?;
                f.write_str(text)?;
            }
        }
        Ok(())
    }
}
