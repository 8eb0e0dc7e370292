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
    /// Draws a number and writes a letter with it.
    WriteLetter,
    /// Reads the inbox, on the way to the worker's memory.
    ReadInbox,
    /// Reads the journal, on the way to the worker's memory.
    ReadJournal,
    /// Waits until the worker holds the run in its memory.
    AwaitRun,
    /// The worker takes a run into its memory, with what was read.
    TakeUp,
    /// What was read, and the counter, reach the run in the worker's memory, if it is still there.
    Deliver,
    /// The run only waits now: what it knows goes into a record.
    Decide,
    /// Appends the record at its position, if it has events.
    Append,
    /// Appends a record that has events in any case.
    AppendEnd,
    /// Appends behind the rows that the statement sees.
    AppendBehind,
    /// Deletes the letters that the record contains.
    Consume,
    /// The record was kept.
    Applied,
    /// Deletes the letters that the statement sees.
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

/// A set of letters.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Letters(u8);

impl Letters {
    pub(crate) fn contains(self, letter: u8) -> bool {
        self.0 & (1 << letter) != 0
    }

    pub(crate) fn is_empty(self) -> bool {
        self.0 == 0
    }

    fn with(self, others: Self) -> Self {
        Self(self.0 | others.0)
    }

    fn without(self, others: Self) -> Self {
        Self(self.0 & !others.0)
    }
}

impl FromIterator<u8> for Letters {
    fn from_iter<T: IntoIterator<Item = u8>>(letters: T) -> Self {
        Self(letters.into_iter().fold(0, |set, letter| set | (1 << letter)))
    }
}

/// A run in a worker's memory.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Mind {
    pub(crate) held: bool,
    /// Letters that it has not recorded yet.
    pub(crate) known: Letters,
    pub(crate) sent: u8,
    /// The position of its next journal row.
    pub(crate) position: u8,
}

/// An actor at work.
#[derive(Clone, Default, PartialEq, Eq, Hash)]
pub(crate) struct Process {
    pub(crate) at: usize,
    on_its_way: Letters,
    position: u8,
    counter: u8,
    record: Mind,
    letter: Option<u8>,
}

/// What the actors share.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) struct World {
    pub(crate) database: Database,
    /// By worker.
    pub(crate) minds: [Mind; 3],
    /// Letters in the order of their commits.
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
        self.lines.get(process.at).is_none_or(|line| matches!(line.1, Op::AwaitRun))
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
        let World { database, minds, acknowledged } = world;
        let worker = self.worker;
        let mind = &mut minds[usize::from(worker)];
        let is = |wanted: Where, record: &Mind| {
            let record = *record;
            move |row| wanted(row, &record, worker)
        };
        match op {
            Op::Statement => database.begin(actor),
            Op::Update(wanted, set, locking) => {
                let wanted = is(wanted, &process.record);
                let (done, row) = database.update(actor, wanted, set, locking);
                if let Some(Row::Owned { sent, .. }) = row {
                    process.counter = sent;
                }
                return done;
            }
            Op::Delete(wanted, locking) => {
                return database.delete(actor, is(wanted, &process.record), locking);
            }
            Op::Lock(wanted) => return database.lock(actor, is(wanted, &process.record)),
            Op::Sees(wanted) => {
                let seen = database.seen(actor).any(is(wanted, &process.record));
                return if seen { Done::Hit } else { Done::Miss };
            }
            Op::Insert(row, on_conflict) => {
                return database.insert(actor, row(&process.record, worker), on_conflict);
            }
            Op::WriteLetter => process.letter = Some(database.insert_letter(actor)),
            Op::ReadInbox => process.on_its_way = database.seen(actor).filter_map(number).collect(),
            Op::AwaitRun if !mind.held => return Done::Blocked,
            Op::AwaitRun => {}
            Op::TakeUp => {
                let Process { on_its_way: known, position, .. } = *process;
                *mind = Mind { held: true, known, sent: 0, position };
            }
            Op::Deliver if !mind.held => {}
            Op::Deliver => {
                mind.known = mind.known.with(process.on_its_way);
                mind.sent = process.counter;
            }
            Op::ReadJournal => process.position = length(database, actor),
            Op::Decide => process.record = *mind,
            Op::Append if process.record.known.is_empty() => {}
            Op::Append | Op::AppendEnd => {
                return append(database, actor, process.record.position);
            }
            Op::AppendBehind => {
                let position = length(database, actor);
                return append(database, actor, position);
            }
            Op::Applied => {
                mind.position += u8::from(!process.record.known.is_empty());
                mind.known = mind.known.without(process.record.known);
            }
            Op::Consume => {
                let known = process.record.known;
                return delete_letters(database, actor, |letter| known.contains(letter));
            }
            Op::EmptyInbox => return delete_letters(database, actor, |_| true),
            Op::Forget => *mind = Mind::default(),
            Op::Commit => {
                database.commit(actor);
                acknowledged.extend(process.letter.take());
            }
            Op::Abort => database.abort(actor),
        }
        Done::Hit
    }
}

/// A letter's number.
pub(crate) fn number(row: Row) -> Option<u8> {
    match row {
        Row::Letter(number) => Some(number),
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

/// Deletes letters, in their order; waits for whoever is deleting one.
fn delete_letters(database: &mut Database, actor: usize, which: impl Fn(u8) -> bool) -> Done {
    let letters: Vec<_> = database.seen(actor).filter_map(number).filter(|n| which(*n)).collect();
    for letter in letters {
        let is_it = |row| row == Row::Letter(letter);
        if database.delete(actor, is_it, Locking::Wait) == Done::Blocked {
            return Done::Blocked;
        }
    }
    Done::Hit
}
