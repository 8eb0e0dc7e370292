//! How a run ends.

use std::sync::Arc;
use std::time::Duration;

use expect_test::expect;
use uuid::Uuid;

use super::super::Input;
use super::stage::{Stage, activity, new_run, noting, old_run, spec, text, timer};
use crate::ending::ContinueAs;
use crate::error::{Error, ErrorKind};
use crate::payload::Payload;
use crate::replay::Turn;
use crate::retry::RetryPolicy;
use crate::store::{Activation, ClosePolicy, Next, Parent, RunSpec};

#[test]
fn a_new_run_that_completes_in_its_first_turn_needs_no_row() {
    let mut stage = Stage::new(new_run());
    stage.take().ends(Payload::json(&1)).write().committed();
    stage.check(expect![[r#"
        activated: work
        take:
          the code is given: begin, with 0 events
        polled: commit
        write: row 0 [], closes completed by claim Some(7)
        committed: ended completed, discard, evicted
    "#]]);
}

#[test]
fn a_run_that_was_owned_before_needs_a_row() {
    let mut stage = Stage::new(Activation { is_new: false, ..new_run() });
    stage.take().ends(Payload::json(&1)).write();
    stage.check(expect![[r#"
        activated: work
        take:
          the code is given: begin, with 0 events
        polled: commit
        write: row 0 ["run_started", "run_completed"], closes completed by claim Some(7)
    "#]]);
}

#[test]
fn a_run_that_has_asked_for_the_time_needs_a_row() {
    let mut stage = Stage::new(new_run());
    stage.fake.read_clock = true;
    stage.take().ends(Payload::json(&1)).write();
    stage.check(expect![[r#"
        activated: work
        take:
          the code is given: begin, with 0 events
        polled: commit
        write: row 0 ["run_started", "run_completed"], closes completed by claim Some(7)
    "#]]);
}

#[test]
fn a_run_that_has_recorded_something_needs_a_row() {
    let mut stage = Stage::new(new_run());
    let outcome = Some(Payload::json(&1));
    stage.take().turned(Turn { outcome, ..noting(0) }).write();
    stage.check(expect![[r#"
        activated: work
        take:
          the code is given: begin, with 0 events
        polled: commit
        write: row 0 ["run_started", "side_effect", "run_completed"], closes completed by claim Some(7)
    "#]]);
}

#[test]
fn a_run_that_fails_needs_a_row() {
    let mut stage = Stage::new(new_run());
    stage.take().ends(Err(Error::terminal("no"))).write();
    stage.check(expect![[r#"
        activated: work
        take:
          the code is given: begin, with 0 events
        polled: commit
        write: row 0 ["run_started", "run_failed"], closes failed by claim Some(7)
    "#]]);
}

#[test]
fn the_end_names_the_claim_which_is_its_fence() {
    let mut stage = Stage::new(new_run());
    stage.take().ends(Payload::json(&1)).write();
    let record = stage.last_sent();
    let Next::Close(close) = record.next else { panic!("it does not close: {:?}", record.next) };
    assert_eq!((close.claim, record.claim, record.events.len()), (Some(7), Some(7), 0));
}

#[test]
fn an_end_stops_what_runs_and_clears_what_is_due() {
    let mut stage = Stage::live(old_run(1), vec![activity(0), activity(1), timer(2, 60)]);
    stage.forget().attempt_ended(0).take().ends(Payload::json(&1)).write().committed();
    stage.check(expect![[r##"
        #0 ended: work
        take:
          the code is given: activity_completed
        polled: clear #2 in 60s, stop all, commit
        write: row 1 ["activity_completed", "run_completed"], closes completed by claim Some(7)
        committed: ended completed, discard, evicted
    "##]]);
}

#[test]
fn what_was_not_taken_in_stays_in_the_inbox() {
    let mut stage = Stage::live(old_run(1), Vec::new());
    stage.forget().collected(2, &[1, 2]).take().ends(Payload::json(&1)).take().write();
    stage.check(expect![[r#"
        collected [1, 2] of 2: work
        take:
          the code is given: signal_received
        polled: commit
        take:
          the code is given: nothing
        write: row 1 ["signal_received", "run_completed"], consumes 1, closes completed by claim Some(7)
    "#]]);
}

#[test]
fn nothing_moves_a_run_that_ends() {
    let mut stage = Stage::new(old_run(1));
    stage.take().ends(Payload::json(&1)).write().forget();
    stage.collected(1, &[1]).give("overstayed", Input::Overstayed(1)).take().write().committed();
    stage.check(expect![[r#"
        collected [1] of 1:
        overstayed:
        take:
          the code is given: nothing
        write: nothing
        committed: ended completed, discard, evicted
    "#]]);
}

#[test]
fn an_output_that_is_too_large_is_a_failure() {
    let mut stage = Stage::new(old_run(1));
    stage.take().ends(Ok(text(2_000))).write();
    stage.check(expect![[r#"
        activated: work
        take:
          the code is given: begin, with 1 events
        polled: commit
        write: row 1 ["run_failed"], closes failed by claim Some(7)
    "#]]);
}

#[test]
fn a_parent_is_told() {
    let parent = Some(Parent { run: Uuid::from_u128(4), op: 2, on_close: ClosePolicy::Cancel });
    let mut stage =
        Stage::new(Activation { spec: Arc::new(RunSpec { parent, ..spec() }), ..old_run(1) });
    stage.take().ends(Payload::json(&1)).write();
    stage.check(expect![[r#"
        activated: work
        take:
          the code is given: begin, with 1 events
        polled: commit
        write: row 1 ["run_completed"], sends 1, closes completed by claim Some(7)
    "#]]);
}

#[test]
fn a_run_that_was_asked_to_cancel_counts_as_cancelled() {
    for cancelled in [None, Some("enough")] {
        let mut stage = Stage::new(old_run(1));
        stage.fake.cancelled = cancelled;
        stage.take().ends(Err(Error::new(ErrorKind::Cancelled, "enough"))).write();
        match cancelled {
            None => stage.check(expect![[r#"
                activated: work
                take:
                  the code is given: begin, with 1 events
                polled: commit
                write: row 1 ["run_failed"], closes failed by claim Some(7)
            "#]]),
            Some(_) => stage.check(expect![[r#"
                activated: work
                take:
                  the code is given: begin, with 1 events
                polled: commit
                write: row 1 ["run_failed"], closes cancelled by claim Some(7)
            "#]]),
        }
    }
}

#[test]
fn a_failed_run_with_a_policy_goes_on_as_another() {
    let retry =
        Some(RetryPolicy::default().max_attempts(2).initial_interval(Duration::from_secs(1)));
    let first = RunSpec { retry, ..spec() };
    let run = Activation { spec: Arc::new(first.clone()), ..old_run(1) };
    let mut stage = Stage::new(run.clone());
    stage.fake.unreceived = vec![("note", 1)];
    stage.take().ends(Err(Error::retryable("no"))).write();
    stage.check(expect![[r#"
        activated: work
        take:
          the code is given: begin, with 1 events
        polled: commit
        write: row 1 ["run_failed"], starts 1, sends 1, closes failed by claim Some(7), goes on as another
    "#]]);
    let mut last =
        Stage::new(Activation { spec: Arc::new(RunSpec { attempt: 2, ..first }), ..run });
    last.take().ends(Err(Error::retryable("no"))).write();
    last.check(expect![[r#"
        activated: work
        take:
          the code is given: begin, with 1 events
        polled: commit
        write: row 1 ["run_failed"], closes failed by claim Some(7)
    "#]]);
}

#[test]
fn a_run_that_continues_takes_what_it_has_not_received_along() {
    let mut stage = Stage::new(old_run(1));
    stage.fake.unreceived = vec![("note", 1)];
    stage.fake.cancelled = Some("enough");
    let next = ContinueAs { workflow: "order".into(), version: 1, input: "{}".into() };
    let error = Error::new(ErrorKind::ContinueAsNew, "on").with_details(next);
    stage.take().ends(Err(error)).write();
    stage.check(expect![[r#"
        activated: work
        take:
          the code is given: begin, with 1 events
        polled: commit
        write: row 1 ["run_failed"], starts 1, sends 2, closes continued by claim Some(7), goes on as another
    "#]]);
}

#[test]
fn an_end_whose_fate_is_unknown_goes_out_again() {
    let mut stage = Stage::new(old_run(1));
    stage.take().ends(Payload::json(&1)).write().forget();
    let record = stage.last_sent();
    stage.give("unsure", Input::Unsure(record));
    stage.give("reloaded", Input::Reloaded(Box::new(old_run(1)))).write().committed();
    stage.check(expect![[r#"
        unsure: reload
        reloaded: commit
        write: row 1 ["run_completed"], closes completed by claim Some(7)
        committed: ended completed, discard, evicted
    "#]]);
}
