//! An executor: owns the runs of some shards and one writer connection.
//!
//! Whoever drives it ([`driver`](super::driver)) is the only one that changes these runs. It must
//! never wait for anything but its inbox, its batch and the next alarm, and never run user code:
//! that is a job, which its driver runs while the executor is deposited.

use std::sync::Arc;

use rustc_hash::FxHashMap;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender};
use tokio::time::Instant;

use super::budget::Loaded;
use super::clock::sleep_until;
use super::complaints::Backoff;
use super::hand_off::HandOff;
use super::job::Done;
use super::local_start::Starting;
use super::message::Message;
use super::outside::{After, Outside};
use super::resident::Resident;
use super::run::Input;
use super::session::Session;
use super::submit::Batch;
use crate::ids::RunKey;
use crate::replay::Machine;

/// The most messages taken at once.
pub(super) const MESSAGES: usize = 1024;

pub(crate) struct Executor {
    pub(super) index: usize,
    pub(super) hand_off: Arc<HandOff>,
    pub(super) inbox: UnboundedReceiver<Message>,
    pub(super) runs: FxHashMap<RunKey, Resident>,
    pub(super) outside: Outside,
    /// Runs that are being started as ours.
    pub(super) expected: FxHashMap<RunKey, Starting>,
    /// What came of user code, until it is sorted.
    pub(super) done: Vec<Done>,
    pub(super) batch: Option<Batch>,
    /// Batches that have failed.
    pub(super) commits: Backoff,
    pub(super) residencies: u64,
    /// Numbers the requests for records.
    pub(super) tickets: u64,
    /// Told when it ends, however it ends.
    ended: UnboundedSender<()>,
}

impl Executor {
    pub(super) fn new(
        session: Arc<Session>,
        index: usize,
        hand_off: Arc<HandOff>,
        myself: UnboundedSender<Message>,
        inbox: UnboundedReceiver<Message>,
        ended: UnboundedSender<()>,
    ) -> Self {
        Self {
            index,
            hand_off,
            inbox,
            runs: FxHashMap::default(),
            outside: Outside::new(session, myself),
            expected: FxHashMap::default(),
            done: Vec::new(),
            batch: None,
            commits: Backoff::default(),
            residencies: 0,
            tickets: 0,
            ended,
        }
    }

    pub(super) fn session(&self) -> &Arc<Session> {
        &self.outside.session
    }

    pub(super) fn is_draining(&self) -> bool {
        self.outside.rules.is_draining
    }

    /// Gives a run what has reached it, if it is here.
    pub(super) fn step(&mut self, key: RunKey, input: Input<Machine>) {
        let Some(resident) = self.runs.get_mut(&key) else { return };
        let after = self.outside.handle(key, resident, input);
        self.follow(key, after);
    }

    /// The same, if it is still the residency that this is for.
    pub(super) fn step_of(&mut self, key: RunKey, residency: u64, input: Input<Machine>) {
        if self.runs.get(&key).is_some_and(|resident| resident.residency == residency) {
            self.step(key, input);
        }
    }

    pub(super) fn follow(&mut self, key: RunKey, after: After) {
        match after {
            After::Here => {}
            After::Gone => drop(self.runs.remove(&key)),
            After::StartsOver(stored) => self.start_over(*stored),
        }
    }

    /// Waits until something is to be done, and does it, but for running user code.
    pub(super) async fn next(&mut self, messages: &mut Vec<Message>) {
        let (wake_at, has_jobs) = (self.next_wake(), self.has_jobs());
        tokio::select! {
            biased;
            landed = flight(&mut self.batch) => {
                self.outside.read_clock();
                self.settle(landed);
            }
            _ = self.inbox.recv_many(messages, MESSAGES) => {
                self.outside.read_clock();
                for message in messages.drain(..) {
                    self.receive(message);
                }
            }
            () = sleep_until(wake_at) => {
                self.outside.read_clock();
                self.wake();
            }
            () = std::future::ready(()), if has_jobs => {}
        }
        self.outside.say();
    }

    fn receive(&mut self, message: Message) {
        match message {
            Message::Claimed(runs) => runs.into_iter().for_each(|run| self.claimed(run)),
            Message::Expect(runs) => self.expect(runs),
            Message::Started(runs) => runs.into_iter().for_each(|run| self.started(run)),
            Message::Refused(runs) => self.refused_starts(&runs),
            Message::Collected(all) => {
                all.into_iter().for_each(|collected| self.deliver(collected))
            }
            Message::Page { key, residency, page } => {
                self.step_of(key, residency, Input::Page(page));
            }
            Message::Attempted(attempted) => self.attempted(attempted),
            Message::ResultReady(result) => self.result_ready(result),
            Message::Reloaded { asked, found } => self.reloaded(&asked, found),
            Message::Blocked { key, residency, after } => self.give_up(key, residency, after),
            Message::Terminated(run) => self.terminated(run),
            Message::Paused => self.let_go_of_paused(),
            Message::MakeRoom(slots) => self.park_oldest(slots),
            Message::Done(done) => self.finish(*done),
            Message::Drain => self.drain(),
            Message::Stop => {}
        }
    }

    /// A run that was parked from here and came back before the answer is activated anew.
    fn claimed(&mut self, loaded: Loaded) {
        let key = loaded.run.key;
        self.step(key, Input::Gone);
        self.expected.remove(&key); // what came for its last stay is read with it
        self.activate(loaded, 0);
    }

    pub(super) fn is_drained(&self) -> bool {
        self.is_draining() && self.runs.is_empty() && self.batch.is_none()
    }

    /// When something is to be done without a message.
    fn next_wake(&self) -> Option<Instant> {
        let Outside { session, timers, idle, held, .. } = &self.outside;
        let timer = timers.first().map(|(due, ..)| session.clock.instant_of(*due));
        let park = idle.front().map(|(since, ..)| *since + session.config.resident_for);
        let others = [park, self.gathering_until(), self.commits.until(), held.next()];
        timer.into_iter().chain(others.into_iter().flatten()).min()
    }

    /// Says which of its runs do not block the worker. One with an activity that must not be invoked a
    /// second time is not among them: its setback tells its next owner.
    fn acquit(&mut self) {
        let session = Arc::clone(self.session());
        let innocent = self.runs.iter().filter(|(key, resident)| {
            !session.holds.has_held(key) && !resident.may_block(&session)
        });
        session.acquit(innocent.map(|(key, _)| *key).chain(self.expected.keys().copied()));
        while let Ok(message) = self.inbox.try_recv() {
            match message {
                Message::Claimed(runs) => session.acquit(runs.iter().map(|loaded| loaded.run.key)),
                Message::Started(runs) => session.acquit(runs.iter().map(|run| run.key)),
                _ => {}
            }
        }
    }

    fn wake(&mut self) {
        while let Some((key, op)) = self.outside.take_due() {
            self.step(key, Input::TimerDue(op));
        }
        self.park_idle();
        for key in self.outside.held.take_due() {
            self.step(key, Input::TryAgain);
        }
        self.outside.held.rest(self.outside.again.is_empty());
    }

    /// Parks the runs that have waited long enough.
    fn park_idle(&mut self) {
        let (now, limit) = (Instant::now(), self.outside.rules.resident_for);
        while self.outside.idle.front().is_some_and(|(since, ..)| *since + limit <= now) {
            self.park_longest_idle();
        }
    }

    /// Parks so many runs, the longest waiting first.
    fn park_oldest(&mut self, slots: usize) {
        let mut parked = 0;
        while parked < slots && !self.outside.idle.is_empty() {
            parked += usize::from(self.park_longest_idle());
        }
    }

    /// Takes the front of the list of waiting runs, and parks it if it has waited since.
    fn park_longest_idle(&mut self) -> bool {
        let Some((_, key, wait)) = self.outside.idle.pop_front() else { return false };
        let waits = self.runs.get(&key).is_some_and(|resident| resident.run.waits_since(wait));
        if waits {
            self.step(key, Input::Overstayed(wait));
        }
        waits
    }

    /// Lets go of the runs that are paused.
    fn let_go_of_paused(&mut self) {
        let served = self.session().served();
        let paused = self.runs.iter().filter(|(_, resident)| served.holds(resident.run.spec()));
        for key in paused.map(|(key, _)| *key).collect::<Vec<_>>() {
            self.step(key, Input::LetGo);
        }
    }

    /// Begins to let go of every run.
    fn drain(&mut self) {
        self.outside.rules.is_draining = true;
        for key in self.runs.keys().copied().collect::<Vec<_>>() {
            self.step(key, Input::Drain);
        }
    }
}

impl Drop for Executor {
    /// Stops what it began, and says so before it drops its machines: they may take their time.
    fn drop(&mut self) {
        self.batch = None;
        self.acquit();
        self.runs.values_mut().for_each(Resident::stop_all);
        let _ = self.ended.send(()); // nobody is left to care
    }
}

/// The batch on its way, or never.
async fn flight(batch: &mut Option<Batch>) -> super::submit::Landed {
    match batch {
        Some(flight) => {
            let landed = flight.as_mut().await;
            *batch = None;
            landed
        }
        None => std::future::pending().await,
    }
}
