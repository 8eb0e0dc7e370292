//! Workflows under every fault that a simulation knows, schedule by schedule.
//!
//! `FLOWS_SCHEDULES=100000 cargo test --release --test simulation` plays more of them, and
//! `FLOWS_SEED=42 cargo test --test simulation steps` one again.

mod mutations;
mod workflows;

use flows::testing::{Faults, Simulated, Simulation};

use workflows::*;

/// Plays, and shows what failed as it is meant to be read.
#[track_caller]
fn play(simulation: Simulation) -> Simulated {
    simulation.run().unwrap_or_else(|error| panic!("\n{error}\n"))
}

/// As many schedules as a test has time for.
const FEW: u64 = 100;

#[test]
fn steps_one_after_the_other() {
    play(Simulation::new().schedules(FEW).start(steps::Input { count: 3 }));
}

#[test]
fn steps_side_by_side() {
    play(Simulation::new().schedules(FEW).start(fan_out::Input { width: 5 }));
}

#[test]
fn some_steps_at_once() {
    play(Simulation::new().schedules(FEW).start(some_at_once::Input { count: 5 }));
}

#[test]
fn steps_that_fail_and_are_tried_again() {
    play(Simulation::new().schedules(FEW).start(flaky::Input {}));
}

#[test]
fn steps_on_workers_of_another_queue() {
    play(Simulation::new().schedules(FEW).start(film::Input { frames: 4, patience: 600_000 }));
}

#[test]
fn steps_on_workers_of_another_queue_that_lose() {
    let simulation = Simulation::new().schedules(FEW).start(film::Input { frames: 2, patience: 1 });
    play(simulation.any_outcome());
}

#[test]
fn steps_on_workers_of_another_queue_of_runs_that_are_cancelled() {
    let simulation = Simulation::new().schedules(FEW).start(film::Input { frames: 3, patience: 5 });
    play(simulation.cancel().any_outcome());
}

#[test]
fn steps_that_spill() {
    play(
        Simulation::new()
            .schedules(FEW)
            .start(mill::Input { width: 6 })
            .start(mill::Input { width: 3 }),
    );
}

#[test]
fn steps_that_spill_of_runs_that_are_cancelled() {
    let simulation = Simulation::new().schedules(FEW).start(mill::Input { width: 4 });
    play(simulation.cancel().any_outcome());
}

#[test]
fn many_runs_at_once() {
    let runs = (0..8).map(|count| steps::Input { count });
    play(runs.fold(Simulation::new().schedules(FEW / 3), Simulation::start));
}

#[test]
fn signals_race_with_parking() {
    let simulation = Simulation::new().schedules(FEW).start(collect::Input { count: 4 });
    play((0..4_u32).fold(simulation, |simulation, n| simulation.signal("item", &n)));
}

#[test]
fn updates_race_with_parking_and_with_ends() {
    let simulation = Simulation::new().schedules(FEW).start(answers::Input { room: 3, rounds: 1 });
    play((0..7_u32).fold(simulation, |simulation, n| simulation.update(&Put { n })).any_outcome());
}

#[test]
fn signals_race_with_timers() {
    let simulation = Simulation::new().schedules(FEW).start(remind::Input { patience: 500 });
    play(simulation.signal("answer", &true).any_outcome());
}

#[test]
fn more_signals_than_are_read() {
    let simulation = Simulation::new().schedules(FEW).start(collect::Input { count: 2 });
    play((0..4_u32).fold(simulation, |simulation, n| simulation.signal("item", &n)));
}

#[test]
fn children_and_their_parents() {
    play(Simulation::new().schedules(FEW).start(family::Input { children: 3 }));
}

#[test]
fn children_that_nobody_waits_for_any_more() {
    play(Simulation::new().schedules(FEW).start(hunt::Input {}));
}

#[test]
fn children_are_told_by_signals_scopes_and_the_end_of_their_parent() {
    play(Simulation::new().schedules(FEW).start(estate::Input { waits: 30 }));
}

#[test]
fn a_parent_is_terminated_and_its_children_as_they_say() {
    let simulation = Simulation::new().schedules(FEW).start(estate::Input { waits: 5_000 });
    play(simulation.terminate().any_outcome());
}

#[test]
fn a_run_that_waits_for_ever() {
    let simulation = Simulation::new().schedules(FEW).start(collect::Input { count: 3 });
    play(simulation.signal("item", &1_u32));
}

#[test]
fn cancellation_and_cleaning_up() {
    play(Simulation::new().schedules(FEW).start(stay::Input {}).cancel().any_outcome());
}

#[test]
fn sagas_are_undone() {
    play(Simulation::new().schedules(FEW).start(undone::Input { patience: 60_000 }));
}

#[test]
fn sagas_are_undone_while_they_are_cancelled() {
    let simulation = Simulation::new().schedules(FEW).start(undone::Input { patience: 300 });
    play(simulation.cancel().any_outcome());
}

#[test]
fn termination() {
    let simulation = Simulation::new().schedules(FEW).start(family::Input { children: 2 });
    play(simulation.terminate().any_outcome());
}

#[test]
fn what_is_published_in_the_end_is_the_last_of_it() {
    let simulation = Simulation::new().schedules(FEW).start(staged::Input { signals: 2 });
    play((1..=2_u64).fold(simulation, |simulation, n| simulation.signal("item", &n)));
}

#[test]
fn rounds_that_go_on_as_new_runs() {
    let simulation = Simulation::new().schedules(FEW).start(rounds::Input { round: 0, sum: 0 });
    play((1..=3_u64).fold(simulation, |simulation, n| simulation.signal("item", &n)));
}

#[test]
fn runs_that_are_tried_again() {
    play(Simulation::new().schedules(FEW).start(stubborn::Input {}));
}

/// The activity counts in a ledger of its own, and another is mocked.
#[test]
fn mocks_and_state_of_activities() {
    let simulation = Simulation::new().schedules(FEW).start(counted::Input {});
    let simulation = simulation.state_with(Counter::default);
    play(simulation.mock(step::Activity, |input| Ok(input.number + 41)));
}

#[test]
fn what_a_simulation_lacks_is_said() {
    let error = Simulation::new().start(counted::Input {}).run().expect_err("no state");
    let said = error.to_string();
    assert!(said.contains("asks for state `simulation::workflows::Counter`"), "{said}");
    assert!(said.contains("without any fault"), "{said}");
    let error = Simulation::new().run().expect_err("nothing is started");
    assert!(error.to_string().contains("say `.start(…)`"), "{error}");
}

/// Its output depends on how often it was invoked: it is not the same under faults.
#[test]
fn a_workflow_that_counts_on_once_is_found() {
    let simulation = Simulation::new().schedules(5 * FEW).start(counted::Input {});
    let simulation = simulation.state_with(Counter::default).mock_value(step::Activity, 1);
    let error = simulation.start(careless::Input {}).run().expect_err("it is invoked twice");
    let said = error.to_string();
    assert!(said.contains("has ended otherwise than without faults"), "{said}");
    let seed = error.seed().expect("a seed");
    assert!(said.contains(&format!("FLOWS_SEED={seed}")), "{said}");
}

fn mixed() -> Simulation {
    let simulation = Simulation::new().start(family::Input { children: 2 });
    let simulation = simulation.start(collect::Input { count: 2 });
    let simulation = simulation.signal("item", &1_u32).signal("item", &2_u32);
    simulation.start(remind::Input { patience: 50 })
}

#[test]
fn a_seed_gives_the_same_schedule_again() {
    let simulation = || mixed().schedules(2 * FEW);
    let first = play(simulation().threads(2));
    assert_eq!(play(simulation().threads(1)), first);
    let (one, other) = (play(mixed().seed(1)), play(mixed().seed(2)));
    assert_eq!(play(mixed().seed(1)), one);
    assert_ne!(one.trace, other.trace);
}

/// A simulation in which nothing goes wrong shows nothing.
#[test]
fn every_kind_of_fault_happens() {
    let simulated = play(mixed().schedules(2 * FEW));
    assert!(simulated.own_starts > 0, "{simulated:?}");
    let Faults { slow, refused, answers_lost, late, held, crashes, freezes, stops, hints, .. } =
        simulated.faults;
    let all = [slow, refused, answers_lost, late, held, crashes, freezes, stops, hints];
    assert!(all.iter().all(|count| *count > 0), "{all:?}");
}
