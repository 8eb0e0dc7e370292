//! Whatever the workflow and whatever happens to it: a replay decides what the live run decided.
//!
//! Each case is a random tree of operations and combinators, played with random events; between
//! them another worker takes over, or dies with turns that it has not committed, or has a newer
//! build. `PROPTEST_CASES` says how many (`.ci/run` plays 100,000). A case that fails is shrunk and
//! printed with its seed, which stands in `proptest-regressions` from then on and is played first.

use proptest::prelude::*;

use super::shown;
use super::stage::{Cancel, Child, Fails, Fires, Happens, Stage, Stumbles, completes, signal};
use super::tree::{Interpreter, SIGNALS, Tree, any_tree};
use crate::definition::WorkflowDef;
use crate::replay::Command;

/// Everything that could happen now; what is late and not wanted is among it.
fn possible(stage: &Stage, value: u64) -> Vec<Happens> {
    let mut possible = Vec::new();
    for (op, command) in &stage.open {
        match command {
            Command::RunActivity(_) => {
                possible.extend([completes(*op, value), completes(*op, value)]);
                possible.extend([Fails(*op, "declined"), Stumbles(*op, "busy")]);
            }
            _ => possible.push(Fires(*op)),
        }
    }
    possible.extend(children(stage, value));
    possible.extend((0..SIGNALS).map(|name| signal(&name.to_string(), value)));
    possible.extend(stage.asked().map(|op| completes(op, value)).take(2));
    possible.push(Cancel("enough"));
    possible
}

fn children(stage: &Stage, value: u64) -> Vec<Happens> {
    let close =
        |op: &u32| Child(*op, if value.is_multiple_of(4) { Err("lost") } else { Ok(value.into()) });
    stage.children.iter().map(close).collect()
}

/// What becomes of the worker after an event.
#[derive(Debug, Clone)]
enum Then {
    GoesOn,
    /// Another one goes on with the replay's machine.
    IsTakenOver,
    /// It dies with so many turns.
    Crashes(usize),
}

fn any_then() -> impl Strategy<Value = Then> {
    prop_oneof![
        8 => Just(Then::GoesOn),
        6 => Just(Then::IsTakenOver),
        1 => (1..4_usize).prop_map(Then::Crashes),
    ]
}

/// Gives the run an event, and looks whether a replay agrees.
fn step(stage: &mut Stage, happens: &Happens) {
    stage.happen(happens).expect("not stuck");
    stage.assert_replays();
}

fn follow(stage: &mut Stage, then: &Then) {
    match then {
        Then::GoesOn => return,
        Then::Crashes(lost) => stage.crash(*lost),
        _ if stage.outcome.is_some() => return,
        Then::IsTakenOver => stage.take_over(),
    }
    stage.assert_replays();
}

/// What a run has asked for in the older build, it asks for in the newer one, and for nothing else;
/// unless it has no journal, and begins there.
fn deploy(stage: &mut Stage) {
    let asked = |stage: &Stage| shown::commands(&stage.open.values().cloned().collect::<Vec<_>>());
    let before = (stage.journal.len(), asked(stage));
    stage.deploy(newer()).expect("no open run is stuck");
    if before.0 > 0 {
        assert_eq!(before, (stage.journal.len(), asked(stage)), "nothing has happened");
    }
    stage.assert_replays();
}

fn newer() -> WorkflowDef {
    WorkflowDef::of::<Interpreter<true>>()
}

fn older() -> WorkflowDef {
    WorkflowDef::of::<Interpreter<false>>()
}

/// Gives the run all it waits for, a round at a time, until it ends.
fn finish(stage: &mut Stage) {
    for round in 0..200_u64 {
        let open: Vec<_> = stage.open.keys().copied().collect();
        for op in open {
            match stage.open.get(&op) {
                Some(Command::RunActivity(_)) => step(stage, &completes(op, round)),
                Some(_) => step(stage, &Fires(op)),
                None => {}
            }
        }
        for closes in children(stage, round) {
            step(stage, &closes);
        }
        for name in 0..SIGNALS {
            step(stage, &signal(&name.to_string(), round));
        }
        if round == 50 {
            step(stage, &Cancel("enough"));
        }
        if stage.outcome.is_some() {
            return;
        }
    }
    panic!("the run never ends; it waits for {}", stage.machine.waiting_for());
}

proptest! {
    #[test]
    fn a_replay_decides_what_the_live_run_decided(
        root in any_tree(),
        deployed_at in proptest::option::of(0..12_u64),
        choices in proptest::collection::vec((any::<proptest::sample::Index>(), any_then()), 0..40),
    ) {
        let build = if deployed_at.is_some() { older() } else { newer() };
        let (mut stage, _) = Stage::begin(build, &Tree::<true> { root });
        stage.assert_replays();
        for (number, (choice, then)) in (0..).zip(choices) {
            let possible = possible(&stage, number);
            step(&mut stage, &possible[choice.index(possible.len())]);
            follow(&mut stage, &then);
            if deployed_at == Some(number) && stage.outcome.is_none() {
                deploy(&mut stage);
            }
        }
        finish(&mut stage);
    }
}
