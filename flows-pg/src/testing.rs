//! How `#[flows::test(postgres)]` runs a test: a database of its own, and real time.

use std::future::Future;
use std::time::Duration;

use flows_core::testing::TestEnv;
use flows_core::{Registry, Result};

use crate::Engine;
use crate::dev::fresh_database;

/// How long a test may take, really.
const LIMIT: Duration = Duration::from_secs(60);

/// Runs a test on an empty database. `#[flows::test(postgres)]` calls it.
///
/// # Panics
/// When there is no database, which the message explains; when the test takes longer than 60 s.
#[doc(hidden)]
#[track_caller]
pub fn on_postgres<F: Future>(body: impl FnOnce(TestEnv) -> F) -> F::Output {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime for the test").block_on(async {
        let env = environment().await.unwrap_or_else(|error| panic!("{error:#}"));
        let ended = tokio::time::timeout(LIMIT, body(env)).await;
        ended.unwrap_or_else(|_| {
            panic!("the test has not ended after {LIMIT:?}: on PostgreSQL, time is real")
        })
    })
}

async fn environment() -> Result<TestEnv> {
    let database = fresh_database().await?;
    let engine = Engine::connect(database.url()).await?;
    engine.migrate().await?;
    Ok(TestEnv::in_real_time(&engine, Registry::all(), Box::new(database)))
}
