//! Turns: what user code wants is sorted into what is done at once, what is written, and what waits
//! for the write.

use super::alarm::Alarm;
use super::executor::Executor;
use super::message::Attempted;
use super::resident::Resident;
use super::work::Work;
use crate::context::Fate;
use crate::error::{Error, Result, storable_reason};
use crate::ids::RunKey;
use crate::journal::{Event, Recorded, StepId, StoredError};
use crate::payload::Payload;
use crate::replay::{ActivityStart, ActivityTask, Command, Turn};
use crate::retry::RetryPolicy;
use crate::store::{MessageKind, NewRun, OutgoingMessage, Park};
use crate::time::Timestamp;
use crate::{clock, definition::ActivityDef};

/// What a turn's commands ask for that is not done at once.
struct Obeyed {
    launches: Vec<ActivityStart>,
    marked: Marked,
}

/// What goes with marks, each in the order of its marks.
#[derive(Default)]
struct Marked {
    /// Children that start.
    starts: Vec<NewRun>,
    /// Requests to cancel, to children that nobody waits for any more.
    cancels: Vec<OutgoingMessage>,
}

impl Executor {
    /// Sorts what a poll wants.
    pub(super) fn absorb(&mut self, key: RunKey, turn: Turn) {
        for warning in &turn.warnings {
            let workflow = self.runs.get(&key).map(|run| &*run.spec.workflow);
            tracing::warn!(
                monotonic_counter.flows_changed_inputs = 1_u64,
                workflow,
                run = %key.run,
                "{warning}"
            );
        }
        for call in &turn.forgotten {
            let workflow = self.runs.get(&key).map(|run| &*run.spec.workflow);
            tracing::warn!(
                monotonic_counter.flows_forgotten_calls = 1_u64,
                workflow,
                run = %key.run,
                "{call}"
            );
        }
        let is_strict = self.session.config.strict;
        let forgotten = turn.forgotten.first().filter(|_| is_strict);
        let forgotten = forgotten.map(|call| format!("{call} (a worker in production only warns)"));
        if let Some(why) = self.session.refusal(key, &turn.warnings).or(forgotten) {
            return self.get_stuck(key, &why);
        }
        let Obeyed { launches, marked } = self.obey(key, turn.commands);
        let launches = self.fail_unanswered(key, launches);
        let launches = self.judge(key, launches);
        let Some(run) = self.runs.get_mut(&key) else { return };
        if let Err(error) = mark(run, &turn.marks, marked) {
            return self.get_stuck(key, &error.to_string());
        }
        if let Some(outcome) = turn.outcome {
            self.end(key, outcome);
        } else if run.is_durable() {
            launches.into_iter().for_each(|start| self.launch(key, start));
        } else {
            run.pending.launch(launches);
        }
        self.mark_dirty(key);
    }

    /// Does what needs no commit; gives back what does, or may.
    fn obey(&mut self, key: RunKey, commands: Vec<Command>) -> Obeyed {
        let (mut launches, mut marked) = (Vec::new(), Marked::default());
        for command in commands {
            match command {
                Command::RunActivity(start) => launches.push(start),
                Command::CancelActivity(op) => {
                    launches.retain(|start| start.task.op != op);
                    self.clear_alarm(key, op);
                    if let Some(run) = self.runs.get_mut(&key) {
                        run.cancel_activity(op);
                    }
                }
                Command::StartTimer { op, due } => self.set_alarm(key, op, due, Alarm::Timer),
                Command::CancelTimer(op) => self.clear_alarm(key, op),
                Command::StartChild(child) => marked.starts.extend(self.child_run(key, &child)),
                Command::CancelChild { run, reason } => {
                    marked.cancels.extend(cancel_of(RunKey::of_run(key.tenant, run), &reason));
                }
            }
        }
        Obeyed { launches, marked }
    }

    /// An attempt has ended: its result, a retry, or its failure goes into the journal.
    pub(super) fn attempted(&mut self, attempted: Attempted) {
        let key = attempted.key;
        let Some(run) = self.runs.get_mut(&key) else { return };
        if run.residency != attempted.residency {
            return;
        }
        let (running, fate) = (run.running.remove(&attempted.op), attempted.fate);
        run.pending.clears |= run.suspicion.is_some() && run.running.is_empty();
        let was_sealed = run.sealed_op() == Some(attempted.op);
        match fate {
            Fate::Committed if was_sealed => return self.unseal(key, true),
            Fate::RolledBack => {}
            _ if was_sealed => {
                run.unanswered = Some(Box::new(attempted));
                return self.lost(vec![key]); // only the store knows
            }
            _ => {}
        }
        if was_sealed {
            run.sealed = None;
        }
        if let Some(running) = running {
            self.company.end(running.batch);
            let event = self.event_of(&running.task, attempted);
            self.take_in(key, Work::Event(event));
        }
        if was_sealed {
            self.unseal(key, false);
        }
        self.mark_dirty(key); // a suspect has got further, whether somebody wants to hear of it or not
    }

    /// Of the attempts that are to start: one whose COMMIT nobody has answered, and whose result is not in the
    /// journal, has failed. It counts as any other. Should its transaction be committed later after all, the
    /// row of its failure is in the way of its record.
    fn fail_unanswered(&mut self, key: RunKey, starts: Vec<ActivityStart>) -> Vec<ActivityStart> {
        let run = self.runs.get_mut(&key);
        let attempted = run.and_then(|run| run.unanswered.take()).filter(|it| it.result.is_err());
        let Some(attempted) = attempted else { return starts };
        let is_it = |start: &ActivityStart| {
            start.task.op == attempted.op && start.attempt == attempted.attempt
        };
        let (again, others): (Vec<_>, _) = starts.into_iter().partition(is_it);
        if let Some(start) = again.first() {
            let event = self.event_of(&start.task, *attempted);
            self.take_in(key, Work::Event(event));
        }
        others
    }

    fn event_of(&self, task: &ActivityTask, attempted: Attempted) -> Event {
        let Attempted { attempt, result, heartbeat, .. } = attempted;
        let step = StepId { op: task.op, name: task.name.into(), input: task.input_hash };
        let error = match result {
            Ok(output) => return Event::ActivityCompleted { step, attempt, output },
            Err(error) => error,
        };
        let def = self.session.registry.activity(task.name);
        let error = match def {
            Some(def) => policy_of(task, def).settle(error),
            None => error,
        };
        let error = error.within(self.session.payload_limit);
        match def.and_then(|def| self.retry_at(task, def, attempt, &error)) {
            Some(retry_at) => {
                tracing::debug!(activity = task.name, attempt, %error, "attempt failed; retrying");
                let error = StoredError::from(&error);
                Event::ActivityAttemptFailed { step, attempt, error, retry_at, heartbeat }
            }
            None => Event::ActivityFailed { step, attempt, error: StoredError::from(&error) },
        }
    }

    /// When the next attempt starts, if there is one.
    pub(super) fn retry_at(
        &self,
        task: &ActivityTask,
        def: &ActivityDef,
        attempt: u32,
        error: &Error,
    ) -> Option<Timestamp> {
        let (overrides, policy) = (task.overrides.as_deref(), policy_of(task, def));
        if !policy.retries(attempt, error) {
            return None;
        }
        let delay = policy.delay_after(attempt, clock::random_share());
        let retry_at = self.session.clock.now().after(delay);
        let limit = overrides.and_then(|o| o.schedule_to_close).or(def.options.schedule_to_close);
        let within = limit.is_none_or(|limit| retry_at < task.scheduled_at.after(limit));
        within.then_some(retry_at)
    }

    /// The run cannot go on in this build: it is parked with the reason, and nothing else of it is
    /// touched.
    pub(super) fn get_stuck(&mut self, key: RunKey, why: &str) {
        self.clear_alarms(key);
        let Some(run) = self.runs.get_mut(&key) else { return };
        self.session.stuck.note(key.run, &run.spec.workflow, why);
        self.discarded.extend(run.let_go());
        run.drop_launches();
        run.stuck = Some(storable_reason(why.to_owned()));
        self.park_stuck(key);
    }

    /// Parks a stuck run, or tries again after mail has come.
    pub(super) fn park_stuck(&mut self, key: RunKey) {
        let Some(run) = self.runs.get_mut(&key) else { return };
        let (setbacks, after) = run.stuck_again(self.session.config.retry_stuck);
        run.pending.park = Some(Box::new(Park {
            wake_at: after.map(|after| self.session.clock.now().after(after)),
            waiting_for: "a build that can replay it".to_owned(),
            sent: run.sent,
            claim: Some(run.claim),
            stuck: run.stuck.clone(),
            setbacks,
        }));
        self.mark_dirty(key);
    }
}

/// By which policy an activity is tried again.
fn policy_of<'a>(task: &'a ActivityTask, def: &'a ActivityDef) -> &'a RetryPolicy {
    let overridden = task.overrides.as_deref().and_then(|overrides| overrides.retry.as_ref());
    overridden.unwrap_or(&def.options.retry)
}

/// Whether it must not be invoked a second time where it is unknown what the first has done.
pub(super) fn is_only_once(task: &ActivityTask, def: &ActivityDef) -> bool {
    policy_of(task, def).is_single() && !def.transactional
}

/// A run's request to cancel, sent to another one.
fn cancel_of(to: RunKey, reason: &str) -> Option<OutgoingMessage> {
    let payload = Payload::json(&reason).ok()?;
    Some(OutgoingMessage {
        to,
        kind: MessageKind::Cancel,
        name: String::new(),
        payload,
        dedup: None,
    })
}

/// Writes down what a turn has decided. A child's start goes with its mark, and never without, and so does
/// the request that it cancel. Patches go in front where the turn is cut: a replay of its beginning must
/// not decide them anew.
fn mark(run: &mut Resident, marks: &[Recorded], marked: Marked) -> Result<()> {
    if marks.is_empty() && marked.starts.is_empty() {
        return Ok(());
    }
    let mut children = marked.starts.into_iter().peekable();
    let mut cancels = marked.cancels.into_iter();
    let is_patch = |mark: &&Recorded| matches!(mark.event, Event::Patched { .. });
    let mut is_cut = false;
    for (at, mark) in marks.iter().enumerate() {
        if !is_cut && run.pending.is_full() {
            is_cut = true;
            marks[at..].iter().filter(is_patch).try_for_each(|patch| run.pending.add(patch))?;
        }
        if is_cut && is_patch(&mark) {
            continue;
        }
        let child = match &mark.event {
            Event::ChildStarted { run, .. } => children.next_if(|child| child.key.run == *run),
            _ => None,
        };
        run.pending.mark(mark, child)?;
        if let Event::ChildCancelRequested { .. } = mark.event {
            run.pending.send(cancels.next());
        }
    }
    children.for_each(|child| run.pending.start(child));
    Ok(())
}
