//! What a run takes in: in order, once, and no more than it has room for.

use expect_test::expect;

use super::super::{CodeReturned, Input};
use super::stage::{Fake, Stage, activity, new_run, noting, old_run, page, text};
use crate::store::{INBOX_BYTES, InboxMessage, MessageKind, Page};

#[test]
fn a_message_leaves_the_inbox_with_its_event() {
    let mut stage = Stage::live(old_run(1), Vec::new());
    stage.forget().collected(2, &[1, 2]).take().polled(Vec::new()).take().polled(Vec::new());
    stage.write().committed();
    stage.check(expect![[r#"
        collected [1, 2] of 2: work
        take:
          the code is given: signal_received
        polled: work, commit
        take:
          the code is given: signal_received
        polled:
        write: row 1 ["signal_received", "signal_received"], consumes 2
        committed: idle 2
    "#]]);
}

#[test]
fn a_message_is_taken_in_once() {
    let mut stage = Stage::live(old_run(1), Vec::new());
    stage.forget().collected(2, &[1, 2]).collected(2, &[1, 2]).take().polled(Vec::new()).take();
    stage.polled(Vec::new()).take();
    stage.check(expect![[r#"
        collected [1, 2] of 2: work
        collected [1, 2] of 2:
        take:
          the code is given: signal_received
        polled: work, commit
        take:
          the code is given: signal_received
        polled:
        take:
          the code is given: nothing
    "#]]);
}

#[test]
fn a_message_that_nobody_wants_leaves_with_what_is_written_next() {
    let mut stage = Stage::live(old_run(1), vec![activity(0)]);
    stage.code(|fake| fake.wants = false);
    stage.forget().collected(1, &[1]).take().write();
    stage.code(|fake| fake.wants = true);
    stage.attempt_ended(0).take().polled(Vec::new()).write();
    stage.check(expect![[r#"
        collected [1] of 1: work
        take:
          the code is given: nothing
        write: nothing
        #0 ended: work
        take:
          the code is given: activity_completed
        polled: commit
        write: row 1 ["activity_completed"], consumes 1
    "#]]);
}

#[test]
fn messages_of_the_activation_come_after_the_journal() {
    let mut stage = Stage::new(old_run(2));
    stage.give("first page", Input::Page(page(&[4], None))).take().polled(Vec::new()).take();
    stage.check(expect![[r#"
        activated: work
        first page:
        take:
          the code is given: begin, with 2 events
        polled: work
        take:
          the code is given: signal_received
    "#]]);
}

#[test]
fn a_page_is_asked_for_when_the_one_before_it_is_taken_in() {
    let mut stage = Stage::live(old_run(1), Vec::new());
    stage.forget().give("page", Input::Page(page(&[1, 2], Some(2)))).take().polled(Vec::new());
    stage.take().polled(Vec::new()).give("page", Input::Page(page(&[3], None))).take();
    stage.check(expect![[r#"
        page: work
        take:
          the code is given: signal_received
        polled: work, commit
        take:
          the code is given: signal_received
        polled: read on behind 2
        page: work
        take:
          the code is given: signal_received
    "#]]);
}

#[test]
fn what_comes_while_code_is_away_waits() {
    let mut stage = Stage::new(old_run(1));
    stage.take().collected(1, &[1]).take().polled(Vec::new()).take();
    stage.check(expect![[r#"
        activated: work
        take:
          the code is given: begin, with 1 events
        collected [1] of 1:
        take:
          the code is given: nothing
        polled: work
        take:
          the code is given: signal_received
    "#]]);
}

#[test]
fn a_journal_with_a_hole_is_not_replayed() {
    let mut run = old_run(2);
    run.journal[0].clear();
    let mut stage = Stage::new(run);
    stage.take().write();
    stage.check(expect![[r#"
        activated: work
        take: stuck (row 0 of its journal is missing, and lat), commit
          the code is given: nothing
        write: row 2 [], parks until in 300s, knows of 0, stuck with 1
    "#]]);
}

#[test]
fn a_row_that_cannot_be_read_is_not_replayed() {
    let mut run = old_run(1);
    run.journal[0] = vec![250];
    let mut stage = Stage::new(run);
    stage.take().write();
    stage.check(expect![[r#"
        activated: work
        take: stuck (journal row 0 cannot be read: it has for), commit
          the code is given: nothing
        write: row 1 [], parks until in 300s, knows of 0, stuck with 1
    "#]]);
}

#[test]
fn a_message_that_cannot_be_read_makes_the_run_stuck() {
    let mut stage = Stage::live(old_run(1), Vec::new());
    let (kind, name) = (MessageKind::ChildClosed, "no number".to_owned());
    let message = InboxMessage { seq: 1, kind, name, payload: text(1) };
    let page = Page { messages: vec![message], more: None };
    stage.forget().give("collected", Input::Collected { sent: 1, page }).take().write();
    stage.check(expect![[r#"
        collected: work
        take: stuck (invalid digit found in string), discard, commit
          the code is given: nothing
        write: row 1 [], parks until in 300s, knows of 1, stuck with 1
    "#]]);
}

#[test]
fn code_that_gets_stuck_keeps_the_event_that_it_was_given() {
    let mut stage = Stage::live(old_run(1), Vec::new());
    stage.forget().collected(1, &[1]).take();
    let polled = CodeReturned {
        machine: None,
        turn: Err("it disagrees".into()),
        refusal: None,
        failed: Vec::new(),
        fresh: None,
    };
    stage.give("polled", Input::Returned(polled)).write();
    stage.check(expect![[r#"
        collected [1] of 1: work
        take:
          the code is given: signal_received
        polled: stuck (it disagrees), commit
        write: row 1 ["signal_received"], consumes 1, parks until in 300s, knows of 1, stuck with 1
    "#]]);
}

#[test]
fn a_turn_that_is_not_accepted_makes_the_run_stuck() {
    let mut stage = Stage::new(new_run());
    stage.take();
    let polled = CodeReturned {
        machine: Some(Fake::default()),
        turn: Ok(noting(0)),
        refusal: Some("another input".into()),
        failed: Vec::new(),
        fresh: None,
    };
    stage.forget().give("polled", Input::Returned(polled)).write();
    stage.check(expect![[r#"
        polled: stuck (another input), discard, commit
        write: row 0 ["run_started"], parks until in 300s, knows of 0, stuck with 1
    "#]]);
}

/// A run that has its share of signals that it does not receive.
fn full() -> Stage {
    let mut stage = Stage::new(old_run(1));
    stage.fake.unreceived = vec![("note", INBOX_BYTES)];
    stage.take().polled(Vec::new());
    stage
}

#[test]
fn signals_that_nobody_receives_are_left_in_the_inbox() {
    let mut stage = full();
    stage.forget().collected(2, &[1, 2]).take().write();
    stage.check(expect![[r#"
        collected [1, 2] of 2: work
        take: idle 2
          the code is given: nothing
        write: nothing
    "#]]);
}

#[test]
fn signals_that_were_left_are_read_again_when_there_is_room() {
    let mut stage = full();
    stage.collected(2, &[1, 2]).take().forget();
    stage.code(|fake| fake.unreceived.clear());
    stage.collected(2, &[]).give("page", Input::Page(page(&[1, 2], None))).take();
    stage.polled(Vec::new()).take().polled(Vec::new()).write();
    stage.check(expect![[r#"
        collected [] of 2: read on behind 0
        page: work
        take:
          the code is given: signal_received
        polled: work, commit
        take:
          the code is given: signal_received
        polled:
        write: row 1 ["signal_received", "signal_received"], consumes 2
    "#]]);
}

#[test]
fn a_run_that_will_read_again_is_not_parked() {
    let mut stage = full();
    stage.collected(1, &[1]).take();
    stage.code(|fake| fake.awaits = &["note"]);
    stage.forget().collected(1, &[]).give("overstayed", Input::Overstayed(1)).write();
    stage.check(expect![[r#"
        collected [] of 1: read on behind 0
        overstayed:
        write: nothing
    "#]]);
}

#[test]
fn a_first_turn_is_told_of_in_front_of_the_first_row() {
    let mut stage = Stage::new(new_run());
    stage.take().polled(vec![activity(0)]).attempt_ended(0).take().polled(Vec::new()).write();
    stage.check(expect![[r#"
        activated: work
        take:
          the code is given: begin, with 0 events
        polled: launch #0.1
        #0 ended: work
        take:
          the code is given: activity_completed
        polled: commit
        write: row 0 ["run_started", "activity_completed"]
    "#]]);
}
