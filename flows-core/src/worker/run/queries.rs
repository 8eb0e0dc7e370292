//! Values that a run publishes for queries.
//!
//! They go with the next record of the run, whatever it is, and cost no commit of their own while it makes
//! progress. A run that waits for something long, an activity or a signal, has nothing to write for a while: then
//! they are written alone, after a pause.

use super::{Code, Effect, Run, RunStep};

impl<M: Code> Run<M> {
    /// The code has published a value; the last one of a name counts.
    pub(super) fn publish(&mut self, name: String, value: String, step: &mut RunStep<'_, M>) {
        self.writes.pending.queries.insert(name, value);
        if !std::mem::replace(&mut self.writes.publishes_later, true) {
            step.push(Effect::TryLater);
        }
    }

    /// The pause is over: what has not been written by now is written alone.
    pub(super) fn publish_now(&mut self) {
        self.writes.publishes_later = false;
        self.writes.pending.queries_are_due = !self.writes.pending.queries.is_empty();
    }
}
