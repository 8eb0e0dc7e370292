//! What a run has to write, cut into portions that a store takes.
//!
//! A turn may be larger than any row of a journal: many results that came together, many children with
//! large inputs. So what gathers is closed as a *portion* when it is large enough, and portions become
//! records one after the other. A crash between two of them leaves the beginning of a turn: the event,
//! and its first marks. A replay then asks for the other marks in its last poll and makes them anew.
//! Therefore the patches of a turn come with its first portion, a child's start goes with its mark,
//! what activities wait for is the portion that is open when they are asked for, and messages, parking and
//! the end go with the last one.

use std::collections::{BTreeMap, VecDeque};

use crate::error::Result;
use crate::journal::{Recorded, RowBuilder};
use crate::replay::ActivityStart;
use crate::store::{
    Attributes, Close, NewItem, NewRun, OutgoingMessage, Park, QueuedTask, UpdateAnswer,
};

/// A portion of so many bytes takes nothing more. One thing is never divided: so a record has at most
/// this and the largest thing that a run can be given.
pub(super) const PORTION: usize = 4 << 20;
/// What a start takes beside its input, roughly.
const START: usize = 512;

/// What gathers for the next commit.
#[derive(Default)]
#[cfg_attr(test, derive(Clone, Debug))]
pub(super) struct Pending {
    /// What goes out before the rest, in this order.
    full: VecDeque<Portion>,
    pub(super) open: Portion,
    /// Messages of the run's end; before, those that it sends to itself.
    pub(super) last_messages: Vec<OutgoingMessage>,
    pub(super) park: Option<Box<Park>>,
    pub(super) close: Option<Box<Close>>,
    /// The run has got further than its setbacks.
    pub(super) clears: bool,
    /// Values for queries, by name. They go with whatever else is written; see [`publish`](super::queries).
    pub(super) queries: BTreeMap<String, String>,
    /// Search attributes, likewise.
    pub(super) attributes: Option<Box<Attributes>>,
    /// They have waited long enough for that.
    pub(super) queries_are_due: bool,
}

/// What one record takes of events, and what belongs to them.
#[derive(Default)]
#[cfg_attr(test, derive(Clone, Debug))]
pub(super) struct Portion {
    pub(super) row: RowBuilder,
    pub(super) consumed: Vec<i64>,
    pub(super) starts: Vec<NewRun>,
    /// Messages that go with its marks.
    pub(super) messages: Vec<OutgoingMessage>,
    /// Activities that start when everything before them is durable.
    pub(super) launches: Vec<ActivityStart>,
    /// Bytes of the inputs in `starts`, of `items`, and of `tasks`.
    inputs: usize,
    /// Items for the run's stream.
    items: Option<Box<PortionItems>>,
    /// Answers to updates. Most runs have none.
    pub(super) answers: Option<Box<Answers>>,
    /// What workers of other queues are given and told. Most runs have nothing of it.
    tasks: Option<Box<PortionTasks>>,
}

/// Items of a record; in a box, because few runs have any.
#[derive(Default)]
#[cfg_attr(test, derive(Clone, Debug))]
struct PortionItems(Vec<NewItem>);

/// Attempts for workers of other queues.
#[derive(Default)]
#[cfg_attr(test, derive(Clone, Debug))]
pub(super) struct PortionTasks {
    /// Those that wait for a worker.
    pub(super) added: Vec<QueuedTask>,
    /// Operations whose attempts are taken back.
    pub(super) withdrawn: Vec<u32>,
}

impl Portion {
    /// What workers of other queues are given and told.
    pub(super) fn take_tasks(&mut self) -> PortionTasks {
        self.tasks.take().map(|tasks| *tasks).unwrap_or_default()
    }

    /// Its items.
    pub(super) fn take_items(&mut self) -> Vec<NewItem> {
        self.items.take().map(|items| items.0).unwrap_or_default()
    }
}

/// Answers to updates.
#[derive(Default)]
#[cfg_attr(test, derive(Clone, Debug))]
pub(super) struct Answers(pub(super) Vec<UpdateAnswer>);

impl Pending {
    /// Whether there is nothing to write.
    pub(super) fn is_empty(&self) -> bool {
        self.park.is_none() && self.has_nothing_but_a_park()
    }

    /// Whether there is nothing to write, unless the run is to be parked.
    pub(super) fn has_nothing_but_a_park(&self) -> bool {
        self.has_no_row()
            && self.open.starts.is_empty()
            && self.open.items.is_none()
            && self.last_messages.is_empty()
            && self.close.is_none()
            && self.open.answers.is_none()
            && self.open.tasks.is_none()
            && !self.clears
            && !self.queries_are_due
    }

    /// Whether nothing of it is an event.
    pub(super) fn has_no_row(&self) -> bool {
        self.full.is_empty() && self.open.row.is_empty()
    }

    /// Whether a message would leave the inbox with it.
    pub(super) fn consumes(&self) -> bool {
        !self.full.is_empty() || !self.open.consumed.is_empty()
    }

    /// Whether it is more than one record.
    pub(super) fn is_cut(&self) -> bool {
        !self.full.is_empty()
    }

    /// Adds an event that the run has taken in, and the message it came with.
    pub(super) fn take_in(&mut self, row: RowBuilder, seq: Option<i64>) {
        self.make_room();
        self.open.row.append(row);
        self.open.consumed.extend(seq);
    }

    /// A message that the run does not want leaves the inbox with whatever is written next.
    pub(super) fn discard(&mut self, seq: Option<i64>) {
        self.open.consumed.extend(seq);
    }

    /// An answer to an update goes with what was added last.
    pub(super) fn answer(&mut self, answer: UpdateAnswer) {
        self.open.answers.get_or_insert_default().0.push(answer);
    }

    /// Whether the open portion takes nothing more.
    pub(super) fn is_full(&self) -> bool {
        self.open.row.len() + self.open.inputs >= PORTION
    }

    /// Adds an event to the open portion all the same.
    pub(super) fn add(&mut self, event: &Recorded) -> Result<()> {
        self.open.row.push(event)
    }

    /// Adds what a turn has decided, and the child that it starts by it.
    pub(super) fn mark(&mut self, mark: &Recorded, child: Option<NewRun>) -> Result<()> {
        self.make_room();
        self.open.row.push(mark)?;
        child.into_iter().for_each(|child| self.start(child));
        Ok(())
    }

    /// Adds a run that starts with what was added last.
    pub(super) fn start(&mut self, run: NewRun) {
        self.open.inputs += run.spec.input.len() + START;
        self.open.starts.push(run);
    }

    /// Adds an item for the run's stream.
    pub(super) fn publish(&mut self, item: NewItem) {
        self.make_room();
        self.open.inputs += item.item.len();
        self.open.items.get_or_insert_default().0.push(item);
    }

    /// Adds an attempt that goes with the mark that was added last.
    pub(super) fn schedule(&mut self, task: QueuedTask) {
        self.open.inputs += task.content.len() + START;
        self.open.tasks.get_or_insert_default().added.push(task);
    }

    /// The attempts of an operation are taken back with whatever is written next.
    pub(super) fn withdraw(&mut self, op: u32) {
        self.open.tasks.get_or_insert_default().withdrawn.push(op);
    }

    /// Adds a message that goes with the mark that was added last.
    pub(super) fn send(&mut self, message: Option<OutgoingMessage>) {
        self.open.messages.extend(message);
    }

    /// Activities start when all that was added so far is durable.
    pub(super) fn launch(&mut self, launches: Vec<ActivityStart>) {
        self.open.launches.extend(launches);
    }

    /// Puts an event in front of all others.
    pub(super) fn put_first(&mut self, event: &Recorded) -> Result<()> {
        self.full.front_mut().unwrap_or(&mut self.open).row.put_first(event)
    }

    /// The activities that wait for it.
    pub(super) fn retain_launches(&mut self, keep: impl Fn(&ActivityStart) -> bool) {
        let portions = self.full.iter_mut().chain([&mut self.open]);
        portions.for_each(|portion| portion.launches.retain(&keep));
    }

    /// How many these are.
    pub(super) fn waiting_launches(&self) -> usize {
        let portions = self.full.iter().chain([&self.open]);
        portions.map(|portion| portion.launches.len()).sum()
    }

    /// What the next record takes: a portion, or all that is left.
    pub(super) fn take_next(&mut self) -> Self {
        match self.full.pop_front() {
            Some(open) => Self { open, ..Self::default() },
            None => std::mem::take(self),
        }
    }

    /// Closes the open portion if it is large enough.
    fn make_room(&mut self) {
        if self.is_full() {
            self.full.push_back(std::mem::take(&mut self.open));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::{Event, decode};
    use crate::payload::Payload;
    use crate::time::Timestamp;

    fn value(op: u32, bytes: usize) -> Recorded {
        let value = Payload::json(&"x".repeat(bytes)).expect("text");
        Recorded { at: Timestamp(0), event: Event::SideEffect { op, value } }
    }

    fn row(event: &Recorded) -> RowBuilder {
        let mut row = RowBuilder::default();
        row.push(event).expect("it can be written");
        row
    }

    #[test]
    fn what_is_too_much_for_a_record_becomes_several_in_order() {
        let mut pending = Pending::default();
        let events: Vec<_> = (0..9).map(|op| value(op, PORTION / 3)).collect();
        for (event, seq) in events.iter().zip(1..) {
            pending.take_in(row(event), Some(seq));
        }
        let first = Recorded { at: Timestamp(0), event: Event::RunStarted };
        pending.put_first(&first).expect("it can be written");
        pending.park = Some(Box::default());
        let (mut rows, mut consumed, mut parked) = (Vec::new(), Vec::new(), Vec::new());
        while !pending.is_empty() {
            let Pending { open: portion, park, .. } = pending.take_next();
            assert!(portion.row.len() < PORTION * 2, "{} bytes", portion.row.len());
            rows.push(decode(0, &portion.row.into_bytes()).expect("a row"));
            consumed.push(portion.consumed);
            parked.push(park.is_some());
        }
        assert_eq!(consumed, [[1, 2, 3], [4, 5, 6], [7, 8, 9]]);
        assert_eq!(parked, [false, false, true], "it is parked behind all of it");
        assert_eq!(rows.concat(), [&[first][..], &events[..]].concat());
    }

    #[test]
    fn what_is_small_is_one_record() {
        let mut pending = Pending::default();
        for op in 0..1_000 {
            pending.mark(&value(op, 10), None).expect("it can be written");
        }
        assert!(!pending.is_cut());
        let _ = pending.take_next();
        assert!(pending.is_empty());
    }
}
