//! One schedule, from its seed to its audit: a store, clients, and workers that are killed, frozen
//! and started again, in one thread on virtual time.

use std::sync::Arc;
use std::time::Duration;

use serde_json::value::RawValue;
use tokio::task::JoinSet;

use super::audit::{self, RunEnd};
use super::chance::Chance;
use super::faulty_store::FaultyStore;
use super::mutation::Mutation;
use super::process::SimProcess;
use super::report::Faults;
use super::script::{self, Client, PlannedRun, failed};
use super::world::World;
use crate::clock;
use crate::context::StateMap;
use crate::engine::Engine;
use crate::memory::Stir;
use crate::testing::TestInterceptor;
use crate::testing::mock::Mocks;
use crate::worker::{Process, Worker};

/// After so long nothing goes wrong any more, and everything must come to its end.
const STORM: Duration = Duration::from_secs(60);
/// How long a client waits for a result that is there.
const PATIENCE: Duration = Duration::from_secs(30);

/// What all schedules of a simulation have in common.
pub(super) struct Plan {
    pub(super) worker: Worker,
    pub(super) workers: usize,
    pub(super) starts: Vec<PlannedRun>,
    pub(super) mocks: Mocks,
    pub(super) state: Vec<InsertState>,
    pub(super) mutation: Option<Mutation>,
    /// The longest a schedule may take, in virtual time.
    pub(super) limit: Duration,
}

/// Makes a shared dependency and puts it where activities find it.
pub(super) type InsertState = Box<dyn Fn(&mut StateMap) + Send + Sync>;

impl Plan {
    /// The interceptor of one schedule.
    pub(super) fn interceptor(&self) -> TestInterceptor {
        let mut state = StateMap::default();
        self.state.iter().for_each(|insert| insert(&mut state));
        TestInterceptor::new(&self.mocks, state)
    }
}

/// What a schedule was like.
pub(super) struct Played {
    pub(super) ends: Vec<RunEnd>,
    pub(super) violation: Option<String>,
    pub(super) own_starts: u64,
    pub(super) faults: Faults,
    pub(super) trace: u64,
    pub(super) lines: Vec<String>,
}

/// Plays the schedule of a seed; without one, nothing goes wrong. `usual` are the ends it must have.
pub(super) fn play(
    plan: &Plan,
    seed: Option<u64>,
    usual: Option<&[RunEnd]>,
    in_words: bool,
) -> Played {
    let _seeded = clock::seeded(seed.unwrap_or(0));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime of one thread needs nothing from the system");
    runtime.block_on(async {
        let chance = seed.map_or_else(Chance::calm, Chance::new);
        let world = World::new(plan, chance, in_words);
        let ends = run(plan, &world, usual).await;
        let (ends, violation) = match (ends, world.violation()) {
            (Ok(ends), violation) => (ends, violation),
            (Err(why), violation) => (Vec::new(), Some(violation.unwrap_or(why))),
        };
        Played {
            ends,
            violation,
            own_starts: world.own_starts(),
            faults: world.chance.faults(),
            trace: world.trace.hash(),
            lines: world.trace.lines(),
        }
    })
}

async fn run(
    plan: &Plan,
    world: &Arc<World>,
    usual: Option<&[RunEnd]>,
) -> Result<Vec<RunEnd>, String> {
    let mut processes = JoinSet::new();
    for slot in 0..plan.workers {
        processes.spawn(keep_alive(Arc::clone(world), plan.worker.clone(), slot));
    }
    let clients = clients(plan, world);
    let clients = settle(plan, world, clients).await?;
    audit::check(plan, world, clients, usual).await
}

/// The clients at work.
fn clients(plan: &Plan, world: &Arc<World>) -> JoinSet<(usize, Result<Client, String>)> {
    let process = SimProcess::new(world, "client".to_owned(), 0);
    let engine = Engine::new(Arc::new(FaultyStore::of_client(process)));
    let mut clients = JoinSet::new();
    for (number, begin) in plan.starts.iter().cloned().enumerate() {
        let (world, engine) = (Arc::clone(world), engine.clone());
        clients.spawn(async move {
            let tenant = engine.tenant(uuid::Uuid::nil());
            let client = script::play(Arc::clone(&world), tenant, number, begin).await;
            world.moved.notify_one();
            (number, client.map_err(|error| failed(&error)))
        });
    }
    clients
}

/// Waits until the clients have done their part and nothing goes on by itself.
async fn settle(
    plan: &Plan,
    world: &World,
    mut clients: JoinSet<(usize, Result<Client, String>)>,
) -> Result<Vec<Client>, String> {
    let mut done: Vec<Option<Client>> = plan.starts.iter().map(|_| None).collect();
    loop {
        while let Some(client) = clients.try_join_next() {
            let (number, client) = client.map_err(|error| error.to_string())?;
            done[number] = Some(client?);
        }
        world.retry_convicted().await;
        if let Some(violation) = world.violation() {
            return Err(violation);
        }
        if clients.is_empty() && !world.is_busy() && world.store.stir() == Stir::Quiet {
            return Ok(done.into_iter().flatten().collect());
        }
        let elapsed = world.trace.elapsed();
        if elapsed > STORM {
            world.chance.end_storm();
        }
        if elapsed > plan.limit {
            return Err(audit::unsettled(plan, world, clients.len()).await);
        }
        tokio::select! {
            biased;
            () = world.moved.notified() => {}
            () = tokio::time::sleep(Duration::from_secs(1)) => {}
        }
    }
}

/// A machine: its worker is started again whenever it has ended.
async fn keep_alive(world: Arc<World>, worker: Worker, slot: usize) {
    for incarnation in 0_u64.. {
        tokio::time::sleep(world.chance.pause(1_000)).await;
        let number = (slot as u64 + 1) * 1_000 + incarnation;
        let name = format!("worker {}.{incarnation}", slot + 1);
        live(SimProcess::new(&world, name, number), &worker).await;
    }
}

/// One life of a worker.
async fn live(process: SimProcess, worker: &Worker) {
    let world = process.world();
    let engine = Engine::new(Arc::new(FaultyStore::of_worker(process.clone())));
    let limits = |config: &mut crate::worker::Config| {
        let chance = &world.chance;
        config.interceptor = Some(Arc::clone(&world.interceptor) as _);
        config.name = process.name().to_owned();
        config.lease = Duration::from_secs(1);
        config.poll_interval = Duration::from_millis(chance.one_of([50, 300, 1_000]));
        config.resident_for = Duration::from_millis(chance.one_of([0, 20, 1_000]));
        config.max_resident_runs = chance.one_of([1, 2, 1_000]);
        config.max_activities = chance.one_of([1, 200]);
        config.retry_stuck = Duration::from_millis(chance.one_of([100, 1_000, 300_000]));
        config.grace = Duration::from_secs(2);
    };
    world.begins(&process, &engine);
    let worker = worker.in_process(engine, limits, Arc::new(process.clone()));
    let life = {
        let process = process.clone();
        process.clone().task(Box::pin(async move {
            if let Err(error) = worker.run_until(process.asked_to_stop()).await {
                process.world().violated(format!("{} has ended: {error}", process.name()));
            }
        }))
    };
    let ended = tokio::select! {
        biased;
        () = process.killed() => {
            world.lost_workers(1);
            "is killed"
        }
        () = life => "has ended",
    };
    world.has_ended(&process);
    process.end();
    world.trace.note(&[process.number(), 3_000], || format!("{} {ended}", process.name()));
}

/// Waits for a client's result, which must be there.
pub(super) async fn result_of(client: Client) -> Option<crate::Result<Box<RawValue>>> {
    tokio::time::timeout(PATIENCE, client.result).await.ok()?.ok()
}
