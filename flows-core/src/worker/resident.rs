//! A run in memory: its machine, what it has produced since the last commit, what it waits for.
//!
//! Thousands are looked at in turn, each several times for each of its steps. So what most looks need is
//! in here, and the rest behind a pointer.

use std::collections::VecDeque;
use std::sync::Arc;

use rustc_hash::FxHashMap;
use tokio::time::Instant;

use super::backlog::Backlog;
use super::message::{Attempted, Seal};
use super::pending::Pending;
use super::suspect::Suspicion;
use super::work::Work;
use crate::context::ActivityContext;
use crate::ids::RunKey;
use crate::journal::{Event, Recorded};
use crate::replay::{ActivityStart, ActivityTask, Machine};
use crate::store::{Activation, Outcome, Record, RunSpec};
use crate::time::Timestamp;

/// An input of so many bytes is kept whether it is needed again or not.
const SMALL: usize = 1024;

/// A run that this worker holds.
pub(crate) struct Resident {
    /// None while it is away, and when the run is lost or stuck.
    pub(crate) machine: Option<Machine>,
    /// User code of the run is being run: its machine is on its way back here.
    pub(crate) away: bool,
    /// What the run has still to take in, in order.
    pub(crate) todo: VecDeque<Work>,
    /// Whether it stands in the executor's list of runs with something to take in.
    pub(crate) listed: bool,
    /// What it was started with, as far as its end needs it.
    pub(crate) spec: Arc<RunSpec>,
    /// Distinguishes this residency from an earlier one of the same run.
    pub(crate) residency: u64,
    /// No worker has owned it before.
    pub(crate) is_new: bool,
    /// The position of the next journal row.
    pub(crate) position: i32,
    pub(crate) pending: Pending,
    /// The time of its first turn, until a row is written that its event can stand in front of.
    pub(crate) first: Option<Timestamp>,
    pub(crate) flying: Option<Flying>,
    pub(crate) running: FxHashMap<u32, Running>,
    /// When each timer, and each activity that waits for its retry, is due.
    pub(crate) alarms: FxHashMap<u32, Timestamp>,
    /// The last letter that was read: taken in, about to be, or left.
    pub(crate) seen: i64,
    /// There are letters that were not read, all of them behind this number.
    pub(crate) more: Option<i64>,
    /// Letters have been asked for, behind this number.
    pub(crate) reads_on: Option<i64>,
    /// The letters that were read, and left in the inbox.
    pub(crate) backlog: Option<Box<Backlog>>,
    /// How many letters are known to have been sent to the owned run.
    pub(crate) sent: i64,
    /// The claim by which it is owned.
    pub(crate) claim: i64,
    /// Whether it stands in the executor's list of runs with something to commit.
    pub(crate) queued: bool,
    /// Since when it only waits.
    pub(crate) idle_since: Option<Instant>,
    /// It has its outcome, which is not durable yet.
    pub(crate) ending: bool,
    /// Why it cannot go on in this build.
    pub(crate) stuck: Option<String>,
    /// Somebody else has gone on with it: what is stored decides.
    pub(crate) lost: bool,
    /// The event that is being committed by an activity's own transaction.
    pub(crate) sealed: Option<Box<Recorded>>,
    /// An attempt whose COMMIT nobody has answered: unless the journal has its result, it has failed.
    pub(crate) unanswered: Option<Box<Attempted>>,
    /// Results that wait to be sealed.
    pub(crate) seals: VecDeque<Seal>,
    /// It has work that another worker should start at once.
    pub(crate) hand_back: bool,
    /// It has had setbacks. Most have none.
    pub(crate) suspicion: Option<Box<Suspicion>>,
}

/// What is on its way to the store.
pub(crate) struct Flying {
    pub(crate) launches: Vec<ActivityStart>,
    pub(crate) wrote_row: bool,
    pub(crate) closes: Option<Box<Outcome>>,
    /// It is being parked, by a worker that knows of so many letters.
    pub(crate) parks: Option<i64>,
    /// The run is no suspect any more.
    pub(crate) clears: bool,
    /// Kept when the outcome of its batch is unknown.
    pub(crate) record: Option<Box<Record>>,
}

/// An attempt of an activity that is running.
pub(crate) struct Running {
    pub(crate) task: Arc<ActivityTask>,
    pub(crate) attempt: u32,
    /// The batch after which it was started.
    pub(crate) batch: u64,
    pub(crate) context: ActivityContext,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.context.stop().abandon();
    }
}

impl Resident {
    pub(crate) fn new(run: &Activation, residency: u64, sent: i64) -> Self {
        Self {
            machine: None,
            away: false,
            todo: VecDeque::new(),
            listed: false,
            spec: kept(&run.spec),
            residency,
            is_new: run.is_new,
            position: i32::try_from(run.journal.len()).unwrap_or(i32::MAX),
            pending: Pending::default(),
            first: None,
            flying: None,
            running: FxHashMap::default(),
            alarms: FxHashMap::default(),
            seen: 0,
            more: None,
            reads_on: None,
            backlog: None,
            sent,
            claim: run.claim,
            queued: false,
            idle_since: None,
            ending: false,
            stuck: None,
            lost: false,
            sealed: None,
            unanswered: None,
            seals: VecDeque::new(),
            hand_back: false,
            suspicion: None,
        }
    }

    /// Whether it only waits: nothing runs, nothing is on its way.
    pub(crate) fn is_idle(&self) -> bool {
        self.running.is_empty() && self.is_settled()
    }

    /// Whether everything that has reached it is taken in, and durable.
    pub(crate) fn is_settled(&self) -> bool {
        self.is_durable() && !self.away && self.todo.is_empty()
    }

    /// Whether everything it has decided is durable.
    pub(crate) fn is_durable(&self) -> bool {
        self.flying.is_none() && self.sealed.is_none() && self.pending.is_empty()
    }

    /// Whether all that its end would add to the journal follows from its row: it ends in its first
    /// turn, which recorded nothing and did not ask for the time. Only of a run that nobody else has
    /// owned; of others, the journal row is the fence.
    pub(crate) fn ends_untold(&self) -> bool {
        let asked_for_time = self.machine.as_ref().is_none_or(Machine::has_told_time);
        let has_news = !self.pending.has_no_row() || self.pending.consumes();
        self.is_new && self.first.is_some() && !has_news && !asked_for_time
    }

    /// The event of its first turn, if it has still to be written.
    pub(crate) fn take_first(&mut self) -> Option<Recorded> {
        self.first.take().map(|at| Recorded { at, event: Event::RunStarted })
    }

    /// Whether its code goes on here.
    pub(crate) fn is_live(&self) -> bool {
        !self.lost && !self.ending && self.stuck.is_none()
    }

    /// Whether it can take something in now.
    pub(crate) fn can_work(&self) -> bool {
        !self.todo.is_empty() && !self.away && self.sealed.is_none()
    }

    /// The next thing to take in. A queue that is empty keeps no memory.
    pub(crate) fn next_work(&mut self) -> Option<Work> {
        let next = self.todo.pop_front();
        if self.todo.is_empty() {
            self.todo = VecDeque::new();
        }
        next
    }

    /// Its code goes no further here: what it has not taken in yet, and what comes back of a poll
    /// that still goes on, is dropped. Gives the machine to who drops it.
    #[must_use = "a machine has user values, whose destructors are user code"]
    pub(crate) fn let_go(&mut self) -> Option<Machine> {
        self.stop();
        self.todo.clear();
        self.away = false;
        self.machine.take()
    }

    /// The operation whose result an activity's own transaction is committing.
    pub(crate) fn sealed_op(&self) -> Option<u32> {
        match &self.sealed.as_ref()?.event {
            Event::ActivityCompleted { step, .. } => Some(step.op),
            _ => None,
        }
    }

    /// Whether what is stored decides how it goes on.
    pub(crate) fn awaits_reading(&self) -> bool {
        let unsure = |flying: &Flying| flying.record.is_some() && !self.queued;
        self.lost || self.flying.as_ref().is_some_and(unsure)
    }

    /// When it must be awake again, by itself.
    pub(crate) fn next_alarm(&self) -> Option<Timestamp> {
        self.alarms.values().min().copied()
    }

    /// Whether something from outside could wake it.
    pub(crate) fn expects_mail(&self) -> bool {
        self.machine.as_ref().is_some_and(Machine::expects_mail)
    }

    /// Stops an activity that nobody waits for any more.
    pub(crate) fn cancel_activity(&mut self, op: u32) {
        self.alarms.remove(&op);
        self.pending.retain_launches(|start| start.task.op != op);
        if let Some(flying) = &mut self.flying {
            flying.launches.retain(|start| start.task.op != op);
        }
        if let Some(running) = self.running.remove(&op) {
            running.context.stop().cancel();
        }
    }

    /// Forgets the activities that were about to start.
    pub(crate) fn drop_launches(&mut self) {
        self.pending.retain_launches(|_| false);
        if let Some(flying) = &mut self.flying {
            flying.launches.clear();
        }
    }

    /// Stops everything; the run ends here or goes on elsewhere.
    pub(crate) fn stop(&mut self) {
        for (_, running) in self.running.drain() {
            running.context.stop().cancel();
        }
    }
}

impl Drop for Resident {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Of a large input, only what is needed again is kept: a run that is not retried has it in its machine.
fn kept(spec: &Arc<RunSpec>) -> Arc<RunSpec> {
    if spec.retry.is_some() || spec.input.len() <= SMALL {
        return Arc::clone(spec);
    }
    Arc::new(RunSpec { input: "".into(), ..RunSpec::clone(spec) })
}

/// The executor of a run: by its shard, so that runs that share a shard share a batch.
pub(crate) fn executor_of(key: &RunKey, executors: usize) -> usize {
    usize::from(key.shard.unsigned_abs()) % executors.max(1)
}
