//! Records: what becomes of them, and what they start.

use expect_test::expect;

use super::super::Input;
use super::stage::{Stage, activity, noting, old_run, recorded, text, turn};
use crate::journal::Event;
use crate::replay::Command;

/// A run with a record on its way that starts activity 1.
fn sent() -> Stage {
    let mut stage = Stage::running();
    stage.attempt_ended(0).take().polled(vec![activity(1)]).write().forget();
    stage
}

#[test]
fn a_record_that_is_held_goes_out_again_as_it_was() {
    let mut stage = sent();
    let record = stage.last_sent();
    stage.give("held", Input::Held(record)).write().give("try again", Input::TryAgain);
    stage.write().committed();
    stage.check(expect![[r#"
        held: try later
        write: nothing
        try again: commit apart
        write: row 1 ["activity_completed"]
        committed: launch #1.1
    "#]]);
}

#[test]
fn a_record_that_was_not_kept_goes_out_again() {
    let mut stage = sent();
    let record = stage.last_sent();
    stage.give("unsure", Input::Unsure(record)).write();
    stage.give("reloaded", Input::Reloaded(Box::new(old_run(1)))).write().committed();
    stage.check(expect![[r#"
        unsure: reload
        write: nothing
        reloaded: commit
        write: row 1 ["activity_completed"]
        committed: launch #1.1
    "#]]);
}

#[test]
fn a_record_that_somebody_else_has_written_starts_the_run_over() {
    let mut stage = sent();
    let record = stage.last_sent();
    stage.give("unsure", Input::Unsure(record));
    stage.give("reloaded", Input::Reloaded(Box::new(old_run(2))));
    stage.check(expect![[r#"
        unsure: reload
        reloaded: discard, start over with 2 rows
    "#]]);
}

#[test]
fn a_record_that_is_fenced_drops_the_run() {
    let mut stage = sent();
    stage.give("lost", Input::Lost).give("reloaded", Input::Reloaded(Box::new(old_run(2))));
    stage.check(expect![[r#"
        lost: discard, dropped, reload
        reloaded: start over with 2 rows
    "#]]);
}

#[test]
fn a_record_that_the_store_refuses_makes_the_run_stuck_with_what_it_has() {
    let mut stage = sent();
    stage.give("refused", Input::Refused("too large".into())).write().committed();
    stage.check(expect![[r#"
        refused: stuck (the store refused to record the run's pr), discard, commit
        write: row 1 [], parks until in 300s, knows of 0, stuck with 1
        committed: evicted
    "#]]);
}

#[test]
fn an_answer_to_nothing_changes_nothing() {
    let mut stage = Stage::running();
    stage.committed();
    stage.check(expect![[r#"
        committed:
    "#]]);
}

#[test]
fn an_activity_that_nobody_waits_for_any_more_is_not_started() {
    let mut stage = sent();
    stage.collected(1, &[1]).take().polled(vec![Command::CancelActivity(1)]);
    stage.committed();
    stage.check(expect![[r#"
        collected [1] of 1: work
        take:
          the code is given: signal_received
        polled:
        committed: commit
    "#]]);
}

#[test]
fn a_running_attempt_that_nobody_waits_for_any_more_is_stopped() {
    let mut stage = Stage::running();
    stage.collected(1, &[1]).take().polled(vec![Command::CancelActivity(0)]);
    stage.attempt_ended(0);
    stage.check(expect![[r#"
        collected [1] of 1: work
        take:
          the code is given: signal_received
        polled: stop #0, commit
        #0 ended:
    "#]]);
}

#[test]
fn a_large_turn_is_several_records() {
    let mut stage = Stage::live(old_run(1), Vec::new());
    let value = text(3 << 20);
    let marks = (0..3).map(|op| Event::SideEffect { op, value: value.clone() });
    let mut large = turn(vec![activity(9)]);
    large.marks = marks.map(recorded).collect();
    stage.forget().collected(1, &[1]).take().turned(large).write().committed().write().committed();
    stage.check(expect![[r#"
        collected [1] of 1: work
        take:
          the code is given: signal_received
        polled: commit
        write: row 1 ["signal_received", "side_effect", "side_effect"], consumes 1
        committed: commit
        write: row 2 ["side_effect"]
        committed: launch #9.1
    "#]]);
}

#[test]
fn a_run_that_is_parked_leaves_memory() {
    let mut stage = Stage::live(old_run(1), Vec::new());
    stage.forget().give("overstayed", Input::Overstayed(1)).write().committed();
    stage.check(expect![[r#"
        overstayed: commit
        write: row 1 [], parks until a message, knows of 0
        committed: discard, evicted
    "#]]);
}

#[test]
fn a_park_that_was_refused_waits_for_the_message() {
    let mut stage = Stage::live(old_run(1), Vec::new());
    stage.forget().give("overstayed", Input::Overstayed(1)).write();
    stage.give("not parked", Input::Committed { parked: false }).write();
    stage.collected(1, &[1]).take().polled(Vec::new()).write();
    stage.check(expect![[r#"
        overstayed: commit
        write: row 1 [], parks until a message, knows of 0
        not parked: collect, try later
        write: nothing
        collected [1] of 1: work
        take:
          the code is given: signal_received
        polled: commit
        write: row 1 ["signal_received"], consumes 1
    "#]]);
}

#[test]
fn a_park_that_was_refused_is_tried_again_after_a_pause() {
    let mut stage = Stage::live(old_run(1), Vec::new());
    stage.forget().give("overstayed", Input::Overstayed(1)).write();
    stage.give("not parked", Input::Committed { parked: false });
    stage.give("try again", Input::TryAgain).give("overstayed", Input::Overstayed(2)).write();
    stage.check(expect![[r#"
        overstayed: commit
        write: row 1 [], parks until a message, knows of 0
        not parked: collect, try later
        try again: idle 2
        overstayed: commit
        write: row 1 [], parks until a message, knows of 0
    "#]]);
}

#[test]
fn a_message_that_came_before_the_refusal_goes_on_at_once() {
    let mut stage = Stage::live(old_run(1), Vec::new());
    stage.forget().give("overstayed", Input::Overstayed(1)).write().collected(1, &[1]);
    stage.give("not parked", Input::Committed { parked: false }).take();
    stage.check(expect![[r#"
        overstayed: commit
        write: row 1 [], parks until a message, knows of 0
        collected [1] of 1: work
        not parked: collect, try later
        take:
          the code is given: signal_received
    "#]]);
}

#[test]
fn what_is_launched_while_a_park_is_on_its_way_waits_for_the_answer() {
    let mut stage = Stage::live(old_run(1), Vec::new());
    stage.forget().give("overstayed", Input::Overstayed(1)).write().collected(1, &[1]).take();
    stage.polled(vec![activity(0)]).give("not parked", Input::Committed { parked: false });
    stage.write().committed();
    stage.check(expect![[r#"
        overstayed: commit
        write: row 1 [], parks until a message, knows of 0
        collected [1] of 1: work
        take:
          the code is given: signal_received
        polled:
        not parked: collect, try later, commit
        write: row 1 ["signal_received"], consumes 1
        committed: launch #0.1
    "#]]);
}

#[test]
fn a_stuck_run_whose_park_was_refused_is_parked_again_when_the_message_is_known() {
    let mut stage = Stage::running();
    stage.give("stuck", Input::Stuck("it cannot".into())).write();
    stage.give("not parked", Input::Committed { parked: false }).write().collected(1, &[1]).write();
    stage.committed();
    stage.check(expect![[r#"
        stuck: stuck (it cannot), stop all, discard, commit
        write: row 1 [], parks until in 300s, knows of 0, stuck with 1
        not parked: collect, try later
        write: nothing
        collected [1] of 1: commit
        write: row 1 [], parks until in 300s, knows of 1, stuck with 1
        committed: evicted
    "#]]);
}

#[test]
fn a_run_that_gets_stuck_while_a_record_is_on_its_way_is_parked_after_it() {
    let mut stage = sent();
    stage.give("stuck", Input::Stuck("it cannot".into())).write().committed().write().committed();
    stage.check(expect![[r#"
        stuck: stuck (it cannot), discard
        write: nothing
        committed: commit
        write: row 2 [], parks until in 300s, knows of 0, stuck with 1
        committed: evicted
    "#]]);
}

#[test]
fn a_turn_is_written_in_the_order_in_which_it_was_made() {
    let mut stage = Stage::live(old_run(1), vec![activity(0), activity(1)]);
    stage.forget().attempt_ended(0).attempt_ended(1);
    stage.take().turned(noting(2)).take().turned(noting(3)).write();
    stage.check(expect![[r##"
        #0 ended: work
        #1 ended:
        take:
          the code is given: activity_completed
        polled: work, commit
        take:
          the code is given: activity_completed
        polled:
        write: row 1 ["activity_completed", "side_effect", "activity_completed", "side_effect"]
    "##]]);
}
