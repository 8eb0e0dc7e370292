//! One run from its start to its end, with at most one death of its worker.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use serde_json::value::RawValue;
use tokio::task::JoinHandle;

use super::plan::{CrashPlan, CrashPoint, Progress};
use super::{CrashEverywhere, MessagePlan};
use crate::clock;
use crate::context::StateMap;
use crate::definition::WorkflowInput;
use crate::engine::{Engine, Execution, History, HistoryEvent, Start};
use crate::error::Result;
use crate::memory::MemoryStore;
use crate::registry::Registry;
use crate::store::traits::*;
use crate::testing::as_text::AsText;
use crate::testing::calls::Invoked;
use crate::testing::interceptor::TestInterceptor;
use crate::testing::kit::Kit;
use crate::testing::time::Still;
use crate::worker::Worker;

/// The seed of every run: the same run id, the same time.
const SEED: u64 = 42;

/// What became of one run.
pub(super) struct CrashRun {
    /// Where its worker was to die.
    pub(super) place: Option<CrashPoint>,
    /// Whether the run has ended; if not, the outcome says why it never will.
    pub(super) ended: bool,
    /// The output as it is stored.
    pub(super) outcome: Result<Box<RawValue>>,
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

impl CrashRun {
    pub(super) async fn run<I: WorkflowInput>(
        plan: &CrashEverywhere<I>,
        place: Option<CrashPoint>,
    ) -> Result<Self> {
        let _seeded = clock::seeded(SEED).steady();
        let still = Still::begin();
        let (store, crash_plan) = (Arc::new(MemoryStore::new()), Arc::new(CrashPlan::new(place)));
        let interceptor = interceptor(plan, &crash_plan);
        let (engine, kit) = Kit::on_virtual_time(Arc::clone(&store) as _, interceptor, &still);
        let registry = plan.registry.clone().unwrap_or_else(Registry::all);
        let worker = kit.worker(&engine, &registry);
        let worker = match plan.slots {
            Some(slots) => worker.max_activities(slots),
            None => worker,
        };
        let worker = worker.build()?;
        let watch = Arc::clone(&kit.watch);
        let work = work(worker, Arc::clone(&crash_plan), store);
        let _working = Working(tokio::spawn(async move {
            let ended = work.await;
            watch.serves(); // nobody need wait for it
            ended
        }));
        let exec = start(plan, &engine).await?;
        send(&plan.messages, &exec, &kit).await?;
        let outcome = exec.result().await;
        let ended = !matches!(exec.try_result().await, Ok(None));
        let (commits, effects) = crash_plan.counts();
        let (died, done) = (crash_plan.dead().is_some(), crash_plan.done());
        let (journal, history) = (exec.history().await?, exec.export().await?);
        let calls = kit.interceptor.calls.all();
        Ok(Self { place, ended, outcome, commits, effects, died, done, journal, history, calls })
    }
}

fn interceptor<I: WorkflowInput>(
    plan: &CrashEverywhere<I>,
    crash_plan: &Arc<CrashPlan>,
) -> TestInterceptor {
    let mut state = StateMap::default();
    plan.state.iter().for_each(|insert| insert(&mut state));
    let mut interceptor = TestInterceptor::new(&plan.mocks, state);
    interceptor.crash_plan = Some(Arc::clone(crash_plan));
    interceptor
}

async fn start<I: WorkflowInput>(
    plan: &CrashEverywhere<I>,
    engine: &Engine,
) -> Result<Execution<AsText>> {
    let input: I = plan.input.clone()?.decode()?;
    let start = engine.start(input);
    let start = match &plan.id {
        Some(id) => start.id(id),
        None => start,
    };
    let with = |start: Start<'static, _>, (name, value)| start.header(name, value);
    let start = plan.headers.iter().fold(start, with);
    Ok(start.await?.typed())
}

async fn send(messages: &[MessagePlan], exec: &Execution<AsText>, kit: &Arc<Kit>) -> Result<()> {
    for MessagePlan { after, send } in messages {
        let send = send(exec);
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
async fn work(worker: Worker, crash_plan: Arc<CrashPlan>, store: Arc<MemoryStore>) -> Result<()> {
    let mut deaths = crash_plan.deaths();
    loop {
        tokio::select! {
            biased;
            _ = deaths.changed() => {}
            ended = worker.run() => return ended,
        }
        if let Some(dead) = crash_plan.dead() {
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
