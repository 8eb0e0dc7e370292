//! `flows.lock`: edits of definitions, and what is said about each; and the lock of this
//! repository's own example.

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
