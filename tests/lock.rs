//! `flows.lock`: edits of definitions, and what is said about each; and the lock of this
//! repository's own example.

use expect_test::expect;
use flows::testing::Lock;

#[path = "lock/definitions.rs"]
mod definitions;
#[allow(dead_code, reason = "only its definitions are of interest here")]
#[path = "../examples/order.rs"]
mod example;
#[path = "lock/runtime.rs"]
mod runtime;
#[path = "lock/said.rs"]
mod said;
#[path = "lock/shapes.rs"]
mod shapes;
#[path = "lock/stage.rs"]
mod stage;
#[path = "lock/steps.rs"]
mod steps;

/// The example's open runs survive every edit of this repository.
#[test]
fn the_order_example() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/flows.lock");
    flows::testing::check_lock_of(&stage::registry_of("lock::example"), path);
}

/// The file as it was before a step, a parameter and an activity were added to the example.
#[test]
fn the_order_example_edited() {
    let text = include_str!("../flows.lock");
    let before = text
        .replacen("    activity charge_payment\n", "", 1)
        .replacen(
            "workflow order 1\n  input: struct\n    cents: u64\n",
            "workflow order 1\n  input: struct\n",
            1,
        )
        .replacen("activity refund\n  input: struct\n    receipt: str\n  output: unit\n\n", "", 1);
    let before = Lock::parse(&before).expect("a lock");
    let report = before.compare(&Lock::of(&stage::registry_of("lock::example")));
    expect![[r#"
        workflow order 1
          error: the new field `input.cents` is missing in what is recorded
            --> tests/../examples/order.rs:…
            help: give it `#[serde(default)]`, or make it an `Option`; or give the workflow a new `version`, and keep this one for its open runs
          error: `activity charge_payment` was put in before `signal "warehouse-ready"`
            --> tests/../examples/order.rs:…
            help: open runs may be past this place: put it under `if ctx.patched("…") { … }`, which they skip; or give the workflow a new `version`, and keep this one for its open runs
        activity refund
          note: it is new
            --> tests/../examples/order.rs:…
            help: no open run knows it
    "#]].assert_eq(&stage::masked(&report));
}
