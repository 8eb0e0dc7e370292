//! A run that is asked to end at once, because its parent has ended; and activities that are to end.

use expect_test::expect;

use super::super::Input;
use super::stage::{Stage, activity, new_run, old_run, text, turn};
use crate::payload::Payload;
use crate::replay::Command;
use crate::store::{Activation, InboxMessage, MessageKind, Page};

fn request() -> InboxMessage {
    let payload = Payload::json(&"its parent has failed").expect("a text");
    InboxMessage { seq: 1, kind: MessageKind::Terminate, name: String::new(), payload }
}

fn asked(stage: &mut Stage) -> &mut Stage {
    let page = Page { messages: vec![request()], more: None };
    stage.give("asked to end", Input::Collected { sent: 1, page })
}

#[test]
fn a_run_that_waits_ends() {
    let mut stage = Stage::live(old_run(1), Vec::new());
    asked(&mut stage).write().committed();
    stage.check(expect![[r#"
        activated: work
        take:
          the code is given: begin, with 1 events
        polled: idle 1
        asked to end: commit
        write: row 1 ["run_terminated"], closes terminated by claim Some(7)
        committed: ended terminated, discard, evicted
    "#]]);
}

#[test]
fn its_attempts_are_stopped() {
    let mut stage = Stage::running();
    asked(&mut stage).write();
    stage.check(expect![[r#"
        asked to end: stop all, commit
        write: row 1 ["run_terminated"], closes terminated by claim Some(7)
    "#]]);
}

#[test]
fn a_run_ends_while_its_code_is_away() {
    let mut stage = Stage::new(new_run());
    stage.take();
    asked(&mut stage).polled(Vec::new()).write();
    stage.check(expect![[r#"
        activated: work
        take:
          the code is given: begin, with 0 events
        asked to end: commit
        polled: discard
        write: row 0 ["run_started", "run_terminated"], closes terminated by claim Some(7)
    "#]]);
}

#[test]
fn a_run_that_is_stuck_ends() {
    let mut stage = Stage::live(old_run(1), Vec::new());
    stage.give("stuck", Input::Stuck("its code has changed".into()));
    asked(&mut stage).write().committed();
    stage.check(expect![[r#"
        activated: work
        take:
          the code is given: begin, with 1 events
        polled: idle 1
        stuck: stuck (its code has changed), discard, commit
        asked to end:
        write: row 1 ["run_terminated"], closes terminated by claim Some(7)
        committed: ended terminated, evicted
    "#]]);
}

#[test]
fn a_run_that_is_claimed_for_it_does_not_begin() {
    let mut stage = Stage::new(Activation { inbox: vec![request()], ..old_run(2) });
    stage.take().write().committed();
    stage.check(expect![[r#"
        activated: work
        take: commit
          the code is given: nothing
        write: row 2 ["run_terminated"], closes terminated by claim Some(7)
        committed: ended terminated, evicted
    "#]]);
}

#[test]
fn a_run_that_has_ended_here_stays_as_it_is() {
    let mut stage = Stage::new(new_run());
    stage.take().ends(Ok(text(1)));
    asked(&mut stage).write();
    stage.check(expect![[r#"
        activated: work
        take:
          the code is given: begin, with 0 events
        polled: commit
        asked to end:
        write: row 0 [], closes completed by claim Some(7)
    "#]]);
}

fn stop() -> Command {
    let Command::RunActivity(start) = activity(0) else { unreachable!("it is one") };
    Command::StopActivity { task: start.task, attempt: start.attempt }
}

#[test]
fn an_activity_that_is_to_end_is_waited_for() {
    let mut stage = Stage::running();
    stage.collected(1, &[1]).take().turned(turn(vec![stop()])).attempt_ended(0).take();
    stage.check(expect![[r#"
        collected [1] of 1: work
        take:
          the code is given: signal_received
        polled: stop #0, commit
        #0 ended: work
        take:
          the code is given: activity_completed
    "#]]);
}

#[test]
fn an_activity_that_has_not_begun_has_failed() {
    let mut stage = Stage::live(old_run(1), Vec::new());
    stage.forget();
    stage.collected(1, &[1]).take().turned(turn(vec![activity(0), stop()])).take();
    stage.check(expect![[r#"
        collected [1] of 1: work
        take:
          the code is given: signal_received
        polled: work, commit
        take:
          the code is given: activity_failed
    "#]]);
}
