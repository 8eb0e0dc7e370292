//! A database that crashes again and again under load.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use flows::pg::dev::{Mode, PrivateServer};
use flows::prelude::*;

use crate::audit::{Scene, check};
use crate::workflows::{Ready, order};

/// The time between two crashes.
const PAUSE: Duration = Duration::from_secs(3);
/// Orders that are on their way at once.
const CLIENTS: usize = 8;
/// A lease that a crash does not end.
const LEASE: Duration = Duration::from_secs(20);

/// How long the database keeps crashing: `FLOWS_CRASH_SECONDS`, or a few times.
fn duration() -> Duration {
    let seconds = std::env::var("FLOWS_CRASH_SECONDS").ok().and_then(|given| given.parse().ok());
    Duration::from_secs(seconds.unwrap_or(12))
}

type Order = Execution<order::Workflow>;

/// Clients that start orders until they are stopped, and keep those that were acknowledged.
struct Load {
    started: AtomicUsize,
    is_over: AtomicBool,
}

impl Load {
    async fn client(&self, engine: &Engine, client: usize) -> Result<Vec<Order>> {
        let mut orders = Vec::new();
        while !self.is_over.load(Ordering::Relaxed) {
            let id = format!("order-{client}-{}", orders.len());
            let order = started(engine, &id).await?;
            signalled(&order).await?;
            self.started.fetch_add(1, Ordering::Relaxed);
            orders.push(order);
        }
        Ok(orders)
    }
}

/// Asks again for as long as the database cannot be reached: nobody knows then what it has done.
async fn started(engine: &Engine, id: &str) -> Result<Order> {
    loop {
        let start = engine.start(order::Input { cents: 1 }).id(id);
        match start.on_conflict(ConflictPolicy::UseExisting).await {
            Err(error) if error.is_retryable() => pause().await,
            answer => return answer,
        }
    }
}

async fn signalled(order: &Order) -> Result<()> {
    loop {
        match order.send(Ready { available: true }).dedup("ready").await {
            Err(error) if error.is_retryable() => pause().await,
            answer => return answer,
        }
    }
}

async fn pause() {
    tokio::time::sleep(Duration::from_millis(20)).await;
}

/// What was acknowledged is there, done once, whenever the server stopped.
pub(crate) async fn crashes() -> Result<()> {
    let server = PrivateServer::start().await?;
    let mut scene = Scene::on("crashes", server.fresh_database().await?).await?;
    let load = Arc::new(Load { started: AtomicUsize::new(0), is_over: AtomicBool::new(false) });
    let mut clients = tokio::task::JoinSet::new();
    for client in 0..CLIENTS {
        let (load, engine) = (Arc::clone(&load), scene.engine.clone());
        clients.spawn(async move { load.client(&engine, client).await });
    }
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let crashing = async {
        let began = std::time::Instant::now();
        let mut crashes = 0;
        while began.elapsed() < duration() {
            let before = load.started.load(Ordering::Relaxed);
            tokio::time::sleep(PAUSE).await;
            while load.started.load(Ordering::Relaxed) == before {
                tokio::time::sleep(Duration::from_millis(5)).await; // each hits the load at work
            }
            server.restart(Mode::Immediate).await?;
            crashes += 1;
        }
        load.is_over.store(true, Ordering::Relaxed);
        drop(stop);
        Ok::<_, Error>(crashes)
    };
    let (served, crashes) = tokio::join!(scene.serve(LEASE, stopped), crashing);
    served?;
    check(crashes? >= 2, || "the database has not crashed".into())?;
    while let Some(orders) = clients.join_next().await {
        scene.runs.extend(orders??);
    }
    scene.look_again().await?;
    scene.finish().await?;
    scene.audit().await
}
