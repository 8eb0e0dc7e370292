//! An executor: owns the runs of some shards and one writer connection.
//!
//! Whoever drives it ([`driver`](super::driver)) is the only one that changes these runs. It must
//! never wait for anything but its inbox, its batch and the next alarm, and never run user code:
//! that is a job, which its driver runs while the executor is in its seat.

use std::collections::VecDeque;
use std::sync::Arc;

use rustc_hash::FxHashMap;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender};
use tokio::time::Instant;

use super::alarm::Alarms;
use super::aside::Aside;
use super::budget::Loaded;
use super::company::Company;
use super::complaints::Backoff;
use super::intake::Early;
use super::job::Done;
use super::message::Message;
use super::resident::{Resident, Running};
use super::seat::Seat;
use super::session::Session;
use super::submit::Batch;
use super::turns::is_only_once;
use crate::ids::RunKey;
use crate::replay::Machine;

/// The most messages taken at once.
pub(super) const MESSAGES: usize = 1024;

pub(crate) struct Executor {
    pub(super) session: Arc<Session>,
    pub(super) index: usize,
    pub(super) seat: Arc<Seat>,
    pub(super) inbox: UnboundedReceiver<Message>,
    /// The way back into the inbox, for activities and reloads.
    pub(super) myself: UnboundedSender<Message>,
    pub(super) runs: FxHashMap<RunKey, Resident>,
    /// Runs that are being started as ours.
    pub(super) expected: FxHashMap<RunKey, Early>,
    /// Runs with something to take in; checked when taken.
    pub(super) busy: VecDeque<RunKey>,
    /// What came of user code, until it is sorted.
    pub(super) done: Vec<Done>,
    /// Machines to be dropped, which runs user code.
    pub(super) discarded: Vec<Machine>,
    /// Runs with something to commit.
    pub(super) dirty: VecDeque<RunKey>,
    /// Runs whose record was held and goes out again, apart from the others.
    pub(super) again: VecDeque<RunKey>,
    pub(super) aside: Aside,
    pub(super) batch: Option<Batch>,
    /// What the next batch waits for.
    pub(super) company: Company,
    /// Batches that have failed.
    pub(super) commits: Backoff,
    pub(super) alarms: Alarms,
    /// Runs that only wait, the longest waiting first; checked when taken.
    pub(super) idle: VecDeque<(Instant, RunKey)>,
    pub(super) residencies: u64,
    pub(super) draining: bool,
    /// Told when it ends, however it ends.
    ended: UnboundedSender<()>,
}

impl Executor {
    pub(super) fn new(
        session: Arc<Session>,
        index: usize,
        seat: Arc<Seat>,
        myself: UnboundedSender<Message>,
        inbox: UnboundedReceiver<Message>,
        ended: UnboundedSender<()>,
    ) -> Self {
        Self {
            session,
            index,
            seat,
            inbox,
            myself,
            runs: FxHashMap::default(),
            expected: FxHashMap::default(),
            busy: VecDeque::new(),
            done: Vec::new(),
            discarded: Vec::new(),
            dirty: VecDeque::new(),
            again: VecDeque::new(),
            aside: Aside::default(),
            batch: None,
            company: Company::default(),
            commits: Backoff::default(),
            alarms: Alarms::default(),
            idle: VecDeque::new(),
            residencies: 0,
            draining: false,
            ended,
        }
    }

    /// Waits until something is to be done, and does it, but for running user code.
    pub(super) async fn next(&mut self, messages: &mut Vec<Message>) {
        let (wake_at, has_jobs) = (self.next_wake(), self.has_jobs());
        tokio::select! {
            biased;
            landed = flight(&mut self.batch) => self.settle(landed),
            _ = self.inbox.recv_many(messages, MESSAGES) => {
                for message in messages.drain(..) {
                    self.receive(message);
                }
            }
            () = sleep_until(wake_at) => self.wake(),
            () = std::future::ready(()), if has_jobs => {}
        }
    }

    fn receive(&mut self, message: Message) {
        match message {
            Message::Claimed(runs) => runs.into_iter().for_each(|run| self.claimed(run)),
            Message::Expect(runs) => self.expect(runs),
            Message::Started(runs) => runs.into_iter().for_each(|run| self.started(run)),
            Message::Refused(runs) => self.refused_starts(&runs),
            Message::Mail(collected) => collected.into_iter().for_each(|mail| self.deliver(mail)),
            Message::Page { key, residency, page } => self.turn_page(key, residency, page),
            Message::Attempted(attempted) => self.attempted(attempted),
            Message::Seal(seal) => self.request_seal(seal),
            Message::Reloaded { asked, found } => self.reloaded(&asked, found),
            Message::Blocked { key, residency, after } => self.give_up(key, residency, after),
            Message::Terminated(run) => self.terminated(run),
            Message::MakeRoom(slots) => self.park_oldest(slots),
            Message::Done(done) => self.finish(*done),
            Message::Drain => self.drain(),
            Message::Stop => {}
        }
    }

    /// A run that was parked from here and came back before the answer is taken up anew.
    fn claimed(&mut self, loaded: Loaded) {
        self.forget(loaded.run.key);
        self.expected.remove(&loaded.run.key); // what came for its last stay is read with it
        self.take_up(loaded, 0);
    }

    pub(super) fn is_drained(&self) -> bool {
        self.draining && self.runs.is_empty() && self.batch.is_none()
    }

    /// When something is to be done without a message.
    fn next_wake(&self) -> Option<Instant> {
        let alarm = self.alarms.first().map(|due| self.session.clock.instant_of(due));
        let park = self.idle.front().map(|(since, _)| *since + self.session.config.resident_for);
        let others = [park, self.gathering_until(), self.commits.until(), self.aside.next()];
        alarm.into_iter().chain(others.into_iter().flatten()).min()
    }

    /// Says which of its runs do not block the worker. One with an activity that must not be invoked a
    /// second time is not among them: its setback tells its next owner.
    fn acquit(&mut self) {
        let (holds, registry) = (&self.session.holds, &self.session.registry);
        let is_only = |running: &Running| {
            let def = registry.activity(running.task.name);
            def.is_some_and(|def| is_only_once(&running.task, def))
        };
        let is_polled =
            |running: &Running| running.context.polled().is_some_and(|since| holds.is_long(since));
        let remains = |run: &Resident| {
            run.running.values().any(|running| is_polled(running) || is_only(running))
        };
        let innocent = self.runs.iter().filter(|(key, run)| !holds.has_held(key) && !remains(run));
        self.session.acquit(innocent.map(|(key, _)| *key).chain(self.expected.keys().copied()));
        while let Ok(message) = self.inbox.try_recv() {
            match message {
                Message::Claimed(runs) => {
                    self.session.acquit(runs.iter().map(|loaded| loaded.run.key))
                }
                Message::Started(runs) => self.session.acquit(runs.iter().map(|run| run.key)),
                _ => {}
            }
        }
    }

    fn wake(&mut self) {
        self.ring_alarms();
        self.park_idle();
        self.try_again();
    }
}

impl Drop for Executor {
    /// Stops what it began, and says so before it drops its machines: they may take their time.
    fn drop(&mut self) {
        self.batch = None;
        self.acquit();
        self.runs.values_mut().for_each(Resident::stop);
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

async fn sleep_until(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}
