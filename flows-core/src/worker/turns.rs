//! Turns: an event moves a machine, and what it wants is sorted into what is done at once, what is
//! written, and what waits for the write.

use super::alarm::{Alarm, DEADLINE};
use super::executor::Executor;
use super::message::Attempted;
use super::resident::Resident;
use crate::context::Fate;
use crate::error::Error;
use crate::ids::RunKey;
use crate::journal::{self, Event, Recorded, StepId, StoredError};
use crate::payload::Payload;
use crate::replay::{ActivityTask, Command, Machine, RunInfo, Stuck, Turn};
use crate::retry::RetryPolicy;
use crate::store::{Activation, Park};
use crate::time::Timestamp;
use crate::{clock, definition::ActivityDef};

impl Executor {
    /// Takes a run up: replays its journal and goes on. `sent` letters are known to have been sent
    /// to it since this worker owns it.
    pub(super) fn take_up(&mut self, run: Activation, sent: i64) {
        let (key, timeout) = (run.key, run.timeout);
        self.residencies += 1;
        let resident = Resident::new(&run, self.residencies, sent);
        self.runs.insert(key, resident);
        match self.revive(&run) {
            Ok((machine, turn)) => {
                let started_at = machine.started_at();
                if let Some(resident) = self.runs.get_mut(&key) {
                    let first = Recorded { at: started_at, event: Event::RunStarted };
                    resident.first = run.journal.is_empty().then_some(first);
                    resident.machine = Some(machine);
                }
                if let Some(timeout) = timeout {
                    self.set_alarm(key, DEADLINE, started_at.after(timeout), Alarm::Deadline);
                }
                self.absorb(key, turn);
                self.read(key, run.inbox);
            }
            Err(stuck) => self.get_stuck(key, &stuck.to_string()),
        }
    }

    fn revive(&self, run: &Activation) -> Result<(Machine, Turn), Stuck> {
        let def = self.session.registry.workflow(&run.workflow, run.version).ok_or_else(|| {
            let (name, version) = (&run.workflow, run.version);
            Stuck::new(format!("workflow `{name}` version {version} is not registered here"))
        })?;
        let info = RunInfo {
            key: run.key,
            workflow_id: run.workflow_id.clone(),
            workflow: run.workflow.clone(),
            version: run.version,
            queue: run.queue.clone(),
            attempt: run.attempt,
            started_at: self.first_turn(run),
            payload_limit: self.session.payload_limit,
        };
        let mut machine = Machine::new(info, def, &Payload::from_json(run.input.as_bytes()))?;
        let turn = machine.replay(decode(&run.journal)?)?;
        Ok((machine, turn))
    }

    /// The time of the first turn, unless the journal says it: now, and not before it is due.
    fn first_turn(&self, run: &Activation) -> Timestamp {
        if run.journal.is_empty() {
            run.started_at.max(self.session.clock.now())
        } else {
            run.started_at
        }
    }

    /// Gives an event to a run, unless the run does not wait for it.
    pub(super) fn apply(&mut self, key: RunKey, event: Event) {
        let Some(run) = self.runs.get_mut(&key) else { return };
        if run.sealed.is_some() {
            return run.deferred.push_back(event); // the journal's order is settled by then
        }
        let Some(machine) = run.machine.as_mut().filter(|machine| machine.wants(&event)) else {
            return self.consider(key);
        };
        if run.ending {
            return;
        }
        run.pending.park = None; // it was to be parked for what it waited for until now
        let recorded = Recorded { at: self.session.clock.now().max(machine.now()), event };
        let turn = match run.pending.row.push(&recorded) {
            Ok(()) => machine.apply(recorded),
            Err(error) => Err(Stuck::new(error.to_string())),
        };
        match turn {
            Ok(turn) => self.absorb(key, turn),
            Err(stuck) => self.get_stuck(key, &stuck.to_string()),
        }
    }

    /// Sorts what a poll wants.
    pub(super) fn absorb(&mut self, key: RunKey, turn: Turn) {
        for warning in &turn.warnings {
            let workflow = self.runs.get(&key).map(|run| &*run.origin.workflow);
            tracing::warn!(
                monotonic_counter.flows_changed_inputs = 1_u64,
                workflow,
                run = %key.run,
                "{warning}"
            );
        }
        if let Some(why) = self.session.refusal(&turn.warnings) {
            return self.get_stuck(key, &why);
        }
        let launches = self.obey(key, turn.commands);
        let Some(run) = self.runs.get_mut(&key) else { return };
        let marked = turn.marks.iter().try_for_each(|mark| run.pending.row.push(mark));
        if let Err(error) = marked {
            return self.get_stuck(key, &error.to_string());
        }
        if let Some(outcome) = turn.outcome {
            self.end(key, outcome);
        } else if run.is_settled() {
            launches.into_iter().for_each(|start| self.launch(key, start));
        } else {
            run.pending.launches.extend(launches);
        }
        self.mark_dirty(key);
        self.consider(key);
    }

    /// Does what needs no commit; gives back the activities, which may.
    fn obey(&mut self, key: RunKey, commands: Vec<Command>) -> Vec<crate::replay::ActivityStart> {
        let mut launches = Vec::new();
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
                Command::StartChild(child) => self.start_child(key, &child),
            }
        }
        launches
    }

    /// An attempt has ended: its result, a retry, or its failure goes into the journal.
    pub(super) fn attempted(&mut self, attempted: Attempted) {
        let key = attempted.key;
        let Some(run) = self.runs.get_mut(&key) else { return };
        if run.residency != attempted.residency {
            return;
        }
        let (running, fate) = (run.running.remove(&attempted.op), attempted.fate);
        let was_sealed = run.sealed_op() == Some(attempted.op);
        match fate {
            Fate::Committed if was_sealed => return self.unseal(key, true),
            Fate::RolledBack => {}
            _ if was_sealed => return self.lost(vec![key]), // only the store knows
            _ => {}
        }
        if was_sealed {
            run.sealed = None;
        }
        if let Some(running) = running {
            let event = self.event_of(&running.task, attempted);
            self.apply(key, event);
        }
        if was_sealed {
            self.unseal(key, false);
        }
    }

    fn event_of(&self, task: &ActivityTask, attempted: Attempted) -> Event {
        let Attempted { attempt, result, heartbeat, .. } = attempted;
        let step = StepId { op: task.op, name: task.name.to_owned(), input: task.input_hash };
        let error = match result {
            Ok(output) => return Event::ActivityCompleted { step, attempt, output },
            Err(error) => error,
        };
        let def = self.session.registry.activity(task.name);
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
    fn retry_at(
        &self,
        task: &ActivityTask,
        def: &ActivityDef,
        attempt: u32,
        error: &Error,
    ) -> Option<Timestamp> {
        let overrides = task.overrides.as_deref();
        let policy: &RetryPolicy =
            overrides.and_then(|o| o.retry.as_ref()).unwrap_or(&def.options.retry);
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
        tracing::error!(run = %key.run, "run is stuck: {why}");
        self.clear_alarms(key);
        let Some(run) = self.runs.get_mut(&key) else { return };
        run.stop();
        run.drop_launches();
        run.machine = None;
        run.stuck = Some(why.to_owned());
        self.park_stuck(key);
    }

    /// Parks a stuck run, or tries again after mail has come.
    pub(super) fn park_stuck(&mut self, key: RunKey) {
        let Some(run) = self.runs.get_mut(&key) else { return };
        run.pending.park = Some(Park {
            wake_at: None,
            waiting_for: "a build that can replay it".to_owned(),
            sent: run.sent,
            stuck: run.stuck.clone(),
        });
        self.mark_dirty(key);
    }
}

fn decode(rows: &[Vec<u8>]) -> Result<Vec<Recorded>, Stuck> {
    let mut events = Vec::new();
    for (position, row) in rows.iter().enumerate() {
        let row = journal::decode(position, row).map_err(|e| Stuck::new(e.to_string()))?;
        events.extend(row);
    }
    Ok(events)
}
