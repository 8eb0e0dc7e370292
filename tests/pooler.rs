//! Engines and workers whose connections go through PgBouncer in transaction mode, all or some of them.

#[path = "../flows-pg/tests/common/pgbouncer.rs"]
mod pgbouncer;
#[path = "shared/waiting.rs"]
mod waiting;

use flows::pg::Transaction;
use flows::pg::deadpool_postgres::{Manager, Pool, Runtime};
use flows::pg::dev::{Database, fresh_database};
use flows::pg::tokio_postgres::{Client, NoTls};
use flows::prelude::*;
use tokio::task::JoinSet;

use pgbouncer::PgBouncer;
use waiting::Serving;

#[signal]
struct Go {
    number: u32,
}

#[workflow]
async fn receives(ctx: &WorkflowContext) -> Result<u32> {
    Ok(ctx.receive::<Go>().await?.number)
}

/// Tells another run, through the engine of the application's clients.
#[activity(transaction, retry(max_attempts = 1))]
async fn tells(ctx: &ActivityContext, tx: &Transaction<'_>, id: String) -> Result<()> {
    tx.execute("INSERT INTO told VALUES ($1)", &[&id]).await?;
    ctx.state::<Engine>()?.signal(&id, "go", &Go { number: 7 }).await
}

#[workflow]
async fn teller(ctx: &WorkflowContext, id: String) -> Result<()> {
    tells(ctx, id).await
}

async fn plain(url: &str) -> Client {
    let (client, connection) =
        flows::pg::tokio_postgres::connect(url, NoTls).await.expect("a connection");
    tokio::spawn(connection);
    client
}

fn pool(url: &str, size: usize) -> Pool {
    let manager = Manager::new(url.parse().expect("it was used already"), NoTls);
    let pool = Pool::builder(manager).max_size(size).runtime(Runtime::Tokio1);
    pool.build().expect("a pool")
}

struct Scene {
    database: Database,
    /// Connected to the server itself.
    direct: Engine,
    pooler: PgBouncer,
}

/// None, where there is no PgBouncer.
async fn scene() -> Result<Option<Scene>> {
    let database = fresh_database().await?;
    let direct = Engine::connect(database.url()).await?;
    direct.migrate().await?;
    plain(database.url()).await.batch_execute("CREATE TABLE told (id text)").await?;
    let pooler = PgBouncer::start(database.url(), "transaction", "server_round_robin = 1").await;
    Ok(pooler.map(|pooler| Scene { database, direct, pooler }))
}

impl Scene {
    /// The engines of clients: whose connections are their own, and whose pool is the application's.
    async fn clients(&self) -> Result<[Engine; 2]> {
        let of_pool = Engine::from_pool(pool(self.pooler.url(), 6));
        Ok([Engine::connect(self.pooler.url()).await?, of_pool])
    }
}

/// A worker whose activities signal through the engine of clients.
fn serve(engine: &Engine, of_clients: &Engine) -> Result<Serving> {
    let worker = Worker::builder(engine, register_all![receives, tells, teller]);
    Ok(Serving::begin(worker.state(of_clients.clone()).build()?))
}

#[tokio::test]
async fn clients_do_all_that_clients_do() -> Result<()> {
    let Some(scene) = scene().await? else { return Ok(()) };
    let clients = scene.clients().await?;
    let serving = serve(&scene.direct, &clients[0])?;
    let mut all = JoinSet::new();
    for number in 0..8_u32 {
        let (engine, url) = (clients[number as usize % 2].clone(), scene.pooler.url().to_owned());
        all.spawn(async move { one_client(&engine, &url, number).await });
    }
    while let Some(done) = all.join_next().await {
        done??;
    }
    assert_eq!(scene.pooler.left_behind().await, [""; 0]);
    serving.stop().await
}

async fn one_client(engine: &Engine, url: &str, number: u32) -> Result<()> {
    let id = |what: &str| format!("{what}-{number}");
    let run = engine.start(receives::Input {}).id(id("run")).await?;
    let taken = engine.start(receives::Input {}).id(id("run")).await;
    assert_eq!(taken.unwrap_err().kind(), ErrorKind::AlreadyExists);
    let mut client = plain(url).await;
    let tx = client.transaction().await?;
    let within = engine.start(receives::Input {}).id(id("within")).with_tx(&tx).await?;
    within.send(Go { number }).with_tx(&tx).await?;
    tx.commit().await?;
    assert_eq!(within.result().await?, number);
    let cancelled = engine.start(receives::Input {}).await?;
    cancelled.cancel().await?;
    assert_eq!(cancelled.result().await.unwrap_err().kind(), ErrorKind::Cancelled);
    let ended = engine.start(receives::Input {}).await?;
    ended.terminate("no more").await?;
    run.send(Go { number }).await?;
    assert_eq!(run.result().await?, number);
    assert_eq!(run.describe().await?.workflow_id, id("run"));
    assert_eq!(run.history().await?.last().map(|event| event.kind), Some("run_completed"));
    assert!(engine.list().await?.iter().any(|listed| listed.workflow_id == id("run")));
    Ok(())
}

#[tokio::test]
async fn a_worker_is_refused_with_the_way_out() -> Result<()> {
    let Some(scene) = scene().await? else { return Ok(()) };
    for engine in scene.clients().await? {
        let worker = Worker::builder(&engine, register_all![receives]).build()?;
        let ended = tokio::time::timeout(Duration::from_secs(5), worker.run()).await;
        let error = ended.expect("it ends at once").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Configuration, "{error}");
        let says = ["a pooler in transaction mode", "Engine::builder().pool(..).url(..)"];
        assert!(says.iter().all(|words| error.message().contains(words)), "{error}");
    }
    assert_eq!(scene.pooler.left_behind().await, [""; 0]);
    Ok(())
}

/// The worker is connected directly, what its activities call is not.
#[tokio::test]
async fn transactional_activities_call_through_it() -> Result<()> {
    let Some(scene) = scene().await? else { return Ok(()) };
    for (round, of_clients) in scene.clients().await?.into_iter().enumerate() {
        let serving = serve(&scene.direct, &of_clients)?;
        let id = format!("told-{round}");
        let told = of_clients.start(receives::Input {}).id(&id).await?;
        of_clients.start(teller::Input { id }).await?.result().await?;
        assert_eq!(told.result().await?, 7);
        serving.stop().await?;
    }
    let rows = plain(scene.database.url()).await.query("SELECT FROM told", &[]).await?;
    assert_eq!(rows.len(), 2);
    assert_eq!(scene.pooler.left_behind().await, [""; 0]);
    Ok(())
}

/// The application's pool goes one way and what is beside it the other: calls of clients go either way
/// where the pool is used up.
#[tokio::test]
async fn either_way_may_go_through_it() -> Result<()> {
    let Some(scene) = scene().await? else { return Ok(()) };
    let urls = [scene.database.url(), scene.pooler.url()];
    for (of_pool, beside) in [(urls[0], urls[1]), (urls[1], urls[0])] {
        let pool = pool(of_pool, 1);
        let engine = Engine::builder().pool(pool.clone()).url(beside).connect().await?;
        engine.start(receives::Input {}).await?; // over the pool
        let mut held = pool.get().await?;
        let tx = held.transaction().await?;
        let mut calls = JoinSet::new();
        for _ in 0..6 {
            let engine = engine.clone();
            calls.spawn(async move {
                let run = engine.start(receives::Input {}).await?;
                run.describe().await?;
                run.cancel().await
            });
        }
        while let Some(done) = calls.join_next().await {
            done??;
        }
        engine.start(receives::Input {}).id(beside).with_tx(&tx).await?;
        tx.commit().await?;
    }
    assert_eq!(scene.pooler.left_behind().await, [""; 0]);
    Ok(())
}
