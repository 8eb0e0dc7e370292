//! Results of transactional activities: written by the activity's own transaction.
//!
//! One at a time per run, and only when everything before it is durable; what happens meanwhile
//! waits, so that the code sees events in the order of the journal.

use std::collections::VecDeque;

use super::{Code, Effect, Incoming, Phase, ResultRequest, Run, RunStep};
use crate::error::{Error, ErrorKind, Result};
use crate::ids::RunKey;
use crate::journal::{self, Event, Recorded};
use crate::store::{Next, Record};

/// A run's transactional results.
#[derive(Default)]
#[cfg_attr(test, derive(Clone, Debug))]
pub(super) struct Results {
    /// The event that is being committed by an activity's own transaction.
    pub(super) granted: Option<Box<Recorded>>,
    /// Those that wait for their record.
    waiting: VecDeque<ResultRequest>,
}

impl Results {
    /// The operation whose result an activity's own transaction is committing.
    pub(super) fn granted_op(&self) -> Option<u32> {
        self.granted.as_ref()?.event.ended_activity()
    }

    pub(super) fn deny_all<M>(&mut self, step: &mut RunStep<'_, M>) {
        for ResultRequest { ticket, .. } in std::mem::take(&mut self.waiting) {
            step.push(Effect::Deny { ticket, error: None });
        }
    }
}

impl<M: Code> Run<M> {
    pub(super) fn result_ready(&mut self, request: ResultRequest, step: &mut RunStep<'_, M>) {
        let attempt = self.attempts.running.get(&request.op);
        if attempt.is_some_and(|attempt| attempt.number == request.attempt) {
            self.results.waiting.push_back(request);
        } else {
            step.push(Effect::Deny { ticket: request.ticket, error: None });
        }
    }

    /// Gives the next result its record, if nothing of the run is on its way.
    pub(super) fn grant(&mut self, step: &mut RunStep<'_, M>) {
        if self.results.waiting.is_empty() {
            return;
        }
        if let Some(first) = self.writes.take_first() {
            // The run's first row is written on its own, so that a rollback leaves it.
            if let Err(error) = self.writes.pending.put_first(&first) {
                self.get_stuck(error.to_string(), step);
            }
            return;
        }
        while self.is_settled()
            && let Some(request) = self.results.waiting.pop_front()
        {
            let ticket = request.ticket;
            match self.granted(request, step) {
                Ok((recorded, record)) => {
                    self.results.granted = Some(Box::new(recorded));
                    step.push(Effect::Grant { ticket, record: Box::new(record) });
                }
                Err(error) => step.push(Effect::Deny { ticket, error }),
            }
        }
    }

    /// The event of a result and its record, or why there is none; no error, if nobody waits for it.
    fn granted(
        &self,
        request: ResultRequest,
        step: &RunStep<'_, M>,
    ) -> Result<(Recorded, Record), Option<Error>> {
        let ResultRequest { op, attempt, output, .. } = request;
        let running = self.attempts.running.get(&op);
        let running = running.filter(|running| running.number == attempt).ok_or(None)?;
        let task = &running.task;
        let what = || format!("output of activity `{}`", task.name);
        let output = output.within(step.rules.payload_limit, what)?;
        let event = Event::ActivityCompleted { step: task.step(), attempt, output };
        let Phase::Live(machine) = &self.phase else { return Err(None) };
        if !machine.wants(&event) {
            return Err(None);
        }
        let recorded = Recorded { at: step.now.max(machine.now()), event };
        let record = record_of(self.key, self.claim, self.writes.position, &recorded)?;
        Ok((recorded, record))
    }

    /// The activity's transaction has committed: its event is history now, and the first that the run takes in.
    pub(super) fn granted_committed(&mut self) {
        let Some(recorded) = self.results.granted.take() else { return };
        self.writes.position += 1;
        if self.is_live() {
            self.inbox.todo.push_front(Incoming::Committed(*recorded));
        }
    }
}

fn record_of(key: RunKey, claim: i64, position: i32, recorded: &Recorded) -> Result<Record> {
    let events = journal::encode(std::slice::from_ref(recorded))
        .map_err(|error| Error::new(ErrorKind::Codec, error.to_string()))?;
    let (consumed, starts, messages, queries, items, answers) = Default::default();
    let (tasks, withdrawn) = Default::default();
    Ok(Record {
        key,
        position,
        events,
        consumed,
        starts,
        messages,
        queries,
        items,
        attributes: Vec::new(),
        answers,
        tasks,
        withdrawn,
        next: Next::Stay,
        claim: Some(claim),
        held: 0,
        clears: false,
    })
}
