//! Whatever the workflow and whatever happens to it: a replay decides what the live run decided.
//!
//! Each case is a random tree of operations and combinators, played with random events; between
//! them another worker takes over, or dies with turns that it has not committed, or has a newer
//! build. `PROPTEST_CASES` says how many (`.ci/run` plays 100,000). A case that fails is shrunk and
//! printed with its seed, which stands in `proptest-regressions` from then on and is played first.
//! The second test counts what the cases are made of and what comes about in them.

use crate::replay::Code;
use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use proptest::sample::Index;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

use super::shown;
use super::stage::{
    Beats, Cancel, Child, Fails, Fires, Happens, Pends, Stage, Stumbles, completes, signal,
};
use super::tree::{Interpreter, Node, SIGNALS, Tree, any_trees, grown};
use crate::definition::WorkflowDef;
use crate::replay::Command;

/// Everything that could happen now; what is late and not wanted is among it.
fn possible(stage: &Stage, value: u64) -> Vec<Happens> {
    let mut possible = Vec::new();
    for (op, command) in &stage.open {
        match command {
            Command::RunActivity(start) => {
                possible.extend([completes(*op, value), completes(*op, value)]);
                possible.extend([Fails(*op, "declined"), Stumbles(*op, "busy")]);
                possible.push(if start.pending.is_some() { Beats(*op) } else { Pends(*op) });
            }
            _ => possible.push(Fires(*op)),
        }
    }
    possible.extend(children(stage, value));
    possible.extend((0..SIGNALS).map(|name| signal(&name.to_string(), value)));
    possible.extend(stage.asked().map(|op| completes(op, value)).take(2));
    if value.is_multiple_of(5) {
        possible.push(Cancel("enough"));
    }
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
    /// It dies between a transactional activity's commit and its own.
    CrashesBehindSeal,
}

fn any_then() -> impl Strategy<Value = Then> {
    prop_oneof![
        8 => Just(Then::GoesOn),
        6 => Just(Then::IsTakenOver),
        1 => (1..5_usize).prop_map(Then::Crashes),
        3 => Just(Then::CrashesBehindSeal),
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
        Then::CrashesBehindSeal => stage.crash_behind_seal(),
        _ if stage.outcome.is_some() => return,
        Then::IsTakenOver => stage.take_over(),
    }
    stage.assert_replays();
}

/// What a run has asked for in the older build, it asks for in the newer one, and for nothing else.
fn deploy(stage: &mut Stage) {
    let asked = |stage: &Stage| shown::commands(&stage.open.values().cloned().collect::<Vec<_>>());
    let before = (stage.journal.len(), asked(stage));
    stage.deploy(newer()).expect("no open run is stuck");
    assert_eq!(before, (stage.journal.len(), asked(stage)), "nothing has happened");
    stage.seen.insert("a newer build takes over");
    stage.assert_replays();
}

fn newer() -> WorkflowDef {
    WorkflowDef::of::<Interpreter<true>>()
}

fn older() -> WorkflowDef {
    WorkflowDef::of::<Interpreter<false>>()
}

/// A workflow, and what happens to it.
#[derive(Debug, Clone)]
struct Case {
    root: Node,
    /// Behind which event the newer build comes; it is there from the beginning where this is none.
    deployed_at: Option<u64>,
    events: Vec<(Index, Then)>,
}

fn any_case() -> impl Strategy<Value = Case> {
    let deployed_at = proptest::option::of(0..12_u64);
    let events = proptest::collection::vec((any::<Index>(), any_then()), 0..40);
    let parts = (any_trees(), deployed_at, events);
    parts.prop_map(|(root, deployed_at, events)| Case { root, deployed_at, events })
}

/// Plays a case to the end of the run.
fn play(case: Case) -> Stage {
    let build = if case.deployed_at.is_some() { older() } else { newer() };
    let mut stage = Stage::begin_recorded(build, &Tree::<true> { root: case.root });
    stage.assert_replays();
    for (number, (choice, then)) in (0..).zip(case.events) {
        let possible = possible(&stage, number);
        step(&mut stage, &possible[choice.index(possible.len())]);
        follow(&mut stage, &then);
        if case.deployed_at == Some(number) && stage.outcome.is_none() {
            deploy(&mut stage);
        }
    }
    finish(&mut stage);
    stage
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
    fn a_replay_decides_what_the_live_run_decided(case in any_case()) {
        play(case);
    }
}

/// What must not be missing in the cases.
const EVERYTHING: [&str; 48] = [
    "a child is asked to cancel",
    "a child starts",
    "a child's cancellation is recorded",
    "a crash loses all",
    "a crash loses marks",
    "a crash loses no mark",
    "a crash loses turns",
    "a newer build takes over",
    "a patch is recorded",
    "a run ends as cancelled",
    "a run ends by a timeout",
    "a run fails",
    "a run gives a value",
    "a side effect is recorded",
    "a start is recorded",
    "a timer is asked for",
    "a timer is taken back",
    "activity",
    "an activity ends outside",
    "an activity is asked for",
    "an activity is cancelled",
    "an activity is tried again",
    "cancelled",
    "caught",
    "child",
    "detached child",
    "forgotten child",
    "join",
    "join_all",
    "map_concurrent",
    "now",
    "patched",
    "race",
    "random",
    "select",
    "select over a borrowed future",
    "sequence",
    "shield",
    "side_effect",
    "signal",
    "sleep",
    "started",
    "stream_concurrent",
    "timeout",
    "try_join",
    "try_join_all",
    "try_signal",
    "waiting",
];

#[test]
fn the_cases_have_everything_in_them() {
    const CASES: usize = 250;
    let mut runner = TestRunner::deterministic();
    let mut often = BTreeMap::<_, usize>::new();
    for _ in 0..CASES {
        let case = any_case().new_tree(&mut runner).expect("a case").current();
        let _ = grown();
        let seen = play(case).seen;
        for what in seen.into_iter().chain(grown()) {
            *often.entry(what).or_default() += 1;
        }
    }
    println!("of {CASES} cases so many had: {often:#?}");
    let rare = |what: &&&str| often.get(**what).is_none_or(|times| *times < CASES / 50);
    let rare: BTreeSet<_> = EVERYTHING.iter().filter(rare).collect();
    assert!(rare.is_empty(), "in less than 2 % of all cases: {rare:?}");
}
