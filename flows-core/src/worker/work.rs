//! What runs have to take in: queued for each run in order, and made into jobs one at a time.
//!
//! Nothing here runs user code. A letter is consumed together with its event, when the event is
//! taken in and not before; whether an event is wanted is asked then, too. A run that has something
//! to take in, or whose machine is away, is neither idle nor settled, so it is never parked.

use std::sync::Arc;

use super::alarm::{Alarm, DEADLINE};
use super::budget::Loaded;
use super::executor::Executor;
use super::job::{Call, Done, Job};
use super::news::event_of;
use super::resident::Resident;
use super::suspect::Suspicion;
use crate::ids::RunKey;
use crate::journal::{self, Event, Recorded, RowBuilder};
use crate::payload::Payload;
use crate::replay::{Machine, RunInfo, Stuck};
use crate::store::{Activation, InboxMessage, Page};
use crate::time::Timestamp;

/// What a run has to take in.
pub(crate) enum Work {
    /// Its journal, when it is taken up.
    Begin(Box<Loaded>),
    /// Something that happened.
    Event(Event),
    /// A letter; it leaves the inbox with the commit of its event.
    Letter(InboxMessage),
    /// A letter that was left in the inbox before.
    Again(InboxMessage),
    /// An event that an activity's own transaction has committed.
    Sealed(Recorded),
}

impl Executor {
    /// Takes a run up: its journal is to be replayed, and its letters read. `sent` letters are
    /// known to have been sent to it since this worker owns it.
    pub(super) fn take_up(&mut self, mut loaded: Loaded, sent: i64) {
        let run = &mut loaded.run;
        let (key, messages, more) = (run.key, std::mem::take(&mut run.inbox), run.more);
        self.residencies += 1;
        let mut resident = Resident::new(run, self.residencies, sent);
        resident.suspicion = Suspicion::of(&self.session, run.setbacks);
        self.runs.insert(key, resident);
        self.take_in(key, Work::Begin(Box::new(loaded)));
        self.read(key, Page { messages, more });
    }

    /// Queues what a run has to take in, unless its code has come to its end here.
    pub(super) fn take_in(&mut self, key: RunKey, work: Work) {
        let Some(run) = self.runs.get_mut(&key).filter(|run| run.is_live()) else { return };
        run.todo.push_back(work);
        // It does not only wait any more; `consider` parks it anew.
        (run.idle_since, run.pending.park) = (None, None);
        self.list(key);
    }

    /// Notes that a run has something to take in, if it can.
    pub(super) fn list(&mut self, key: RunKey) {
        let Some(run) = self.runs.get_mut(&key) else { return };
        if !run.listed && run.can_work() {
            run.listed = true;
            self.busy.push_back(key);
        }
    }

    /// Whether user code is to be run.
    pub(super) fn has_jobs(&self) -> bool {
        !self.busy.is_empty() || !self.discarded.is_empty()
    }

    /// The next user code to run. Its run is away until [`finish`](Self::finish).
    pub(super) fn next_job(&mut self) -> Option<Job> {
        while let Some(machine) = self.discarded.pop() {
            if machine.holds_user_values() {
                return Some(Job::drop(machine));
            }
        }
        while let Some(key) = self.busy.pop_front() {
            let Some(run) = self.runs.get_mut(&key) else { continue };
            run.listed = false;
            let work = if run.can_work() { run.next_work() } else { None };
            let Some(work) = work else { continue };
            match self.prepare(key, work) {
                Ok(Some(job)) => return Some(job),
                Ok(None) => self.taken_in(key),
                Err(stuck) => self.get_stuck(key, &stuck.to_string()),
            }
        }
        None
    }

    fn prepare(&mut self, key: RunKey, work: Work) -> Result<Option<Job>, Stuck> {
        match work {
            Work::Begin(loaded) => self.begin(key, *loaded).map(Some),
            Work::Event(event) => self.apply(key, event, None),
            Work::Letter(letter) => self.open(key, letter, false),
            Work::Again(letter) => self.open(key, letter, true),
            Work::Sealed(recorded) => Ok(self
                .job(key, RowBuilder::default(), None, |machine| Call::Apply(machine, recorded))),
        }
    }

    fn open(
        &mut self,
        key: RunKey,
        letter: InboxMessage,
        again: bool,
    ) -> Result<Option<Job>, Stuck> {
        let Some(run) = self.runs.get_mut(&key) else { return Ok(None) };
        if !run.takes(&letter, again) {
            return Ok(None);
        }
        let seq = letter.seq;
        let event = event_of(letter).map_err(|error| Stuck::new(error.to_string()))?;
        self.apply(key, event, Some(seq))
    }

    fn begin(&mut self, key: RunKey, loaded: Loaded) -> Result<Job, Stuck> {
        let Loaded { mut run, weight } = loaded;
        drop(weight); // it waits no more
        let journal = decode(std::mem::take(&mut run.journal))?;
        let (run, input) = (&run, Payload::from_json(run.spec.input.as_bytes()));
        self.convict(key, &journal)?;
        let mut started_at = run.started_at;
        match journal.first() {
            Some(Recorded { at, event: Event::RunStarted }) => started_at = *at,
            Some(_) => {}
            None => started_at = started_at.max(self.session.clock.now()), // not before it is due
        }
        if let Some(timeout) = run.spec.timeout {
            self.set_alarm(key, DEADLINE, started_at.after(timeout), Alarm::Deadline);
        }
        let info = self.info(run, started_at);
        let registry = Arc::clone(&self.session.registry);
        let gone = || Stuck::new("the run is not in memory");
        let resident = self.runs.get_mut(&key).ok_or_else(gone)?;
        resident.first = journal.is_empty().then_some(started_at);
        resident.away = true;
        Ok(Job {
            key,
            residency: resident.residency,
            workflow: Arc::clone(&run.spec.workflow),
            row: RowBuilder::default(),
            letter: None,
            call: Call::Begin { registry, info: Box::new(info), input, journal },
        })
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
            payload_limit: self.session.payload_limit,
        }
    }

    /// An event for the machine; none, if the run does not wait for it.
    fn apply(
        &mut self,
        key: RunKey,
        event: Event,
        letter: Option<i64>,
    ) -> Result<Option<Job>, Stuck> {
        let Some(run) = self.runs.get_mut(&key) else { return Ok(None) };
        let Some(machine) = run.machine.as_ref().filter(|machine| machine.wants(&event)) else {
            run.pending.discard(letter);
            return Ok(None);
        };
        let recorded = Recorded { at: self.session.clock.now().max(machine.now()), event };
        let mut row = RowBuilder::default();
        row.push(&recorded).map_err(|error| Stuck::new(error.to_string()))?;
        Ok(self.job(key, row, letter, |machine| Call::Apply(machine, recorded)))
    }

    fn job(
        &mut self,
        key: RunKey,
        row: RowBuilder,
        letter: Option<i64>,
        call: impl FnOnce(Machine) -> Call,
    ) -> Option<Job> {
        let run = self.runs.get_mut(&key)?;
        let call = call(run.machine.take()?);
        run.away = true;
        let (residency, workflow) = (run.residency, Arc::clone(&run.spec.workflow));
        Some(Job { key, residency, workflow, row, letter, call })
    }

    /// User code has run: what it was given becomes part of what is pending, together with what
    /// came of it. If the run has changed hands meanwhile, neither does.
    pub(super) fn finish(&mut self, done: Done) {
        let Done { key, residency, begins, machine, row, letter, turn } = done;
        let run = self.runs.get_mut(&key);
        let run = run.filter(|run| run.away && run.residency == residency && run.is_live());
        let Some(run) = run else { return self.discarded.extend(machine) };
        (run.away, run.machine) = (false, machine);
        run.pending.take_in(row, letter);
        match turn {
            Ok(turn) => self.absorb(key, turn),
            Err(stuck) => {
                run.first = run.first.take().filter(|_| !begins); // it is still to come
                self.get_stuck(key, &stuck.to_string());
            }
        }
        self.taken_in(key);
    }

    /// Sorts what came of the last user code.
    pub(super) fn finish_all(&mut self) {
        let mut done = std::mem::take(&mut self.done);
        done.drain(..).for_each(|done| self.finish(done));
        self.done = done; // it keeps its memory
    }

    /// What follows when a run has taken something in.
    fn taken_in(&mut self, key: RunKey) {
        self.list(key);
        self.grant_seal(key);
        self.consider(key);
    }
}

/// Each row is let go when its events are there: a large journal is not in memory twice.
fn decode(rows: Vec<Vec<u8>>) -> Result<Vec<Recorded>, Stuck> {
    let mut events = Vec::new();
    for (position, row) in rows.into_iter().enumerate() {
        if row.is_empty() {
            return Err(hole(position));
        }
        let row = journal::decode(position, &row).map_err(|e| Stuck::new(e.to_string()))?;
        events.extend(row);
    }
    Ok(events)
}

/// Rows behind a hole are of another past than the rows before it, so they are not replayed.
fn hole(position: usize) -> Stuck {
    Stuck::new(format!(
        "row {position} of its journal is missing, and later ones are there: the database has lost what it \
         had acknowledged (a failover to a standby that lagged behind, or a restored backup), or the row \
         was deleted. Delete the rows behind it, and the run goes on from those before it; what they tell \
         of is done again: DELETE FROM flows.journal WHERE run_id = '…' AND position > {position}"
    ))
}
