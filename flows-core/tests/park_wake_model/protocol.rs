//! The protocol, actor by actor, as the PostgreSQL store and the worker execute it.

use crate::database::Locking::{Skip, SkipChanged, Wait};
use crate::database::OnConflict::{DoUpdate, Fail};
use crate::database::Row;
use crate::program::Op::{
    Abort, Append, AppendBehind, AppendEnd, Applied, AwaitRun, Commit, Consume, Decide, Delete,
    Deliver, Drop, EmptyInbox, Forget, HasMore, Insert, IsDropped, Lock, ReadInbox, ReadJournal,
    ReadOn, ReadPage, Revive, Sees, Statement, TakeUp, TurnPage, Update, WriteMessage,
};
use crate::program::{END, Mind, NOBODY, Program, Where};

pub(crate) const OPEN: Where = |row, _, _| row == Row::Run { open: true };
pub(crate) const READY: Where = |row, _, _| row == Row::Ready;
pub(crate) const OWNED: Where = |row, _, _| matches!(row, Row::Owned { .. });
pub(crate) const MINE: Where =
    |row, _, me| matches!(row, Row::Owned { worker, .. } if worker == me);
pub(crate) const WAITING: Where = |row, _, _| matches!(row, Row::Parked { stuck: false, .. });
pub(crate) const STUCK: Where = |row, _, _| matches!(row, Row::Parked { stuck: true, .. });
pub(crate) const PARKED: Where = |row, _, _| matches!(row, Row::Parked { .. });
/// Mine, and its flag is up.
pub(crate) const FLAGGED: Where =
    |row, record, me| MINE(row, record, me) && matches!(row, Row::Owned { has_messages: true, .. });
/// Mine, and its flag is down.
pub(crate) const UNFLAGGED: Where =
    |row, record, me| MINE(row, record, me) && !FLAGGED(row, record, me);
/// Its flag is down, and no message was sent that the run has not heard of.
pub(crate) const QUIET: Where = |row, record, _| matches!(row, Row::Owned { has_messages: false, sent, .. } if sent == record.sent);
/// Mine, and quiet.
pub(crate) const IDLE: Where = |row, record, me| MINE(row, record, me) && QUIET(row, record, me);

pub(crate) fn same(row: Row) -> Row {
    row
}

pub(crate) fn ended(_: Row) -> Row {
    Row::Run { open: false }
}

/// The flag and the counter go up.
pub(crate) fn raised(row: Row) -> Row {
    match row {
        Row::Owned { worker, sent, .. } => {
            Row::Owned { worker, has_messages: true, sent: sent + 1 }
        }
        other => other,
    }
}

pub(crate) fn lowered(row: Row) -> Row {
    match row {
        Row::Owned { worker, sent, .. } => Row::Owned { worker, has_messages: false, sent },
        other => other,
    }
}

pub(crate) fn ready(_: &Mind, _: u8) -> Row {
    Row::Ready
}

pub(crate) fn owned(_: &Mind, worker: u8) -> Row {
    Row::Owned { worker, has_messages: false, sent: 0 }
}

fn waiting(record: &Mind, _: u8) -> Row {
    let known = record.position + u8::from(!record.known.is_empty());
    Row::Parked { stuck: false, known }
}

/// `send.sql`: locks the place that the statement sees, then writes. A run that was on its way from
/// one place to another is sought again; only a run that is seen to have ended refuses.
pub(crate) fn sender() -> Program {
    Program::new(
        NOBODY,
        &[
            ("send", Statement, "raise", END),
            ("raise", Update(OWNED, raised, Wait), "message", "stuck"),
            ("stuck", Lock(STUCK), "message", "unpark"),
            ("unpark", Delete(WAITING, Wait), "ready", "mark"),
            ("ready", Insert(ready, DoUpdate(same)), "message", "message"),
            ("mark", Update(READY, same, Wait), "message", "look"),
            ("look", Statement, "open", END),
            ("open", Sees(OPEN), "send", "refuse"),
            ("message", WriteMessage, "commit", END),
            ("commit", Commit, END, END),
            ("refuse", Abort, END, END),
        ],
    )
}

/// The poller of a worker: collects, claims, collects. One task, so that what it reads reaches the
/// worker's memory in the order it was read.
pub(crate) fn poller(worker: u8) -> Program {
    Program::new(
        worker,
        &[
            ("collect", Statement, "lower", END),
            ("lower", Update(FLAGGED, lowered, Skip), "lowered", "claim"),
            ("lowered", Commit, "news", END),
            ("news", Statement, "messages", END),
            ("messages", ReadInbox, "deliver", END),
            ("deliver", Deliver, "claim", END),
            ("claim", Statement, "take", END),
            ("take", Delete(READY, SkipChanged), "given", "none"),
            ("given", Sees(OPEN), "own", "none"),
            ("own", Insert(owned, DoUpdate(raised)), "claimed", "none"),
            ("claimed", Commit, "read", END),
            ("read", Statement, "inbox", END),
            ("inbox", ReadInbox, "journal", END),
            ("journal", ReadJournal, "up", END),
            ("up", TakeUp, "collect 2", END),
            ("none", Commit, "collect 2", END),
            ("collect 2", Statement, "lower 2", END),
            ("lower 2", Update(FLAGGED, lowered, Skip), "lowered 2", "done"),
            ("lowered 2", Commit, "news 2", END),
            ("news 2", Statement, "messages 2", END),
            ("messages 2", ReadInbox, "deliver 2", END),
            ("deliver 2", Deliver, "done", END),
            ("done", Commit, END, END),
        ],
    )
}

/// A poller that reads inboxes by the page, and reads on until it has read all.
pub(crate) fn poller_of_pages(worker: u8) -> Program {
    poller(worker)
        .but(("messages", ReadPage, "deliver", END))
        .but(("inbox", ReadPage, "journal", END))
        .but(("messages 2", ReadPage, "deliver 2", END))
        .but(("deliver", Deliver, "more", END))
        .but(("more", HasMore, "read on", "claim"))
        .but(("read on", Statement, "page", END))
        .but(("page", ReadOn, "turn", END))
        .but(("turn", TurnPage, "more", END))
        .but(("up", TakeUp, "more 2", END))
        .but(("more 2", HasMore, "read on 2", "collect 2"))
        .but(("read on 2", Statement, "page 2", END))
        .but(("page 2", ReadOn, "turn 2", END))
        .but(("turn 2", TurnPage, "more 2", END))
        .but(("deliver 2", Deliver, "more 3", END))
        .but(("more 3", HasMore, "read on 3", "done"))
        .but(("read on 3", Statement, "page 3", END))
        .but(("page 3", ReadOn, "turn 3", END))
        .but(("turn 3", TurnPage, "more 3", END))
}

/// Somebody else was first at a journal position.
pub(crate) fn loser(worker: u8) -> Program {
    Program::new(worker, &[("lost", Drop, END, END)])
}

/// A poller that also reads dropped runs again.
pub(crate) fn poller_that_reloads(worker: u8) -> Program {
    poller(worker)
        .but(("lower", Update(FLAGGED, lowered, Skip), "lowered", "dropped"))
        .but(("deliver", Deliver, "dropped", END))
        .but(("dropped", IsDropped, "reload", "claim"))
        .but(("reload", Statement, "inbox again", END))
        .but(("inbox again", ReadInbox, "journal again", END))
        .but(("journal again", ReadJournal, "revive", END))
        .but(("revive", Revive, "claim", END))
}

/// A task of its own that reads dropped runs again.
pub(crate) fn reloader(worker: u8) -> Program {
    Program::new(
        worker,
        &[
            ("lost", Drop, "reload", END),
            ("reload", Statement, "inbox", END),
            ("inbox", ReadInbox, "journal", END),
            ("journal", ReadJournal, "revive", END),
            ("revive", Revive, "commit", END),
            ("commit", Commit, END, END),
        ],
    )
}

/// A turn that consumes what the run knows and puts it down: `turn.sql`, then `park.sql`.
pub(crate) fn parker(worker: u8) -> Program {
    Program::new(
        worker,
        &[
            ("await", AwaitRun, "decide", END),
            ("decide", Decide, "turn", END),
            ("turn", Statement, "append", END),
            ("append", Append, "consume", "lost"),
            ("consume", Consume, "settle", END),
            ("settle", Statement, "park", END),
            ("park", Delete(IDLE, Wait), "put", "mine"),
            ("put", Insert(waiting, Fail), "forget", END),
            ("forget", Forget, "commit", END),
            ("mine", Sees(MINE), "applied", "lost"),
            ("applied", Applied, "commit", END),
            ("commit", Commit, END, END),
            ("lost", Abort, END, END),
        ],
    )
}

/// A turn that consumes what the run knows and keeps it: its fence is the journal alone.
pub(crate) fn stayer(worker: u8) -> Program {
    Program::new(
        worker,
        &[
            ("await", AwaitRun, "decide", END),
            ("decide", Decide, "turn", END),
            ("turn", Statement, "append", END),
            ("append", Append, "consume", "lost"),
            ("consume", Consume, "applied", END),
            ("applied", Applied, "commit", END),
            ("commit", Commit, END, END),
            ("lost", Abort, END, END),
        ],
    )
}

/// A turn that ends the run.
pub(crate) fn closer(worker: u8) -> Program {
    Program::new(
        worker,
        &[
            ("await", AwaitRun, "decide", END),
            ("decide", Decide, "turn", END),
            ("turn", Statement, "append", END),
            ("append", AppendEnd, "end run", "lost"),
            ("end run", Update(OPEN, ended, Wait), "release", "lost"),
            ("release", Delete(MINE, Wait), "inbox", "lost"),
            ("inbox", Statement, "empty", END),
            ("empty", EmptyInbox, "forget", END),
            ("forget", Forget, "commit", END),
            ("commit", Commit, END, END),
            ("lost", Abort, END, END),
        ],
    )
}

/// Ends the run from outside: journal and run's row first, as the closer does, then its place,
/// wherever that is by now.
pub(crate) fn terminator() -> Program {
    Program::new(
        NOBODY,
        &[
            ("terminate", Statement, "append", END),
            ("append", AppendBehind, "end run", "terminate"),
            ("end run", Update(OPEN, ended, Wait), "seek", "over"),
            ("seek", Statement, "owned", END),
            ("owned", Delete(OWNED, Wait), "inbox", "parked"),
            ("parked", Delete(PARKED, Wait), "inbox", "ready"),
            ("ready", Delete(READY, Wait), "inbox", "seek"),
            ("inbox", Statement, "empty", END),
            ("empty", EmptyInbox, "commit", END),
            ("commit", Commit, END, END),
            ("over", Abort, END, END),
        ],
    )
}

/// `wake_due.sql`: a parked run is due.
pub(crate) fn timer() -> Program {
    mover(Delete(WAITING, Skip))
}

/// `release.sql`: the lease of worker 0 has lapsed.
pub(crate) fn takeover() -> Program {
    mover(Delete(|row, _, _| matches!(row, Row::Owned { worker: 0, .. }), Skip))
}

/// A build has come that may mend the run. It waits for whoever holds the row, as if it came only once.
pub(crate) fn registration() -> Program {
    mover(Delete(STUCK, Wait))
}

fn mover(take: crate::program::Op) -> Program {
    Program::new(
        NOBODY,
        &[
            ("move", Statement, "take", END),
            ("take", take, "ready", "commit"),
            ("ready", Insert(ready, DoUpdate(same)), "commit", "commit"),
            ("commit", Commit, END, END),
        ],
    )
}
