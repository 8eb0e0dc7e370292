//! Records of transactional activities, and what stands before them in the journal.

use std::sync::{Arc, Mutex};

use flows::pg::Transaction;
use flows::pg::dev::fresh_database;
use flows::pg::tokio_postgres::{Client, NoTls};
use flows::prelude::*;
use flows_core::payload::Payload;

use crate::gates::{Gate, blocks_at};
use crate::harness::{Env, Serving, on_memory_in_real_time, same_shard, until};
use crate::world::World;

on_every_store! {
    an_attempt_that_is_over_gets_no_record,
}

#[activity(transaction)]
async fn debit(ctx: &ActivityContext, tx: &Transaction<'_>, cents: u64) -> Result<u64> {
    let world = ctx.state::<World>()?;
    world.note("at debit");
    world.pass("debit").await;
    tx.execute("SELECT 1", &[]).await?;
    world.note("debited");
    Ok(cents)
}

#[activity]
async fn waits_at(ctx: &ActivityContext, gate: String) -> Result<()> {
    let world = ctx.state::<World>()?;
    world.note(format!("at {gate}"));
    world.pass(&gate).await;
    Ok(())
}

#[workflow]
async fn pays(ctx: &WorkflowContext, gate: String) -> Result<u64> {
    let paid = debit(ctx, 42).start();
    waits_at(ctx, "step".into()).await?;
    blocks_at(&gate);
    paid.await
}

#[workflow]
async fn waits(ctx: &WorkflowContext, gate: String) -> Result<()> {
    waits_at(ctx, gate).await
}

/// What a first turn has seen as its time is the first event, also where another event waits for its
/// commit when a transactional activity wants its record: else a replay would see another time.
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn the_first_turn_stays_first() -> Result<()> {
    let database = fresh_database().await?;
    let engine = Engine::connect(database.url()).await?;
    engine.migrate().await?;
    let (client, connection) = flows::pg::tokio_postgres::connect(database.url(), NoTls).await?;
    tokio::spawn(connection);
    on_memory_in_real_time(async |mut env| {
        env.engine = (&engine).into();
        let _worker = env.serve(register_all![pays, waits, debit, waits_at])?;
        let [first, second, third] = same_shard();
        let turns = Gate::closed_for(1, 0);
        let paying = env.engine.start(pays::Input { gate: turns.name.clone() }).id(first).await?;
        env.engine.start(waits::Input { gate: "flying".into() }).id(second).await?;
        for gate in ["at debit", "at step", "at flying"] {
            env.world.noted(gate, 1).await;
        }

        client.batch_execute("BEGIN; LOCK TABLE flows.journal IN SHARE MODE").await?;
        env.world.open("flying");
        until(async || Ok(waiting_commits(&client).await? == 1)).await?;
        env.world.open("step");
        turns.arrived(1).await;
        env.world.open("debit");
        env.world.noted("debited", 1).await;
        env.engine.start(waits::Input { gate: "third".into() }).id(third).await?;
        env.world.noted("at third", 1).await; // behind the record that was asked for
        client.batch_execute("COMMIT").await?;

        assert_eq!(paying.result().await?, 42);
        let kinds: Vec<_> = paying.history().await?.iter().map(|event| event.kind).collect();
        let completed = "activity_completed";
        assert_eq!(kinds, ["run_started", completed, completed, "run_completed"]);
        Ok(())
    })
    .await
}

/// Commits that wait for the table of journals.
async fn waiting_commits(client: &Client) -> Result<i64> {
    let waiting = "SELECT count(*) FROM pg_locks
                   WHERE relation = 'flows.journal'::regclass AND NOT granted";
    Ok(client.query_one(waiting, &[]).await?.get(0))
}

/// What the first attempt leaves behind.
#[derive(Clone, Default)]
struct Left(Arc<Mutex<Option<ActivityContext>>>);

#[activity(start_to_close = "30ms", retry(initial_interval = "1ms", max_attempts = 2))]
async fn hands_out(ctx: &ActivityContext) -> Result<u32> {
    if ctx.attempt() == 1 {
        *ctx.state::<Left>()?.0.lock().expect("no panic") = Some(ctx.clone());
        std::future::pending::<()>().await;
    }
    let world = ctx.state::<World>()?;
    world.note("at the second attempt");
    world.pass("second").await;
    Ok(2)
}

#[workflow]
async fn tries(ctx: &WorkflowContext) -> Result<u32> {
    hands_out(ctx).await
}

/// Also where something of it lives on and asks for one, while the next attempt runs.
async fn an_attempt_that_is_over_gets_no_record(env: Env) -> Result<()> {
    let left = Left::default();
    let worker = env.worker(register_all![tries, hands_out]).state(left.clone());
    let _worker = Serving::begin(worker.build()?);
    let exec = env.engine.start(tries::Input {}).await?;
    env.world.noted("at the second attempt", 1).await;

    let first = left.0.lock().expect("no panic").take().expect("its context");
    let first = first.exactly_once().expect("its way to a record");
    let record = first.record(Payload::json(&1)?).await;
    assert!(record.is_err_and(|error| error.is_cancelled()), "the first attempt is over");

    env.world.open("second");
    assert_eq!(exec.result().await?, 2);
    Ok(())
}
