//! Actors as tables: each line is an operation of a SQL statement, and where to go after it.
//!
//! An operation is atomic; between two of them any other actor may act. The table reads like the SQL
//! it stands for, and a naive protocol is the same table with one line replaced.

use crate::database::{Database, Done, Locking, OnConflict, Row};

/// A condition on a row, for a record of a worker.
pub(crate) type Where = fn(Row, &Mind, u8) -> bool;

/// One operation.
#[derive(Clone, Copy)]
pub(crate) enum Op {
    /// A statement begins: what it sees is decided.
    Statement,
    Update(Where, fn(Row) -> Row, Locking),
    Delete(Where, Locking),
    /// `SELECT … FOR UPDATE`.
    Lock(Where),
    /// Whether the statement sees such a row.
    Sees(Where),
    Insert(fn(&Mind, u8) -> Row, OnConflict),
    /// Draws a number and writes a message with it.
    WriteMessage,
    /// Reads the inbox, on the way to the worker's memory.
    ReadInbox,
    /// Reads a page of it: one message, and whether there are more.
    ReadPage,
    /// Reads the next page: behind what was read before.
    ReadOn,
    /// Whether the run is known to have more messages than were read.
    HasMore,
    /// Reads the journal, on the way to the worker's memory.
    ReadJournal,
    /// Waits until the worker holds the run in its memory.
    AwaitRun,
    /// The worker takes a run into its memory, with what was read.
    TakeUp,
    /// What was read, and the counter, reach the run in the worker's memory, if it is still there.
    Deliver,
    /// What was read on reaches it.
    TurnPage,
    /// The worker has lost a race: it drops what it knows of the run, and will read it again.
    Drop,
    /// Whether the run was dropped so.
    IsDropped,
    /// A dropped run is as it was read again.
    Revive,
    /// The run only waits now, and has read all its messages: what it knows goes into a record.
    Decide,
    /// The same, though there are messages that it has not read.
    DecideAnyway,
    /// Appends the record at its position, if it has events.
    Append,
    /// Appends a record that has events in any case.
    AppendEnd,
    /// Appends behind the rows that the statement sees.
    AppendBehind,
    /// Deletes the messages that the record contains.
    Consume,
    /// The record was kept.
    Applied,
    /// Deletes the messages that the statement sees.
    EmptyInbox,
    /// The worker forgets the run.
    Forget,
    Commit,
    Abort,
}

/// Label, operation, where to go after a hit, and after a miss.
pub(crate) type Line = (&'static str, Op, &'static str, &'static str);

/// The label where an actor ends.
pub(crate) const END: &str = "end";

#[derive(Clone)]
pub(crate) struct Program {
    lines: Vec<Line>,
    worker: u8,
}

/// The worker of an actor that is none.
pub(crate) const NOBODY: u8 = 2;

/// A set of messages.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Messages(u8);

impl Messages {
    pub(crate) fn contains(self, message: u8) -> bool {
        self.0 & (1 << message) != 0
    }

    pub(crate) fn is_empty(self) -> bool {
        self.0 == 0
    }

    fn with(self, others: Self) -> Self {
        Self(self.0 | others.0)
    }

    /// Those with a number of at least so much.
    fn behind(self, seen: u8) -> Self {
        Self(self.0 >> seen << seen)
    }

    fn first(self) -> Self {
        Self(self.0 & self.0.wrapping_neg())
    }

    /// The number of the last one, counted from 1.
    fn last(self) -> u8 {
        8 - self.0.leading_zeros() as u8
    }

    fn without(self, others: Self) -> Self {
        Self(self.0 & !others.0)
    }
}

impl FromIterator<u8> for Messages {
    fn from_iter<T: IntoIterator<Item = u8>>(messages: T) -> Self {
        Self(messages.into_iter().fold(0, |set, message| set | (1 << message)))
    }
}

/// A run in a worker's memory.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Mind {
    pub(crate) held: bool,
    /// To be read again: until then, messages do not reach it.
    pub(crate) dropped: bool,
    /// Messages that it has not recorded yet.
    pub(crate) known: Messages,
    /// There are messages that it has not read.
    pub(crate) more: bool,
    /// The last message that it has read, counted from 1.
    pub(crate) seen: u8,
    pub(crate) sent: u8,
    /// The position of its next journal row.
    pub(crate) position: u8,
}

/// An actor at work.
#[derive(Clone, Default, PartialEq, Eq, Hash)]
pub(crate) struct Process {
    pub(crate) at: usize,
    on_its_way: Messages,
    more: bool,
    position: u8,
    counter: u8,
    record: Mind,
    message: Option<u8>,
}

/// What the actors share.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) struct World {
    pub(crate) database: Database,
    /// By worker.
    pub(crate) minds: [Mind; 3],
    /// Messages in the order of their commits.
    pub(crate) acknowledged: Vec<u8>,
}

impl Program {
    pub(crate) fn new(worker: u8, lines: &[Line]) -> Self {
        Self { lines: lines.to_vec(), worker }
    }

    /// The same program with one line replaced, or added.
    pub(crate) fn but(mut self, line: Line) -> Self {
        match self.lines.iter_mut().find(|known| known.0 == line.0) {
            Some(known) => *known = line,
            None => self.lines.push(line),
        }
        self
    }

    pub(crate) fn is_over(&self, process: &Process) -> bool {
        process.at >= self.lines.len()
    }

    /// Whether it has nothing to do unless somebody else does something.
    pub(crate) fn is_idle(&self, process: &Process) -> bool {
        self.lines
            .get(process.at)
            .is_none_or(|line| matches!(line.1, Op::AwaitRun | Op::Decide | Op::DecideAnyway))
    }

    pub(crate) fn label(&self, process: &Process) -> &'static str {
        self.lines.get(process.at).map_or(END, |line| line.0)
    }

    /// Does the next operation. Does nothing when that is blocked.
    pub(crate) fn step(&self, actor: usize, process: &mut Process, world: &mut World) -> Done {
        let (_, op, hit, miss) = self.lines[process.at];
        let done = self.act(op, actor, process, world);
        match done {
            Done::Hit => process.at = self.find(hit),
            Done::Miss => process.at = self.find(miss),
            Done::Blocked | Done::Failed => {}
        }
        if self.is_over(process) {
            *process = Process { at: process.at, ..Process::default() };
        }
        done
    }

    fn find(&self, label: &str) -> usize {
        if label == END {
            return self.lines.len();
        }
        let found = self.lines.iter().position(|line| line.0 == label);
        found.unwrap_or_else(|| panic!("no line `{label}`"))
    }

    fn act(&self, op: Op, actor: usize, process: &mut Process, world: &mut World) -> Done {
        let mind = &mut world.minds[usize::from(self.worker)];
        match in_memory(op, process, mind) {
            Some(done) => done,
            None => self.in_database(op, actor, process, world),
        }
    }

    fn in_database(&self, op: Op, actor: usize, process: &mut Process, world: &mut World) -> Done {
        let World { database, acknowledged, minds } = world;
        let mind = &minds[usize::from(self.worker)];
        let (worker, record) = (self.worker, process.record);
        let is = |wanted: Where| move |row| wanted(row, &record, worker);
        match op {
            Op::Statement => database.begin(actor),
            Op::Update(wanted, set, locking) => {
                let (done, row) = database.update(actor, is(wanted), set, locking);
                if let Some(Row::Owned { sent, .. }) = row {
                    process.counter = sent;
                }
                return done;
            }
            Op::Delete(wanted, locking) => return database.delete(actor, is(wanted), locking),
            Op::Lock(wanted) => return database.lock(actor, is(wanted)),
            Op::Sees(wanted) => return hit_if(database.seen(actor).any(is(wanted))),
            Op::Insert(row, on_conflict) => {
                return database.insert(actor, row(&record, worker), on_conflict);
            }
            Op::WriteMessage => process.message = Some(database.insert_message(actor)),
            Op::ReadInbox => process.on_its_way = database.seen(actor).filter_map(number).collect(),
            Op::ReadPage => read_page(process, database.seen(actor).filter_map(number), 0),
            Op::ReadOn => read_page(process, database.seen(actor).filter_map(number), mind.seen),
            Op::ReadJournal => process.position = length(database, actor),
            Op::Append if record.known.is_empty() => {}
            Op::Append | Op::AppendEnd => return append(database, actor, record.position),
            Op::AppendBehind => return append(database, actor, length(database, actor)),
            Op::Consume => return delete_messages(database, actor, |l| record.known.contains(l)),
            Op::EmptyInbox => return delete_messages(database, actor, |_| true),
            Op::Commit => {
                database.commit(actor);
                acknowledged.extend(process.message.take());
            }
            Op::Abort => database.abort(actor),
            _ => unreachable!("done in memory"),
        }
        Done::Hit
    }
}

/// What needs no database.
fn in_memory(op: Op, process: &mut Process, mind: &mut Mind) -> Option<Done> {
    let Process { on_its_way, position, .. } = *process;
    match op {
        Op::AwaitRun | Op::Decide | Op::DecideAnyway if !mind.held || mind.dropped => {
            return Some(Done::Blocked);
        }
        Op::Decide if mind.more => return Some(Done::Blocked),
        Op::AwaitRun => {}
        Op::Decide | Op::DecideAnyway => process.record = *mind,
        Op::TakeUp => {
            let (more, seen) = (process.more, on_its_way.last());
            *mind = Mind { held: true, known: on_its_way, more, seen, position, ..Mind::default() };
        }
        Op::Deliver if !mind.held => {}
        Op::Deliver => {
            mind.sent = process.counter;
            if !mind.dropped {
                turn_page(mind, process);
            }
        }
        Op::HasMore => return Some(hit_if(mind.held && !mind.dropped && mind.more)),
        Op::TurnPage if !mind.held || mind.dropped => {}
        Op::TurnPage => turn_page(mind, process),
        Op::Applied => {
            mind.position += u8::from(!process.record.known.is_empty());
            mind.known = mind.known.without(process.record.known);
        }
        Op::Drop => (mind.dropped, mind.known) = (mind.held, Messages::default()),
        Op::IsDropped => return Some(hit_if(mind.dropped)),
        Op::Revive if !mind.dropped => {}
        Op::Revive => {
            let (more, seen) = (process.more, on_its_way.last());
            *mind = Mind { dropped: false, known: on_its_way, more, seen, position, ..*mind };
        }
        Op::Forget => *mind = Mind::default(),
        _ => return None,
    }
    Some(Done::Hit)
}

/// The messages of a page reach the run, but for those that it has read.
fn turn_page(mind: &mut Mind, process: &Process) {
    let new = process.on_its_way.behind(mind.seen);
    mind.known = mind.known.with(new);
    mind.more = process.more;
    mind.seen = mind.seen.max(new.last());
}

fn read_page(process: &mut Process, messages: impl Iterator<Item = u8>, seen: u8) {
    let all: Messages = messages.collect();
    let behind = all.behind(seen);
    process.on_its_way = behind.first();
    process.more = behind != behind.first();
}

fn hit_if(condition: bool) -> Done {
    if condition { Done::Hit } else { Done::Miss }
}

/// A message's number.
pub(crate) fn number(row: Row) -> Option<u8> {
    match row {
        Row::Message(number) => Some(number),
        _ => None,
    }
}

fn length(database: &Database, actor: usize) -> u8 {
    let rows = database.seen(actor).filter(|row| matches!(row, Row::Journal(_)));
    u8::try_from(rows.count()).expect("a short journal")
}

fn append(database: &mut Database, actor: usize, position: u8) -> Done {
    database.insert(actor, Row::Journal(position), OnConflict::DoNothing)
}

/// Deletes messages, in their order; waits for whoever is deleting one.
fn delete_messages(database: &mut Database, actor: usize, which: impl Fn(u8) -> bool) -> Done {
    let messages: Vec<_> = database.seen(actor).filter_map(number).filter(|n| which(*n)).collect();
    for message in messages {
        let is_it = |row| row == Row::Message(message);
        if database.delete(actor, is_it, Locking::Wait) == Done::Blocked {
            return Done::Blocked;
        }
    }
    Done::Hit
}
