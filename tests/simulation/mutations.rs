//! A simulation finds stores that break a promise. Each of these has one defect.

use flows::testing::{Mutation, Simulation};

use crate::workflows::*;

/// In how many schedules a defect must be found.
const SEEDS: u64 = 400;

/// The defect is found, and what is said of it.
#[track_caller]
fn finds(mutation: Mutation, simulation: Simulation, said: &str) {
    let error = match simulation.schedules(SEEDS).mutation(mutation).run() {
        Ok(_) => panic!("{mutation:?} was not found in {SEEDS} schedules"),
        Err(error) => error,
    };
    let violation = error.violation();
    assert!(violation.contains(said), "{mutation:?}: {violation}");
    assert!(error.seed().is_some(), "{mutation:?} is there without faults too: {violation}");
}

fn signals(count: u32, simulation: Simulation) -> Simulation {
    (0..count).fold(simulation, |simulation, n| simulation.signal("item", &n))
}

#[test]
fn rows_of_a_stale_worker() {
    let simulation = Simulation::new().start(fan_out::Input { width: 5 });
    finds(Mutation::NoFence, simulation, "has two results");
}

#[test]
fn a_row_that_is_written_twice() {
    finds(
        Mutation::DoubleRows,
        Simulation::new().start(steps::Input { count: 3 }),
        "does not replay",
    );
}

#[test]
fn runs_that_are_parked_in_front_of_their_letters() {
    let simulation = signals(4, Simulation::new().start(collect::Input { count: 4 }));
    finds(Mutation::DeafParking, simulation, "something has not come to its end");
}

#[test]
fn a_park_that_comes_late() {
    let simulation = Simulation::new().start(family::Input { children: 3 });
    let simulation = simulation.start(family::Input { children: 3 });
    finds(Mutation::StaleParking, simulation, "something has not come to its end");
}

#[test]
fn timers_that_are_forgotten() {
    let simulation = Simulation::new().start(flaky::Input {});
    finds(Mutation::LostTimers, simulation, "now:   running");
}

#[test]
fn letters_that_are_thrown_away() {
    let simulation = signals(4, Simulation::new().start(collect::Input { count: 4 }));
    finds(Mutation::LostMessages, simulation, "has missed a signal");
}

#[test]
fn requests_to_cancel_that_are_thrown_away() {
    finds(Mutation::LostMessages, Simulation::new().start(hunt::Input {}), "was asked to cancel");
}

#[test]
fn letters_that_come_twice() {
    let simulation = signals(3, Simulation::new().start(collect::Input { count: 3 }));
    finds(Mutation::ForgottenKeys, simulation, "of the signals");
}

#[test]
fn claims_that_nobody_has_heard_of() {
    let simulation = Simulation::new().start(steps::Input { count: 3 });
    finds(Mutation::LostClaims, simulation, "something has not come to its end");
}

#[test]
fn own_starts_that_nobody_has_heard_of() {
    let runs = (0..8).map(|count| steps::Input { count });
    let simulation = runs.fold(Simulation::new(), Simulation::start);
    finds(Mutation::LostStarts, simulation, "something has not come to its end");
}
