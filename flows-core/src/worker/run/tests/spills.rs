//! Activities that go to the workers of the run's queue, where there is no slot for them.

use expect_test::expect;

use super::stage::{Stage, activity, new_run, noting, old_run, spilling};

#[test]
fn there_are_two_slots_and_what_is_more_goes_with_the_commit_of_the_turn() {
    let mut stage = Stage::new(new_run());
    let calls = vec![activity(0), spilling(1), spilling(2), activity(3)];
    stage.take().polled(calls).write().committed();
    stage.check(expect![[r#"
        activated: work
        take:
          the code is given: begin, with 0 events
        polled: commit
        write: row 0 ["run_started", "activity_scheduled"]
        committed: launch #0.1, launch #1.1, launch #3.1
    "#]]);
}

#[test]
fn a_slot_that_was_taken_meanwhile_is_noticed_before_the_start() {
    let mut stage = Stage::new(new_run());
    let mut turn = noting(9);
    turn.commands = vec![spilling(0), spilling(1)];
    stage.take().turned(turn).write();
    stage.rules.free_slots = 1;
    stage.committed().write().committed();
    stage.check(expect![[r#"
        activated: work
        take:
          the code is given: begin, with 0 events
        polled: commit
        write: row 0 ["run_started", "side_effect"]
        committed: launch #0.1, commit
        write: row 1 ["activity_scheduled"]
        committed:
    "#]]);
}

#[test]
fn who_has_nothing_to_write_writes_what_spills() {
    let mut stage = Stage::live(old_run(1), vec![spilling(0), spilling(1), spilling(2)]);
    stage.write().committed();
    stage.check(expect![[r#"
        activated: work
        take:
          the code is given: begin, with 1 events
        polled: commit
        write: row 1 ["activity_scheduled"]
        committed: launch #0.1, launch #1.1
    "#]]);
}
