//! Items for a run's stream: with which record they go, and what waits for them.

use expect_test::expect;

use super::stage::{Stage, activity, item, old_run};
use crate::payload::Payload;

#[test]
fn items_of_a_turn_without_a_row_are_written_before_its_activities_start() {
    let mut stage = Stage::live(old_run(1), vec![activity(0), item(0, "1"), item(1, "2")]);
    stage.write().committed();
    stage.check(expect![[r#"
        activated: work
        take:
          the code is given: begin, with 1 events
        polled: commit
        write: row 1 [], adds 1, adds 2
        committed: launch #0.1
    "#]]);
}

#[test]
fn items_go_with_the_event_that_has_led_to_them() {
    let mut stage = Stage::live(old_run(1), vec![activity(0)]);
    stage.attempt_ended(0).take().polled(vec![activity(1), item(1 << 20, "1")]).write().committed();
    stage.check(expect![[r#"
        activated: work
        take:
          the code is given: begin, with 1 events
        polled: launch #0.1
        #0 ended: work
        take:
          the code is given: activity_completed
        polled: commit
        write: row 1 ["activity_completed"], adds 1
        committed: launch #1.1
    "#]]);
}

#[test]
fn items_go_with_the_end() {
    let mut stage = Stage::live(old_run(1), vec![activity(0), item(0, "1")]);
    stage.write().committed().attempt_ended(0).take().ends(Payload::json(&())).write();
    stage.check(expect![[r#"
        activated: work
        take:
          the code is given: begin, with 1 events
        polled: commit
        write: row 1 [], adds 1
        committed: launch #0.1
        #0 ended: work
        take:
          the code is given: activity_completed
        polled: commit
        write: row 1 ["activity_completed", "run_completed"], closes completed by claim Some(7)
    "#]]);
}

#[test]
fn many_large_items_are_several_records() {
    let large = "x".repeat(3 << 20);
    let items = (0..4).map(|number| item(number, &large));
    let mut stage = Stage::live(old_run(1), items.chain([activity(0)]).collect());
    let mut records = Vec::new();
    while let Some(record) = stage.run.next_record() {
        records.push((record.items.len(), record.events.is_empty()));
        stage.committed();
    }
    assert_eq!(records, [(2, true), (2, true)]);
}
