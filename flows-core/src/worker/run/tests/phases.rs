//! Every phase meets every input.

use std::fmt::Write as _;

use expect_test::expect;

use super::super::{CodeReturned, Input, ResultRequest};
use super::stage::{Fake, Stage, activity, completed, ended, new_run, old_run, page, text, turn};
use crate::payload::Payload;
use crate::store::TransactionOutcome;

type Story = fn() -> Stage;

/// All inputs, each with its name.
fn inputs() -> Vec<(&'static str, Input<Fake>)> {
    let polled = CodeReturned {
        machine: Some(Fake::default()),
        turn: Ok(turn(Vec::new())),
        refusal: None,
        failed: Vec::new(),
        fresh: None,
    };
    let request = ResultRequest { ticket: 1, op: 0, attempt: 1, output: text(1) };
    let record = Stage::running().attempt_ended(0).take().polled(Vec::new()).write().last_sent();
    vec![
        ("collected", Input::Collected { sent: 1, page: page(&[1], None) }),
        ("page", Input::Page(page(&[1], Some(1)))),
        ("polled", Input::Returned(polled)),
        ("attempt ended", ended(0, TransactionOutcome::Unknown)),
        ("settled", Input::Settled { event: completed(0), message: 1 }),
        ("result ready", Input::ResultReady(request)),
        ("grant unused", Input::GrantUnused),
        ("timer due", Input::TimerDue(1)),
        ("committed", Input::Committed { parked: true }),
        ("not parked", Input::Committed { parked: false }),
        ("held", Input::Held(record.clone())),
        ("refused", Input::Refused("too large".into())),
        ("unsure", Input::Unsure(record)),
        ("lost", Input::Lost),
        ("reloaded", Input::Reloaded(Box::new(old_run(1)))),
        ("try again", Input::TryAgain),
        ("overstayed", Input::Overstayed(1)),
        ("given up", Input::GivenUp("it blocks".into())),
        ("stuck", Input::Stuck("it cannot".into())),
        ("drain", Input::Drain),
        ("gone", Input::Gone),
    ]
}

/// What each input does to a run that has come so far.
fn each(story: Story) -> String {
    let mut table = String::new();
    for (name, input) in inputs() {
        let mut stage = story();
        stage.rules.is_draining = name == "drain";
        stage.forget().give(name, input);
        let _ = writeln!(table, "{} ({})", stage.told().trim_end(), stage.phase());
    }
    table
}

#[test]
fn activating() {
    expect![[r#"
        collected: (activating)
        page: (activating)
        polled: discard (activating)
        attempt ended: (activating)
        settled: (activating)
        result ready: deny 1 (activating)
        grant unused: (activating)
        timer due: (activating)
        committed: (activating)
        not parked: (activating)
        held: (activating)
        refused: (activating)
        unsure: reload (activating)
        lost: dropped, reload (lost)
        reloaded: (activating)
        try again: (activating)
        overstayed: (activating)
        given up: (activating)
        stuck: stuck (it cannot), commit (stuck)
        drain: (activating)
        gone: evicted (lost)
    "#]]
    .assert_eq(&each(|| Stage::new(old_run(1))));
}

#[test]
fn polling() {
    expect![[r#"
        collected: (polling)
        page: (polling)
        polled: idle 1 (live)
        attempt ended: (polling)
        settled: (polling)
        result ready: deny 1 (polling)
        grant unused: (polling)
        timer due: (polling)
        committed: (polling)
        not parked: (polling)
        held: (polling)
        refused: (polling)
        unsure: reload (polling)
        lost: dropped, reload (lost)
        reloaded: (polling)
        try again: (polling)
        overstayed: (polling)
        given up: stuck (it blocks), commit (stuck)
        stuck: stuck (it cannot), commit (stuck)
        drain: (polling)
        gone: evicted (lost)
    "#]]
    .assert_eq(&each(|| {
        let mut stage = Stage::new(old_run(1));
        stage.take();
        stage
    }));
}

#[test]
fn live_with_an_attempt_that_runs() {
    expect![[r#"
        collected: work (live)
        page: work (live)
        polled: discard (live)
        attempt ended: work (live)
        settled: work (live)
        result ready: grant 1 row 1 (live)
        grant unused: (live)
        timer due: (live)
        committed: (live)
        not parked: (live)
        held: (live)
        refused: (live)
        unsure: reload (live)
        lost: stop all, discard, dropped, reload (lost)
        reloaded: (live)
        try again: (live)
        overstayed: (live)
        given up: (live)
        stuck: stuck (it cannot), stop all, discard, commit (stuck)
        drain: (live)
        gone: stop all, discard, evicted (lost)
    "#]]
    .assert_eq(&each(Stage::running));
}

#[test]
fn live_and_waiting() {
    expect![[r#"
        collected: work (live)
        page: work (live)
        polled: discard (live)
        attempt ended: (live)
        settled: work (live)
        result ready: deny 1 (live)
        grant unused: (live)
        timer due: (live)
        committed: (live)
        not parked: (live)
        held: (live)
        refused: (live)
        unsure: reload (live)
        lost: discard, dropped, reload (lost)
        reloaded: (live)
        try again: (live)
        overstayed: commit (live)
        given up: (live)
        stuck: stuck (it cannot), discard, commit (stuck)
        drain: commit (live)
        gone: discard, evicted (lost)
    "#]]
    .assert_eq(&each(|| Stage::live(old_run(1), Vec::new())));
}

#[test]
fn live_with_a_record_on_its_way() {
    expect![[r#"
        collected: work (live)
        page: work (live)
        polled: discard (live)
        attempt ended: (live)
        settled: work (live)
        result ready: deny 1 (live)
        grant unused: (live)
        timer due: (live)
        committed: launch #1.1 (live)
        not parked: launch #1.1 (live)
        held: try later (live)
        refused: stuck (the store refused to record the run's pr), discard, commit (stuck)
        unsure: reload (live)
        lost: discard, dropped, reload (lost)
        reloaded: (live)
        try again: (live)
        overstayed: (live)
        given up: (live)
        stuck: stuck (it cannot), discard (stuck)
        drain: (live)
        gone: discard, evicted (lost)
    "#]]
    .assert_eq(&each(|| {
        let mut stage = Stage::running();
        stage.attempt_ended(0).take().polled(vec![activity(1)]).write();
        stage
    }));
}

#[test]
fn live_with_a_result_that_is_granted() {
    expect![[r#"
        collected: (live)
        page: (live)
        polled: discard (live)
        attempt ended: discard, dropped, reload (lost)
        settled: (live)
        result ready: (live)
        grant unused: (live)
        timer due: (live)
        committed: (live)
        not parked: (live)
        held: (live)
        refused: (live)
        unsure: reload (live)
        lost: stop all, discard, dropped, reload (lost)
        reloaded: (live)
        try again: (live)
        overstayed: (live)
        given up: (live)
        stuck: stuck (it cannot), stop all, discard (stuck)
        drain: (live)
        gone: stop all, discard, evicted (lost)
    "#]]
    .assert_eq(&each(|| {
        let mut stage = Stage::running();
        stage.result_ready(0);
        stage
    }));
}

#[test]
fn live_while_it_is_parked() {
    expect![[r#"
        collected: work (live)
        page: work (live)
        polled: discard (live)
        attempt ended: (live)
        settled: work (live)
        result ready: deny 1 (live)
        grant unused: (live)
        timer due: (live)
        committed: discard, evicted (lost)
        not parked: collect, try later (live)
        held: try later (live)
        refused: stuck (the store refused to record the run's pr), discard, commit (stuck)
        unsure: reload (live)
        lost: discard, dropped, reload (lost)
        reloaded: (live)
        try again: (live)
        overstayed: (live)
        given up: (live)
        stuck: stuck (it cannot), discard (stuck)
        drain: (live)
        gone: discard, evicted (lost)
    "#]]
    .assert_eq(&each(|| {
        let mut stage = Stage::live(old_run(1), Vec::new());
        stage.give("overstayed", Input::Overstayed(1)).write();
        stage
    }));
}

#[test]
fn ending() {
    expect![[r#"
        collected: (ending)
        page: (ending)
        polled: discard (ending)
        attempt ended: (ending)
        settled: (ending)
        result ready: deny 1 (ending)
        grant unused: (ending)
        timer due: (ending)
        committed: ended completed, discard, evicted (lost)
        not parked: ended completed, discard, evicted (lost)
        held: try later (ending)
        refused: stuck (the store refused to record the run's pr), discard, commit (stuck)
        unsure: reload (ending)
        lost: discard, dropped, reload (lost)
        reloaded: (ending)
        try again: (ending)
        overstayed: (ending)
        given up: (ending)
        stuck: (ending)
        drain: (ending)
        gone: discard, evicted (lost)
    "#]]
    .assert_eq(&each(|| {
        let mut stage = Stage::new(new_run());
        stage.take().ends(Payload::json(&1)).write();
        stage
    }));
}

#[test]
fn stuck() {
    expect![[r#"
        collected: (stuck)
        page: (stuck)
        polled: discard (stuck)
        attempt ended: (stuck)
        settled: (stuck)
        result ready: deny 1 (stuck)
        grant unused: (stuck)
        timer due: (stuck)
        committed: evicted (lost)
        not parked: collect, try later (stuck)
        held: try later (stuck)
        refused: stuck (the store refused to record the run's pr), commit (stuck)
        unsure: reload (stuck)
        lost: dropped, reload (lost)
        reloaded: (stuck)
        try again: (stuck)
        overstayed: (stuck)
        given up: (stuck)
        stuck: (stuck)
        drain: (stuck)
        gone: evicted (lost)
    "#]]
    .assert_eq(&each(|| {
        let mut stage = Stage::running();
        stage.give("stuck", Input::Stuck("it cannot".into())).write();
        stage
    }));
}

#[test]
fn lost() {
    expect![[r#"
        collected: (lost)
        page: (lost)
        polled: discard (lost)
        attempt ended: (lost)
        settled: (lost)
        result ready: deny 1 (lost)
        grant unused: (lost)
        timer due: (lost)
        committed: (lost)
        not parked: (lost)
        held: (lost)
        refused: (lost)
        unsure: reload (lost)
        lost: dropped, reload (lost)
        reloaded: start over with 1 rows (lost)
        try again: (lost)
        overstayed: (lost)
        given up: (lost)
        stuck: (lost)
        drain: evicted (lost)
        gone: evicted (lost)
    "#]]
    .assert_eq(&each(|| {
        let mut stage = Stage::running();
        stage.give("lost", Input::Lost);
        stage
    }));
}

#[test]
fn unsure() {
    expect![[r#"
        collected: work (live)
        page: work (live)
        polled: discard (live)
        attempt ended: (live)
        settled: work (live)
        result ready: deny 1 (live)
        grant unused: (live)
        timer due: (live)
        committed: launch #1.1 (live)
        not parked: launch #1.1 (live)
        held: try later (live)
        refused: stuck (the store refused to record the run's pr), discard, commit (stuck)
        unsure: reload (live)
        lost: discard, dropped, reload (lost)
        reloaded: commit (live)
        try again: (live)
        overstayed: (live)
        given up: (live)
        stuck: stuck (it cannot), discard (stuck)
        drain: discard, evicted (lost)
        gone: discard, evicted (lost)
    "#]]
    .assert_eq(&each(|| {
        let mut stage = Stage::running();
        stage.attempt_ended(0).take().polled(vec![activity(1)]).write();
        let record = stage.last_sent();
        stage.give("unsure", Input::Unsure(record));
        stage
    }));
}

/// What is stored decides, whatever it says.
#[test]
fn unsure_and_its_record_is_there() {
    let mut stage = Stage::running();
    stage.attempt_ended(0).take().polled(vec![activity(1)]).write();
    let record = stage.last_sent();
    let mut stored = old_run(1);
    stored.journal.push(record.events.clone());
    stage.forget().give("unsure", Input::Unsure(record));
    stage.give("reloaded", Input::Reloaded(Box::new(stored)));
    stage.check(expect![[r#"
        unsure: reload
        reloaded: launch #1.1
    "#]]);
}
