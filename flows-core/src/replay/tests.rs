//! Table tests of the machine: a script, what happens to it, and what it answers.
//!
//! [`check`] plays a script live and, behind every event, replays its journal from the beginning
//! and compares. So each table is a test of the replay too. Nothing here needs a store.

#[macro_use]
mod script;
mod bounds;
mod cancelling;
mod children;
mod concurrent;
mod corruption;
mod foreign;
mod identity;
mod joining;
mod mismatch;
mod patching;
mod polling;
mod property;
mod queries;
mod refused;
mod retrying;
mod selecting;
mod shown;
mod signals;
mod stage;
mod streams;
mod stuck;
mod tree;
mod updates;
mod values;

use expect_test::Expect;

use crate::definition::WorkflowDef;
use crate::journal::Event;
use stage::{Happens, Stage};

/// Plays a script and compares what each poll asked for with the table.
#[track_caller]
fn check(script: WorkflowDef, history: &[Happens], expected: Expect) {
    let (mut stage, first) = Stage::begin(script, &serde_json::json!({}));
    let mut lines = vec![format!("begin: {}", shown::turn(&first))];
    for happens in history {
        let answer = stage.happen(happens).expect("not stuck");
        let answer = answer.map_or_else(|| "not wanted".to_owned(), |turn| shown::turn(&turn));
        lines.push(format!("{}: {answer}", shown::happens(happens)));
        stage.assert_replays();
    }
    expected.assert_eq(&(lines.join("\n") + "\n"));
}

/// Replays a journal that does not belong to the script; compares why it is stuck. Line numbers
/// are left out.
#[track_caller]
fn check_stuck(script: WorkflowDef, journal: &[Event], expected: Expect) {
    let stuck = stage::replay_events(&script, journal).expect_err("stuck");
    expected.assert_eq(&(shown::without_lines(&stuck.to_string()) + "\n"));
}
