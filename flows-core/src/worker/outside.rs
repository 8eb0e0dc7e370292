//! What is outside of the runs of an executor: its queues, its timers and its session. Here the effects of
//! runs are carried out.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

use tokio::sync::mpsc::UnboundedSender;
use tokio::time::Instant;

use super::commit_delay::CommitDelay;
use super::held::HeldRuns;
use super::message::Message;
use super::pages::PageRequest;
use super::resident::Resident;
use super::run::{CodeCall, Effect, Input, Rules, RunStep};
use super::session::Session;
use crate::ids::RunKey;
use crate::replay::Machine;
use crate::store::{Activation, Outcome};
use crate::telemetry::{lines, metrics};
use crate::time::Timestamp;

pub(super) struct Outside {
    pub(super) session: Arc<Session>,
    pub(super) rules: Rules,
    /// The store's time when the executor was last awake.
    pub(super) now: Timestamp,
    /// The way back into the executor's inbox, for activities and reloads.
    pub(super) myself: UnboundedSender<Message>,
    /// Runs with something to take in; checked when taken.
    pub(super) busy: VecDeque<RunKey>,
    /// Machines to be dropped, which runs user code.
    pub(super) discarded: Vec<Machine>,
    /// Runs with something to commit.
    pub(super) dirty: VecDeque<RunKey>,
    /// Runs whose record was held and goes out again, apart from the others.
    pub(super) again: VecDeque<RunKey>,
    pub(super) held: HeldRuns,
    /// What the next batch waits for.
    pub(super) commit_delay: CommitDelay,
    /// What is due when.
    pub(super) timers: BTreeSet<(Timestamp, RunKey, u32)>,
    /// Runs that only wait, the longest waiting first; checked when taken.
    pub(super) idle: VecDeque<(Instant, RunKey, u32)>,
    /// What is to be said when all that has come together is handled.
    unsaid: Unsaid,
    /// Keeps its memory between two steps.
    effects: Vec<Effect<Machine>>,
}

/// What is said of many runs at once.
#[derive(Default)]
struct Unsaid {
    ended: Vec<(RunKey, Outcome)>,
    reload: Vec<RunKey>,
    lost: usize,
    evicted: usize,
    collect: bool,
}

/// Where a run is after a step.
pub(super) enum After {
    Here,
    /// It has left memory.
    Gone,
    /// It is to be activated anew, from what is stored.
    StartsOver(Box<Activation>),
}

impl Outside {
    pub(super) fn new(session: Arc<Session>, myself: UnboundedSender<Message>) -> Self {
        let config = &session.config;
        let rules = Rules {
            payload_limit: session.payload_limit,
            resident_for: config.resident_for,
            retry_stuck: config.retry_stuck,
            max_setbacks: config.max_setbacks,
            is_draining: false,
            free_slots: session.permits.available_permits(),
        };
        Self {
            now: session.clock.now(),
            rules,
            session,
            myself,
            busy: VecDeque::new(),
            discarded: Vec::new(),
            dirty: VecDeque::new(),
            again: VecDeque::new(),
            held: HeldRuns::default(),
            commit_delay: CommitDelay::default(),
            timers: BTreeSet::new(),
            idle: VecDeque::new(),
            unsaid: Unsaid::default(),
            effects: Vec::new(),
        }
    }

    /// Gives a run what has reached it, and does what comes of that.
    pub(super) fn handle(
        &mut self,
        key: RunKey,
        resident: &mut Resident,
        input: Input<Machine>,
    ) -> After {
        self.step(key, resident, |run, step| run.handle(input, step)).1
    }

    /// What a run's code is called with next.
    pub(super) fn next_call(
        &mut self,
        key: RunKey,
        resident: &mut Resident,
    ) -> (Option<CodeCall<Machine>>, After) {
        self.step(key, resident, |run, step| run.next_call(step))
    }

    fn step<T>(
        &mut self,
        key: RunKey,
        resident: &mut Resident,
        run: impl FnOnce(&mut super::run::Run<Machine>, &mut RunStep<'_, Machine>) -> T,
    ) -> (T, After) {
        let mut effects = std::mem::take(&mut self.effects);
        self.rules.free_slots = self.session.permits.available_permits();
        let (rules, launched) = (&self.rules, 0);
        let mut step = RunStep { now: self.now, rules, effects: &mut effects, launched };
        let gives = run(&mut resident.run, &mut step);
        let mut after = After::Here;
        for effect in effects.drain(..) {
            self.carry_out(key, resident, effect, &mut after);
        }
        self.effects = effects;
        resident.release();
        (gives, after)
    }

    fn carry_out(
        &mut self,
        key: RunKey,
        resident: &mut Resident,
        effect: Effect<Machine>,
        after: &mut After,
    ) {
        match effect {
            Effect::Work => self.busy.push_back(key),
            Effect::Commit => self.dirty.push_back(key),
            Effect::CommitApart => self.again.push_back(key),
            Effect::ReadOn(behind) => {
                self.session.request_page(PageRequest::new(key, resident.residency, behind));
            }
            Effect::Idle(wait) => self.idle.push_back((Instant::now(), key, wait)),
            // One that was said before the run got stuck is not obeyed.
            Effect::Launch(start) if resident.run.task(start.task.op).is_none() => {}
            Effect::Launch(start) => {
                if let Err(why) = self.launch(key, resident, start) {
                    *after = self.handle(key, resident, Input::Stuck(why));
                }
            }
            Effect::Settle { start, end, message } => {
                let event = self.settled(&start, end);
                lines::attempt_failed(&resident.span, key, resident.run.spec(), &event);
                *after = self.handle(key, resident, Input::Settled { event, message });
            }
            Effect::EndQueued(end) => self.session.end(*end),
            Effect::Stop(op) => resident.stop(op),
            Effect::StopAll => resident.stop_all(),
            Effect::SetTimer(op, due) => drop(self.timers.insert((due, key, op))),
            Effect::ClearTimer(op, due) => drop(self.timers.remove(&(due, key, op))),
            Effect::Grant { ticket, record } => {
                let reply = resident.take_reply(ticket);
                if reply.is_none_or(|reply| reply.send(Ok(*record)).is_err()) {
                    *after = self.handle(key, resident, Input::GrantUnused);
                }
            }
            Effect::Deny { ticket, error } => {
                if let (Some(reply), Some(error)) = (resident.take_reply(ticket), error) {
                    drop(reply.send(Err(error))); // who has gone needs no answer
                }
            }
            Effect::Discard(machine) => self.discarded.push(machine),
            Effect::Stuck(why) => {
                self.session.stuck.note(key.run, &resident.run.spec().workflow, &why)
            }
            Effect::Ended(outcome) => {
                lines::run_ended(&resident.span, key, resident.run.spec(), &outcome);
                let took = self.now.since(resident.started_at);
                metrics::run_ended(resident.run.spec(), &outcome, took);
                self.unsaid.ended.push((key, *outcome));
            }
            Effect::Lost => self.unsaid.lost += 1,
            Effect::Reload => self.unsaid.reload.push(key),
            Effect::Replace(stored) => *after = After::StartsOver(stored),
            Effect::Collect => self.unsaid.collect = true,
            Effect::TryLater => self.held.add(key),
            Effect::Evicted => {
                self.unsaid.evicted += 1;
                *after = After::Gone;
            }
        }
    }

    /// Says what has gathered, to who waits for outcomes and to the poller.
    pub(super) fn say(&mut self) {
        let Unsaid { ended, reload, lost, evicted, collect } = &mut self.unsaid;
        if !ended.is_empty() {
            self.session.hints.closed(std::mem::take(ended));
        }
        if *lost > 0 {
            let runs = std::mem::take(lost);
            metrics::lost(runs);
            tracing::info!(runs, "another worker has gone on with runs; dropping them");
        }
        if !reload.is_empty() {
            self.session.request_reload(std::mem::take(reload));
        }
        if *evicted > 0 {
            self.session.release_slots(std::mem::take(evicted));
        }
        if std::mem::take(collect) {
            self.session.request_collect();
        }
    }

    /// The next timer that is due.
    pub(super) fn take_due(&mut self) -> Option<(RunKey, u32)> {
        let (_, key, op) = self.timers.first().copied().filter(|(due, ..)| *due <= self.now)?;
        self.timers.pop_first();
        Some((key, op))
    }

    /// Reads the store's time.
    pub(super) fn read_clock(&mut self) {
        self.now = self.session.clock.now();
    }
}
