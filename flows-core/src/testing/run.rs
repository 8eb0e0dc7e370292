//! How `#[flows::test]` runs a test: a runtime of its own, a seeded clock, an environment.

use std::future::Future;

use super::env::TestEnv;
use crate::clock;
use crate::error::Result;

/// The seed of every test: its ids, its jitter and its time are the same each time it runs.
const SEED: u64 = 42;

/// Runs a test on a store in memory and virtual time. `#[flows::test]` calls it.
///
/// # Panics
/// When the machine has no resources for a runtime.
#[doc(hidden)]
#[track_caller]
pub fn on_memory<F: Future>(body: impl FnOnce(TestEnv) -> F) -> F::Output {
    in_virtual_time(|()| body(TestEnv::new()))
}

/// Runs a test that takes no environment, so that nobody asks which definitions it would serve.
///
/// # Panics
/// When the machine has no resources for a runtime.
#[doc(hidden)]
#[track_caller]
pub fn in_virtual_time<F: Future>(body: impl FnOnce(()) -> F) -> F::Output {
    let _seeded = clock::seeded(SEED);
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.enable_all().start_paused(true).build();
    runtime.expect("a runtime for the test").block_on(async { body(()).await })
}

/// The end of a test without a return type: an error fails it, as people read it.
///
/// # Panics
/// With the error.
#[doc(hidden)]
#[track_caller]
pub fn passed(result: Result<()>) {
    if let Err(error) = result {
        panic!("{error:#}");
    }
}
