//! The order in which a step decides: list, grant, read on, rest, commit.

use expect_test::expect;

use super::super::Input;
use super::stage::{Stage, activity, activity_in, ended, new_run, noting, old_run, page, timer};
use crate::store::TransactionOutcome;

#[test]
fn an_activity_starts_when_everything_before_it_is_durable() {
    let mut stage = Stage::new(new_run());
    let mut first = noting(0);
    first.commands = vec![activity(1)];
    stage.take().turned(first).write().committed();
    stage.attempt_ended(1).take().polled(vec![activity(2)]).write().committed();
    stage.check(expect![[r#"
        activated: work
        take:
          the code is given: begin, with 0 events
        polled: commit
        write: row 0 ["run_started", "side_effect"]
        committed: launch #1.1
        #1 ended: work
        take:
          the code is given: activity_completed
        polled: commit
        write: row 1 ["activity_completed"]
        committed: launch #2.1
    "#]]);
}

#[test]
fn an_activity_of_a_turn_that_writes_nothing_starts_at_once() {
    let stage = Stage::live(old_run(1), vec![activity(0), activity(1)]);
    stage.check(expect![[r#"
        activated: work
        take:
          the code is given: begin, with 1 events
        polled: launch #0.1, launch #1.1
    "#]]);
}

#[test]
fn what_gathers_while_a_record_is_on_its_way_goes_out_after_it() {
    let mut stage = Stage::live(old_run(1), vec![activity(0), activity(1)]);
    stage.forget().attempt_ended(0).take().polled(Vec::new()).write();
    stage.attempt_ended(1).take().polled(vec![activity(2)]).write();
    stage.committed().write().committed();
    stage.check(expect![[r##"
        #0 ended: work
        take:
          the code is given: activity_completed
        polled: commit
        write: row 1 ["activity_completed"]
        #1 ended: work
        take:
          the code is given: activity_completed
        polled:
        write: nothing
        committed: commit
        write: row 2 ["activity_completed"]
        committed: launch #2.1
    "##]]);
}

#[test]
fn work_is_listed_once() {
    let mut stage = Stage::live(old_run(1), vec![activity(0), activity(1)]);
    stage.forget().attempt_ended(0).attempt_ended(1).take().polled(Vec::new()).take();
    stage.check(expect![[r#"
        #0 ended: work
        #1 ended:
        take:
          the code is given: activity_completed
        polled: work, commit
        take:
          the code is given: activity_completed
    "#]]);
}

#[test]
fn work_waits_for_code_that_is_away() {
    let mut stage = Stage::live(old_run(1), vec![activity(0), activity(1)]);
    stage.forget().attempt_ended(0).take().attempt_ended(1).take().polled(Vec::new());
    stage.check(expect![[r#"
        #0 ended: work
        take:
          the code is given: activity_completed
        #1 ended:
        take:
          the code is given: nothing
        polled: work, commit
    "#]]);
}

#[test]
fn a_commit_is_listed_once() {
    let mut stage = Stage::live(old_run(1), vec![activity(0), activity(1)]);
    stage.forget().attempt_ended(0).take().polled(Vec::new());
    stage.attempt_ended(1).take().polled(Vec::new()).write().write();
    stage.check(expect![[r##"
        #0 ended: work
        take:
          the code is given: activity_completed
        polled: commit
        #1 ended: work
        take:
          the code is given: activity_completed
        polled:
        write: row 1 ["activity_completed", "activity_completed"]
        write: nothing
    "##]]);
}

#[test]
fn a_result_is_granted_before_the_run_is_parked() {
    let mut stage = Stage::live(old_run(1), vec![activity(0), timer(1, 3_600)]);
    stage.fake.expects_messages = false;
    stage.forget().result_ready(0).give("committed", ended(0, TransactionOutcome::Committed));
    stage.take().polled(Vec::new()).write().committed();
    stage.check(expect![[r#"
        result of #0 is ready: grant 100 row 1
        committed: work
        take:
          the code is given: activity_completed
        polled: commit
        write: row 2 [], parks until in 3598s, knows of 0
        committed: clear #1 in 3600s, discard, evicted
    "#]]);
}

#[test]
fn a_result_waits_for_what_is_to_be_committed() {
    let mut stage = Stage::live(old_run(1), vec![activity(0), activity(1)]);
    stage.forget().attempt_ended(1).take().result_ready(0).polled(Vec::new()).write().committed();
    stage.check(expect![[r##"
        #1 ended: work
        take:
          the code is given: activity_completed
        result of #0 is ready:
        polled: commit
        write: row 1 ["activity_completed"]
        committed: grant 100 row 2
    "##]]);
}

#[test]
fn an_inbox_is_read_on_before_the_run_rests() {
    let mut stage = Stage::live(old_run(1), Vec::new());
    stage.forget().give("page", Input::Page(page(&[1], Some(1)))).take().polled(Vec::new());
    stage.write().committed().give("last page", Input::Page(page(&[], None)));
    stage.check(expect![[r#"
        page: work
        take:
          the code is given: signal_received
        polled: read on behind 1, commit
        write: row 1 ["signal_received"], consumes 1
        committed:
        last page: idle 2
    "#]]);
}

#[test]
fn a_run_with_unread_messages_is_not_parked() {
    let mut stage = Stage::live(old_run(1), Vec::new());
    stage.give("overstayed", Input::Overstayed(1));
    stage.forget().give("collected", Input::Collected { sent: 1, page: page(&[], Some(0)) });
    stage.write().give("overstayed", Input::Overstayed(1)).write();
    stage.check(expect![[r#"
        collected: read on behind 0
        write: nothing
        overstayed:
        write: nothing
    "#]]);
}

#[test]
fn a_message_withdraws_a_park_that_is_not_on_its_way() {
    let mut stage = Stage::live(old_run(1), Vec::new());
    stage.forget().give("overstayed", Input::Overstayed(1)).collected(1, &[1]).write();
    stage.take().polled(Vec::new()).write();
    stage.check(expect![[r#"
        overstayed: commit
        collected [1] of 1: work
        write: nothing
        take:
          the code is given: signal_received
        polled: commit
        write: row 1 ["signal_received"], consumes 1
    "#]]);
}

#[test]
fn a_timer_withdraws_a_park_that_is_not_on_its_way() {
    let mut stage = Stage::live(old_run(1), vec![timer(0, 30)]);
    stage.forget().pass(30).give("overstayed", Input::Overstayed(1));
    stage.give("due", Input::TimerDue(0)).write().take();
    stage.check(expect![[r#"
        overstayed: commit
        due: work
        write: nothing
        take:
          the code is given: timer_fired
    "#]]);
}

#[test]
fn what_is_left_to_take_in_is_listed_whatever_the_turn_wants() {
    for commands in [vec![timer(2, 60)], vec![activity(2)], vec![]] {
        let mut stage = Stage::live(old_run(1), vec![activity(0), activity(1)]);
        stage.attempt_ended(0).attempt_ended(1).take().forget().polled(commands);
        assert!(stage.told().contains("work"), "{}", stage.told());
    }
}

#[test]
fn a_number_without_a_message_is_known_to_the_next_park() {
    let mut stage = Stage::live(old_run(1), Vec::new());
    stage.forget().give("overstayed", Input::Overstayed(1)).collected(4, &[]).write();
    stage.give("overstayed", Input::Overstayed(2)).write();
    stage.check(expect![[r#"
        overstayed: commit
        collected [] of 4: idle 2
        write: nothing
        overstayed: commit
        write: row 1 [], parks until a message, knows of 4
    "#]]);
}

#[test]
fn a_park_comes_after_what_is_to_be_written() {
    let mut stage = Stage::running();
    stage.fake.expects_messages = false;
    stage.attempt_ended(0).take().polled(vec![timer(1, 3_600)]).write().committed().write();
    stage.check(expect![[r##"
        #0 ended: work
        take:
          the code is given: activity_completed
        polled: set #1 in 3600s, commit
        write: row 1 ["activity_completed"]
        committed: commit
        write: row 2 [], parks until in 3598s, knows of 0
    "##]]);
}

#[test]
fn a_run_that_waits_for_long_is_parked_at_once() {
    let mut stage = Stage::new(old_run(1));
    stage.fake.expects_messages = false;
    stage.take().polled(vec![timer(0, 6)]).write().committed();
    stage.check(expect![[r#"
        activated: work
        take:
          the code is given: begin, with 1 events
        polled: set #0 in 6s, commit
        write: row 1 [], parks until in 4s, knows of 0
        committed: clear #0 in 6s, discard, evicted
    "#]]);
}

#[test]
fn a_run_that_may_get_a_message_waits_in_memory() {
    Stage::live(old_run(1), vec![timer(0, 3_600)]).check(expect![[r#"
        activated: work
        take:
          the code is given: begin, with 1 events
        polled: set #0 in 3600s, idle 1
    "#]]);
}

#[test]
fn a_run_whose_timer_is_due_soon_waits_in_memory() {
    let mut stage = Stage::new(old_run(1));
    stage.fake.expects_messages = false;
    stage.take().polled(vec![timer(0, 5)]);
    stage.check(expect![[r#"
        activated: work
        take:
          the code is given: begin, with 1 events
        polled: set #0 in 5s, idle 1
    "#]]);
}

#[test]
fn a_run_with_a_running_attempt_is_not_parked() {
    let mut stage = Stage::live(old_run(1), vec![activity(0), timer(1, 3_600)]);
    stage.give("overstayed", Input::Overstayed(1)).write();
    stage.check(expect![[r#"
        activated: work
        take:
          the code is given: begin, with 1 events
        polled: set #1 in 3600s, launch #0.1
        overstayed:
        write: nothing
    "#]]);
}

#[test]
fn a_wait_that_is_over_before_its_time_does_not_park() {
    let mut stage = Stage::live(old_run(1), Vec::new());
    stage.forget().collected(1, &[1]).take().polled(Vec::new()).write().committed();
    stage.give("overstayed", Input::Overstayed(1)).write();
    stage.give("overstayed", Input::Overstayed(2)).write();
    stage.check(expect![[r#"
        collected [1] of 1: work
        take:
          the code is given: signal_received
        polled: commit
        write: row 1 ["signal_received"], consumes 1
        committed: idle 2
        overstayed:
        write: nothing
        overstayed: commit
        write: row 2 [], parks until a message, knows of 1
    "#]]);
}

#[test]
fn a_draining_worker_parks_and_starts_nothing() {
    let mut stage = Stage::live(old_run(1), vec![activity(0)]);
    stage.forget().drain().attempt_ended(0).take().polled(vec![activity(1)]).write().committed();
    stage.write().committed();
    stage.check(expect![[r#"
        drain:
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
fn a_draining_worker_hands_back_what_has_not_read_its_inbox() {
    let mut stage = Stage::live(old_run(1), Vec::new());
    stage.forget().give("collected", Input::Collected { sent: 1, page: page(&[], Some(0)) });
    stage.drain();
    stage.check(expect![[r#"
        collected: read on behind 0
        drain: discard, evicted
    "#]]);
}

#[test]
fn a_retry_is_no_reason_to_wait_in_memory() {
    let mut stage = Stage::new(old_run(1));
    stage.fake.expects_messages = false;
    stage.take().polled(vec![activity_in(0, 60)]).write();
    stage.check(expect![[r#"
        activated: work
        take:
          the code is given: begin, with 1 events
        polled: set #0 in 60s, commit
        write: row 1 [], parks until in 58s, knows of 0
    "#]]);
}
