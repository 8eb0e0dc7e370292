//! Whatever the workflow and whatever happens to it: a replay decides what the live run decided.

use proptest::prelude::*;

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

/// Gives the run an event; looks whether a replay agrees; may go on with the replay's machine.
fn step(stage: &mut Stage, happens: &Happens, takes_over: bool) {
    stage.happen(happens).expect("not stuck");
    stage.assert_replays();
    if takes_over && stage.outcome.is_none() {
        stage.take_over();
    }
}

/// Gives the run all it waits for, a round at a time, until it ends.
fn finish(stage: &mut Stage) {
    for round in 0..200_u64 {
        let open: Vec<_> = stage.open.keys().copied().collect();
        for op in open {
            match stage.open.get(&op) {
                Some(Command::RunActivity(_)) => step(stage, &completes(op, round), false),
                Some(_) => step(stage, &Fires(op), false),
                None => {}
            }
        }
        for closes in children(stage, round) {
            step(stage, &closes, false);
        }
        for name in 0..SIGNALS {
            step(stage, &signal(&name.to_string(), round), false);
        }
        if round == 50 {
            step(stage, &Cancel("enough"), false);
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
        choices in proptest::collection::vec((any::<proptest::sample::Index>(), any::<bool>()), 0..40),
    ) {
        let (mut stage, _) = Stage::begin(WorkflowDef::of::<Interpreter>(), &Tree { root });
        stage.assert_replays();
        for (number, (choice, takes_over)) in (0..).zip(choices) {
            let possible = possible(&stage, number);
            step(&mut stage, &possible[choice.index(possible.len())], takes_over);
        }
        finish(&mut stage);
    }
}
