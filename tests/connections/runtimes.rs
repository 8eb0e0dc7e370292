//! One engine on several runtimes, as two tests of one program have them, and on none when it is made.

use std::sync::OnceLock;

use flows::pg::dev::{Database, fresh_database};
use flows::prelude::*;
use tokio::runtime::{Builder, Runtime};

use crate::scene::{Serving, connect, pool, until, within};

#[signal]
struct Go {
    number: u32,
}

#[workflow]
async fn waits(ctx: &WorkflowContext) -> Result<u32> {
    Ok(ctx.receive::<Go>().await?.number)
}

/// As `#[tokio::test]` makes it.
fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().expect("a runtime")
}

/// A worker serves a run that is started, signalled and waited for here.
async fn use_it(engine: &Engine, number: u32) -> Result<()> {
    let serving = Serving::begin(Worker::builder(engine, register_all![waits]).build()?);
    let run = within("a start", 20, async { engine.start(waits::Input {}).await }).await?;
    within("a signal", 20, signal(&run, number)).await?;
    assert_eq!(within("a result", 20, run.result()).await?, number);
    serving.stop().await
}

/// Sends until there is an answer: where the runtime of its connection ends at that moment, there is
/// none, and the signal may have arrived.
async fn signal(run: &Execution<waits::Workflow>, number: u32) -> Result<()> {
    loop {
        match run.send(Go { number }).dedup("go").await {
            Err(error) if error.kind() == ErrorKind::Unavailable => {}
            sent => return sent,
        }
    }
}

/// A migrated database, whose handle lives as long as the test.
fn database() -> Result<Database> {
    runtime().block_on(async {
        let database = fresh_database().await?;
        Engine::connect(database.url()).await?.migrate().await?;
        Ok(database)
    })
}

#[test]
fn an_engine_is_made_outside_of_a_runtime() -> Result<()> {
    let database = database()?;
    let engine = Engine::from_pool(pool(database.url(), 4));
    runtime().block_on(use_it(&engine, 7))
}

static ENGINE: OnceLock<Engine> = OnceLock::new();

#[test]
fn an_engine_outlives_the_runtime_it_was_made_on() -> Result<()> {
    let database = database()?;
    let connected = runtime().block_on(async { Engine::connect(database.url()).await })?;
    let engine = ENGINE.get_or_init(|| connected);
    for number in 0..3 {
        let here = runtime(); // the one before has ended
        here.block_on(async {
            use_it(engine, number).await?;
            let serving = Serving::begin(Worker::builder(engine, register_all![waits]).build()?);
            let administrator = connect(database.superuser_url().unwrap_or(database.url())).await?;
            let listeners =
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()
                             AND application_name = 'flows listener'";
            let listens =
                async || Ok(administrator.query_one(listeners, &[]).await?.get::<_, i64>(0) == 1);
            until(listens).await?;
            serving.stop().await
        })?;
    }
    Ok(())
}

#[test]
fn a_runtime_that_ends_takes_nothing_of_another_along() -> Result<()> {
    let database = database()?;
    let engine = Engine::from_pool(pool(database.url(), 8));
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..2)
            .map(|thread| {
                let engine = &engine;
                scope.spawn(move || {
                    (0..5).try_for_each(|number| {
                        runtime().block_on(use_it(engine, thread * 10 + number))
                    })
                })
            })
            .collect();
        threads.into_iter().try_for_each(|thread| thread.join().expect("no panic"))
    })
}
