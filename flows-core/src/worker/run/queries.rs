//! What a run publishes for others to read: values for queries, and search attributes.
//!
//! They go with the next record of the run, whatever it is, and cost no commit of their own while it makes
//! progress. A run that waits for something long, an activity or a signal, has nothing to write for a while: then
//! they are written alone, after a pause.

use super::{Code, Effect, Run, RunStep};
use crate::attribute::AttributeValue;

impl<M: Code> Run<M> {
    /// The code has published a value; the last one of a name counts.
    pub(super) fn publish(&mut self, name: String, value: String, step: &mut RunStep<'_, M>) {
        self.writes.pending.queries.insert(name, value);
        self.publish_later(step);
    }

    /// The code has set a search attribute; the last value of a name counts.
    pub(super) fn set_attribute(
        &mut self,
        name: String,
        value: AttributeValue,
        step: &mut RunStep<'_, M>,
    ) {
        self.writes.pending.attributes.get_or_insert_default().insert(name, value);
        self.publish_later(step);
    }

    fn publish_later(&mut self, step: &mut RunStep<'_, M>) {
        if !std::mem::replace(&mut self.writes.publishes_later, true) {
            step.push(Effect::TryLater);
        }
    }

    /// The pause is over: what has not been written by now is written alone.
    pub(super) fn publish_now(&mut self) {
        self.writes.publishes_later = false;
        let pending = &mut self.writes.pending;
        pending.queries_are_due = !pending.queries.is_empty() || pending.attributes.is_some();
    }
}
