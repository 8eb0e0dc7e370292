//! How runs that are started in this process reach the executors without being claimed.
//!
//! The executor is told of a run before it is started: messages for it may be collected before the start
//! is answered, and are kept until then. Runs that are ours though nothing is known of them here come the
//! same way.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use tokio::sync::mpsc::UnboundedSender;
use uuid::Uuid;

use super::budget::Loaded;
use super::executor::Executor;
use super::message::Message;
use super::resident::executor_of;
use super::run::Input;
use super::session::Session;
use crate::engine::local_workers::LocalWorker;
use crate::ids::RunKey;
use crate::store::{Activation, Collected, Page};

/// Where a session takes runs in.
pub(super) struct LocalStarts {
    session: Arc<Session>,
    executors: Arc<[UnboundedSender<Message>]>,
}

/// What has reached a run that is still being started.
#[derive(Default)]
pub(super) struct Starting {
    messages: Vec<Collected>,
    terminated: bool,
}

impl LocalStarts {
    pub(super) fn new(session: &Arc<Session>, executors: &Arc<[UnboundedSender<Message>]>) -> Self {
        Self { session: Arc::clone(session), executors: Arc::clone(executors) }
    }

    fn send<T>(
        &self,
        all: impl Iterator<Item = T>,
        key: fn(&T) -> RunKey,
        message: fn(Vec<T>) -> Message,
    ) {
        let count = self.executors.len();
        let mut shares: Vec<Vec<T>> = self.executors.iter().map(|_| Vec::new()).collect();
        all.for_each(|one| shares[executor_of(&key(&one), count)].push(one));
        for (executor, share) in self.executors.iter().zip(shares) {
            if !share.is_empty() {
                drop(executor.send(message(share))); // it has ended: its session hands them back
            }
        }
    }
}

impl LocalWorker for LocalStarts {
    fn worker(&self) -> Uuid {
        self.session.id()
    }

    fn serves(&self, lane: i64) -> bool {
        self.session.served().open.lanes.contains(&lane)
    }

    fn reserve(&self, wanted: usize) -> usize {
        if self.session.backlog.load(Ordering::Relaxed) {
            return 0;
        }
        let most = self.session.config.max_resident_runs;
        let more = |taken: usize| Some(most.min(taken + wanted)).filter(|sum| *sum > taken);
        let residents = &self.session.residents;
        match residents.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more) {
            Ok(before) => wanted.min(most - before),
            Err(_) => 0,
        }
    }

    fn expect(&self, runs: Vec<RunKey>) {
        self.send(runs.into_iter(), |run| *run, Message::Expect);
    }

    fn take(&self, started: Vec<Activation>, refused: Vec<RunKey>) {
        if !refused.is_empty() {
            self.session.release_slots(refused.len());
        }
        self.send(refused.into_iter(), |run| *run, Message::Refused);
        self.send(started.into_iter(), |run| run.key, Message::Started);
    }
}

impl Executor {
    pub(super) fn expect(&mut self, runs: Vec<RunKey>) {
        self.expected.extend(runs.into_iter().map(|run| (run, Starting::default())));
    }

    pub(super) fn refused_starts(&mut self, runs: &[RunKey]) {
        runs.iter().for_each(|run| drop(self.expected.remove(run)));
    }

    /// Activates a run that was started as ours, and gives it what has come for it meanwhile.
    pub(super) fn started(&mut self, run: Activation) {
        let (key, starting) = (run.key, self.expected.remove(&run.key).unwrap_or_default());
        if self.is_draining() {
            return; // the end hands it back
        }
        self.activate(Loaded { run, weight: None }, 0);
        starting.messages.into_iter().for_each(|collected| self.deliver(collected));
        if starting.terminated {
            self.terminated(key);
        }
    }

    /// Messages of a run that is in memory.
    pub(super) fn deliver(&mut self, collected: Collected) {
        if !self.runs.contains_key(&collected.run) {
            return self.keep_for_start(collected);
        }
        let Collected { run, sent, inbox: messages, more } = collected;
        self.step(run, Input::Collected { sent, page: Page { messages, more } });
    }

    /// Keeps messages for a run that is still being started. One of which nothing is known here has ended or
    /// was parked just now; or the store has lost that, and it is still ours: then it is activated.
    fn keep_for_start(&mut self, collected: Collected) {
        let key = collected.run;
        if let Some(starting) = self.expected.get_mut(&key) {
            starting.messages.push(collected);
        } else if !self.is_draining() {
            self.expected.insert(key, Starting { messages: vec![collected], terminated: false });
            self.session().request_reload(vec![key]);
        }
    }

    /// Activates a run that the store has given to this worker, and of which nothing was known here.
    pub(super) fn adopt(&mut self, found: Loaded) {
        let Some(starting) = self.expected.remove(&found.run.key) else { return };
        if self.is_draining() {
            return; // the end hands it back
        }
        tracing::warn!(run = %found.run.key.run, "the database has lost that a run was let go; taking it up");
        self.session().residents.fetch_add(1, Ordering::Relaxed);
        self.activate(found, 0);
        starting.messages.into_iter().for_each(|collected| self.deliver(collected));
    }

    /// Somebody has ended a run from outside. If we hold it, its activities stop here; if it is still being
    /// started, that is noted.
    pub(super) fn terminated(&mut self, key: RunKey) {
        if let Some(starting) = self.expected.get_mut(&key) {
            starting.terminated = true;
        }
        self.step(key, Input::Lost);
    }
}
