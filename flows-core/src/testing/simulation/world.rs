//! What everything in a schedule shares: the store, chance, the trace, and the ledger of what
//! activities and commits did, which is checked as it is written.

use std::sync::atomic::{AtomicI32, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rustc_hash::{FxHashMap, FxHashSet};
use tokio::sync::Notify;
use uuid::Uuid;

use super::chance::Chance;
use super::mutation::Mutation;
use super::process::SimProcess;
use super::schedule::Plan;
use super::trace::{Trace, number_of, short};
use crate::engine::{Engine, History};
use crate::ids::RunKey;
use crate::journal::{self, Event};
use crate::memory::MemoryStore;
use crate::registry::Registry;
use crate::replay::{Command, Turn};
use crate::store::traits::*;
use crate::store::{CONVICTED, Committed, Next, Record, RunStatus};
use crate::testing::TestInterceptor;
use crate::testing::replay::turn_of;
use crate::worker::Invocation;

/// Longer than a process is frozen.
const APPEAL: Duration = Duration::from_secs(5);

pub(super) struct World {
    pub(super) store: MemoryStore,
    pub(super) chance: Chance,
    pub(super) trace: Trace,
    pub(super) registry: Arc<Registry>,
    /// What every attempt of an activity passes.
    pub(super) interceptor: Arc<TestInterceptor>,
    /// What the store does wrong on purpose.
    pub(super) mutation: Option<Mutation>,
    /// Rung when a run has ended or was parked, and when something was violated.
    pub(super) moved: Notify,
    /// Frozen processes, and commits on their way that nobody waits for.
    busy: AtomicI64,
    /// Workers whose lease runs out for a reason: they were killed, or could not hand back.
    lost_workers: AtomicI32,
    /// The processes of workers that are alive, each with its engine.
    alive: Mutex<Vec<(SimProcess, Engine)>>,
    own_starts: AtomicU64,
    ledger: Mutex<Ledger>,
}

#[derive(Default)]
struct Ledger {
    invoked: FxHashMap<(RunKey, u32), u32>,
    recorded: FxHashSet<(RunKey, u32)>,
    /// Attempts that were given to the workers of a queue.
    scheduled: FxHashSet<(RunKey, u32, u32)>,
    /// What happened to runs, in order: when each process has read each, and when somebody has last
    /// appended a row who did not own the run any more.
    moment: u64,
    read: FxHashMap<(u64, RunKey), u64>,
    stray: FxHashMap<RunKey, u64>,
    /// Since when runs are held to end their workers.
    convicted: FxHashMap<RunKey, Duration>,
    violation: Option<String>,
}

impl World {
    pub(super) fn new(plan: &Plan, chance: Chance, in_words: bool) -> Arc<Self> {
        Arc::new(Self {
            store: MemoryStore::new(),
            chance,
            trace: Trace::new(in_words),
            registry: Arc::clone(plan.worker.registry()),
            interceptor: Arc::new(plan.interceptor()),
            mutation: plan.mutation,
            moved: Notify::new(),
            busy: AtomicI64::new(0),
            lost_workers: AtomicI32::new(0),
            alive: Mutex::default(),
            own_starts: AtomicU64::new(0),
            ledger: Mutex::default(),
        })
    }

    pub(super) fn busy(&self, more: i64) {
        self.busy.fetch_add(more, Ordering::Relaxed);
        self.moved.notify_one();
    }

    pub(super) fn is_busy(&self) -> bool {
        self.busy.load(Ordering::Relaxed) > 0
    }

    /// The process of a worker begins to live.
    pub(super) fn begins(&self, process: &SimProcess, engine: &Engine) {
        self.alive().push((process.clone(), engine.clone()));
    }

    /// It has ended.
    pub(super) fn has_ended(&self, process: &SimProcess) {
        self.alive().retain(|(other, _)| other.number() != process.number());
    }

    /// Now and then, the process of a worker, for a client that is part of it.
    pub(super) fn some_process(&self) -> Option<(SimProcess, Engine)> {
        let alive = self.alive();
        let is_part = !alive.is_empty() && self.chance.one_in(2);
        is_part.then(|| alive[self.chance.index(alive.len())].clone())
    }

    fn alive(&self) -> MutexGuard<'_, Vec<(SimProcess, Engine)>> {
        self.alive.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs were started that a worker owns from the start.
    pub(super) fn started_owned(&self, runs: usize) {
        self.own_starts.fetch_add(runs as u64, Ordering::Relaxed);
    }

    pub(super) fn own_starts(&self) -> u64 {
        self.own_starts.load(Ordering::Relaxed)
    }

    pub(super) fn lost_workers(&self, more: i32) {
        self.lost_workers.fetch_add(more, Ordering::Relaxed);
    }

    /// Runs that are held to end their workers, and are for longer than it takes a worker that was frozen
    /// to take this back: so many must really have ended. Then somebody has them tried again.
    pub(super) async fn retry_convicted(&self) {
        let convicted = self.store.convicted();
        self.ledger().convicted.retain(|key, _| convicted.contains(key));
        for key in convicted {
            let now = self.trace.elapsed();
            let since = *self.ledger().convicted.entry(key).or_insert(now);
            if now < since + APPEAL {
                continue;
            }
            let lost = self.lost_workers.load(Ordering::Relaxed);
            if lost < -i32::from(CONVICTED) {
                let run = short(key);
                self.violated(format!("{run} is held to end its workers; {lost} have ended"));
            }
            drop(self.store.retry_stuck(key).await); // this store does not fail
        }
    }

    /// A guarantee does not hold; the first one counts.
    pub(super) fn violated(&self, what: String) {
        self.ledger().violation.get_or_insert(what);
        self.moved.notify_one();
    }

    pub(super) fn violation(&self) -> Option<String> {
        self.ledger().violation.clone()
    }

    /// How often an operation's activity was invoked.
    pub(super) fn invocations(&self, run: RunKey, op: u32) -> u32 {
        self.ledger().invoked.get(&(run, op)).copied().unwrap_or(0)
    }

    /// A process has read runs as they are stored.
    pub(super) fn read(&self, number: u64, runs: &[RunKey]) {
        let mut ledger = self.ledger();
        ledger.moment += 1;
        let moment = ledger.moment;
        ledger.read.extend(runs.iter().map(|run| ((number, *run), moment)));
    }

    /// The runs of which a worker that does not own them is about to append a row: one that was on
    /// its way when another worker took them over.
    pub(super) fn strays(&self, worker: Uuid, records: &[Record]) -> Vec<RunKey> {
        let keys = records.iter().map(|record| record.key);
        keys.filter(|key| self.store.owner_of(*key) != Some(worker)).collect()
    }

    /// An activity begins. Everything that leads to it must be durable, and its own record must not.
    pub(super) fn invoked(&self, who: &str, number: u64, invocation: Invocation) {
        let Invocation { run, name, op, attempt } = invocation;
        let numbers = [number, 2_000, number_of(run), u64::from(op), u64::from(attempt)];
        self.trace.note(&numbers, || {
            format!("{who}: invokes `{name}` (#{op}, attempt {attempt}) of {}", short(run))
        });
        let recorded = {
            let mut ledger = self.ledger();
            *ledger.invoked.entry((run, op)).or_default() += 1;
            if ledger.stray.get(&run) > ledger.read.get(&(number, run)) {
                return; // it cannot know of that row until it writes there itself
            }
            ledger.recorded.contains(&(run, op))
        };
        let wrong = if recorded {
            Some("after its result was recorded".to_owned())
        } else {
            self.undue(invocation)
        };
        if let Some(wrong) = wrong {
            self.violated(format!(
                "{who} invoked activity `{name}` (#{op}, attempt {attempt}) of {} {wrong}",
                short(run)
            ));
        }
    }

    /// Why what is stored does not ask for this activity, if it does not.
    fn undue(&self, Invocation { run, op, attempt, .. }: Invocation) -> Option<String> {
        if self.ledger().scheduled.contains(&(run, op, attempt)) {
            return None; // it was asked for when it was claimed; that nobody waits any more is heard of later
        }
        let Some((stored, status)) = self.store.stored(run) else {
            return Some("which does not exist".to_owned());
        };
        if status == RunStatus::Terminated {
            return None; // from outside, which its worker may not know yet
        }
        if !status.is_open() {
            return Some(format!("after the run had ended as {status}"));
        }
        let turn = History::of_activation(&stored, status)
            .map_err(|error| error.to_string())
            .and_then(|history| turn_of(&self.registry, &history).map_err(|e| e.to_string()));
        let asked = |turn: &Turn| {
            turn.commands.iter().any(|command| match command {
                Command::RunActivity(start) => start.task.op == op && start.attempt == attempt,
                _ => false,
            })
        };
        match turn {
            Ok(turn) if asked(&turn) => None,
            Ok(_) => Some("which its stored journal does not ask for".to_owned()),
            Err(why) => Some(format!("whose stored journal does not replay: {why}")),
        }
    }

    /// Records were committed: no operation of an activity may have its end twice, and nothing may be
    /// of a later time than the store's.
    pub(super) fn committed(&self, records: &[Record], answers: &[Committed], strays: &[RunKey]) {
        let kept = records
            .iter()
            .zip(answers)
            .filter(|(_, answer)| matches!(answer, Committed::Done | Committed::NotParked));
        for (record, _) in kept {
            if strays.contains(&record.key) {
                self.ledger().strayed(record.key);
            }
            let events = journal::decode(0, &record.events).unwrap_or_default();
            for recorded in events {
                if recorded.at > self.store.now() {
                    self.violated(format!(
                        "an event of {} is of a time that has not come",
                        short(record.key)
                    ));
                }
                if let Event::ActivityScheduled { step, attempt } = &recorded.event {
                    self.ledger().scheduled.insert((record.key, step.op, *attempt));
                }
                if let Some(op) = recorded.event.ended_activity()
                    && !self.ledger().recorded.insert((record.key, op))
                {
                    self.violated(format!("#{op} of {} has two results", short(record.key)));
                }
            }
            if !matches!(record.next, Next::Stay) {
                self.moved.notify_one();
            }
        }
    }

    fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Ledger {
    fn strayed(&mut self, run: RunKey) {
        self.moment += 1;
        self.stray.insert(run, self.moment);
    }
}
