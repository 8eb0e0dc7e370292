//! Runs without a journal: all there is to know of them is in their own row.

use std::sync::Arc;
use std::time::SystemTime;

use flows::memory::MemoryStore;
use flows::pg::dev::fresh_database;
use flows::prelude::*;
use flows_core::ids::RunKey;
use flows_core::store::traits::*;
use uuid::Uuid;

use crate::harness::{Env, on_memory_in_real_time};

#[workflow]
async fn doubles(ctx: &WorkflowContext, n: u32) -> Result<u32> {
    Ok(n * ctx.attempt() * 2)
}

#[workflow]
async fn stamps(ctx: &WorkflowContext) -> Result<SystemTime> {
    Ok(ctx.now())
}

#[workflow]
async fn names(ctx: &WorkflowContext) -> Result<Uuid> {
    Ok(ctx.uuid())
}

#[workflow]
async fn refuses(ctx: &WorkflowContext) -> Result<()> {
    let _ = ctx;
    Err(Error::terminal("no"))
}

#[workflow]
async fn asks(ctx: &WorkflowContext) -> Result<u32> {
    doubles(ctx, 3).await
}

#[tokio::test]
async fn a_run_that_its_row_tells_all_about_has_no_journal_on_memory() -> Result<()> {
    let store = Arc::new(MemoryStore::new());
    on_memory_in_real_time(async |mut env| {
        env.engine = flows_core::Engine::new(store.clone());
        has_no_journal(&env, &*store).await
    })
    .await
}

#[tokio::test]
async fn a_run_that_its_row_tells_all_about_has_no_journal_on_postgres() -> Result<()> {
    let database = fresh_database().await?;
    let engine = Engine::connect(database.url()).await?;
    engine.migrate().await?;
    on_memory_in_real_time(async |mut env| {
        env.engine = (&engine).into();
        has_no_journal(&env, engine.store().unwrap()).await
    })
    .await
}

async fn has_no_journal(env: &Env, store: &dyn Store) -> Result<()> {
    let first = env.engine.start(doubles::Input { n: 1 }).await?; // before there is a worker
    let registry = register_all![doubles, stamps, names, refuses, asks];
    let _worker = env.serve(registry)?;
    assert_eq!(first.result().await?, 2);
    told(&first, store, &[]).await?;

    let own = env.engine.start(doubles::Input { n: 4 }).await?;
    assert_eq!(own.result().await?, 8);
    told(&own, store, &[]).await?;
    let (history, view) = (own.history().await?, own.describe().await?);
    let kinds = history.iter().map(|event| (event.position, event.kind)).collect::<Vec<_>>();
    assert_eq!(kinds, [(0, "run_started"), (0, "run_completed")]);
    let times = [Some(history[0].at), Some(history[1].at)];
    assert_eq!(times, [Some(view.created_at), view.closed_at]);

    let parent = env.engine.start(asks::Input {}).await?;
    assert_eq!(parent.result().await?, 6, "of a child that has told nobody else");
    Ok(())
}

/// How many events the rows of a run's journal have, and that the run replays.
async fn told<W: Workflow>(exec: &Execution<W>, store: &dyn Store, rows: &[usize]) -> Result<()> {
    let history = store.history(RunKey::of_run(Uuid::nil(), exec.run_id())).await?;
    let decode = |row: &flows_core::store::HistoryRow| flows_core::journal::decode(0, &row.events);
    let events = history.iter().map(|row| Ok(decode(row)?.len())).collect::<Result<Vec<_>>>()?;
    assert_eq!(events, rows);
    let registry = register_all![doubles, stamps, names, refuses, asks];
    let replayed = flows::testing::replay_with(&registry, &exec.export().await?);
    replayed.map_err(|error| Error::terminal(error.to_string()))
}

#[tokio::test]
async fn what_the_row_does_not_tell_is_in_the_journal() -> Result<()> {
    let store = Arc::new(MemoryStore::new());
    on_memory_in_real_time(async |mut env| {
        env.engine = flows_core::Engine::new(store.clone());
        let (engine, store) = (&env.engine, &*store);
        let _worker = env.serve(register_all![doubles, stamps, names, refuses, asks])?;
        let stamped = engine.start(stamps::Input {}).await?;
        stamped.result().await?;
        told(&stamped, store, &[2]).await?;
        let named = engine.start(names::Input {}).await?;
        named.result().await?;
        told(&named, store, &[2]).await?;
        let failed = engine.start(refuses::Input {}).await?;
        failed.result().await.unwrap_err();
        told(&failed, store, &[2]).await?;
        let later = engine.start(doubles::Input { n: 5 }).delay(Duration::from_millis(1)).await?;
        assert_eq!(later.result().await?, 10);
        told(&later, store, &[2]).await
    })
    .await
}
