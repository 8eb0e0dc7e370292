//! A database that crashes again and again under load.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use flows::pg::dev::{Mode, PrivateServer};
use flows::prelude::*;
use tokio::task::JoinSet;

use crate::audit::{Scene, check};
use crate::waiting::until;
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

pub(crate) type Order = Execution<order::Workflow>;

/// Clients that start orders until they are stopped, and keep those that were acknowledged.
#[derive(Default)]
pub(crate) struct Load {
    acknowledged: AtomicUsize,
    pub(crate) is_over: AtomicBool,
    refusal: Mutex<Option<String>>,
}

pub(crate) type Clients = JoinSet<Result<Vec<Order>>>;

impl Load {
    pub(crate) fn begin(self: &Arc<Self>, engine: &Engine) -> Clients {
        let mut clients = JoinSet::new();
        for client in 0..CLIENTS {
            let (load, engine) = (Arc::clone(self), engine.clone());
            clients.spawn(async move { load.client(&engine, client).await });
        }
        clients
    }

    /// What the clients have started, when they have ended.
    pub(crate) async fn orders(clients: Clients) -> Result<Vec<Order>> {
        let mut all = Vec::new();
        for orders in clients.join_all().await {
            all.extend(orders?);
        }
        Ok(all)
    }

    /// Each fault hits the load at work.
    pub(crate) async fn until_more(&self) -> Result<()> {
        let before = self.acknowledged.load(Ordering::Relaxed);
        until(async || Ok(self.acknowledged.load(Ordering::Relaxed) > before)).await
    }

    /// Until the last call that has failed says this.
    pub(crate) async fn until_refused(&self, why: &str) -> Result<()> {
        until(async || Ok(self.last_refusal().is_some_and(|said| said.contains(why)))).await
    }

    /// The error of the last call that has failed.
    pub(crate) fn last_refusal(&self) -> Option<String> {
        self.refusal.lock().unwrap().clone()
    }

    pub(crate) fn forget_refusal(&self) {
        *self.refusal.lock().unwrap() = None;
    }

    /// Asks again for as long as the database cannot be reached: nobody knows then what it has done.
    async fn started(&self, engine: &Engine, id: &str) -> Result<Order> {
        loop {
            let start = engine.start(order::Input { cents: 1 }).id(id);
            match start.on_conflict(ConflictPolicy::UseExisting).await {
                Err(error) if error.is_retryable() => self.refused(&error).await,
                answer => return answer,
            }
        }
    }

    async fn signalled(&self, order: &Order) -> Result<()> {
        loop {
            match order.send(Ready { available: true }).dedup("ready").await {
                Err(error) if error.is_retryable() => self.refused(&error).await,
                answer => return answer,
            }
        }
    }

    async fn refused(&self, error: &Error) {
        *self.refusal.lock().unwrap() = Some(error.to_string());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }

    async fn client(&self, engine: &Engine, client: usize) -> Result<Vec<Order>> {
        let mut orders = Vec::new();
        while !self.is_over.load(Ordering::Relaxed) {
            let id = format!("order-{client}-{}", orders.len());
            let order = self.started(engine, &id).await?;
            self.signalled(&order).await?;
            self.acknowledged.fetch_add(1, Ordering::Relaxed);
            orders.push(order);
        }
        Ok(orders)
    }
}

/// What was acknowledged is there, done once, whenever the server stopped.
pub(crate) async fn crashes() -> Result<()> {
    let server = PrivateServer::start().await?;
    let mut scene = Scene::on("crashes", server.fresh_database().await?).await?;
    let load = Arc::new(Load::default());
    let clients = load.begin(&scene.engine);
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let crashing = async {
        let began = std::time::Instant::now();
        let mut crashes = 0;
        while began.elapsed() < duration() {
            tokio::time::sleep(PAUSE).await;
            load.until_more().await?;
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
    scene.runs = Load::orders(clients).await?;
    scene.look_again().await?;
    scene.finish().await?;
    scene.audit().await
}
