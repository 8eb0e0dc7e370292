//! "Nothing left to do, park" against "a message came": the real run on the real memory store, in every order
//! of the steps of senders, pollers, executors, other workers and terminations.
//!
//! What the statements of PostgreSQL do to each other within one such step is explored apart
//! (`tests/park_wake_model`).

use super::world::{Flaw, Scenario, explore};

#[track_caller]
fn holds(scenario: Scenario) {
    match explore(scenario) {
        Ok(states) => println!("{states} states"),
        Err(found) => panic!("{}: {:?}", found.what, found.way),
    }
}

#[track_caller]
fn is_caught(what: &str, scenario: Scenario) {
    let found = explore(scenario).expect_err("nothing wrong was found");
    println!("{}: {:?}", found.what, found.way);
    assert!(found.what.contains(what), "{}: {:?}", found.what, found.way);
}

#[test]
fn an_owner_parks_while_messages_come() {
    holds(Scenario::new(1, 2));
}

#[test]
fn an_inbox_is_read_by_the_page_while_messages_come() {
    holds(Scenario { page: 1, ..Scenario::new(1, 2) });
}

#[test]
fn two_workers_claim_while_a_message_comes() {
    holds(Scenario::new(2, 1));
}

#[test]
fn a_run_is_taken_over_while_its_worker_parks() {
    holds(Scenario { lapses: 1, ..Scenario::new(2, 1) });
}

#[test]
fn a_run_is_terminated_while_it_moves() {
    holds(Scenario { terminations: 1, ..Scenario::new(1, 1) });
}

#[test]
fn a_run_ends_while_messages_come() {
    holds(Scenario { ends_after: 1, ..Scenario::new(1, 2) });
}

#[test]
fn a_run_is_read_again_while_messages_come() {
    holds(Scenario { lost_answers: 1, ..Scenario::new(1, 2) });
}

// ---- done wrong --------------------------------------------------------------------------------

#[test]
fn parking_must_look_at_the_flag() {
    is_caught("lost", Scenario { flaw: Some(Flaw::ParksBlindly), ..Scenario::new(1, 1) });
}

#[test]
fn parking_must_look_at_the_counter() {
    is_caught("lost", Scenario { flaw: Some(Flaw::ParksUncounted), ..Scenario::new(1, 1) });
}

#[test]
fn parking_must_wait_for_the_last_page() {
    is_caught("lost", Scenario { flaw: Some(Flaw::HidesPages), page: 1, ..Scenario::new(1, 2) });
}

#[test]
fn a_run_that_was_not_parked_must_be_kept() {
    is_caught("lost", Scenario { flaw: Some(Flaw::ForgetsRefused), ..Scenario::new(1, 1) });
}

#[test]
fn a_wake_up_must_be_heard() {
    is_caught("lost", Scenario { flaw: Some(Flaw::DropsWork), ..Scenario::new(1, 1) });
}

#[test]
fn an_inbox_must_be_read_behind_its_flag_and_its_claim() {
    is_caught("lost", Scenario { flaw: Some(Flaw::ReadsEarly), ..Scenario::new(1, 1) });
}

#[test]
fn what_was_read_must_arrive_in_that_order() {
    let flaw = Some(Flaw::Overtakes);
    is_caught("lost", Scenario { flaw, lapses: 1, ..Scenario::new(2, 2) });
}

#[test]
fn a_record_that_nobody_has_answered_must_be_looked_for() {
    let flaw = Some(Flaw::TakesForWritten);
    is_caught("lost", Scenario { flaw, lost_answers: 1, ..Scenario::new(1, 1) });
}
