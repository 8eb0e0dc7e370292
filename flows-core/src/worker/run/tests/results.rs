//! Results that activities commit in their own transactions.

use expect_test::expect;

use super::super::{Input, ResultRequest};
use super::stage::{Stage, activity, ended, new_run, old_run, text};
use crate::store::TransactionOutcome;

#[test]
fn a_result_takes_the_next_row() {
    let mut stage = Stage::running();
    stage.result_ready(0).give("committed", ended(0, TransactionOutcome::Committed));
    stage.take().polled(vec![activity(1)]);
    stage.attempt_ended(1).take().polled(Vec::new()).write();
    stage.check(expect![[r#"
        result of #0 is ready: grant 100 row 1
        committed: work
        take:
          the code is given: activity_completed
        polled: launch #1.1
        #1 ended: work
        take:
          the code is given: activity_completed
        polled: commit
        write: row 2 ["activity_completed"]
    "#]]);
}

#[test]
fn a_result_that_was_rolled_back_is_what_the_attempt_says() {
    let mut stage = Stage::running();
    stage.result_ready(0).give("rolled back", ended(0, TransactionOutcome::RolledBack));
    stage.take().polled(Vec::new()).write();
    stage.check(expect![[r#"
        result of #0 is ready: grant 100 row 1
        rolled back: work
        take:
          the code is given: activity_completed
        polled: commit
        write: row 1 ["activity_completed"]
    "#]]);
}

#[test]
fn a_result_of_which_nobody_knows_is_read_again() {
    let mut stage = Stage::running();
    stage.result_ready(0).give("unknown", ended(0, TransactionOutcome::Unknown));
    stage.give("reloaded", Input::Reloaded(Box::new(old_run(2))));
    stage.check(expect![[r#"
        result of #0 is ready: grant 100 row 1
        unknown: discard, dropped, reload
        reloaded: start over with 2 rows
    "#]]);
}

#[test]
fn results_are_granted_one_at_a_time() {
    let mut stage = Stage::live(old_run(1), vec![activity(0), activity(1)]);
    stage.forget().result_ready(0).result_ready(1);
    stage.give("committed", ended(0, TransactionOutcome::Committed)).take().polled(Vec::new());
    stage.check(expect![[r#"
        result of #0 is ready: grant 100 row 1
        result of #1 is ready:
        committed: work
        take:
          the code is given: activity_completed
        polled: grant 101 row 2
    "#]]);
}

#[test]
fn nothing_else_is_written_or_taken_in_meanwhile() {
    let mut stage = Stage::live(old_run(1), vec![activity(0), activity(1)]);
    stage.forget().result_ready(0).attempt_ended(1).take().write();
    stage
        .give("committed", ended(0, TransactionOutcome::Committed))
        .take()
        .polled(Vec::new())
        .take();
    stage.check(expect![[r#"
        result of #0 is ready: grant 100 row 1
        #1 ended:
        take:
          the code is given: nothing
        write: nothing
        committed: work
        take:
          the code is given: activity_completed
        polled: work
        take:
          the code is given: activity_completed
    "#]]);
}

#[test]
fn the_first_row_is_written_on_its_own() {
    let mut stage = Stage::live(new_run(), vec![activity(0)]);
    stage.forget().result_ready(0).write().committed();
    stage.check(expect![[r#"
        result of #0 is ready: commit
        write: row 0 ["run_started"]
        committed: grant 100 row 1
    "#]]);
}

#[test]
fn a_result_that_is_too_large_is_denied() {
    let mut stage = Stage::running();
    let request = ResultRequest { ticket: 1, op: 0, attempt: 1, output: text(2_000) };
    stage.give("result ready", Input::ResultReady(request));
    stage.check(expect![[r#"
        result ready: deny 1: the output of activity `charge` has 2002 bytes and the limit is 1000: store it elsewhere and pass a reference, or raise the limit with `engine.set_payload_limit(bytes)`
    "#]]);
}

#[test]
fn a_result_of_another_attempt_is_denied() {
    let mut stage = Stage::running();
    let request = ResultRequest { ticket: 1, op: 0, attempt: 2, output: text(1) };
    stage.give("result ready", Input::ResultReady(request)).result_ready(5);
    stage.check(expect![[r#"
        result ready: deny 1
        result of #5 is ready: deny 105
    "#]]);
}

#[test]
fn a_result_that_nobody_waits_for_is_denied() {
    let mut stage = Stage::running();
    stage.code(|fake| fake.wants = false);
    stage.result_ready(0);
    stage.check(expect![[r#"
        result of #0 is ready: deny 100
    "#]]);
}

#[test]
fn a_grant_that_is_not_used_gives_way_to_the_next() {
    let mut stage = Stage::live(old_run(1), vec![activity(0), activity(1)]);
    stage.forget().result_ready(0).result_ready(1).give("unused", Input::GrantUnused);
    stage.check(expect![[r#"
        result of #0 is ready: grant 100 row 1
        result of #1 is ready:
        unused: grant 101 row 1
    "#]]);
}

#[test]
fn a_run_that_is_lost_denies_what_waits() {
    let mut stage = Stage::live(old_run(1), vec![activity(0), activity(1)]);
    stage.forget().result_ready(0).result_ready(1).give("lost", Input::Lost);
    stage.give("committed", ended(0, TransactionOutcome::Committed));
    stage.check(expect![[r#"
        result of #0 is ready: grant 100 row 1
        result of #1 is ready:
        lost: deny 101, stop all, discard, dropped, reload
        committed:
    "#]]);
}

#[test]
fn a_run_that_gets_stuck_is_parked_behind_the_row_of_the_result() {
    let mut stage = Stage::running();
    stage.result_ready(0).give("stuck", Input::Stuck("it cannot".into())).write();
    stage.give("committed", ended(0, TransactionOutcome::Committed)).write();
    stage.check(expect![[r#"
        result of #0 is ready: grant 100 row 1
        stuck: stuck (it cannot), stop all, discard
        write: nothing
        committed: commit
        write: row 2 [], parks until in 300s, knows of 0, stuck with 1
    "#]]);
}
