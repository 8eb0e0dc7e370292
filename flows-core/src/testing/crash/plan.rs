//! Where a worker dies, and what was done by then and after.
//!
//! A dead worker does nothing more: what it was about to do waits for ever, until its future is
//! dropped. Nothing of it is handed back.

use std::fmt;
use std::future::pending;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;
use uuid::Uuid;

use crate::definition::PayloadFuture;
use crate::error::{Error, ErrorKind, Result};
use crate::journal;
use crate::payload::Payload;
use crate::store::Record;

/// Where a worker dies; commits and effects are counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CrashPoint {
    /// A commit was sent and not applied.
    Before(usize),
    /// A commit was applied and not acknowledged.
    After(usize),
    /// An activity has had its effect, and nothing has noted it.
    Effect(usize),
}

impl CrashPoint {
    /// Every place of a run with so many commits and effects.
    pub(super) fn all(commits: usize, effects: usize) -> impl Iterator<Item = Self> {
        let commits = (1..=commits).flat_map(|n| [Self::Before(n), Self::After(n)]);
        commits.chain((1..=effects).map(Self::Effect))
    }
}

impl fmt::Display for CrashPoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Before(n) => write!(f, "before commit {n} was applied"),
            Self::After(n) => write!(f, "after commit {n} was applied and before it was told"),
            Self::Effect(n) => {
                write!(f, "after attempt {n} of an activity had its effect and before its record")
            }
        }
    }
}

/// An operation of a run.
pub(crate) type Step = (Uuid, u32);

/// Something that was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Progress {
    Invoked(Step),
    Recorded(Step),
}

pub(crate) struct CrashPlan {
    place: Option<CrashPoint>,
    /// Moves when a worker dies.
    deaths: watch::Sender<()>,
    state: Mutex<PlanState>,
}

#[derive(Default)]
struct PlanState {
    commits: usize,
    effects: usize,
    /// The worker that registered last.
    worker: Uuid,
    dead: Option<Uuid>,
    done: Vec<Progress>,
}

impl CrashPlan {
    pub(super) fn new(place: Option<CrashPoint>) -> Self {
        Self { place, deaths: watch::Sender::new(()), state: Mutex::default() }
    }

    pub(super) fn deaths(&self) -> watch::Receiver<()> {
        self.deaths.subscribe()
    }

    /// The worker that has died.
    pub(super) fn dead(&self) -> Option<Uuid> {
        self.lock().dead
    }

    /// How many commits and effects there were.
    pub(super) fn counts(&self) -> (usize, usize) {
        let state = self.lock();
        (state.commits, state.effects)
    }

    /// What was invoked and recorded, in order.
    pub(super) fn done(&self) -> Vec<Progress> {
        self.lock().done.clone()
    }

    pub(crate) fn registered(&self, worker: Uuid) {
        self.lock().worker = worker;
    }

    /// A commit is about to be applied: its number.
    pub(crate) async fn before_commit(&self, worker: Uuid) -> usize {
        let number = {
            let mut state = self.lock();
            state.commits += usize::from(state.dead != Some(worker));
            state.commits
        };
        if self.dead() == Some(worker) {
            return pending().await;
        }
        self.die_at(CrashPoint::Before(number)).await;
        number
    }

    /// A commit was applied.
    pub(crate) async fn after_commit(&self, number: usize) {
        self.die_at(CrashPoint::After(number)).await;
    }

    /// A record was applied.
    pub(crate) fn note(&self, record: &Record) {
        let position = usize::try_from(record.position).unwrap_or(0);
        let events = match record.events.is_empty() {
            true => Vec::new(),
            false => journal::decode(position, &record.events).unwrap_or_default(),
        };
        let ops = events.into_iter().filter_map(|recorded| recorded.event.ended_activity());
        self.lock().done.extend(ops.map(|op| Progress::Recorded((record.key.run, op))));
    }

    /// Runs an attempt for as long as its worker lives.
    pub(crate) async fn outlive(&self, step: Step, effect: PayloadFuture) -> Result<Payload> {
        let mut deaths = self.deaths();
        self.lock().done.push(Progress::Invoked(step));
        let result = tokio::select! {
            biased;
            _ = deaths.changed() => return Err(died()),
            result = effect => result,
        };
        let number = {
            let mut state = self.lock();
            state.effects += 1;
            state.effects
        };
        self.die_at(CrashPoint::Effect(number)).await;
        result
    }

    /// Dies here, if this is the place; each run has one death.
    async fn die_at(&self, here: CrashPoint) {
        {
            let mut state = self.lock();
            if self.place != Some(here) || state.dead.is_some() {
                return;
            }
            state.dead = Some(state.worker);
        }
        self.deaths.send_replace(());
        pending().await
    }

    fn lock(&self) -> MutexGuard<'_, PlanState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn died() -> Error {
    Error::new(ErrorKind::Cancelled, "the worker has died")
}
