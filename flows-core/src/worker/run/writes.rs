//! What a run has decided and not written, and what is on its way to the store.

use super::pending::{Pending, Portion, PortionTasks};
use super::{Code, Effect, Run, RunStep};
use crate::ids::RunKey;
use crate::journal::{Event, Recorded};
use crate::replay::ActivityStart;
use crate::store::{Next, Outcome, QueryValue, Record};
use crate::time::Timestamp;

/// A run's way into the store.
#[cfg_attr(test, derive(Clone, Debug))]
pub(super) struct Writes {
    /// The position of the next journal row.
    pub(super) position: i32,
    /// What gathers for the next record.
    pub(super) pending: Pending,
    /// What is on its way.
    pub(super) flight: Option<Flight>,
    /// The time of the first turn, until a row is written that its event can stand in front of.
    pub(super) first: Option<Timestamp>,
    /// [`Effect::TryLater`] was said for values for queries, and the pause is not over.
    pub(super) publishes_later: bool,
    /// [`Effect::Commit`] was said, and nothing has been taken since.
    pub(super) is_listed: bool,
}

/// A record that is not known to be durable, and what follows when it is.
#[cfg_attr(test, derive(Clone, Debug))]
pub(super) struct Flight {
    pub(super) launches: Vec<ActivityStart>,
    wrote_row: bool,
    closes: Option<Box<Outcome>>,
    /// It is being parked, by a worker that knows of so many messages.
    pub(super) parks: Option<i64>,
    /// The run is no suspect any more.
    clears: bool,
    pub(super) state: RecordState,
}

/// Where the record is.
#[cfg_attr(test, derive(Clone, Debug))]
pub(super) enum RecordState {
    /// On its way.
    Sent,
    /// Here: somebody's open transaction holds the run. It goes out again after a pause.
    Held(Box<Record>),
    /// Here: it goes out again.
    Ready(Box<Record>),
    /// Here; whether it is durable as well, what is stored says.
    Unsure(Box<Record>),
}

impl Writes {
    pub(super) fn new(rows: usize) -> Self {
        Self {
            position: i32::try_from(rows).unwrap_or(i32::MAX),
            pending: Pending::default(),
            flight: None,
            first: None,
            publishes_later: false,
            is_listed: false,
        }
    }

    /// Whether everything that was decided is durable.
    pub(super) fn are_durable(&self) -> bool {
        self.flight.is_none() && self.pending.is_empty()
    }

    /// Whether the run is no suspect any more when everything that was decided is durable.
    pub(super) fn are_clearing(&self) -> bool {
        self.pending.clears || self.flight.as_ref().is_some_and(|flight| flight.clears)
    }

    /// Whether a record is on its way that parks the run.
    pub(super) fn are_parking(&self) -> bool {
        self.flight.as_ref().is_some_and(|flight| flight.parks.is_some())
    }

    /// Forgets what is not durable.
    pub(super) fn clear(&mut self) {
        (self.flight, self.pending) = (None, Pending::default());
    }

    /// The event of the first turn, if it has still to be written.
    pub(super) fn take_first(&mut self) -> Option<Recorded> {
        self.first.take().map(|at| Recorded { at, event: Event::RunStarted })
    }

    /// The activities that wait for a record.
    pub(super) fn retain_launches(&mut self, keep: impl Fn(&ActivityStart) -> bool) {
        self.pending.retain_launches(&keep);
        if let Some(flight) = &mut self.flight {
            flight.launches.retain(keep);
        }
    }

    /// How many activities wait for a record.
    pub(super) fn waiting_launches(&self) -> usize {
        let flying = self.flight.as_ref().map_or(0, |flight| flight.launches.len());
        flying + self.pending.waiting_launches()
    }

    /// Forgets the activities that were about to start.
    pub(super) fn drop_launches(&mut self) {
        self.retain_launches(|_| false);
    }

    /// What is to be written: a record that goes out again, or what is pending, or its first portion. While a
    /// result is granted, the next row is that one's.
    pub(super) fn next_record(
        &mut self,
        key: RunKey,
        claim: i64,
        has_grant: bool,
    ) -> Option<Record> {
        self.is_listed = false;
        if let Some(flight) = &mut self.flight {
            return flight.state.take_ready();
        }
        if self.pending.is_empty() || has_grant {
            return None;
        }
        Some(self.take_record(key, claim))
    }

    /// Makes a record of what is pending, or of its first portion. The activities that it launches wait for
    /// its commit.
    fn take_record(&mut self, key: RunKey, claim: i64) -> Record {
        let first = self.take_first();
        let Pending { mut open, last_messages, park, close, clears, queries, attributes, .. } =
            self.pending.take_next();
        let items = open.take_items();
        let PortionTasks { added: tasks, withdrawn } = open.take_tasks();
        let Portion { mut row, consumed, starts, mut messages, launches, answers, .. } = open;
        messages.extend(last_messages);
        if let Some(first) = first {
            let written = row.put_first(&first);
            debug_assert!(written.is_ok(), "a time can be written");
        }
        self.flight = Some(Flight {
            launches,
            wrote_row: !row.is_empty(),
            closes: close.as_deref().map(|close| Box::new(close.outcome.clone())),
            parks: park.as_ref().map(|park| park.sent),
            clears,
            state: RecordState::Sent,
        });
        let next = match (close, park) {
            (Some(close), _) => Next::Close(*close),
            (None, Some(park)) => Next::Park(*park),
            (None, None) => Next::Stay,
        };
        let (position, events, claim) = (self.position, row.into_bytes(), Some(claim));
        let queries = queries.into_iter().map(|(name, value)| QueryValue { name, value }).collect();
        let attributes = attributes.map_or_else(Vec::new, |set| set.into_iter().collect());
        Record {
            key,
            position,
            events,
            consumed,
            starts,
            messages,
            queries,
            items,
            attributes,
            answers: answers.map(|answers| answers.0).unwrap_or_default(),
            tasks,
            withdrawn,
            next,
            claim,
            clears,
            held: 0,
        }
    }
}

impl RecordState {
    fn take_ready(&mut self) -> Option<Record> {
        match std::mem::replace(self, Self::Sent) {
            Self::Ready(record) => Some(*record),
            other => {
                *self = other;
                None
            }
        }
    }
}

impl<M: Code> Run<M> {
    /// Says that there is something to write, if nothing of the run is on its way.
    pub(super) fn commit(&mut self, step: &mut RunStep<'_, M>) {
        let writes = &mut self.writes;
        let is_ready = writes.flight.is_none() && !writes.pending.is_empty();
        if is_ready && !writes.is_listed && self.results.granted.is_none() {
            writes.is_listed = true;
            step.push(Effect::Commit);
        }
    }

    /// A record is durable: what waited for it may start.
    pub(super) fn committed(&mut self, parked: bool, step: &mut RunStep<'_, M>) {
        if !parked && self.writes.are_parking() {
            step.push(Effect::Collect);
            step.push(Effect::TryLater);
        }
        self.settled(parked, step);
    }

    pub(super) fn settled(&mut self, parked: bool, step: &mut RunStep<'_, M>) {
        let Some(flight) = self.writes.flight.take() else { return };
        self.writes.position += i32::from(flight.wrote_row);
        if flight.clears {
            self.suspicion = None;
        }
        if let Some(outcome) = flight.closes {
            step.push(Effect::Ended(outcome));
            return self.evict(step);
        }
        if flight.parks.is_some() && (parked || step.rules.is_draining) {
            return self.evict(step); // what could not be parked while draining is handed back at the end
        }
        // A run that was refused for a message that it has not read goes on when the message is here.
        self.inbox.was_refused = flight.parks.is_some_and(|known| self.inbox.sent <= known);
        flight.launches.into_iter().for_each(|start| self.launch(start, step));
    }

    /// The store will not take what a record contains: the run is stuck with what it has.
    pub(super) fn refused(&mut self, why: &str, step: &mut RunStep<'_, M>) {
        if self.writes.flight.is_some() {
            self.writes.clear();
            self.get_stuck(format!("the store refused to record the run's progress: {why}"), step);
        }
    }
}
