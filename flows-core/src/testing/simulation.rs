//! Seeded simulation: many workers, one store, a virtual clock, and everything that can go wrong.
//!
//! A *schedule* follows from its seed: which calls fail, which answers are lost, when processes are
//! killed or frozen, how late hints are. The workers and the engine are the real ones; the store is
//! the one in memory, behind a network that fails. After each schedule everything that the library
//! promises is audited. A seed that fails is named, and fails again in the same way.

mod audit;
mod chance;
mod faulty_store;
mod mutation;
mod process;
mod report;
mod schedule;
mod script;
mod trace;
mod world;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde::Serialize;

use super::interceptor::TestInterceptor;
use super::kit::queues_of;
use super::mock::{self, Mocks};
use crate::context::Update;
use crate::definition::{Activity, WorkflowInput};
use crate::engine::Engine;
use crate::error::Result;
use crate::memory::MemoryStore;
use crate::payload::Payload;
use crate::registry::Registry;
use crate::worker::Worker;
use audit::RunEnd;
use schedule::{InsertState, Plan, Played, play};
use script::{PlannedMessage, PlannedRun};

pub use mutation::Mutation;
pub use report::{Faults, Simulated, SimulationError};

/// The default number of schedules.
const SCHEDULES: u64 = 1_000;

/// A simulation of workflows under faults: say what to start and to send, then run it.
///
/// ```no_run
/// # use flows_core::testing::Simulation;
/// # fn example<I: flows_core::WorkflowInput>(input: I) -> Result<(), Box<dyn std::error::Error>> {
/// Simulation::new().workers(3).start(input).signal("ready", &true).run()?;
/// # Ok(())
/// # }
/// ```
///
/// Each schedule is one seed. In the environment, `FLOWS_SEED` plays one, `FLOWS_SCHEDULES` says how
/// many to play.
#[must_use = "nothing is simulated unless this is run"]
pub struct Simulation {
    registry: Option<Registry>,
    mocks: Mocks,
    state: Vec<InsertState>,
    mutation: Option<Mutation>,
    workers: usize,
    seeds: std::ops::Range<u64>,
    threads: usize,
    limit: Duration,
    starts: Vec<Result<PlannedRun>>,
}

impl Default for Simulation {
    fn default() -> Self {
        Self::new()
    }
}

impl Simulation {
    /// A simulation with every definition of the program.
    pub fn new() -> Self {
        let schedules = from_environment("FLOWS_SCHEDULES").unwrap_or(SCHEDULES);
        let seeds = match from_environment("FLOWS_SEED") {
            Some(seed) => seed..seed + 1,
            None => 0..schedules,
        };
        Self {
            registry: None,
            mocks: Mocks::default(),
            state: Vec::new(),
            mutation: None,
            workers: 3,
            seeds,
            threads: std::thread::available_parallelism().map_or(1, usize::from),
            limit: Duration::from_secs(3_600),
            starts: Vec::new(),
        }
    }

    /// With these definitions. Default: everything annotated in the program.
    pub fn registry(mut self, registry: Registry) -> Self {
        self.registry = Some(registry);
        self
    }

    /// Attempts of this activity call the closure instead of its body. It should depend on its input
    /// alone: every schedule calls it, and more than once for an attempt whose record was lost.
    pub fn mock<A: Activity>(
        mut self,
        activity: A,
        mock: impl Fn(A::Input) -> Result<A::Output> + Send + 'static,
    ) -> Self {
        self.mocks.activities.extend([mock::closure(activity, mock)]);
        self
    }

    /// Every attempt of this activity returns this value.
    pub fn mock_value<A: Activity>(mut self, activity: A, value: A::Output) -> Self {
        self.mocks.activities.extend([mock::result(activity, Ok(value))]);
        self
    }

    /// A shared dependency of activities; each schedule gets a clone. If it has state of its own,
    /// create a new one for each: [`Simulation::state_with`].
    pub fn state<T: Clone + Send + Sync + 'static>(self, value: T) -> Self {
        self.state_with(move || value.clone())
    }

    /// A shared dependency of activities, created anew for each schedule. Its workers share it.
    pub fn state_with<T: Send + Sync + 'static>(
        mut self,
        make: impl Fn() -> T + Send + Sync + 'static,
    ) -> Self {
        self.state.push(Box::new(move |state| state.insert(make())));
        self
    }

    /// A store with a defect, for the tests of the simulation itself.
    #[doc(hidden)]
    pub fn mutation(mut self, mutation: Mutation) -> Self {
        self.mutation = Some(mutation);
        self
    }

    /// The number of workers. Default 3.
    pub fn workers(mut self, workers: usize) -> Self {
        self.workers = workers;
        self
    }

    /// The number of schedules to play: the seeds from 0 on. Default 1,000, or `FLOWS_SCHEDULES`.
    pub fn schedules(mut self, schedules: u64) -> Self {
        if from_environment("FLOWS_SEED").or(from_environment("FLOWS_SCHEDULES")).is_none() {
            self.seeds = 0..schedules;
        }
        self
    }

    /// Plays the schedule of one seed.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seeds = seed..seed.saturating_add(1);
        self
    }

    /// How many schedules to play in parallel. Default: the number of processors.
    pub fn threads(mut self, threads: usize) -> Self {
        self.threads = threads;
        self
    }

    /// The time limit of a schedule, in virtual time. Default 1 hour.
    pub fn limit(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    /// Starts a run, at some time in the first moments. It must end as it does without faults.
    pub fn start<I: WorkflowInput>(mut self, input: I) -> Self {
        self.starts.push(PlannedRun::new::<I::Workflow>(&input));
        self
    }

    /// Sends a signal to the run that was started last, some time after the previous message.
    pub fn signal<T: Serialize>(self, name: impl Into<String>, payload: &T) -> Self {
        let payload = Payload::json(payload).and_then(|json| json.decode());
        let name = name.into();
        self.with_last(|begin| {
            begin.messages.push(PlannedMessage::Signal(name, payload?));
            Ok(())
        })
    }

    /// Sends an update to the run that was started last, and waits for the reply, before the next message. It is sent
    /// twice, and the answers must be the same.
    pub fn update<U: Update>(self, update: &U) -> Self {
        let request = Payload::json(update);
        self.with_last(|begin| {
            begin.messages.push(PlannedMessage::Update(script::update::<U>, request?));
            Ok(())
        })
    }

    /// Asks the run that was started last to cancel. How it ends may then depend on the time.
    pub fn cancel(self) -> Self {
        self.with_last(|begin| {
            begin.messages.push(PlannedMessage::Cancel);
            Ok(())
        })
    }

    /// Terminates the run that was started last. How it ends may then depend on the time.
    pub fn terminate(self) -> Self {
        self.with_last(|begin| {
            begin.messages.push(PlannedMessage::Terminate);
            Ok(())
        })
    }

    /// The run that was started last may end in different ways: when its signals race with its
    /// timers, or with what its activities give.
    pub fn any_outcome(self) -> Self {
        self.with_last(|begin| {
            begin.any_outcome = true;
            Ok(())
        })
    }

    fn with_last(mut self, change: impl FnOnce(&mut PlannedRun) -> Result<()>) -> Self {
        let changed = match self.starts.last_mut() {
            Some(Ok(begin)) => change(begin),
            Some(Err(_)) => return self,
            None => Err(crate::Error::invalid("nothing was started yet: say `.start(…)` first")),
        };
        if let Err(error) = changed {
            self.starts.pop();
            self.starts.push(Err(error));
        }
        self
    }

    /// Plays the schedules, first one without faults.
    ///
    /// # Errors
    /// If a schedule fails: names the lowest such seed, what failed, and what happened in it. Also if
    /// the simulation cannot begin: a definition is missing, an input does not encode.
    pub fn run(self) -> Result<Simulated, SimulationError> {
        let (seeds, threads) = (self.seeds.clone(), self.threads);
        let plan = self.plan().map_err(|error| SimulationError {
            seed: None,
            violation: error.to_string(),
            trace: Vec::new(),
            in_full: true,
        })?;
        let calm = play(&plan, None, None, false);
        if calm.violation.is_some() {
            return Err(failure(None, play(&plan, None, None, true), true));
        }
        let in_full = seeds.end - seeds.start == 1;
        let (simulated, failed) = play_all(&plan, &calm.ends, seeds, threads);
        match failed {
            Some(seed) => {
                let again = play(&plan, Some(seed), Some(&calm.ends), true);
                Err(failure(Some(seed), again, in_full))
            }
            None => Ok(simulated),
        }
    }

    fn plan(self) -> Result<Plan> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
        let _entered = runtime.enter();
        let engine = Engine::new(Arc::new(MemoryStore::new()));
        let registry = self.registry.unwrap_or_else(Registry::all);
        let queues = queues_of(&registry);
        let worker = Worker::builder(&engine, registry)
            .queues(queues)
            .interceptor(Arc::<TestInterceptor>::default());
        let worker = worker.build()?;
        let starts = self.starts.into_iter().collect::<Result<Vec<_>>>()?;
        if starts.is_empty() {
            return Err(crate::Error::invalid("nothing is started: say `.start(…)`"));
        }
        if self.workers == 0 || self.threads == 0 {
            return Err(crate::Error::invalid("a simulation has at least 1 worker and 1 thread"));
        }
        let Self { workers, limit, mocks, state, mutation, .. } = self;
        Ok(Plan { worker, workers, starts, mocks, state, mutation, limit })
    }
}

fn from_environment(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

fn failure(seed: Option<u64>, played: Played, in_full: bool) -> SimulationError {
    let Played { violation, lines, .. } = played;
    let violation = violation.unwrap_or_else(|| {
        "it failed once and not again: something in the workflows or activities does not follow \
         from the seed (a clock, chance, a thread of its own)"
            .to_owned()
    });
    SimulationError { seed, violation, trace: lines, in_full }
}

/// Plays seeds on several threads; the lowest that failed, if one did.
fn play_all(
    plan: &Plan,
    usual: &[RunEnd],
    seeds: std::ops::Range<u64>,
    threads: usize,
) -> (Simulated, Option<u64>) {
    let next = AtomicU64::new(seeds.start);
    let failed = AtomicU64::new(u64::MAX);
    let work = || {
        let mut sum = Simulated::default();
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= seeds.end || seed > failed.load(Ordering::Relaxed) {
                return sum;
            }
            let played = play(plan, Some(seed), Some(usual), false);
            if played.violation.is_some() {
                failed.fetch_min(seed, Ordering::Relaxed);
            }
            sum += Simulated {
                schedules: 1,
                own_starts: played.own_starts,
                faults: played.faults,
                trace: played.trace,
            };
        }
    };
    let mut simulated = Simulated::default();
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        for worker in workers {
            match worker.join() {
                Ok(sum) => simulated += sum,
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
    });
    let failed = failed.load(Ordering::Relaxed);
    (simulated, (failed < u64::MAX).then_some(failed))
}
