//! User code to be run: with everything it needs, and nothing that anybody else waits for.
//!
//! A job may take for ever. So it holds no lock and no executor, and a run that goes on without it
//! drops what comes of it.

use std::sync::Arc;

use tracing::Span;

use crate::ids::RunKey;
use crate::journal::Recorded;
use crate::payload::Payload;
use crate::registry::Registry;
use crate::replay::{Machine, Probe, RunInfo, Stuck, Turn};

/// User code of a run, about to be run.
pub(super) struct Job {
    pub(super) key: RunKey,
    /// Which residency of the run it belongs to.
    pub(super) residency: u64,
    pub(super) workflow: Arc<str>,
    /// What user code logs is inside of it.
    pub(super) span: Span,
    pub(super) kind: JobKind,
}

/// What user code is run.
pub(super) enum JobKind {
    /// The input is decoded, and the workflow begun and replayed.
    Begin { registry: Arc<Registry>, info: Box<RunInfo>, input: Payload, journal: Vec<Recorded> },
    /// An event moves the workflow.
    Apply(Machine, Recorded),
    /// The workflow's values are dropped.
    Drop(Machine),
}

/// What came of a job.
pub(crate) struct Done {
    pub(super) key: RunKey,
    pub(super) residency: u64,
    /// None when the run is stuck: its values are dropped already.
    pub(super) machine: Option<Machine>,
    pub(super) turn: Result<Turn, Stuck>,
}

impl Job {
    /// The last that is done with a machine.
    pub(super) fn drop(machine: Machine) -> Self {
        Self {
            key: machine.info().key,
            residency: 0,
            workflow: Arc::clone(&machine.info().workflow),
            span: Span::none(),
            kind: JobKind::Drop(machine),
        }
    }

    /// What can be seen of it from outside, as long as it runs.
    pub(super) fn probe(&self) -> Option<Probe> {
        match &self.kind {
            JobKind::Begin { .. } => None,
            JobKind::Apply(machine, _) | JobKind::Drop(machine) => Some(machine.probe()),
        }
    }

    /// Runs it. `begun` is told as soon as a new machine can be looked at.
    pub(super) fn run(self, begun: impl FnOnce(Probe)) -> Option<Done> {
        let Self { key, residency, span, kind, .. } = self;
        let _inside = span.entered();
        let moved = match kind {
            JobKind::Begin { registry, info, input, journal } => {
                begin(&registry, *info, &input, journal, begun)
            }
            JobKind::Apply(mut machine, recorded) => {
                machine.apply(recorded).map(|turn| (machine, turn))
            }
            JobKind::Drop(machine) => {
                drop(machine);
                return None;
            }
        };
        let (machine, turn) = match moved {
            Ok((machine, turn)) => (Some(machine), Ok(turn)),
            Err(stuck) => (None, Err(stuck)),
        };
        Some(Done { key, residency, machine, turn })
    }
}

fn begin(
    registry: &Registry,
    info: RunInfo,
    input: &Payload,
    journal: Vec<Recorded>,
    begun: impl FnOnce(Probe),
) -> Result<(Machine, Turn), Stuck> {
    let (name, version) = (Arc::clone(&info.workflow), info.version);
    let def = registry.workflow(&name, version).ok_or_else(|| {
        Stuck::new(format!("workflow `{name}` version {version} is not registered here"))
    })?;
    let mut machine = Machine::new(info, def, input)?;
    begun(machine.probe());
    let turn = machine.replay(journal)?;
    Ok((machine, turn))
}
