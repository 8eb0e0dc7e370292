//! Results of transactional activities: written by the activity's own transaction.
//!
//! One at a time per run, and only when everything before it is durable; what happens meanwhile
//! waits, so that the machine sees events in the order of the journal.

use tokio::sync::mpsc::UnboundedSender;

use super::executor::Executor;
use super::message::{Message, Seal};
use super::work::Work;
use crate::context::{SealRequest, Sealer};
use crate::error::{Error, ErrorKind, Result};
use crate::ids::RunKey;
use crate::journal::{self, Event, Recorded, StepId};
use crate::store::{Next, Record};

/// Sends an attempt's requests to the executor of its run.
pub(super) struct AttemptSealer {
    pub(super) executor: UnboundedSender<Message>,
    pub(super) key: RunKey,
    pub(super) residency: u64,
    pub(super) op: u32,
    pub(super) attempt: u32,
}

impl Sealer for AttemptSealer {
    fn ask(&self, request: SealRequest) {
        let Self { key, residency, op, attempt, .. } = *self;
        let seal = Seal { key, residency, op, attempt, request };
        drop(self.executor.send(Message::Seal(seal))); // nobody is left to grant it
    }
}

impl Executor {
    pub(super) fn request_seal(&mut self, seal: Seal) {
        let key = seal.key;
        let Some(run) = self.runs.get_mut(&key) else { return };
        if run.residency == seal.residency {
            run.seals.push_back(seal);
            self.grant_seal(key);
        }
    }

    /// Gives the next result its record, if nothing of the run is on its way.
    pub(super) fn grant_seal(&mut self, key: RunKey) {
        let limit = self.session.payload_limit;
        let Some(run) = self.runs.get_mut(&key) else { return };
        if !run.seals.is_empty()
            && let Some(first) = run.take_first()
        {
            // The run's first row is written on its own, so that a rollback leaves it.
            if let Err(error) = run.pending.put_first(&first) {
                return self.get_stuck(key, &error.to_string());
            }
            return self.mark_dirty(key);
        }
        while run.is_settled() && run.stuck.is_none() {
            let Some(seal) = run.seals.pop_front() else { return };
            let running = run.running.get(&seal.op);
            let Some(running) = running.filter(|running| running.attempt == seal.attempt) else {
                continue; // dropping the request refuses it
            };
            let task = &running.task;
            let Seal { op, attempt, request, .. } = seal;
            let fitting =
                request.output.within(limit, || format!("output of activity `{}`", task.name));
            let output = match fitting {
                Ok(output) => output,
                Err(error) => {
                    let _ = request.reply.send(Err(error)); // who has gone needs no answer
                    continue;
                }
            };
            let step = StepId { op, name: task.name.into(), input: task.input_hash };
            let event = Event::ActivityCompleted { step, attempt, output };
            let Some(machine) = run.machine.as_ref().filter(|machine| machine.wants(&event)) else {
                continue;
            };
            let at = self.session.clock.now().max(machine.now());
            let recorded = Recorded { at, event };
            let record = sealed_record(key, run.claim, run.position, &recorded);
            if record.is_ok() {
                run.sealed = Some(Box::new(recorded));
            }
            if request.reply.send(record).is_err() {
                run.sealed = None; // the activity was stopped before it could use the record
            }
        }
    }

    /// The transaction has ended: its event is history now, and the first that the run takes in; or
    /// it was never written. What waited goes on.
    pub(super) fn unseal(&mut self, key: RunKey, committed: bool) {
        let Some(run) = self.runs.get_mut(&key) else { return };
        if let Some(recorded) = run.sealed.take().filter(|_| committed) {
            run.position += 1;
            if run.is_live() {
                run.todo.push_front(Work::Sealed(*recorded));
            }
        }
        self.list(key);
        self.grant_seal(key);
        self.mark_dirty(key);
        self.consider(key);
    }
}

fn sealed_record(key: RunKey, claim: i64, position: i32, recorded: &Recorded) -> Result<Record> {
    let events = journal::encode(std::slice::from_ref(recorded))
        .map_err(|error| Error::new(ErrorKind::Codec, error.to_string()))?;
    let (consumed, starts, messages) = (Vec::new(), Vec::new(), Vec::new());
    Ok(Record {
        key,
        position,
        events,
        consumed,
        starts,
        messages,
        next: Next::Stay,
        claim: Some(claim),
        held: 0,
        clears: false,
    })
}
