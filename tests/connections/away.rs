//! The database goes away, and the worker is asked to stop: it hears that, whatever it waits for.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use flows::prelude::*;

use crate::log;
use crate::proxy::Proxy;
use crate::scene::{Scene, Serving, nothing, until, within};

/// How long a worker may take to end whose database is away.
const SOON: u64 = 6;

/// A worker that has served, behind a network.
async fn serving() -> Result<(Scene, Proxy, Engine, Serving)> {
    let scene = Scene::set().await?;
    let (proxy, url) = Proxy::before(scene.database.url()).await?;
    let engine = Engine::connect(&url).await?;
    let serving = Serving::begin(worker(&engine)?);
    within("a run", 20, async { engine.start(nothing::Input {}).await?.result().await }).await?;
    Ok((scene, proxy, engine, serving))
}

fn worker(engine: &Engine) -> Result<Worker> {
    Worker::builder(engine, register_all![nothing]).lease(Duration::from_secs(3)).build()
}

/// Nobody has a lease.
async fn until_over(scene: &Scene) -> Result<()> {
    let held = "FROM flows.workers WHERE expires_at > now()";
    until(async || Ok(scene.count(held).await? == 0)).await
}

#[tokio::test]
async fn a_stop_is_heard_when_the_database_has_just_gone() -> Result<()> {
    let (_scene, mut proxy, _engine, serving) = serving().await?;
    proxy.go_away();
    within("the end", SOON, serving.stop()).await
}

#[tokio::test]
async fn a_stop_is_heard_when_the_lease_is_over() -> Result<()> {
    let (scene, mut proxy, _engine, serving) = serving().await?;
    proxy.go_away();
    until_over(&scene).await?;
    within("the end", SOON, serving.stop()).await
}

#[tokio::test]
async fn a_stop_is_heard_where_nothing_gets_through() -> Result<()> {
    let (scene, proxy, _engine, serving) = serving().await?;
    proxy.swallow();
    until_over(&scene).await?;
    within("the end", SOON, serving.stop()).await
}

#[tokio::test]
async fn a_stop_is_heard_by_a_worker_that_has_never_had_a_database() -> Result<()> {
    log::keep();
    let scene = Scene::set().await?;
    let (mut proxy, url) = Proxy::before(scene.database.url()).await?;
    let engine = Engine::connect(&url).await?;
    proxy.go_away();
    let asked = Arc::new(AtomicBool::new(false));
    let waits = {
        let asked = Arc::clone(&asked);
        async move {
            tokio::time::sleep(Duration::from_secs(2)).await; // the worker tries, and tries again
            asked.store(true, Ordering::Relaxed);
        }
    };
    let worker = Worker::builder(&engine, register_all![nothing]).name("has never had a database");
    within("the end", 2 + SOON, worker.build()?.run_until(waits)).await?;
    assert!(asked.load(Ordering::Relaxed), "it has not ended by itself");
    let said = log::lines_with(&["cannot register the worker", "has never had a database"]);
    assert_eq!(said.len(), 1, "it is said once, not at each try: {said:?}");
    Ok(())
}

#[tokio::test]
async fn a_worker_goes_on_when_the_database_is_back() -> Result<()> {
    let (scene, mut proxy, engine, serving) = serving().await?;
    proxy.go_away();
    until_over(&scene).await?;
    proxy.come_back().await?;
    let again = async { engine.start(nothing::Input {}).await?.result().await };
    within("a run", 20, again).await?;
    serving.stop().await
}
