//! One run from its start to its end, with at most one death of its worker.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use serde_json::Value;
use tokio::task::JoinHandle;

use super::doom::{CrashPoint, Doom, Progress};
use super::{CrashEverywhere, PlannedSignal};
use crate::clock;
use crate::context::StateMap;
use crate::definition::WorkflowInput;
use crate::engine::{AnyWorkflow, Engine, Execution, History, HistoryEvent};
use crate::error::Result;
use crate::memory::MemoryStore;
use crate::registry::Registry;
use crate::store::Store;
use crate::testing::calls::Invoked;
use crate::testing::desk::Desk;
use crate::testing::kit::Kit;
use crate::testing::time::Still;
use crate::worker::Worker;

/// The seed of every run: the same run id, the same time.
const SEED: u64 = 42;

/// What became of one run.
pub(super) struct Course {
    /// Where its worker was to die.
    pub(super) place: Option<CrashPoint>,
    /// Whether the run has ended; if not, the outcome says why it never will.
    pub(super) ended: bool,
    pub(super) outcome: Result<Value>,
    pub(super) commits: usize,
    pub(super) effects: usize,
    /// Whether its worker has died.
    pub(super) died: bool,
    pub(super) done: Vec<Progress>,
    pub(super) journal: Vec<HistoryEvent>,
    pub(super) history: History,
    /// The attempts of its activities.
    pub(super) calls: Vec<Invoked>,
}

impl Course {
    pub(super) async fn run<I: WorkflowInput>(
        plan: &CrashEverywhere<I>,
        place: Option<CrashPoint>,
    ) -> Result<Self> {
        let _seeded = clock::seeded(SEED).steady();
        let still = Still::begin();
        let (store, doom) = (Arc::new(MemoryStore::new()), Arc::new(Doom::new(place)));
        let desk = desk(plan, &doom);
        let (engine, kit) = Kit::on_virtual_time(Arc::clone(&store) as _, desk, &still);
        let exec = start(plan, &engine).await?;
        send(&plan.signals, &exec, &kit).await?;
        let registry = plan.registry.clone().unwrap_or_else(Registry::all);
        let worker = kit.worker(&engine, &registry).build()?;
        let _working = Working(tokio::spawn(work(worker, Arc::clone(&doom), store)));
        let outcome = exec.result().await;
        let ended = !matches!(exec.try_result().await, Ok(None));
        let (commits, effects) = doom.counts();
        let (died, done) = (doom.dead().is_some(), doom.done());
        let (journal, history) = (exec.history().await?, exec.export().await?);
        let calls = kit.desk.calls.all();
        Ok(Self { place, ended, outcome, commits, effects, died, done, journal, history, calls })
    }
}

fn desk<I: WorkflowInput>(plan: &CrashEverywhere<I>, doom: &Arc<Doom>) -> Desk {
    let mut state = StateMap::default();
    plan.state.iter().for_each(|insert| insert(&mut state));
    let desk = Desk::doomed(Arc::clone(doom), state);
    for (name, mock) in &plan.mocks {
        desk.mock(name, Arc::clone(mock));
    }
    for (name, version, mock) in &plan.workflow_mocks {
        desk.mock_workflow(name, *version, Arc::clone(mock));
    }
    desk
}

async fn start<I: WorkflowInput>(plan: &CrashEverywhere<I>, engine: &Engine) -> Result<Execution> {
    let input: I = plan.input.clone()?.decode()?;
    let start = engine.start(input);
    let start = match &plan.id {
        Some(id) => start.id(id),
        None => start,
    };
    Ok(start.await?.typed::<AnyWorkflow>())
}

async fn send(signals: &[PlannedSignal], exec: &Execution, kit: &Arc<Kit>) -> Result<()> {
    for PlannedSignal { after, name, payload } in signals {
        let payload =
            payload.as_ref().map_err(|error| crate::Error::terminal(error.to_string()))?;
        let send = exec.signal(name, payload);
        if after.is_zero() {
            send.await?;
            continue;
        }
        let (kit, after) = (Arc::clone(kit), *after);
        kit.scheduled.fetch_add(1, Ordering::Relaxed);
        tokio::spawn(async move {
            tokio::time::sleep(after).await;
            kit.acted(send.await);
        });
    }
    Ok(())
}

/// The worker, and after its death another one. The store gives the dead one's runs to others, as it
/// does when a lease is over, without time passing: so the time of what follows is comparable.
async fn work(worker: Worker, doom: Arc<Doom>, store: Arc<MemoryStore>) -> Result<()> {
    let mut deaths = doom.deaths();
    loop {
        tokio::select! {
            biased;
            _ = deaths.changed() => {}
            ended = worker.run() => return ended,
        }
        if let Some(dead) = doom.dead() {
            store.retire(dead, &[]).await?;
        }
    }
}

/// The workers of a run; they end with it.
struct Working(JoinHandle<Result<()>>);

impl Drop for Working {
    fn drop(&mut self) {
        self.0.abort();
    }
}
