//! Before a deploy: what a build with edited workflows says about recorded histories, and about the
//! open runs of a live database.
//!
//! `old` is the build in production; each module of `edits` is a build that somebody wants to deploy.

mod database;
mod edits;
mod old;
mod readonly;
#[path = "../shared/waiting.rs"]
mod waiting;

use expect_test::{Expect, expect};
use flows::testing::replay_with;
use flows::{History, Registry};

/// A run of the order, recorded in `tests/histories`.
fn recorded(name: &str) -> String {
    let path = format!("{}/tests/histories/{name}.json", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(path).expect("a recorded history")
}

/// What a build says about a recorded run.
#[track_caller]
fn check(registry: Registry, name: &str, expected: Expect) {
    let result = replay_with(&registry, recorded(name));
    let said = result.map_or_else(|error| error.to_string(), |()| "it replays".to_owned());
    expected.assert_eq(&said);
}

#[test]
fn the_same_code_replays() {
    check(old::registry(), "order_delivered", expect!["it replays"]);
    check(old::registry(), "order_waiting", expect!["it replays"]);
}

#[test]
fn another_step_in_front() {
    check(
        edits::reserves_first(),
        "order_delivered",
        expect![[r#"
            run 01b8dac5-b401-710d-a48c-ea4c09676b8d of workflow `order` version 1 does not replay, at event 2 of 7 (`activity_attempt_failed`, journal row 0):
            the journal does not match this build
              journal: attempt 1 of activity `charge_payment` (#0) failed
              code:    activity `reserve` (#0), called at tests/deploying/edits.rs:30
            This run needs the code that wrote its journal. Keep that code for it, as the `else` of an `if ctx.patched("…")` or under its own `version` of the workflow; or deploy that build again."#]],
    );
}

#[test]
fn a_value_that_was_not_recorded() {
    check(
        edits::asks_for_a_value(),
        "order_waiting",
        expect![[r#"
            run 01b8dac5-b401-710d-a48c-ea4c09676b8e of workflow `order` version 1 does not replay, at event 1 of 3 (`run_started`, journal row 0):
            the journal does not match this build
              journal: attempt 1 of activity `charge_payment` (#0) failed
              code:    side effect (#0), called at tests/deploying/edits.rs:39
            This run needs the code that wrote its journal. Keep that code for it, as the `else` of an `if ctx.patched("…")` or under its own `version` of the workflow; or deploy that build again."#]],
    );
}

#[test]
fn steps_in_another_order() {
    check(
        edits::ships_last(),
        "order_delivered",
        expect![[r#"
            run 01b8dac5-b401-710d-a48c-ea4c09676b8d of workflow `order` version 1 does not replay, at event 5 of 7 (`activity_completed`, journal row 3):
            the journal does not match this build
              journal: activity `ship` (#2) completed
              code:    activity `email` (#2), called at tests/deploying/edits.rs:52
            This run needs the code that wrote its journal. Keep that code for it, as the `else` of an `if ctx.patched("…")` or under its own `version` of the workflow; or deploy that build again."#]],
    );
}

#[test]
fn another_input() {
    check(
        edits::charges_more(),
        "order_waiting",
        expect![[r#"
            run 01b8dac5-b401-710d-a48c-ea4c09676b8e of workflow `order` version 1 does not replay, at event 2 of 3 (`activity_attempt_failed`, journal row 0):
            activity `charge_payment` (#0) at tests/deploying/edits.rs:60 is called with another input than the journal has for it; its recorded result is used
              journal: only as a hash, so it cannot be shown
              code:    {"customer":"ada@example.com","cents":4201}"#]],
    );
}

#[test]
fn an_end_too_early() {
    check(
        edits::ends_at_once(),
        "order_waiting",
        expect![[r#"
            run 01b8dac5-b401-710d-a48c-ea4c09676b8e of workflow `order` version 1 does not replay, at event 1 of 3 (`run_started`, journal row 0):
            the journal does not match this build
              journal: attempt 1 of activity `charge_payment` (#0) failed
              code:    the workflow has returned before this; it has awaited nothing
            This run needs the code that wrote its journal. Keep that code for it, as the `else` of an `if ctx.patched("…")` or under its own `version` of the workflow; or deploy that build again."#]],
    );
}

#[test]
fn another_end() {
    check(
        edits::forgives(),
        "order_out_of_stock",
        expect![[r#"
        run 01b8dac5-b401-710d-a48c-ea4c09676b84 of workflow `order` version 1 does not replay, at event 6 of 6 (`run_failed`, journal row 3):
        the run has ended otherwise
          journal: run_failed (Terminal: out of stock)
          code:    returns its output"#]],
    );
}

#[test]
fn a_step_behind_the_end() {
    check(
        edits::thanks_at_the_end(),
        "order_delivered",
        expect![[r#"
        run 01b8dac5-b401-710d-a48c-ea4c09676b8d of workflow `order` version 1 does not replay, at event 7 of 7 (`run_completed`, journal row 3):
        the run has ended otherwise
          journal: run_completed
          code:    still waits for activity `email` (#4), called at tests/deploying/edits.rs:94"#]],
    );
    check(edits::thanks_at_the_end(), "order_waiting", expect!["it replays"]);
}

#[test]
fn an_input_that_does_not_decode() {
    check(
        edits::needs_a_currency(),
        "order_waiting",
        expect![[r#"
        run 01b8dac5-b401-710d-a48c-ea4c09676b8e of workflow `order` version 1 does not replay:
        input of `order`: cannot decode as `deploying::edits::needs_a_currency::__order_Input`: missing field `currency` at line 1 column 81"#]],
    );
}

#[test]
fn an_activity_that_nobody_has() {
    let without = Registry::new().with::<old::order::Workflow>();
    check(without.clone(), "order_waiting", expect!["it replays"]); // it has been paid
    let mut unpaid: serde_json::Value =
        serde_json::from_str(&recorded("order_waiting")).expect("JSON");
    unpaid["events"].as_array_mut().expect("events").truncate(2); // an attempt has failed
    let error = replay_with(&without, unpaid.to_string()).expect_err("an error");
    expect![[r#"
        run 01b8dac5-b401-710d-a48c-ea4c09676b8e of workflow `order` version 1 does not replay, at event 2 of 2 (`activity_attempt_failed`, journal row 0):
        it goes on with activity `charge_payment`, which is not registered here"#]].assert_eq(&error.to_string());
}

#[test]
fn a_workflow_that_is_gone() {
    check(
        edits::next_version(),
        "order_waiting",
        expect![[r#"
        run 01b8dac5-b401-710d-a48c-ea4c09676b8e of workflow `order` version 1 does not replay:
        workflow `order` version 1 is not registered here"#]],
    );
}

#[test]
fn a_history_of_a_newer_build() {
    let newer = recorded("order_waiting").replace("run_started", "run_dreamt");
    let error = replay_with(&old::registry(), newer.as_str()).expect_err("an error");
    expect!["this is no history that this build can read: event 1 (`run_dreamt`): this build does not know such an event; use a build at least as new as the one that exported it"].assert_eq(&error.to_string());
}

#[test]
fn an_error_says_where() {
    let history = History::from_json(&recorded("order_delivered")).expect("a history");
    let error = replay_with(&edits::ships_last(), &history).expect_err("an error");
    assert_eq!((error.event(), error.kind()), (Some(5), Some("activity_completed")));
}
