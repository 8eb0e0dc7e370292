//! Runs that were owned when the lease of their worker was over.

use std::time::Duration;

use expect_test::expect;

use super::super::{CodeReturned, Input};
use super::stage::{
    Fake, Stage, activity, activity_in, failed, old_run, pending, recorded, start, turn,
};
use crate::journal::{self, Event, StepId};
use crate::replay::ActivityStart;
use crate::store::Activation;

fn suspect(setbacks: i16) -> Activation {
    Activation { setbacks, ..old_run(1) }
}

#[test]
fn an_attempt_of_a_suspect_is_noted_before_it_starts() {
    let mut stage = Stage::live(suspect(-1), vec![activity(0)]);
    stage.write().committed();
    stage.check(expect![[r#"
        activated: work
        take:
          the code is given: begin, with 1 events
        polled: commit
        write: row 1 ["suspected", "activity_started"]
        committed: launch #0.1
    "#]]);
}

/// Its result is durable before its code goes on: if that ends the worker, the attempt is not to blame.
#[test]
fn a_suspect_that_gets_further_is_none_any_more() {
    let mut stage = Stage::live(suspect(-1), vec![activity(0)]);
    stage.write().committed().forget();
    stage.attempt_ended(0).take().write().committed().take().polled(vec![activity(1)]);
    stage.check(expect![[r##"
        #0 ended: work
        take: commit
          the code is given: nothing
        write: row 2 ["activity_completed"], clears
        committed: work
        take:
          the code is given: activity_completed
        polled: commit
    "##]]);
    assert!(!stage.run.has_setbacks());
}

#[test]
fn a_suspect_that_only_waits_is_parked_at_once() {
    let mut stage = Stage::live(suspect(-2), Vec::new());
    stage.write().committed();
    stage.check(expect![[r#"
        activated: work
        take:
          the code is given: begin, with 1 events
        polled: commit
        write: row 1 [], parks until a message, knows of 0
        committed: discard, evicted
    "#]]);
}

#[test]
fn a_suspect_whose_next_attempt_is_later_is_a_suspect_still() {
    let mut stage = Stage::live(suspect(-2), vec![activity_in(0, 60)]);
    stage.write();
    stage.check(expect![[r#"
        activated: work
        take:
          the code is given: begin, with 1 events
        polled: commit
        write: row 1 ["suspected"]
    "#]]);
}

#[test]
fn a_suspect_whose_next_attempt_is_soon_waits_for_it() {
    Stage::live(suspect(-2), vec![activity_in(0, 3)]).check(expect![[r#"
        activated: work
        take:
          the code is given: begin, with 1 events
        polled: commit
    "#]]);
}

#[test]
fn a_suspect_whose_next_attempt_is_soon_stays_in_memory_until_then() {
    let mut stage = Stage::live(suspect(-2), vec![activity_in(0, 3)]);
    stage.write().committed();
    stage.give("overstayed", Input::Overstayed(1));
    stage.check(expect![[r#"
        activated: work
        take:
          the code is given: begin, with 1 events
        polled: commit
        write: row 1 ["suspected"]
        committed: set #0 in 3s, idle 1
        overstayed:
    "#]]);
}

#[test]
fn failures_of_attempts_that_were_under_way_are_taken_in() {
    let mut stage = Stage::new(suspect(-1));
    assert_eq!(stage.run.has_lost(&start(0), stage.now), Some(-1));
    stage.take();
    let polled = CodeReturned {
        machine: Some(Fake::default()),
        turn: Ok(turn(vec![activity(1)])),
        refusal: None,
        failed: vec![failed(0)],
        fresh: None,
    };
    stage.give("polled", Input::Returned(polled)).take();
    stage.check(expect![[r#"
        activated: work
        take:
          the code is given: begin, with 1 events
        polled: work, commit
        take:
          the code is given: activity_failed
    "#]]);
    assert_eq!(stage.run.has_lost(&start(0), stage.now), None, "it is decided once");
}

#[test]
fn what_is_noted_has_failed_if_there_was_a_setback_since() {
    let now = recorded(Event::RunCompleted).at;
    let later = Some(now.after(Duration::from_secs(1)));
    let noted = |started| ActivityStart { started, ..start(0) };
    let delayed = ActivityStart { not_before: later, ..start(0) };
    let has_lost = |setbacks, start: &ActivityStart| {
        let stage = Stage::new(suspect(setbacks));
        stage.run.has_lost(start, now).is_some()
    };
    for setbacks in [-1, -2, -5] {
        assert!(has_lost(setbacks, &noted(None)), "starts were not noted yet");
        assert!(!has_lost(setbacks, &delayed), "it was not due");
        assert!(has_lost(setbacks, &noted(Some(0))));
        assert!(has_lost(setbacks, &noted(Some(setbacks + 1))));
        assert!(!has_lost(setbacks, &noted(Some(setbacks))), "it was handed back");
    }
    assert!(!has_lost(0, &noted(Some(-1))), "nothing is held against it");
    assert!(!has_lost(-1, &pending(0, 5)), "it is not here");
}

#[test]
fn what_is_not_noted_has_not_started_since_the_run_is_suspected() {
    let row = recorded(Event::Suspected { setbacks: -1 });
    let journal = vec![journal::encode(&[row]).expect("a row")];
    let mut stage = Stage::new(Activation { journal, ..suspect(-2) });
    stage.take();
    assert_eq!(stage.run.has_lost(&start(0), stage.now), None);
    let noted = ActivityStart { started: Some(-1), ..start(0) };
    assert_eq!(stage.run.has_lost(&noted, stage.now), Some(-2));
}

#[test]
fn a_run_that_was_tried_alone_is_stuck_at_the_last() {
    let mut stage = Stage::new(suspect(-3));
    stage.take().write();
    stage.check(expect![[r#"
        activated: work
        take: stuck (3 workers in a row have ended, or lost t), commit
          the code is given: nothing
        write: row 1 [], parks until a message, knows of 0, stuck with -3
    "#]]);
}

#[test]
fn a_run_whose_attempt_was_under_way_goes_on() {
    let step = StepId { op: 0, name: "charge".into(), input: 0 };
    let begun = recorded(Event::ActivityStarted { step, attempt: 1, setbacks: -2 });
    let journal = vec![journal::encode(&[begun]).expect("a row")];
    let mut stage = Stage::new(Activation { journal, ..suspect(-3) });
    stage.take();
    stage.check(expect![[r#"
        activated: work
        take:
          the code is given: begin, with 1 events
    "#]]);
}

#[test]
fn code_that_does_not_give_its_thread_back_is_a_setback() {
    let mut stage = Stage::new(suspect(-1));
    stage.take().give("given up", Input::GivenUp("it blocks".into())).write().polled(Vec::new());
    stage.check(expect![[r#"
        activated: work
        take:
          the code is given: begin, with 1 events
        given up: stuck (it blocks), commit
        write: row 1 [], parks until in 300s, knows of 0, stuck with -2
        polled: discard
    "#]]);
}

#[test]
fn code_that_has_come_back_is_not_given_up() {
    let mut stage = Stage::running();
    stage.give("given up", Input::GivenUp("it blocks".into()));
    stage.check(expect![[r#"
        given up:
    "#]]);
}

#[test]
fn a_run_that_is_stuck_again_waits_longer() {
    for setbacks in [0, 1, 5] {
        let mut stage = Stage::new(suspect(setbacks));
        stage.take().give("stuck", Input::Stuck("it cannot".into())).forget().write();
        match setbacks {
            0 => stage.check(expect![[r#"
                write: row 1 [], parks until in 300s, knows of 0, stuck with 1
            "#]]),
            1 => stage.check(expect![[r#"
                write: row 1 [], parks until in 600s, knows of 0, stuck with 2
            "#]]),
            _ => stage.check(expect![[r#"
                write: row 1 [], parks until in 9600s, knows of 0, stuck with 6
            "#]]),
        }
    }
}
