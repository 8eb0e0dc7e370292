//! What a worker does with its connections where there are too few of them.

use flows::pg::deadpool_postgres::{Manager, Pool};
use flows::pg::dev::fresh_database;
use flows::pg::tokio_postgres::{Client, NoTls};
use flows::prelude::*;

use crate::harness::{Serving, until, within};
use crate::world::World;

#[workflow]
async fn idles(ctx: &WorkflowContext) -> Result<()> {
    ctx.sleep(Duration::from_secs(1)).await
}

/// A worker renews its lease while the application uses up the pool, also when it loses its own
/// connections meanwhile.
#[tokio::test]
async fn a_lease_does_not_wait_for_the_pool() -> Result<()> {
    let database = fresh_database().await?;
    let manager = Manager::new(database.url().parse().expect("it was used already"), NoTls);
    let pool = Pool::builder(manager).max_size(1).build().expect("it needs no timer");
    let engine = Engine::from_pool(pool.clone());
    engine.migrate().await?;
    let (client, administrator) = (connect(database.url()).await?, connect(database.url()).await?);
    client.batch_execute("SET ROLE flows_worker").await?;
    let worker =
        Worker::builder(&engine, register_all![idles]).lease(Duration::from_secs(2)).build()?;
    let serving = Serving::begin(worker);
    until(async || Ok(leases(&client).await?.len() == 1)).await?;
    let before = leases(&client).await?;

    let own = "FROM pg_stat_activity
               WHERE datname = current_database() AND application_name IN ('flows leases', 'flows claimer')";
    let (seen, closed) =
        (format!("SELECT count(*) {own}"), format!("SELECT pg_terminate_backend(pid) {own}"));
    let seen = async || Ok(administrator.query_one(&seen, &[]).await?.get::<_, i64>(0) == 2);
    until(seen).await?; // what it has for itself is there
    let held = pool.get().await.expect("it is free");
    administrator.query(&closed, &[]).await?;
    let after = "SELECT count(*) FROM flows.workers WHERE expires_at > now() + interval '1.8 s'";
    for _ in 0..4 {
        tokio::time::sleep(Duration::from_millis(600)).await; // time itself is under test
        let renewed = until(async || Ok(client.query_one(after, &[]).await?.get::<_, i64>(0) == 1));
        within(Duration::from_secs(20), renewed).await?;
    }
    assert_eq!(leases(&client).await?, before, "the lease was lost");
    drop(held);
    serving.stop().await
}

#[activity]
async fn first(ctx: &ActivityContext) -> Result<u64> {
    ctx.state::<World>()?.note("first");
    Ok(1)
}

#[activity]
async fn second(ctx: &ActivityContext) -> Result<u64> {
    let world = ctx.state::<World>()?;
    world.note("second");
    world.pass("second").await;
    Ok(2)
}

#[workflow]
async fn adds(ctx: &WorkflowContext) -> Result<u64> {
    let sum = first(ctx).await? + second(ctx).await?;
    Ok(sum + ctx.signal::<u64>("more").await?)
}

/// A standby that lagged behind has become the server: it lacks a row that was acknowledged.
#[tokio::test]
async fn a_run_whose_journal_lost_its_end_goes_on_from_what_is_there() -> Result<()> {
    let (database, world) = (fresh_database().await?, World::default());
    let engine = Engine::connect(database.url()).await?;
    engine.migrate().await?;
    let administrator = connect(database.superuser_url().unwrap_or(database.url())).await?;
    let worker = Worker::builder(&engine, register_all![adds, first, second]).state(world.clone());
    let serving = Serving::begin(worker.lease(Duration::from_secs(60)).build()?);
    let exec = engine.start(adds::Input {}).await?;
    world.noted("second", 1).await;

    let lost = administrator.execute("DELETE FROM flows.journal", &[]).await?;
    assert!(lost > 0, "nothing was recorded, so nothing is lost");
    let cut = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
               WHERE datname = current_database() AND pid <> pg_backend_pid()";
    assert!(administrator.query_one(cut, &[]).await?.get::<_, i64>(0) > 0);
    world.open("second");
    until(async || Ok(exec.signal("more", &10_u64).await.is_ok())).await?;
    let ended = async { exec.result().await.map(|sum| assert_eq!(sum, 13)) };
    within(Duration::from_secs(30), ended).await?;
    assert_eq!(world.notes(), ["first", "second", "first", "second"]);
    let rows = "SELECT max(position) + 1 = count(*) FROM flows.journal";
    assert!(administrator.query_one(rows, &[]).await?.get::<_, bool>(0), "the journal has a hole");
    serving.stop().await
}

/// The same, and what it lacks is that a run has ended: its worker knows nothing of the run any more, and
/// owns it again. Nobody sends anything that would tell.
#[tokio::test]
async fn a_run_whose_end_was_lost_is_taken_up_again() -> Result<()> {
    let (database, world) = (fresh_database().await?, World::default());
    let engine = Engine::connect(database.url()).await?;
    engine.migrate().await?;
    let administrator = connect(database.superuser_url().unwrap_or(database.url())).await?;
    let worker = Worker::builder(&engine, register_all![adds, first, second]).state(world.clone());
    let serving = Serving::begin(worker.lease(Duration::from_secs(12)).build()?);
    let exec = engine.start(adds::Input {}).id("sum").await?;
    exec.signal("more", &10_u64).await?;
    world.noted("second", 1).await;

    let tables = ["runs", "owned", "journal", "inbox"];
    for table in tables {
        let keep = format!("CREATE TABLE public.{table} AS SELECT * FROM flows.{table}");
        administrator.batch_execute(&keep).await?;
    }
    world.open("second");
    assert_eq!(exec.result().await?, 13);
    let mut lose = "BEGIN;".to_owned();
    for table in tables {
        let columns = format!(
            "SELECT string_agg(attname, ', ') FROM pg_attribute WHERE attrelid = 'flows.{table}'::regclass
             AND attnum > 0 AND NOT attisdropped AND attgenerated = ''"
        );
        let columns: String = administrator.query_one(&columns, &[]).await?.get(0);
        lose += &format!(
            "DELETE FROM flows.{table}; INSERT INTO flows.{table} ({columns})
             OVERRIDING SYSTEM VALUE SELECT {columns} FROM public.{table};"
        );
    }
    administrator.batch_execute(&format!("{lose} COMMIT")).await?;
    let cut = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
               WHERE datname = current_database() AND pid <> pg_backend_pid()";
    assert!(administrator.query_one(cut, &[]).await?.get::<_, i64>(0) > 0);

    let leases_before = leases(&administrator).await?;
    let other = Engine::connect(database.url()).await?; // which remembers no result
    let again: Execution<adds::Workflow> = other.execution("sum");
    let ended = async { again.result().await.map(|sum| assert_eq!(sum, 13)) };
    within(Duration::from_secs(30), ended).await?;
    assert_eq!(leases(&administrator).await?, leases_before, "its worker went on");
    assert_eq!(world.notes(), ["first", "second", "second"]);
    serving.stop().await
}

/// The names of the leases there are.
async fn leases(client: &Client) -> Result<Vec<uuid::Uuid>> {
    let rows = client.query("SELECT worker_id FROM flows.workers", &[]).await?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}

async fn connect(url: &str) -> Result<Client> {
    let (client, connection) = flows::pg::tokio_postgres::connect(url, NoTls).await?;
    tokio::spawn(connection);
    Ok(client)
}

#[update(response = u64)]
struct Double {
    n: u64,
}

/// Doubles what is not zero, until it has doubled two.
#[workflow]
async fn doubles(ctx: &WorkflowContext) -> Result<()> {
    for _ in 0..2 {
        let is_some = |double: &Double| match double.n {
            0 => Err(Error::terminal("nothing to double")),
            _ => Ok(()),
        };
        let double = ctx.update::<Double>().validate(is_some).await?;
        let twice = 2 * double.n;
        double.reply(twice);
    }
    Ok(())
}

/// Neither the worker nor the client hears of anything: each looks by itself.
#[tokio::test]
async fn updates_are_answered_and_refused_without_notifications() -> Result<()> {
    let database = fresh_database().await?;
    let engine = || {
        let manager = Manager::new(database.url().parse().expect("it was used already"), NoTls);
        Engine::from_pool(Pool::builder(manager).max_size(8).build().expect("it needs no timer"))
    };
    let (client, server) = (engine(), engine());
    client.migrate().await?;
    let worker = Worker::builder(&server, register_all![doubles]).build()?;
    let serving = Serving::begin(worker);
    let updates = async {
        let exec = client.start(doubles::Input {}).await?;
        assert_eq!(exec.update(Double { n: 21 }).await?, 42);
        let refused = exec.update(Double { n: 0 }).await.expect_err("it is nothing");
        assert_eq!((refused.kind(), refused.message()), (ErrorKind::Rejected, "nothing to double"));
        assert_eq!(exec.update(Double { n: 4 }).await?, 8);
        exec.result().await?;
        let late = exec.update(Double { n: 4 }).await.expect_err("it has ended");
        assert_eq!(late.kind(), ErrorKind::Closed);
        Ok(())
    };
    within(Duration::from_secs(60), updates).await?;
    serving.stop().await
}
