//! A transactional activity sets whatever a session can be set to: nothing of it stays in the pool, and
//! what the application's own pool had set is as it was.

use std::sync::LazyLock;

use flows::pg::Transaction;
use flows::pg::deadpool_postgres::{Hook, HookError, Manager, Object, Pool, Runtime};
use flows::pg::tokio_postgres::NoTls;
use flows::prelude::*;
use tokio::sync::Barrier;

use crate::scene::{Scene, Serving, until, within};

const LEAVE: &str =
    "SET statement_timeout = '77s'; SET search_path = pg_catalog; SET app.customer = 'x';
    SELECT set_config('app.tenant', 'y', false);
    SET ROLE flows_tenant; RESET ROLE; SET ROLE flows_worker; LISTEN left_behind;
    SELECT pg_advisory_lock(4711);";
const TABLE: &str = "CREATE TEMP TABLE left_behind (x int);
    DECLARE left_behind CURSOR WITH HOLD FOR SELECT 1;";

/// How a session of the pool is.
const STATE: &str =
    "SELECT concat_ws(' / ', current_setting('statement_timeout'), current_user = session_user,
        nullif(current_setting('app.customer', true), ''), nullif(current_setting('app.tenant', true), ''),
        current_setting('search_path'),
        (SELECT string_agg(c, ',') FROM pg_listening_channels() AS c),
        (SELECT count(*) FROM pg_class WHERE relpersistence = 't' AND pg_table_is_visible(oid)),
        (SELECT count(*) FROM pg_cursors WHERE is_holdable),
        (SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()))";

#[activity(transaction, retry(max_attempts = 1))]
async fn leave(tx: &Transaction<'_>, fails: bool) -> Result<String> {
    tx.batch_execute(TABLE).await?;
    tx.batch_execute(LEAVE).await?;
    let state: String = tx.query_one(STATE, &[]).await?.get(0);
    if fails { Err(Error::terminal(state)) } else { Ok(state) }
}

#[workflow]
async fn leaves(ctx: &WorkflowContext, fails: bool) -> Result<String> {
    leave(ctx, fails).await
}

/// The states of all connections of a pool that nobody uses otherwise.
async fn states(pool: &Pool) -> Result<Vec<String>> {
    let mut connections: Vec<Object> = Vec::new();
    for _ in 0..pool.status().size.max(1) {
        connections.push(within("a connection", 20, async { Ok(pool.get().await?) }).await?);
    }
    let mut states = Vec::new();
    for connection in &connections {
        states.push(connection.query_one(STATE, &[]).await?.get(0));
    }
    Ok(states)
}

/// Runs the activity on a pool of one connection, and compares that with how it was.
async fn nothing_is_left(scene: &Scene, pool: Pool) -> Result<()> {
    let before = states(&pool).await?;
    let backend = "SELECT pg_backend_pid()";
    let first: i32 = pool.get().await?.query_one(backend, &[]).await?.get(0);
    let engine = Engine::from_pool(pool.clone());
    let serving = Serving::begin(Worker::builder(&engine, register_all![leaves, leave]).build()?);
    for fails in [false, true, false] {
        let run = engine.start(leaves::Input { fails }).await?;
        let ended = within("a run", 20, async { Ok(run.result().await) }).await?;
        let during = ended.unwrap_or_else(|error| error.message().to_owned());
        // two advisory locks: its own, and that of its transaction
        assert_eq!(during, "77s / f / x / y / pg_catalog / 1 / 1 / 2");
        assert_eq!(states(&pool).await?, before, "after {during}");
    }
    let last: i32 = pool.get().await?.query_one(backend, &[]).await?.get(0);
    assert_eq!(first, last, "it is the connection that was used");
    let locks = "FROM pg_locks WHERE locktype = 'advisory' AND objid = 4711";
    until(async || Ok(scene.count(locks).await? == 0)).await?;
    serving.stop().await
}

#[tokio::test]
async fn nothing_that_a_body_sets_stays_in_the_pool() -> Result<()> {
    let scene = Scene::set().await?;
    let pool = crate::scene::pool(scene.database.url(), 1);
    nothing_is_left(&scene, pool).await
}

#[tokio::test]
async fn what_the_applications_hooks_set_stays() -> Result<()> {
    let scene = Scene::set().await?;
    let manager = Manager::new(scene.database.url().parse().expect("a URL"), NoTls);
    let set = Hook::async_fn(|client: &mut flows::pg::deadpool_postgres::ClientWrapper, _| {
        Box::pin(async move {
            let set = "SET search_path = 'My app', public; SET statement_timeout = '55s'";
            client.batch_execute(set).await.map_err(HookError::Backend)
        })
    });
    let pool = Pool::builder(manager).max_size(1).runtime(Runtime::Tokio1).post_create(set);
    let pool = pool.build().expect("a pool");
    assert!(states(&pool).await?[0].starts_with("55s / t / \"My app\", public"), "it is set");
    nothing_is_left(&scene, pool).await
}

#[activity(transaction, retry(initial_interval = "10ms"))]
async fn forget(ctx: &ActivityContext, tx: &Transaction<'_>) -> Result<u32> {
    if ctx.attempt() == 1 {
        tx.batch_execute("DEALLOCATE ALL").await?;
    }
    Ok(tx.query_one("SELECT 1", &[]).await.map(|_| ctx.attempt())?)
}

#[workflow]
async fn forgets(ctx: &WorkflowContext) -> Result<u32> {
    forget(ctx).await?; // on the same session
    forget(ctx).await
}

/// A session that has forgotten what was prepared on it is used no more, or prepared again.
#[tokio::test]
async fn statements_that_somebody_deallocates_are_prepared_again() -> Result<()> {
    let scene = Scene::set().await?;
    let pool = crate::scene::pool(scene.database.url(), 1);
    let engine = Engine::from_pool(pool.clone());
    let serving = Serving::begin(Worker::builder(&engine, register_all![forgets, forget]).build()?);
    for round in 0..5 {
        let run = within("a start", 20, async { engine.start(forgets::Input {}).await }).await?;
        within("a run", 20, run.result()).await?;
        pool.get().await?.batch_execute("DISCARD ALL").await?;
        let listed = within("a list", 20, engine.list().page()).await?;
        assert_eq!(listed.runs.len(), round + 1);
    }
    serving.stop().await
}

/// As many as an engine's own pool has connections.
const POOL: usize = 16;
/// All connections are in use at once, and others wait for them.
static ALL: LazyLock<Barrier> = LazyLock::new(|| Barrier::new(POOL));

/// Says how its session was, and leaves behind what it can.
#[activity(transaction, retry(max_attempts = 1))]
async fn follow(tx: &Transaction<'_>, n: u64) -> Result<String> {
    let state: String = tx.query_one(STATE, &[]).await?.get(0);
    tx.batch_execute(TABLE).await?;
    tx.batch_execute(&LEAVE.replace("4711", &(5000 + n).to_string())).await?;
    ALL.wait().await;
    Ok(state)
}

#[workflow]
async fn follows(ctx: &WorkflowContext, n: u64) -> Result<String> {
    follow(ctx, n).await
}

/// A connection goes from one activity to the next that waits: it finds the session as the first one did.
#[tokio::test]
async fn nothing_is_left_to_the_next_activity() -> Result<()> {
    let scene = Scene::set().await?;
    let engine = Engine::connect(scene.database.url()).await?;
    let worker = Worker::builder(&engine, register_all![follows, follow]);
    let worker = worker.max_activities(4 * POOL).build()?;
    let serving = Serving::begin(worker);
    let mut runs = Vec::new();
    for n in 0..4 * POOL as u64 {
        runs.push(engine.start(follows::Input { n }).await?);
    }
    for run in runs {
        let found = within("a run", 60, run.result()).await?;
        assert!(found.ends_with(" / 0 / 0 / 1"), "the lock of its own transaction alone: {found}");
        assert!(!found.contains("77s") && !found.contains(" / x"), "{found}");
    }
    let locks = "FROM pg_locks WHERE locktype = 'advisory' AND objid BETWEEN 5000 AND 5100";
    until(async || Ok(scene.count(locks).await? == 0)).await?;
    serving.stop().await
}
