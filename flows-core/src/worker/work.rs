//! From runs to jobs and back: runs are activated, their code is run, and they hear what came of it.

use std::sync::Arc;

use tracing::Span;

use super::budget::Loaded;
use super::executor::Executor;
use super::job::{Done, Job, JobKind};
use super::outside::Outside;
use super::resident::Resident;
use super::run::{CodeCall, CodeReturned, Fresh, Input, Run};
use super::suspect::Trial;
use crate::clock;
use crate::ids::RunKey;
use crate::journal::{Event, Recorded};
use crate::payload::Payload;
use crate::replay::{Machine, RunInfo, Turn};
use crate::store::{Activation, Page};
use crate::telemetry::{lines, metrics, spans};
use crate::time::Timestamp;

impl Executor {
    /// Activates a run: its journal is to be replayed, and its messages read. `sent` messages are
    /// known to have been sent to it since this worker owns it.
    pub(super) fn activate(&mut self, loaded: Loaded, sent: i64) {
        let Loaded { mut run, weight } = loaded;
        let key = run.key;
        let page = Page { messages: std::mem::take(&mut run.inbox), more: run.more };
        self.residencies += 1;
        let trial = Trial::of(self.session(), run.setbacks);
        let span = spans::run(key, &run.spec, &self.session().propagator);
        let resident = Resident {
            span,
            started_at: run.started_at,
            run: Run::new(Box::new(run), sent),
            residency: self.residencies,
            running: Default::default(),
            replies: Vec::new(),
            unanswered: None,
            weight,
            trial,
        };
        let is_paused = self.session().served().holds(resident.run.spec());
        self.runs.insert(key, resident);
        if is_paused {
            self.step(key, Input::LetGo); // it was claimed before that was known
        }
        self.step(key, Input::Page(page));
    }

    /// Whether user code is to be run.
    pub(super) fn has_jobs(&self) -> bool {
        !self.outside.busy.is_empty() || !self.outside.discarded.is_empty()
    }

    /// The next user code to run.
    pub(super) fn next_job(&mut self) -> Option<Job> {
        while let Some(machine) = self.outside.discarded.pop() {
            if machine.holds_user_values() {
                return Some(Job::drop(machine));
            }
        }
        while let Some(key) = self.outside.busy.pop_front() {
            let Some(resident) = self.runs.get_mut(&key) else { continue };
            self.outside.read_clock(); // user code has run since
            let (call, after) = self.outside.next_call(key, resident);
            if let Some(call) = call {
                return Some(self.outside.job(key, resident, call));
            }
            self.follow(key, after);
        }
        None
    }

    /// User code has run. If the run has changed hands meanwhile, what came of it is dropped.
    pub(super) fn finish(&mut self, done: Done) {
        let Done { key, residency, machine, turn } = done;
        let resident = self.runs.get_mut(&key);
        let resident = resident.filter(|it| it.residency == residency && it.run.is_polling());
        let Some(resident) = resident else { return self.outside.discarded.extend(machine) };
        let mut polled = CodeReturned {
            machine,
            turn: turn.map_err(|stuck| stuck.to_string()),
            refusal: None,
            failed: Vec::new(),
            fresh: None,
        };
        if let Ok(turn) = &mut polled.turn {
            polled.refusal = self.outside.refusal(key, &resident.run, turn);
            polled.failed.extend(self.outside.failed_unanswered(resident, turn));
            polled.failed.extend(self.outside.failed_with_worker(&resident.run, turn));
            for event in &polled.failed {
                lines::attempt_failed(&resident.span, key, resident.run.spec(), event);
            }
            polled.fresh = matches!(turn.outcome, Some(Err(_))).then(|| fresh(key));
        }
        let after = self.outside.handle(key, resident, Input::Returned(polled));
        self.follow(key, after);
    }

    /// Sorts what came of the last user code.
    pub(super) fn finish_all(&mut self) {
        if self.done.is_empty() {
            return;
        }
        self.outside.read_clock();
        let mut done = std::mem::take(&mut self.done);
        done.drain(..).for_each(|done| self.finish(done));
        self.done = done; // it keeps its memory
        self.outside.say();
    }
}

/// What a successor needs of chance.
fn fresh(key: RunKey) -> Fresh {
    Fresh { run: key.successor().run, share: clock::random_share() }
}

impl Outside {
    fn job(&self, key: RunKey, resident: &Resident, call: CodeCall<Machine>) -> Job {
        let span = self.turn_span(key, resident, &call);
        let kind = match call {
            CodeCall::Apply(machine, recorded) => JobKind::Apply(machine, recorded),
            CodeCall::Begin { run, journal, started_at } => JobKind::Begin {
                registry: Arc::clone(&self.session.registry),
                input: Payload::from_json(run.spec.input.as_bytes()),
                info: Box::new(self.info(&run, started_at)),
                journal,
            },
        };
        let workflow = Arc::clone(&resident.run.spec().workflow);
        Job { key, residency: resident.residency, workflow, span, kind }
    }

    /// The span of a turn, inside of the run's. A run of which no worker knew has started.
    fn turn_span(&self, key: RunKey, resident: &Resident, call: &CodeCall<Machine>) -> Span {
        let span = &resident.span;
        let cause = match call {
            CodeCall::Apply(_, recorded) => recorded.event.name(),
            CodeCall::Begin { journal, .. } if !journal.is_empty() => "replay",
            CodeCall::Begin { run, .. } => {
                if run.is_new {
                    lines::run_started(span, key, &run.spec);
                    metrics::run_started(&run.spec, self.now.since(run.started_at));
                }
                "start"
            }
        };
        let turn = spans::turn(span, cause);
        if turn.is_disabled() {
            return span.clone();
        }
        if let Some(propagator) = &self.session.propagator
            && let CodeCall::Apply(_, Recorded { event: Event::SignalReceived { payload, .. }, .. }) =
                call
            && let Some((headers, _)) = payload.split_headers()
        {
            propagator.link(&turn, &headers);
        }
        turn
    }

    fn info(&self, run: &Activation, started_at: Timestamp) -> RunInfo {
        RunInfo {
            key: run.key,
            workflow_id: run.spec.workflow_id.clone(),
            workflow: Arc::clone(&run.spec.workflow),
            version: run.spec.version,
            queue: Arc::clone(&run.spec.queue),
            attempt: run.spec.attempt,
            started_at,
            headers: run.spec.headers.clone(),
            payload_limit: self.session.payload_limit,
        }
    }

    /// Says what is noteworthy about a turn. Gives why it is not accepted, if it is not: a strict worker
    /// takes what others only warn of as a mistake.
    fn refusal(&self, key: RunKey, run: &Run<Machine>, turn: &Turn) -> Option<String> {
        for warning in &turn.warnings {
            tracing::warn!(
                monotonic_counter.flows_changed_inputs = 1_u64,
                workflow = &*run.spec().workflow,
                run = %key.run,
                "{warning}"
            );
        }
        for call in &turn.forgotten {
            tracing::warn!(
                monotonic_counter.flows_forgotten_calls = 1_u64,
                workflow = &*run.spec().workflow,
                run = %key.run,
                "{call}"
            );
        }
        let is_strict = self.session.config.strict;
        let forgotten = turn.forgotten.first().filter(|_| is_strict);
        let forgotten = forgotten.map(|call| format!("{call} (a worker in production only warns)"));
        self.session.refusal(key, &turn.warnings).or(forgotten)
    }
}
