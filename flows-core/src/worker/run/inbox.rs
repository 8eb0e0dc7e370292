//! What a run has still to take in, in order: its journal at first, then events and messages.
//!
//! A message is consumed together with its event, when the event is taken in and not before; whether an
//! event is wanted is asked then, too.

use std::collections::VecDeque;

use super::backlog::Backlog;
use super::completions::ends_attempt;
use super::suspicion::are_noted;
use super::timers::{DEADLINE, Timer};
use super::{Code, CodeCall, Effect, Phase, Run, RunStep, Taken};
use crate::ending::ChildOutcome;
use crate::error::{Error, Result};
use crate::journal::{self, Event, Recorded, RowBuilder, StoredError};
use crate::payload::Payload;
use crate::store::{Activation, InboxMessage, MessageKind, Page};
use crate::time::Timestamp;

/// How far a run's inbox is read, and what of it is still to be taken in.
#[cfg_attr(test, derive(Clone, Debug))]
pub(super) struct Inbox {
    /// What is to be taken in, in order.
    pub(super) todo: VecDeque<Incoming>,
    /// [`Effect::Work`] was said, and nothing has been taken since.
    pub(super) is_listed: bool,
    /// The last message that was read: taken in, about to be, or left.
    pub(super) seen: i64,
    /// There are messages that were not read, all of them behind this number.
    pub(super) more: Option<i64>,
    /// Messages have been asked for, behind this number.
    reads_on: Option<i64>,
    /// The messages that were read, and left in the inbox.
    pub(super) backlog: Option<Box<Backlog>>,
    /// How many messages are known to have been sent to the owned run.
    pub(super) sent: i64,
    /// It was not parked, because of a message that is on its way: it waits for that, or for a pause.
    pub(super) was_refused: bool,
}

/// Something to take in.
#[cfg_attr(test, derive(Clone, Debug))]
pub(super) enum Incoming {
    /// Something that happened.
    Event(Event),
    /// A message; it leaves the inbox with the commit of its event.
    Message(InboxMessage),
    /// A message that was left in the inbox before.
    Left(InboxMessage),
    /// An event that is written before the code hears of it: an activity's own transaction has committed it, or
    /// it has ended an attempt of a suspect.
    Committed(Recorded),
    /// An attempt of a suspect has ended.
    Ended(Event),
    /// An attempt has ended outside of its worker; the message leaves the inbox with the commit of the event.
    Settled(Event, i64),
}

impl Inbox {
    pub(super) fn new(sent: i64) -> Self {
        Self {
            todo: VecDeque::new(),
            is_listed: false,
            seen: 0,
            more: None,
            reads_on: None,
            backlog: None,
            sent,
            was_refused: false,
        }
    }

    /// What was not taken in stays in the store.
    pub(super) fn clear(&mut self) {
        self.todo = VecDeque::new();
    }

    /// An empty queue keeps no memory.
    fn pop(&mut self) -> Option<Incoming> {
        let next = self.todo.pop_front();
        if self.todo.is_empty() {
            self.todo = VecDeque::new();
        }
        next
    }
}

impl<M: Code> Run<M> {
    /// Queues something to take in, unless the code has come to its end here.
    pub(super) fn take_in(&mut self, work: Incoming) {
        if self.is_live() && self.goes_in(&work) {
            self.inbox.todo.push_back(work);
            self.inbox.was_refused = false;
        }
    }

    pub(super) fn collected(&mut self, sent: i64, page: Page, step: &mut RunStep<'_, M>) {
        self.inbox.sent = sent;
        self.inbox.was_refused = false;
        self.writes.pending.park = None; // it does not know of these messages
        self.read(page, step);
    }

    pub(super) fn read_page(&mut self, page: Page, step: &mut RunStep<'_, M>) {
        self.inbox.was_refused = false;
        match self.inbox.reads_on.take() {
            Some(behind) if behind < self.inbox.seen => self.read_left(behind, page),
            _ => self.read(page, step),
        }
    }

    /// The messages that have not been read yet are to be taken in. A request to terminate waits for nothing.
    fn read(&mut self, page: Page, step: &mut RunStep<'_, M>) {
        if let Some(request) = termination_in(&page.messages) {
            return self.be_terminated(request, step);
        }
        if !self.is_live() {
            return;
        }
        for message in page.messages {
            if message.seq > self.inbox.seen {
                self.inbox.seen = message.seq;
                self.take_in(Incoming::Message(message));
            }
        }
        self.inbox.more = page.more.map(|behind| behind.max(self.inbox.seen));
    }

    /// Says that there is something to take in, if it can be taken in now.
    pub(super) fn list(&mut self, step: &mut RunStep<'_, M>) {
        let can_work = match self.phase {
            Phase::Activating(_) => true,
            Phase::Live(_) => {
                let is_free = self.results.granted.is_none() && !self.awaits_row();
                is_free && !self.inbox.todo.is_empty()
            }
            _ => false,
        };
        if can_work && !self.inbox.is_listed {
            self.inbox.is_listed = true;
            step.push(Effect::Work);
        }
    }

    /// Asks for what is behind the messages that it has read, once it has taken them in. Behind a slow
    /// database, what it has taken in waits; then it asks for no more. What it has left in the inbox and
    /// wants now comes first.
    pub(super) fn read_on(&mut self, step: &mut RunStep<'_, M>) {
        let has_room = self.inbox.todo.is_empty() && !self.writes.pending.is_cut();
        let goes = step.rules.is_draining || self.is_letting_go();
        if !has_room || !self.is_live() || self.inbox.reads_on.is_some() || goes {
            return;
        }
        if let Some(behind) = self.reads_again().or(self.inbox.more) {
            self.inbox.reads_on = Some(behind);
            step.push(Effect::ReadOn(behind));
        }
    }

    pub(super) fn take_call(&mut self, step: &mut RunStep<'_, M>) -> Option<CodeCall<M>> {
        if self.results.granted.is_some() {
            return None;
        }
        if let Phase::Activating(run) = &self.phase {
            if let Some(request) = termination_in(&run.inbox).cloned() {
                self.be_terminated(&request, step);
                return None;
            }
            let begins = Taken { begins: true, ..Taken::default() };
            let activating = std::mem::replace(&mut self.phase, Phase::Polling(begins));
            let Phase::Activating(run) = activating else { return None };
            return self.or_stuck(step, |run_here, step| run_here.begin(run, step).map(Some));
        }
        while let Phase::Live(_) = self.phase
            && !self.awaits_row()
            && let Some(work) = self.inbox.pop()
        {
            if let Incoming::Message(message) | Incoming::Left(message) = &work
                && let Some(error) = message.payload.unread()
            {
                self.get_stuck(format!("a message cannot be read: {error}"), step);
                return None; // it stays in the inbox
            }
            let work = match work {
                Incoming::Message(message) if ends_attempt(&message) => {
                    self.ended_outside(message, step);
                    return None; // what follows is decided outside, and the next to be taken in
                }
                work => work,
            };
            let call = self.or_stuck(step, |run, step| run.prepare(work, step.now));
            if call.is_some() {
                return call;
            }
        }
        None
    }

    /// What it is to take in next must be durable before, and is on its way.
    fn awaits_row(&self) -> bool {
        matches!(self.inbox.todo.front(), Some(Incoming::Committed(_)))
            && !self.writes.are_durable()
    }

    fn or_stuck(
        &mut self,
        step: &mut RunStep<'_, M>,
        prepare: impl FnOnce(&mut Self, &mut RunStep<'_, M>) -> Result<Option<CodeCall<M>>, String>,
    ) -> Option<CodeCall<M>> {
        match prepare(self, step) {
            Ok(call) => call,
            Err(why) => {
                self.get_stuck(why, step);
                None
            }
        }
    }

    fn begin(
        &mut self,
        mut run: Box<Activation>,
        step: &mut RunStep<'_, M>,
    ) -> Result<CodeCall<M>, String> {
        let journal = decode(std::mem::take(&mut run.journal))?;
        self.convict(&journal, step.rules.max_setbacks)?;
        self.attempts.are_noted = are_noted(&journal);
        let mut started_at = run.started_at;
        match journal.first() {
            Some(Recorded { at, event: Event::RunStarted }) => started_at = *at,
            Some(_) => {}
            None => started_at = started_at.max(step.now), // not before it is due
        }
        if let Some(timeout) = run.spec.timeout {
            self.timers.set(DEADLINE, started_at.after(timeout), Timer::Deadline, step);
        }
        self.writes.first = journal.is_empty().then_some(started_at);
        Ok(CodeCall::Begin { run, journal, started_at })
    }

    fn prepare(&mut self, work: Incoming, now: Timestamp) -> Result<Option<CodeCall<M>>, String> {
        let (message, is_left) = match work {
            Incoming::Event(event) => return self.apply_event(event, None, now),
            Incoming::Committed(recorded) => return Ok(self.call(recorded, Taken::default())),
            Incoming::Ended(event) => return self.write_first(event, now).map(|()| None),
            Incoming::Settled(event, seq) => return self.apply_event(event, Some(seq), now),
            Incoming::Message(message) => (message, false),
            Incoming::Left(message) => (message, true),
        };
        if !self.takes(&message, is_left) {
            return Ok(None);
        }
        let seq = message.seq;
        if message.kind == MessageKind::Update
            && let Phase::Live(machine) = &self.phase
            && !machine.awaits_update(&message.name)
        {
            machine.offer(seq, message.name, message.payload);
            return Ok(None);
        }
        match self.event_of(message).map_err(|error| error.to_string())? {
            Some(event) => self.apply_event(event, Some(seq), now),
            None => {
                self.writes.pending.discard(Some(seq));
                Ok(None)
            }
        }
    }

    /// The event of a message; none, where nothing waits for it.
    fn event_of(&self, message: InboxMessage) -> Result<Option<Event>, Error> {
        let InboxMessage { kind, name, payload, .. } = message;
        Ok(Some(match kind {
            MessageKind::Signal => Event::SignalReceived { name, payload },
            MessageKind::Update => Event::UpdateReceived { name, payload },
            MessageKind::Cancel => Event::CancelRequested { reason: payload.decode()? },
            MessageKind::ChildClosed => child_closed(&name, &payload)?,
            MessageKind::ActivityPending => return Ok(self.pending_elsewhere(&name, &payload)),
            MessageKind::ActivityHeartbeat => return Ok(self.heartbeat(&name, payload)),
            MessageKind::ActivityCompleted | MessageKind::ActivityFailed => return Ok(None), // see `ended_outside`
            MessageKind::Terminate => return Ok(None), // see `read`
        }))
    }

    /// What a suspect's attempt has come to is durable before its code goes on: if that ends the worker, the next
    /// one must not take the attempt for the cause.
    fn write_first(&mut self, event: Event, now: Timestamp) -> Result<(), String> {
        self.gets_further();
        let Phase::Live(machine) = &self.phase else { return Ok(()) };
        if machine.wants(&event) {
            let recorded = Recorded { at: now.max(machine.now()), event };
            let mut row = RowBuilder::default();
            row.push(&recorded).map_err(|error| error.to_string())?;
            self.writes.pending.take_in(row, None);
            self.inbox.todo.push_front(Incoming::Committed(recorded));
        }
        Ok(())
    }

    /// An event for the code; none, if it does not wait for that.
    fn apply_event(
        &mut self,
        event: Event,
        message: Option<i64>,
        now: Timestamp,
    ) -> Result<Option<CodeCall<M>>, String> {
        let Phase::Live(machine) = &self.phase else { return Ok(None) };
        if !machine.wants(&event) {
            self.writes.pending.discard(message);
            return Ok(None);
        }
        let on_trial = matches!(event, Event::UpdateReceived { .. });
        let recorded = Recorded { at: now.max(machine.now()), event };
        let mut row = RowBuilder::default();
        row.push(&recorded).map_err(|error| error.to_string())?;
        Ok(self.call(recorded, Taken { row, message, begins: false, on_trial }))
    }

    fn call(&mut self, recorded: Recorded, taken: Taken) -> Option<CodeCall<M>> {
        match std::mem::replace(&mut self.phase, Phase::Polling(taken)) {
            Phase::Live(machine) => Some(CodeCall::Apply(machine, recorded)),
            other => {
                self.phase = other;
                None
            }
        }
    }
}

fn termination_in(messages: &[InboxMessage]) -> Option<&InboxMessage> {
    messages.iter().find(|message| message.kind == MessageKind::Terminate)
}

/// The child's outcome: its output, or its error as JSON.
fn child_closed(op: &str, payload: &Payload) -> Result<Event, Error> {
    let op = op.parse::<u32>()?;
    let outcome: ChildOutcome = payload.decode()?;
    let result = match outcome {
        ChildOutcome::Output(output) => Ok(Payload::from_json(output.get().as_bytes())),
        ChildOutcome::Error(error) => Err(StoredError(error.get().to_owned())),
    };
    Ok(Event::ChildClosed { op, result })
}

/// Each row is let go when its events are there: a large journal is not in memory twice.
fn decode(rows: Vec<Vec<u8>>) -> Result<Vec<Recorded>, String> {
    let mut events = Vec::new();
    for (position, row) in rows.into_iter().enumerate() {
        if row.is_empty() {
            return Err(hole(position));
        }
        let row = journal::decode(position, &row).map_err(|error| error.to_string())?;
        events.extend(row);
    }
    Ok(events)
}

/// Rows behind a hole are of another past than the rows before it, so they are not replayed.
fn hole(position: usize) -> String {
    format!(
        "row {position} of its journal is missing, and later ones are there: the database has lost what it \
         had acknowledged (a failover to a standby that lagged behind, or a restored backup), or the row \
         was deleted. Delete the rows behind it, and the run goes on from those before it; what they tell \
         of is done again: DELETE FROM flows.journal WHERE run_id = '…' AND position > {position}"
    )
}
