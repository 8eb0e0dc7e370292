//! Attempts of activities that end outside of their worker: the run waits for a message about each, and for its time
//! limit.
//!
//! A message counts for the attempt that is open, wherever that is: its body may still run here. A time limit ends
//! an attempt by a message as well, which the run sends to itself: the store keeps one of all that would end it.

use super::timers::Timer;
use super::{Code, Effect, Incoming, Phase, Run, RunStep};
use crate::completion::{self, CompletionToken, PendingUntil};
use crate::error::{Error, ErrorKind, TimeoutKind};
use crate::journal::Event;
use crate::payload::Payload;
use crate::replay::ActivityStart;
use crate::store::{InboxMessage, MessageKind};
use crate::time::Timestamp;

/// Whether a message ends an attempt of an activity.
pub(super) fn ends_attempt(message: &InboxMessage) -> bool {
    matches!(message.kind, MessageKind::ActivityCompleted | MessageKind::ActivityFailed)
}

impl<M: Code> Run<M> {
    /// An attempt ends outside of its worker: nothing is to be done but to wait for that.
    pub(super) fn await_outside(&mut self, start: ActivityStart, step: &mut RunStep<'_, M>) {
        let Some(pending) = &start.pending else { return };
        let (op, due) = (start.task.op, pending.due());
        self.timers.set(op, due, Timer::Expire(Box::new(start)), step);
    }

    /// The time of an attempt is over: the message says so that ends it, unless another one has.
    pub(super) fn expire(&mut self, start: &ActivityStart, now: Timestamp) {
        let Some(pending) = &start.pending else { return };
        let (name, attempt) = (start.task.name, start.attempt);
        let (kind, message) = if pending.until <= now {
            let what =
                "ends outside of its worker, and nobody has completed it within its time limit";
            (TimeoutKind::StartToClose, format!("attempt {attempt} of activity `{name}` {what}"))
        } else {
            let what = "ends outside of its worker, and nobody has said that it goes on within its `heartbeat`";
            (TimeoutKind::Heartbeat, format!("attempt {attempt} of activity `{name}` {what}"))
        };
        self.end_attempt(start, &Error::timeout(kind, message));
    }

    /// The workflow does not wait for an attempt any more, so nobody may complete it.
    pub(super) fn refuse_completion(&mut self, start: &ActivityStart) {
        self.end_attempt(start, &Error::new(ErrorKind::Cancelled, "the activity was cancelled"));
    }

    pub(super) fn end_attempt(&mut self, start: &ActivityStart, error: &Error) {
        let token = CompletionToken { run: self.key, op: start.task.op, attempt: start.attempt };
        self.writes.pending.last_messages.extend(token.failed(error, None).ok());
    }

    /// The attempt that a message is about, if the code waits for that one.
    fn open_attempt(&self, name: &str) -> Option<ActivityStart> {
        let Phase::Live(machine) = &self.phase else { return None };
        let (op, attempt) = completion::attempt_of(name)?;
        machine.open_attempt(op).filter(|start| start.attempt == attempt)
    }

    /// An attempt has ended outside. What follows from that is said by the activity's policy, which is not here.
    pub(super) fn ended_outside(&mut self, message: InboxMessage, step: &mut RunStep<'_, M>) {
        let seq = message.seq;
        let Some(start) = self.open_attempt(&message.name) else {
            return self.writes.pending.discard(Some(seq));
        };
        self.stop_activity(start.task.op, step);
        let (start, end) = (Box::new(start), completion::end_of(message));
        step.push(Effect::Settle { start, end, message: seq });
    }

    /// That is the next that the run takes in.
    pub(super) fn settled_outside(&mut self, event: Event, message: i64) {
        if self.is_live() {
            self.inbox.todo.push_front(Incoming::Settled(event, message));
        }
        self.gets_further();
    }

    /// The body of an attempt has returned in another worker.
    pub(super) fn pending_elsewhere(&self, name: &str, payload: &Payload) -> Option<Event> {
        let start = self.open_attempt(name).filter(|start| start.pending.is_none())?;
        let PendingUntil { until, silence, heartbeat } = payload.decode().ok()?;
        let (step, attempt, until) = (start.task.step(), start.attempt, Timestamp(until));
        let heartbeat = heartbeat.map(Payload::from_json);
        Some(Event::ActivityPending { step, attempt, until, silence, heartbeat })
    }

    /// An attempt goes on; none, if it does not end outside.
    pub(super) fn heartbeat(&self, name: &str, details: Payload) -> Option<Event> {
        let start = self.open_attempt(name).filter(|start| start.pending.is_some())?;
        Some(Event::ActivityHeartbeat { op: start.task.op, attempt: start.attempt, details })
    }
}
