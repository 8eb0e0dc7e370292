//! Runs whose state here may be wrong: they are read again, and compared.

use super::writes::RecordState;
use super::{Code, Effect, Phase, Run, RunStep};
use crate::store::{Activation, Record};

impl<M: Code> Run<M> {
    /// Somebody else has gone on with the run, or has ended it. It is dropped here, and starts over if it is
    /// still ours.
    pub(super) fn lost(&mut self, step: &mut RunStep<'_, M>) {
        self.leave(Phase::Lost, step);
        self.writes.clear();
        self.results.granted = None;
        step.push(Effect::Lost);
        self.read_again(step);
    }

    /// It is unknown whether a record is durable. It is kept until the store says.
    pub(super) fn unsure(&mut self, record: Box<Record>, step: &mut RunStep<'_, M>) {
        if let Some(flight) = &mut self.writes.flight {
            flight.state = RecordState::Unsure(record);
        }
        self.read_again(step);
    }

    /// Asks for what is stored; while draining, lets go instead: the end hands back what is ours.
    fn read_again(&mut self, step: &mut RunStep<'_, M>) {
        match step.rules.is_draining {
            true => self.evict(step),
            false => step.push(Effect::Reload),
        }
    }

    /// Whether what is stored decides how it goes on.
    pub(crate) fn awaits_reading(&self) -> bool {
        let flight = self.writes.flight.as_ref();
        let is_unsure = flight.is_some_and(|flight| matches!(flight.state, RecordState::Unsure(_)));
        is_unsure || matches!(self.phase, Phase::Lost)
    }

    /// What the store has decides what became of an unknown record. A run that was asked for twice, and is as
    /// it should be by now, stays as it is.
    pub(super) fn reloaded(&mut self, stored: Box<Activation>, step: &mut RunStep<'_, M>) {
        if !self.awaits_reading() {
            return;
        }
        let position = usize::try_from(self.writes.position).unwrap_or(0);
        let rows = stored.journal.len().checked_sub(position);
        let flight = self.writes.flight.as_mut();
        match flight.map(|flight| std::mem::replace(&mut flight.state, RecordState::Sent)) {
            Some(RecordState::Unsure(record)) if rows == Some(0) => {
                self.ready(record, Effect::Commit, step)
            }
            Some(RecordState::Unsure(record))
                if rows == Some(1) && stored.journal.last() == Some(&record.events) =>
            {
                self.settled(false, step);
            }
            _ => {
                self.leave(Phase::Lost, step);
                step.push(Effect::Replace(stored));
            }
        }
    }

    /// A record goes out again, as it was.
    fn ready(&mut self, record: Box<Record>, effect: Effect<M>, step: &mut RunStep<'_, M>) {
        if let Some(flight) = &mut self.writes.flight {
            flight.state = RecordState::Ready(record);
            self.writes.is_listed = true;
            step.push(effect);
        }
    }

    /// A record was not kept because somebody holds its run, or one that it sends a message to.
    pub(super) fn held(&mut self, record: Box<Record>, step: &mut RunStep<'_, M>) {
        if let Some(flight) = &mut self.writes.flight {
            flight.state = RecordState::Held(record); // it waits here, not for what is stored
            step.push(Effect::TryLater);
        }
    }

    /// Hands in again what was held, and looks again at what was not parked.
    pub(super) fn try_again(&mut self, step: &mut RunStep<'_, M>) {
        self.inbox.was_refused = false;
        self.publish_now();
        let Some(flight) = &mut self.writes.flight else { return };
        match std::mem::replace(&mut flight.state, RecordState::Sent) {
            RecordState::Held(record) => self.ready(record, Effect::CommitApart, step),
            other => flight.state = other,
        }
    }
}
