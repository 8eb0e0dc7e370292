//! Timers, retries and time limits.

use std::sync::Arc;
use std::time::Duration;

use expect_test::expect;
use uuid::Uuid;

use super::super::Input;
use super::stage::{Stage, activity_in, new_run, old_run, spec, timer};
use crate::replay::Command;
use crate::store::{Activation, RunSpec};

#[test]
fn a_timer_fires_when_it_is_due_and_not_before() {
    let mut stage = Stage::live(old_run(1), vec![timer(0, 10)]);
    stage.forget().pass(9).give("too early", Input::TimerDue(0));
    stage.pass(1).give("due", Input::TimerDue(0)).give("again", Input::TimerDue(0)).take();
    stage.check(expect![[r#"
        too early:
        due: work
        again:
        take:
          the code is given: timer_fired
    "#]]);
}

#[test]
fn a_timer_that_nobody_waits_for_any_more_is_cleared() {
    let mut stage = Stage::live(old_run(1), vec![timer(0, 10)]);
    stage.forget().collected(1, &[1]).take().polled(vec![Command::CancelTimer(0)]);
    stage.pass(10).give("due", Input::TimerDue(0));
    stage.check(expect![[r#"
        collected [1] of 1: work
        take:
          the code is given: signal_received
        polled: clear #0 in 10s, commit
        due:
    "#]]);
}

#[test]
fn a_timer_that_is_set_anew_is_due_once() {
    let mut stage = Stage::live(old_run(1), vec![timer(0, 10), timer(0, 20)]);
    stage.pass(10).give("due before", Input::TimerDue(0));
    stage.pass(10).give("due", Input::TimerDue(0));
    stage.check(expect![[r#"
        activated: work
        take:
          the code is given: begin, with 1 events
        polled: set #0 in 10s, clear #0 in 10s, set #0 in 20s, idle 1
        due before:
        due: work
    "#]]);
}

/// Another worker may have the run by then, and would start the attempt too.
#[test]
fn a_retry_that_is_due_while_its_run_is_being_parked_waits_for_the_answer() {
    let mut stage = Stage::new(old_run(1));
    stage.fake.expects_messages = false;
    stage.take().polled(vec![activity_in(0, 60)]).write();
    stage.pass(60).give("due", Input::TimerDue(0));
    stage.give("not parked", Input::Committed { parked: false });
    stage.check(expect![[r#"
        activated: work
        take:
          the code is given: begin, with 1 events
        polled: set #0 in 60s, commit
        write: row 1 [], parks until in 58s, knows of 0
        due:
        not parked: collect, try later, launch #0.2
    "#]]);
}

#[test]
fn a_retry_starts_when_it_is_due() {
    let mut stage = Stage::live(old_run(1), vec![activity_in(0, 3)]);
    stage.pass(3).give("due", Input::TimerDue(0));
    stage.check(expect![[r#"
        activated: work
        take:
          the code is given: begin, with 1 events
        polled: set #0 in 3s, idle 1
        due: launch #0.2
    "#]]);
}

#[test]
fn a_run_that_starts_over_asks_for_its_timers_again() {
    let mut stage = Stage::live(old_run(1), vec![timer(0, 10)]);
    stage.forget().give("lost", Input::Lost);
    stage.give("reloaded", Input::Reloaded(Box::new(old_run(1))));
    stage.check(expect![[r#"
        lost: clear #0 in 10s, discard, dropped, reload
        reloaded: start over with 1 rows
    "#]]);
    let mut anew = Stage::live(old_run(1), vec![timer(0, 10)]);
    anew.pass(10).give("due", Input::TimerDue(0)).take();
    anew.check(expect![[r#"
        activated: work
        take:
          the code is given: begin, with 1 events
        polled: set #0 in 10s, idle 1
        due: work
        take:
          the code is given: timer_fired
    "#]]);
}

#[test]
fn a_parked_run_wakes_shortly_before_its_next_timer() {
    let mut stage = Stage::new(old_run(1));
    stage.fake.expects_messages = false;
    stage.take().polled(vec![timer(0, 600), timer(1, 60)]).write();
    stage.check(expect![[r#"
        activated: work
        take:
          the code is given: begin, with 1 events
        polled: set #0 in 600s, set #1 in 60s, commit
        write: row 1 [], parks until in 58s, knows of 0
    "#]]);
}

fn limited() -> Activation {
    let timeout = Some(Duration::from_secs(60));
    Activation { spec: Arc::new(RunSpec { timeout, ..spec() }), ..new_run() }
}

#[test]
fn a_run_is_over_at_its_limit() {
    let mut stage = Stage::live(limited(), vec![timer(0, 3_600)]);
    stage.pass(60).give("due", Input::TimerDue(u32::MAX)).write().committed();
    stage.check(expect![[r#"
        activated: work
        take: set deadline in 60s
          the code is given: begin, with 0 events
        polled: set #0 in 3600s, idle 1
        due: clear #0 in 3540s, commit
        write: row 0 ["run_started", "run_failed"], closes timed_out by claim Some(7)
        committed: ended timed_out, discard, evicted
    "#]]);
}

#[test]
fn a_limit_holds_while_code_is_away() {
    let mut stage = Stage::new(limited());
    stage.take().pass(60).give("due", Input::TimerDue(u32::MAX)).polled(Vec::new()).write();
    stage.check(expect![[r#"
        activated: work
        take: set deadline in 60s
          the code is given: begin, with 0 events
        due: commit
        polled: discard
        write: row 0 ["run_started", "run_failed"], closes timed_out by claim Some(7)
    "#]]);
}

#[test]
fn a_limit_asks_children_to_cancel() {
    let mut stage = Stage::new(limited());
    let (run, reason) = (Uuid::from_u128(5), "too late".to_owned());
    stage.fake.children = vec![Command::CancelChild { run, reason }];
    stage.take().polled(Vec::new()).pass(60).give("due", Input::TimerDue(u32::MAX)).write();
    stage.check(expect![[r#"
        activated: work
        take: set deadline in 60s
          the code is given: begin, with 0 events
        polled: idle 1
        due: commit
        write: row 0 ["run_started", "child_cancel_requested", "run_failed"], sends 1, closes timed_out by claim Some(7)
    "#]]);
}
