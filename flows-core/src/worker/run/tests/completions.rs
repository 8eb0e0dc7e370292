//! Attempts that end outside of their worker.

use expect_test::expect;

use super::super::Input;
use super::stage::{BEGIN, Stage, completed, old_run, pending, start, text};
use crate::replay::{ActivityStart, Command};
use crate::store::{InboxMessage, MessageKind, Page};

/// A run that waits for an attempt that has ended here, and ends outside.
fn waiting() -> Stage {
    let mut stage = Stage::live(old_run(1), vec![Command::RunActivity(pending(0, 60))]);
    stage.code(|code| code.open = vec![pending(0, 60)]);
    stage
}

/// A message about attempt 1 of activity 0.
fn message(seq: i64, kind: MessageKind, name: &str) -> Input<super::stage::Fake> {
    let message = InboxMessage { seq, kind, name: name.to_owned(), payload: text(1) };
    Input::Collected { sent: seq, page: Page { messages: vec![message], more: None } }
}

#[test]
fn a_completion_is_settled_by_the_policy_and_leaves_the_inbox_with_its_event() {
    let mut stage = waiting();
    stage.give("message", message(1, MessageKind::ActivityCompleted, "0-1")).take();
    stage.give("settled", Input::Settled { event: completed(0), message: 1 }).take();
    stage.code(|code| code.open.clear()).polled(Vec::new()).write();
    stage.check(expect![[r#"
        activated: work
        take:
          the code is given: begin, with 1 events
        polled: set #0 in 60s, idle 1
        message: work
        take: clear #0 in 60s, settle #0.1, completed by 1, idle 2
          the code is given: nothing
        settled: work
        take:
          the code is given: activity_completed
        polled: commit
        write: row 1 ["activity_completed"], consumes 1
    "#]]);
}

#[test]
fn one_that_comes_while_the_body_runs_stops_it() {
    let mut stage = Stage::running();
    stage.code(|code| code.open = vec![start(0)]);
    stage.give("message", message(1, MessageKind::ActivityCompleted, "0-1")).take();
    stage.give("settled", Input::Settled { event: completed(0), message: 1 });
    stage.attempt_ended(0).take();
    stage.check(expect![[r#"
        message: work
        take: stop #0, settle #0.1, completed by 1, idle 1
          the code is given: nothing
        settled: work
        #0 ended:
        take:
          the code is given: activity_completed
    "#]]);
}

#[test]
fn what_is_about_another_attempt_is_dropped() {
    let mut stage = waiting();
    stage.code(|code| code.open = vec![ActivityStart { attempt: 2, ..pending(0, 60) }]);
    stage.forget().give("late", message(1, MessageKind::ActivityFailed, "0-1")).take();
    stage.give("beat", message(2, MessageKind::ActivityHeartbeat, "0-1")).take();
    stage.give("nonsense", message(3, MessageKind::ActivityCompleted, "x")).take();
    stage.check(expect![[r#"
        late: work
        take: idle 2
          the code is given: nothing
        beat: work
        take: idle 3
          the code is given: nothing
        nonsense: work
        take: idle 4
          the code is given: nothing
    "#]]);
}

#[test]
fn its_time_limit_is_a_message_to_itself() {
    let mut stage = waiting();
    stage.forget().pass(60).give("due", Input::TimerDue(0)).write();
    let sent = stage.last_sent();
    let message = &sent.messages[0];
    assert_eq!((message.to, message.kind), (super::stage::KEY, MessageKind::ActivityFailed));
    assert!(message.dedup.is_some(), "one message ends it, whoever sends it");
    stage.committed().check(expect![[r#"
        due: commit
        write: row 1 [], sends 1
        committed: idle 2
    "#]]);
}

#[test]
fn who_waits_no_more_refuses_the_completion() {
    let mut stage = waiting();
    stage.forget().collected(1, &[1]).take().polled(vec![Command::CancelActivity(0)]).write();
    stage.check(expect![[r#"
        collected [1] of 1: work
        take:
          the code is given: signal_received
        polled: clear #0 in 60s, commit
        write: row 1 ["signal_received"], consumes 1, sends 1
    "#]]);
}

/// The message to itself would find a run that has ended.
#[test]
fn a_run_that_ends_refuses_nothing_more() {
    let mut stage = waiting();
    stage.forget().collected(1, &[1]).take();
    stage.ends_with(vec![Command::CancelActivity(0)]).write();
    stage.check(expect![[r#"
        collected [1] of 1: work
        take:
          the code is given: signal_received
        polled: clear #0 in 60s, commit
        write: row 1 ["signal_received", "run_completed"], consumes 1, closes completed by claim Some(7)
    "#]]);
}

#[test]
fn a_heartbeat_sets_its_limit_anew() {
    let mut stage = waiting();
    stage.forget().give("beat", message(1, MessageKind::ActivityHeartbeat, "0-1")).take();
    stage.polled(vec![Command::RunActivity(pending(0, 90))]);
    stage.check(expect![[r#"
        beat: work
        take:
          the code is given: activity_heartbeat
        polled: clear #0 in 60s, set #0 in 90s, commit
    "#]]);
    let silent = pending(0, 60).pending.expect("it is pending");
    let due = crate::replay::PendingAttempt {
        silence: Some(std::time::Duration::from_secs(5)),
        ..*silent
    };
    assert_eq!(due.due(), BEGIN.after(std::time::Duration::from_secs(5)));
}
