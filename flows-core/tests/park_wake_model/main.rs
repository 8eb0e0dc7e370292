//! An exhaustive model of "nothing left to do, park" against "a message came".
//!
//! Every interleaving of the SQL statements of senders, workers, timers and terminations on one run
//! is explored, under PostgreSQL's READ COMMITTED. In all of them an open run has one place, messages
//! are numbered in commit order, and no acknowledged message ends where nobody will look. Naive
//! protocols are one line away, and the model finds what is wrong with each.

mod database;
mod explore;
mod program;
mod protocol;

use database::Locking::{Skip, Wait};
use database::OnConflict::{self, DoNothing, DoUpdate};
use database::Row;
use explore::Scenario;
use program::Op::{
    Abort, AppendBehind, Commit, DecideAnyway, Delete, Insert, ReadInbox, ReadJournal, Sees,
    Statement, Update, WriteMessage,
};
use program::{END, Program};
use protocol::{
    IDLE, MINE, OWNED, QUIET, READY, STUCK, UNFLAGGED, WAITING, closer, loser, parker, poller,
    poller_of_pages, poller_that_reloads, raised, ready, registration, reloader, same, sender,
    stayer, takeover, terminator, timer,
};

const WAITING_FROM_0: Row = Row::Parked { stuck: false, known: 0 };
const STUCK_FROM_0: Row = Row::Parked { stuck: true, known: 0 };
const OWNED_BY_0: Row = Row::Owned { worker: 0, has_messages: false, sent: 0 };

fn scenario(place: Row, actors: Vec<(&'static str, Program)>) -> Scenario {
    Scenario { place, actors }
}

#[track_caller]
fn holds(place: Row, actors: Vec<(&'static str, Program)>) {
    match scenario(place, actors).explore() {
        Ok(states) => println!("{states} states"),
        Err(violation) => panic!("{violation}"),
    }
}

#[track_caller]
fn is_caught(what: &str, place: Row, actors: Vec<(&'static str, Program)>) {
    let violation = scenario(place, actors).explore().expect_err("nothing wrong was found");
    println!("{violation}");
    assert!(violation.what.contains(what), "{violation}");
}

#[test]
fn an_owner_parks_while_messages_come() {
    holds(
        OWNED_BY_0,
        vec![
            ("sender 1", sender()),
            ("sender 2", sender()),
            ("poller", poller(0)),
            ("parker", parker(0)),
        ],
    );
}

/// Somebody's open transaction holds the run while it is to be parked: it is not, whether that commits
/// or rolls back.
#[test]
fn an_owner_goes_around_who_holds_its_run() {
    holds(
        OWNED_BY_0,
        vec![
            ("sender 1", sender()),
            ("sender 2", sender().but(("commit", Abort, END, END))),
            ("poller", poller(0)),
            ("parker", around(parker(0))),
        ],
    );
}

/// A parker that waits for nobody.
fn around(parker: Program) -> Program {
    parker.but(("park", Delete(IDLE, Skip), "put", "mine"))
}

#[test]
fn an_inbox_is_read_by_the_page_while_messages_come() {
    let actors = vec![
        ("sender 1", sender()),
        ("sender 2", sender()),
        ("poller", poller_of_pages(0)),
        ("parker", parker(0)),
    ];
    holds(OWNED_BY_0, actors.clone());
    holds(Row::Ready, actors);
}

#[test]
fn two_workers_claim_while_messages_come() {
    holds(
        Row::Ready,
        vec![
            ("sender 1", sender()),
            ("poller 0", poller(0)),
            ("parker 0", parker(0)),
            ("poller 1", poller(1)),
        ],
    );
}

#[test]
fn a_parked_run_is_due_while_messages_come() {
    holds(
        WAITING_FROM_0,
        vec![
            ("sender 1", sender()),
            ("sender 2", sender()),
            ("timer", timer()),
            ("poller", poller(0)),
        ],
    );
}

#[test]
fn a_run_is_closed_and_terminated_while_messages_come() {
    holds(
        OWNED_BY_0,
        vec![
            ("sender 1", sender()),
            ("sender 2", sender()),
            ("closer", closer(0)),
            ("terminator", terminator()),
        ],
    );
}

#[test]
fn a_run_is_terminated_while_it_moves() {
    holds(
        Row::Ready,
        vec![
            ("sender", sender()),
            ("poller", poller(0)),
            ("parker", parker(0)),
            ("terminator", terminator()),
        ],
    );
}

#[test]
fn a_run_is_taken_over_while_its_worker_parks() {
    holds(
        OWNED_BY_0,
        vec![
            ("sender", sender()),
            ("parker", parker(0)),
            ("takeover", takeover()),
            ("poller 1", poller(1)),
        ],
    );
}

#[test]
fn a_stale_owner_writes_while_another_claims() {
    let mut actors = stale_owner(poller(1));
    holds(OWNED_BY_0, actors.clone());
    actors.push(("sender", sender()));
    holds(OWNED_BY_0, actors);
}

#[test]
fn an_owner_reads_its_run_again_while_messages_come() {
    holds(
        OWNED_BY_0,
        vec![
            ("sender", sender()),
            ("poller", poller_that_reloads(0)),
            ("loser", loser(0)),
            ("parker", parker(0)),
        ],
    );
}

/// Worker 0 has lost its lease, and goes on.
fn stale_owner(next: Program) -> Vec<(&'static str, Program)> {
    vec![
        ("stayer 0", stayer(0)),
        ("takeover", takeover()),
        ("poller 1", next),
        ("parker 1", parker(1)),
    ]
}

#[test]
fn a_stuck_run_is_released_while_messages_come() {
    holds(
        STUCK_FROM_0,
        vec![
            ("sender 1", sender()),
            ("sender 2", sender()),
            ("registration", registration()),
            ("poller", poller(0)),
        ],
    );
}

// ---- naive protocols ---------------------------------------------------------------------------

#[test]
fn parking_must_look_at_the_flag() {
    let parker = parker(0).but(("park", Delete(MINE, Wait), "put", "mine"));
    let actors = vec![("sender", sender()), ("poller", poller(0)), ("parker", parker)];
    is_caught("lost", OWNED_BY_0, actors);
}

#[test]
fn a_run_that_is_held_must_be_kept() {
    let parker = around(parker(0)).but(("mine", Sees(MINE), "forget", "lost"));
    let actors = vec![("sender", sender()), ("poller", poller(0)), ("parker", parker)];
    is_caught("lost", OWNED_BY_0, actors);
}

#[test]
fn parking_must_look_at_the_counter() {
    let parker = parker(0).but(("park", Delete(UNFLAGGED, Wait), "put", "mine"));
    let actors = vec![("sender", sender()), ("poller", poller(0)), ("parker", parker)];
    is_caught("lost", OWNED_BY_0, actors);
}

#[test]
fn parking_must_wait_for_the_last_page() {
    let hasty = parker(0).but(("decide", DecideAnyway, "turn", END));
    let actors = vec![
        ("sender 1", sender()),
        ("sender 2", sender()),
        ("poller", poller_of_pages(0)),
        ("parker", hasty),
    ];
    is_caught("lost", Row::Ready, actors);
}

#[test]
fn a_ready_row_must_be_locked_by_the_sender() {
    let marked = sender().but(("mark", Sees(READY), "message", "look"));
    let actors = vec![("sender", marked), ("poller", poller(0))];
    is_caught("lost", Row::Ready, actors);
}

/// The sender that seeks no second time, but makes the run ready whatever it saw.
fn one_shot(on_conflict: OnConflict) -> Program {
    sender().but(("unpark", Delete(WAITING, Wait), "ready", "ready")).but((
        "ready",
        Insert(ready, on_conflict),
        "message",
        "message",
    ))
}

#[test]
fn to_do_nothing_on_conflict_loses_a_message() {
    let actors = vec![("sender", one_shot(DoNothing)), ("poller", poller(0))];
    is_caught("lost", Row::Ready, actors);
}

#[test]
fn to_make_a_run_ready_unseen_gives_it_two_places() {
    let actors = vec![("sender", one_shot(DoUpdate(same))), ("poller", poller(0))];
    is_caught("its places", Row::Ready, actors);
}

#[test]
fn to_make_a_run_ready_unseen_revives_one_that_has_ended() {
    let actors = vec![("sender", one_shot(DoUpdate(same))), ("closer", closer(0))];
    is_caught("the run is closed", OWNED_BY_0, actors);
}

#[test]
fn a_sender_that_missed_the_run_must_seek_again() {
    let gives_up = sender().but(("mark", Update(READY, same, Wait), "message", "message"));
    let actors = vec![("sender", gives_up), ("poller", poller(0))];
    is_caught("lost", Row::Ready, actors);
}

#[test]
fn a_message_must_be_written_under_the_lock_of_the_place() {
    let early = sender()
        .but(("send", Statement, "message", END))
        .but(("message", WriteMessage, "raise", END))
        .but(("raise", Update(OWNED, raised, Wait), "commit", "stuck"));
    is_caught("order", OWNED_BY_0, vec![("sender 1", early.clone()), ("sender 2", early)]);
}

#[test]
fn flag_and_message_must_be_one_transaction() {
    let twice = sender()
        .but(("raise", Update(OWNED, raised, Wait), "raised", "stuck"))
        .but(("raised", Commit, "again", END))
        .but(("again", Statement, "message", END));
    is_caught("lost", OWNED_BY_0, vec![("sender", twice), ("poller", poller(0))]);
}

#[test]
fn a_claim_must_read_the_inbox_behind_its_lock() {
    let poller = poller(0)
        .but(("claim", Statement, "early inbox", END))
        .but(("early inbox", ReadInbox, "take", END))
        .but(("take", Delete(READY, Skip), "given", "none"))
        .but(("read", Statement, "journal", END));
    is_caught("lost", Row::Ready, vec![("sender", sender()), ("poller", poller)]);
}

#[test]
fn collecting_must_read_the_inbox_behind_the_flag() {
    let poller = poller(0)
        .but(("collect", Statement, "early messages", END))
        .but(("early messages", ReadInbox, "lower", END))
        .but(("lowered", Commit, "deliver", END));
    let actors = vec![("sender 1", sender()), ("sender 2", sender()), ("poller", poller)];
    is_caught("lost", OWNED_BY_0, actors);
}

#[test]
fn journal_and_inbox_must_be_read_at_once() {
    let poller = poller(1)
        .but(("read", Statement, "journal", END))
        .but(("journal", ReadJournal, "read 2", END))
        .but(("read 2", Statement, "inbox", END))
        .but(("inbox", ReadInbox, "up", END));
    is_caught("lost", OWNED_BY_0, stale_owner(poller));
}

#[test]
fn one_task_must_collect_and_reload() {
    let actors = vec![
        ("sender", sender()),
        ("poller", poller(0)),
        ("reloader", reloader(0)),
        ("parker", parker(0)),
    ];
    is_caught("lost", OWNED_BY_0, actors);
}

#[test]
fn a_stale_owner_must_not_park() {
    let parker = parker(0).but(("park", Delete(QUIET, Wait), "put", "mine"));
    let actors = vec![
        ("parker", parker),
        ("takeover", takeover()),
        ("sender", sender()),
        ("poller 1", poller(1)),
    ];
    is_caught("lost", OWNED_BY_0, actors);
}

#[test]
fn an_inbox_must_be_emptied_behind_the_place() {
    let closer = closer(0).but(("release", Delete(MINE, Wait), "empty", "lost"));
    is_caught("lost", OWNED_BY_0, vec![("sender", sender()), ("closer", closer)]);
}

#[test]
fn a_registration_must_wait_for_a_stuck_run() {
    let hasty = registration().but(("take", Delete(STUCK, Skip), "ready", "commit"));
    let actors = vec![("sender", sender()), ("registration", hasty)];
    is_caught("stuck", STUCK_FROM_0, actors);
}

#[test]
fn a_termination_must_begin_with_the_journal() {
    let places_first = terminator()
        .but(("terminate", Statement, "owned", END))
        .but(("owned", Delete(OWNED, Wait), "append", "over"))
        .but(("append", AppendBehind, "end run", "over"));
    let actors = vec![("closer", closer(0)), ("terminator", places_first)];
    is_caught("deadlock", OWNED_BY_0, actors);
}
