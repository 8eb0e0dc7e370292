//! Paused runs: what runs already ends, nothing else begins, and what is left is done after the next claim.

use expect_test::expect;

use super::super::Input;
use super::stage::{Stage, activity, activity_in, old_run, timer};

#[test]
fn a_paused_run_takes_in_its_attempts_and_starts_nothing() {
    let mut stage = Stage::live(old_run(1), vec![activity(0)]);
    stage.forget().give("let go", Input::LetGo).attempt_ended(0).take();
    stage.polled(vec![activity(1)]).write().committed().write().committed();
    stage.check(expect![[r#"
        let go:
        #0 ended: work
        take:
          the code is given: activity_completed
        polled: commit
        write: row 1 ["activity_completed"]
        committed: commit
        write: row 2 [], parks until in 0ns, knows of 0
        committed: discard, evicted
    "#]]);
}

#[test]
fn a_paused_run_that_only_waits_is_parked_as_it_is() {
    let mut stage = Stage::live(old_run(1), vec![timer(0, 600)]);
    stage.forget().give("let go", Input::LetGo).write().committed();
    stage.check(expect![[r#"
        let go: commit
        write: row 1 [], parks until in 598s, knows of 0
        committed: clear #0 in 600s, discard, evicted
    "#]]);
}

/// It is ready again at once: who claims it reads the message.
#[test]
fn a_message_for_a_paused_run_is_left_to_the_next_claim() {
    let mut stage = Stage::live(old_run(1), vec![activity(0)]);
    stage.forget().collected(1, &[1]).give("let go", Input::LetGo).collected(2, &[1, 2]).take();
    stage.attempt_ended(0).take().polled(Vec::new()).write().committed().write().committed();
    stage.check(expect![[r#"
        collected [1] of 1: work
        let go:
        collected [1, 2] of 2:
        take:
          the code is given: nothing
        #0 ended: work
        take:
          the code is given: activity_completed
        polled: commit
        write: row 1 ["activity_completed"]
        committed: commit
        write: row 2 [], parks until in 0ns, knows of 2
        committed: discard, evicted
    "#]]);
}

#[test]
fn a_timer_that_is_due_meanwhile_is_left_to_the_next_claim() {
    let mut stage = Stage::live(old_run(1), vec![activity(0), timer(1, 10)]);
    stage.forget().give("let go", Input::LetGo).pass(10).give("due", Input::TimerDue(1));
    stage.attempt_ended(0).take().polled(Vec::new()).write().committed().write();
    stage.check(expect![[r#"
        let go:
        due:
        #0 ended: work
        take:
          the code is given: activity_completed
        polled: commit
        write: row 1 ["activity_completed"]
        committed: commit
        write: row 2 [], parks until in 0ns, knows of 0
    "#]]);
}

#[test]
fn a_retry_of_a_paused_run_is_not_made() {
    let mut stage = Stage::live(old_run(1), vec![activity(0), activity_in(1, 3)]);
    stage.forget().give("let go", Input::LetGo).pass(3).give("due", Input::TimerDue(1));
    stage.attempt_ended(0).take().polled(Vec::new()).write().committed().write();
    stage.check(expect![[r#"
        let go:
        due:
        #0 ended: work
        take:
          the code is given: activity_completed
        polled: commit
        write: row 1 ["activity_completed"]
        committed: commit
        write: row 2 [], parks until in 0ns, knows of 0
    "#]]);
}

/// A message has come that it does not know: it is collected, and left too.
#[test]
fn a_paused_run_that_may_not_be_parked_is_parked_when_it_knows_why() {
    let mut stage = Stage::live(old_run(1), vec![timer(0, 600)]);
    stage.forget().give("let go", Input::LetGo).write();
    stage.give("not parked", Input::Committed { parked: false }).collected(1, &[1]).write();
    stage.check(expect![[r#"
        let go: commit
        write: row 1 [], parks until in 598s, knows of 0
        not parked: collect, try later
        collected [1] of 1: commit
        write: row 1 [], parks until in 0ns, knows of 1
    "#]]);
}
