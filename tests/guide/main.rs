//! What the guide prints comes from runs: each test here makes one, and compares.
//!
//! `tests/docs.rs` has the list of all printed blocks, with the test that compares each.

mod errors;
mod journal;
mod kit;
mod lock;
mod logs;
mod printed;

use flows::prelude::*;
use flows::testing::TestEnv;

/// Runs a test of the kit with these definitions alone: virtual time, and ids from a seed.
fn in_the_kit(registry: Registry, test: impl AsyncFnOnce(TestEnv) -> Result<()>) -> Result<()> {
    let _seeded = flows_core::clock::seeded(42);
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.enable_all().start_paused(true).build()?;
    runtime.block_on(async { test(TestEnv::with(registry)).await })
}
