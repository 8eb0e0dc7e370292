//! Values for queries: with which record they go.

use expect_test::expect;

use super::super::Input;
use super::stage::{Stage, activity, old_run, published};
use crate::payload::Payload;

/// A run that has published a value in a turn that writes nothing: it waits for an activity.
fn waiting() -> Stage {
    Stage::live(old_run(1), vec![activity(0), published("stage", "1")])
}

#[test]
fn a_value_goes_with_what_is_written_next() {
    let mut stage = waiting();
    stage.attempt_ended(0).take().polled(vec![activity(1)]).write().committed();
    stage.give("the pause is over", Input::TryAgain);
    stage.check(expect![[r#"
        activated: work
        take:
          the code is given: begin, with 1 events
        polled: try later, launch #0.1
        #0 ended: work
        take:
          the code is given: activity_completed
        polled: commit
        write: row 1 ["activity_completed"], publishes stage = 1
        committed: launch #1.1
        the pause is over:
    "#]]);
}

#[test]
fn a_value_goes_alone_if_nothing_is_written_for_a_while() {
    let mut stage = waiting();
    stage.write().give("the pause is over", Input::TryAgain).write().committed().write();
    stage.check(expect![[r#"
        activated: work
        take:
          the code is given: begin, with 1 events
        polled: try later, launch #0.1
        write: nothing
        the pause is over: commit
        write: row 1 [], publishes stage = 1
        committed:
        write: nothing
    "#]]);
}

#[test]
fn the_last_value_of_each_name_counts_and_one_pause_is_asked_for() {
    let values = ["1", "2", "3"].map(|value| published("stage", value));
    let commands = [activity(0), published("left", "0")].into_iter().chain(values);
    let mut stage = Stage::live(old_run(1), commands.collect());
    stage.give("the pause is over", Input::TryAgain).write();
    stage.check(expect![[r#"
        activated: work
        take:
          the code is given: begin, with 1 events
        polled: try later, launch #0.1
        the pause is over: commit
        write: row 1 [], publishes left = 0, publishes stage = 3
    "#]]);
}

#[test]
fn a_value_goes_with_the_end() {
    let mut stage = waiting();
    stage.attempt_ended(0).take().ends(Payload::json(&())).write();
    stage.check(expect![[r#"
        activated: work
        take:
          the code is given: begin, with 1 events
        polled: try later, launch #0.1
        #0 ended: work
        take:
          the code is given: activity_completed
        polled: commit
        write: row 1 ["activity_completed", "run_completed"], publishes stage = 1, closes completed by claim Some(7)
    "#]]);
}
