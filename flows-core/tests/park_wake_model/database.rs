//! One run's rows in a PostgreSQL database, as concurrent READ COMMITTED transactions see them.
//!
//! What it keeps of PostgreSQL: a statement sees what was committed when it began, and its own
//! transaction's earlier statements. A row that another transaction has changed is waited for; after
//! that commits, the newest version is checked again (`EvalPlanQual`), and a deleted row is gone even
//! if another one with its key has come. A unique key waits for whoever is inserting or deleting it,
//! and sees rows that the snapshot does not. Numbers drawn from a sequence are never taken back.
//!
//! Actors are transactions: each has at most one at a time. Nothing here knows the protocol.

/// A transaction, by the actor that runs it.
pub(crate) type Actor = usize;

/// A row. The key of most kinds is the run, so there is one live row of a kind; a journal row's is
/// its position; messages have numbers that never meet.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) enum Row {
    Run {
        open: bool,
    },
    Ready,
    Owned {
        worker: u8,
        has_messages: bool,
        sent: u8,
    },
    /// With the journal's length, as whoever parked it knew it.
    Parked {
        stuck: bool,
        known: u8,
    },
    Message(u8),
    /// A journal row, at its position.
    Journal(u8),
}

impl Row {
    pub(crate) fn is_place(self) -> bool {
        matches!(self, Self::Ready | Self::Owned { .. } | Self::Parked { .. })
    }

    fn has_key_of(self, other: Self) -> bool {
        match self {
            Self::Message(_) => false,
            Self::Journal(_) => self == other,
            _ => std::mem::discriminant(&self) == std::mem::discriminant(&other),
        }
    }
}

/// What to do about a row that another transaction holds, or has changed since the snapshot.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Locking {
    /// Wait, then check the newest version.
    Wait,
    /// `SKIP LOCKED`: do without; the newest version of an unlocked row is checked.
    Skip,
    /// `SKIP LOCKED` by `ctid`: do without it, also if it has changed.
    SkipChanged,
}

/// What to do about a row with the same key.
#[derive(Clone, Copy)]
pub(crate) enum OnConflict {
    Fail,
    DoNothing,
    DoUpdate(fn(Row) -> Row),
}

/// What became of an operation.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Done {
    /// It changed (or found) a row.
    Hit,
    /// It did not.
    Miss,
    /// Another transaction is in the way.
    Blocked,
    /// Unique violation.
    Failed,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
struct Version {
    row: Row,
    /// Who is writing it; `None` once that is committed.
    writer: Option<Actor>,
    /// Who has locked it without changing it.
    locker: Option<Actor>,
    end: End,
}

/// How a version ends: with the version that follows an update, if it was one.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
enum End {
    Never,
    Pending(Actor, Option<usize>),
    Committed(Option<usize>),
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Database {
    versions: Vec<Version>,
    snapshots: Vec<Vec<usize>>,
    drawn: u8,
}

impl Database {
    pub(crate) fn new(rows: &[Row], actors: usize) -> Self {
        let mut database =
            Self { versions: Vec::new(), snapshots: vec![Vec::new(); actors], drawn: 0 };
        rows.iter().for_each(|row| database.push(*row, None));
        database
    }

    /// The rows that everybody could see now.
    pub(crate) fn committed(&self) -> impl Iterator<Item = Row> {
        let live = self.versions.iter().filter(|v| v.writer.is_none() && !v.is_over());
        live.map(|version| version.row)
    }

    /// Begins a statement: decides what it sees.
    pub(crate) fn begin(&mut self, actor: Actor) {
        let seen = |version: &Version| match version.end {
            End::Committed(_) => false,
            End::Pending(by, _) => by != actor && version.writer.is_none(),
            End::Never => version.writer.is_none_or(|writer| writer == actor),
        };
        let ids = (0..self.versions.len()).filter(|id| seen(&self.versions[*id])).collect();
        self.snapshots[actor] = ids;
        self.collect_garbage();
    }

    /// What the statement sees.
    pub(crate) fn seen(&self, actor: Actor) -> impl Iterator<Item = Row> {
        self.snapshots[actor].iter().map(|id| self.versions[*id].row)
    }

    pub(crate) fn update(
        &mut self,
        actor: Actor,
        wanted: impl Fn(Row) -> bool,
        set: fn(Row) -> Row,
        locking: Locking,
    ) -> (Done, Option<Row>) {
        match self.find(actor, wanted, locking) {
            Ok(id) => (Done::Hit, Some(self.replace(actor, id, set))),
            Err(done) => (done, None),
        }
    }

    pub(crate) fn delete(
        &mut self,
        actor: Actor,
        wanted: impl Fn(Row) -> bool,
        locking: Locking,
    ) -> Done {
        match self.find(actor, wanted, locking) {
            Ok(id) => {
                self.versions[id].end = End::Pending(actor, None);
                Done::Hit
            }
            Err(done) => done,
        }
    }

    /// `SELECT … FOR UPDATE`.
    pub(crate) fn lock(&mut self, actor: Actor, wanted: impl Fn(Row) -> bool) -> Done {
        match self.find(actor, wanted, Locking::Wait) {
            Ok(id) => {
                self.versions[id].locker = Some(actor);
                Done::Hit
            }
            Err(done) => done,
        }
    }

    pub(crate) fn insert(&mut self, actor: Actor, row: Row, on_conflict: OnConflict) -> Done {
        let twin = self.versions.iter().position(|v| v.row.has_key_of(row) && v.is_known_to(actor));
        let Some(twin) = twin else {
            self.push(row, Some(actor));
            return Done::Hit;
        };
        if self.versions[twin].is_held_against(actor) {
            return Done::Blocked;
        }
        match on_conflict {
            OnConflict::Fail => return Done::Failed,
            OnConflict::DoNothing => {}
            OnConflict::DoUpdate(_) if self.versions[twin].is_locked_against(actor) => {
                return Done::Blocked;
            }
            OnConflict::DoUpdate(set) => {
                self.replace(actor, twin, set);
            }
        }
        Done::Miss
    }

    /// Inserts a message with the next number.
    pub(crate) fn insert_message(&mut self, actor: Actor) -> u8 {
        self.drawn += 1;
        self.push(Row::Message(self.drawn), Some(actor));
        self.drawn
    }

    pub(crate) fn commit(&mut self, actor: Actor) {
        for version in &mut self.versions {
            version.writer = version.writer.filter(|writer| *writer != actor);
            version.locker = version.locker.filter(|locker| *locker != actor);
            if let End::Pending(by, next) = version.end
                && by == actor
            {
                version.end = End::Committed(next);
            }
        }
        self.finish(actor);
    }

    pub(crate) fn abort(&mut self, actor: Actor) {
        for version in &mut self.versions {
            version.locker = version.locker.filter(|locker| *locker != actor);
            if matches!(version.end, End::Pending(by, _) if by == actor) {
                version.end = End::Never;
            }
            if version.writer == Some(actor) {
                version.writer = None;
                version.end = End::Committed(None);
            }
        }
        self.finish(actor);
    }

    /// The row a statement may change: seen by it, held by nobody else, and still as wanted.
    fn find(
        &self,
        actor: Actor,
        wanted: impl Fn(Row) -> bool,
        locking: Locking,
    ) -> Result<usize, Done> {
        let seen = self.snapshots[actor].iter().copied();
        let mut id =
            seen.into_iter().find(|id| wanted(self.versions[*id].row)).ok_or(Done::Miss)?;
        loop {
            let version = &self.versions[id];
            match version.end {
                _ if version.is_locked_against(actor) => return Err(locking.refused()),
                End::Never => return if wanted(version.row) { Ok(id) } else { Err(Done::Miss) },
                End::Pending(by, _) if by != actor => return Err(locking.refused()),
                End::Committed(Some(next)) if locking != Locking::SkipChanged => id = next,
                End::Pending(..) | End::Committed(_) => return Err(Done::Miss),
            }
        }
    }

    fn replace(&mut self, actor: Actor, id: usize, set: fn(Row) -> Row) -> Row {
        let row = set(self.versions[id].row);
        self.versions[id].end = End::Pending(actor, Some(self.versions.len()));
        self.push(row, Some(actor));
        row
    }

    fn push(&mut self, row: Row, writer: Option<Actor>) {
        self.versions.push(Version { row, writer, locker: None, end: End::Never });
    }

    fn finish(&mut self, actor: Actor) {
        self.snapshots[actor].clear();
        self.collect_garbage();
    }

    /// Forgets versions that nobody can reach any more, so that equal states are equal.
    fn collect_garbage(&mut self) {
        let mut keep: Vec<bool> = self.versions.iter().map(|version| !version.is_over()).collect();
        self.snapshots.iter().flatten().for_each(|id| keep[*id] = true);
        for id in 0..keep.len() {
            // A version comes before the one that follows it.
            if let (true, Some(next)) = (keep[id], self.versions[id].next()) {
                keep[next] = true;
            }
        }
        if keep.iter().all(|kept| *kept) {
            return;
        }
        let place = |id: usize| keep[..id].iter().filter(|kept| **kept).count();
        for version in &mut self.versions {
            match &mut version.end {
                End::Pending(_, Some(next)) | End::Committed(Some(next)) => *next = place(*next),
                _ => {}
            }
        }
        self.snapshots.iter_mut().flatten().for_each(|id| *id = place(*id));
        let mut kept = keep.iter();
        self.versions.retain(|_| *kept.next().expect("as many as versions"));
    }
}

impl Locking {
    fn refused(self) -> Done {
        if self == Self::Wait { Done::Blocked } else { Done::Miss }
    }
}

impl Version {
    fn is_over(&self) -> bool {
        matches!(self.end, End::Committed(_))
    }

    fn next(&self) -> Option<usize> {
        match self.end {
            End::Pending(_, next) | End::Committed(next) => next,
            End::Never => None,
        }
    }

    fn is_locked_against(&self, actor: Actor) -> bool {
        self.locker.is_some_and(|locker| locker != actor)
    }

    /// Whether a unique key has to reckon with it: it is there, or may be.
    fn is_known_to(&self, actor: Actor) -> bool {
        match self.end {
            End::Committed(_) => false,
            End::Pending(by, _) => by != actor && self.writer != Some(by),
            End::Never => true,
        }
    }

    /// Whether somebody else is writing or deleting it.
    fn is_held_against(&self, actor: Actor) -> bool {
        let ending = matches!(self.end, End::Pending(by, _) if by != actor);
        ending || self.writer.is_some_and(|writer| writer != actor)
    }
}
