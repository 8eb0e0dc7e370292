//! The poller: looks for work, claims it for the executors, collects their messages.
//!
//! It claims only what there are free slots for. Without hints it looks at growing intervals up to
//! the poll interval; a hint, a free slot or the next due run make it look or claim at once.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::sync::mpsc::UnboundedSender;
use tokio::time::Instant;

use super::budget::Loaded;
use super::clock::sleep_until;
use super::complaints::Backoff;
use super::message::Message;
use super::overdue::end_overdue;
use super::pages::ReadAlone;
use super::resident::executor_of;
use super::schedules::fire_due;
use super::session::Session;
use crate::engine::gathered::Gathered;
use crate::error::Result;
use crate::ids::RunKey;
use crate::store::{Activation, Claim, ClaimStuck, Hint, Polled, SUSPECT};
use crate::telemetry::{lines, metrics};

/// The most runs of one claim.
const CLAIM: usize = 200;
/// The most runs of one claim that are read along.
const EXPECTED: usize = 32;
/// The most stuck runs of one claim.
const STUCK: usize = 20;
/// The shortest pause before the next claim of stuck runs, if some of the last were stuck again.
const RELAPSE_PAUSE: Duration = Duration::from_secs(1);
/// The first pause between looks after something was found.
const SHORTEST_PAUSE: Duration = Duration::from_millis(50);

/// Keeps the executors supplied until the session is over.
pub(super) async fn run(
    session: &Arc<Session>,
    hints: &Gathered,
    executors: &[UnboundedSender<Message>],
) {
    let mut poller = Poller {
        session,
        executors,
        ready: BTreeSet::new(),
        woken: BTreeMap::new(),
        turn: 0,
        pause: SHORTEST_PAUSE,
        look_at: Instant::now(),
        retry_at: Instant::now(),
        stuck_before: 0,
        stuck_pause: RELAPSE_PAUSE,
        suspects: false,
        claims: Backoff::default(),
        reads: Backoff::default(),
        alone: ReadAlone::default(),
    };
    poller.look().await; // it knows what is paused before it claims
    poller.work().await;
    while !session.is_over() {
        // In an order, so that a simulation can repeat it; what comes first moves on by time, so it
        // keeps nobody from being heard.
        tokio::select! {
            biased;
            () = tokio::time::sleep_until(poller.look_at) => poller.look().await,
            () = tokio::time::sleep_until(poller.retry_at) => poller.claim_stuck(STUCK).await,
            heard = hints.heard() => heard.into_iter().for_each(|hint| poller.hear(hint)),
            () = session.wanted.notified() => {}
            () = sleep_until(poller.claims.until()) => {}
            () = sleep_until(poller.reads.until()) => {}
            () = sleep_until(session.tasks.check_at()) => {}
        }
        hints.take().into_iter().for_each(|hint| poller.hear(hint));
        poller.work().await;
    }
}

pub(super) struct Poller<'a> {
    pub(super) session: &'a Arc<Session>,
    pub(super) executors: &'a [UnboundedSender<Message>],
    /// Shards that are believed to have work.
    ready: BTreeSet<i16>,
    /// Runs that were woken, by shard: their journals are read with the claim.
    woken: BTreeMap<i16, BTreeSet<RunKey>>,
    /// Where the next claim begins, so that every shard has its turn.
    turn: i16,
    pause: Duration,
    look_at: Instant,
    /// When stuck runs get another chance.
    retry_at: Instant,
    /// Claims that have failed.
    claims: Backoff,
    /// Reads that have failed.
    pub(super) reads: Backoff,
    /// What is to be read alone.
    pub(super) alone: ReadAlone,
    /// How many runs had been stuck when stuck runs were claimed last.
    stuck_before: usize,
    /// The next pause, if fewer are found than were asked for.
    stuck_pause: Duration,
    /// Whether runs wait to be tried alone.
    suspects: bool,
}

impl Drop for Poller<'_> {
    /// Runs that no executor has do not block the worker.
    fn drop(&mut self) {
        self.session.acquit(self.alone.unread());
    }
}

impl Poller<'_> {
    fn hear(&mut self, hint: Hint) {
        match hint {
            Hint::Ready(shards) => self.ready.extend(shards),
            Hint::Woken(runs) => {
                for run in runs {
                    self.ready.insert(run.shard);
                    let woken = self.woken.entry(run.shard).or_default();
                    if woken.len() < EXPECTED {
                        woken.insert(run);
                    }
                }
            }
            Hint::Messages(worker) if worker == self.session.id() => self.session.request_collect(),
            Hint::Unsure => (self.look_at, self.retry_at) = (Instant::now(), Instant::now()),
            Hint::Terminated(runs) => self.let_go(&runs),
            Hint::Tasks(lanes) => self.hear_of_tasks(&lanes),
            Hint::Withdrawn(worker) if worker == self.session.id() => {
                self.session.tasks.check_now()
            }
            Hint::Messages(_) | Hint::Withdrawn(_) | Hint::Closed(_) | Hint::Published(_) => {}
        }
    }

    fn hear_of_tasks(&self, lanes: &[i64]) {
        let served = self.session.served();
        if lanes.iter().any(|lane| served.open.task_lanes.contains(lane)) {
            self.session.tasks.want();
        }
    }

    /// Tells the executors of runs that were ended from outside.
    fn let_go(&self, runs: &[RunKey]) {
        self.session.tasks.check_those_of(runs);
        for run in runs {
            let executor = &self.executors[executor_of(run, self.executors.len())];
            drop(executor.send(Message::Terminated(*run)));
        }
    }

    async fn look(&mut self) {
        let served = self.session.served();
        match self.session.store.poll(&served.open).await {
            Ok(polled) => {
                self.plan(&polled);
                if polled.pauses != served.stamp {
                    self.learn_pauses(polled.pauses).await;
                }
                if polled.overdue {
                    end_overdue(self.session).await;
                }
                if polled.schedules {
                    fire_due(self.session).await;
                }
            }
            Err(error) => {
                self.session.complaints.warn(&error, "cannot look for work; trying again");
                self.look_at = Instant::now() + self.session.config.poll_interval;
            }
        }
    }

    /// Something else is paused than before: from now on nothing of that is claimed, and what is here is let go. What
    /// is paused no more is looked for at once.
    async fn learn_pauses(&mut self, stamp: i64) {
        match self.session.learn_pauses(stamp).await {
            Ok(()) => {
                self.look_at = Instant::now();
                for executor in self.executors {
                    drop(executor.send(Message::Paused));
                }
            }
            Err(error) => {
                let what = "cannot read what is paused; trying again";
                self.session.complaints.warn(&error, what);
            }
        }
    }

    /// Claims some of the stuck runs that are due, and a suspect if none is tried. A few at a time, so
    /// that the others do not notice: the next when none of the last was stuck again, or after a pause.
    async fn claim_stuck(&mut self, limit: usize) {
        if limit > 0 {
            self.retry_at = Instant::now() + RELAPSE_PAUSE;
        }
        let free = self.session.free_slots();
        if free == 0 {
            return self.make_room();
        }
        let suspect = self.suspects && !self.session.trial.load(Ordering::Relaxed);
        let limit = limit.min(free - usize::from(suspect));
        let served = self.session.served();
        let (worker, lanes) = (self.session.id(), served.open.lanes.as_slice());
        let claim = ClaimStuck { worker, lanes, limit, suspect };
        let runs = match self.session.store.claim_stuck(claim).await {
            Ok(runs) => runs,
            Err(error) => {
                self.session.complaints.warn(&error, "cannot claim stuck runs; trying again");
                self.suspects = false; // until the next look
                return;
            }
        };
        let suspects = runs.iter().filter(|run| run.setbacks <= SUSPECT).count();
        self.session.trial.fetch_or(suspects > 0, Ordering::Relaxed);
        self.suspects &= suspects > 0;
        if limit > 0 {
            self.plan_stuck(runs.len() - suspects == limit);
        }
        self.session.residents.fetch_add(runs.len(), Ordering::Relaxed);
        self.hand_out(runs);
    }

    /// When the next are claimed. What was not found may have been held by somebody at this moment, so
    /// the pauses grow up to the interval.
    fn plan_stuck(&mut self, more: bool) {
        let before = std::mem::replace(&mut self.stuck_before, self.session.stuck.total());
        let relapsed = before != self.stuck_before;
        let pause = if more && !relapsed { SHORTEST_PAUSE } else { self.stuck_pause };
        let pause = pause.min(self.session.config.retry_stuck);
        self.stuck_pause = if more { RELAPSE_PAUSE } else { pause.saturating_mul(2) };
        self.retry_at = Instant::now() + pause;
    }

    /// Looks again soon when there was work, later and later when there was none, and in any case
    /// when the next parked run is due.
    fn plan(&mut self, polled: &Polled) {
        let found = polled.messages || !polled.ready.is_empty();
        let longest = self.session.config.poll_interval;
        self.pause = if found { SHORTEST_PAUSE } else { self.pause * 2 }.min(longest);
        self.look_at = Instant::now() + self.pause;
        if let Some(due) = polled.next_due {
            let due = self.session.clock.instant_of(due);
            // One that is due already was just skipped: somebody else is at it.
            let overdue = due <= Instant::now();
            let pause = if overdue { SHORTEST_PAUSE } else { MIN_PAUSE };
            let due = due.max(Instant::now() + pause);
            self.look_at = self.look_at.min(due);
        }
        self.ready.extend(&polled.ready);
        self.suspects = polled.suspects;
        if polled.tasks {
            self.session.tasks.want();
        }
        if polled.messages {
            self.session.request_collect();
        }
    }

    async fn work(&mut self) {
        if self.session.collect.swap(false, Ordering::Relaxed) {
            self.collect().await;
        }
        self.reload().await;
        self.read_alone().await;
        self.serve_tasks().await;
        if self.suspects && !self.session.trial.load(Ordering::Relaxed) {
            self.claim_stuck(0).await;
        }
        while self.claims.until().is_none()
            && !self.session.is_over()
            && let Some(shard) = self.next_shard()
        {
            let free = self.session.free_slots();
            if free == 0 {
                self.session.backlog.store(true, Ordering::Relaxed);
                return self.make_room();
            }
            if !self.session.budget.has_room() {
                return self.session.backlog.store(true, Ordering::Relaxed); // it rings when there is
            }
            match self.claim(shard, free.min(CLAIM)).await {
                Ok(more) => {
                    self.claims.succeeded();
                    if !more {
                        self.ready.remove(&shard);
                    }
                }
                Err(error) => {
                    self.session.complaints.warn(&error, "cannot claim runs; trying again");
                    self.claims.failed();
                    self.look_at = Instant::now() + self.session.config.poll_interval;
                    self.ready.remove(&shard); // the others are not to blame
                }
            }
        }
        self.session.backlog.store(false, Ordering::Relaxed);
    }

    /// Ends, checks and claims attempts for other workers' runs.
    async fn serve_tasks(&self) {
        if let Err(error) = self.session.serve_tasks().await {
            let what = "cannot claim or end activities of other workers; trying again";
            self.session.complaints.warn(&error, what);
        }
    }

    /// The next shard in turn that is believed to have work.
    fn next_shard(&mut self) -> Option<i16> {
        let next = self.ready.range(self.turn..).next().or_else(|| self.ready.first()).copied()?;
        self.turn = next + 1;
        Some(next)
    }

    /// Claims from one shard; whether there may be more.
    async fn claim(&mut self, shard: i16, limit: usize) -> Result<bool> {
        let expected: Vec<_> = self.woken.remove(&shard).into_iter().flatten().collect();
        let served = self.session.served();
        let (worker, lanes) = (self.session.id(), served.open.lanes.as_slice());
        let claim = Claim { worker, shard, lanes, limit, expected: &expected };
        let runs = self.session.store.claim(claim).await?;
        let more = runs.len() == limit;
        let lost = runs.iter().filter(|run| run.setbacks < 0).count();
        if lost > 0 {
            metrics::taken_over(lost);
            lines::taken_over(&self.session.identity.name, worker, lost);
        }
        self.session.residents.fetch_add(runs.len(), Ordering::Relaxed);
        self.hand_out(runs);
        Ok(more)
    }

    pub(super) fn hand_out(&mut self, runs: Vec<Activation>) {
        if self.session.is_over() {
            return self.session.acquit(runs.iter().map(|run| run.key)); // no executor is there
        }
        let mut shares: Vec<Vec<Loaded>> = self.executors.iter().map(|_| Vec::new()).collect();
        for run in runs {
            if run.unread {
                self.alone.claimed(run.key);
                continue;
            }
            shares[executor_of(&run.key, self.executors.len())].push(self.load(run));
        }
        for (executor, share) in self.executors.iter().zip(shares) {
            if !share.is_empty() {
                drop(executor.send(Message::Claimed(share)));
            }
        }
    }

    /// Counts what was read.
    fn load(&self, run: Activation) -> Loaded {
        self.session.budget.load(run, &self.session.wanted)
    }

    fn make_room(&self) {
        let share = CLAIM.min(self.session.config.max_resident_runs).div_ceil(self.executors.len());
        for executor in self.executors {
            drop(executor.send(Message::MakeRoom(share)));
        }
    }

    /// Reads runs again for the executors.
    async fn reload(&mut self) {
        if self.reads.until().is_some() {
            return;
        }
        let asked = self.session.take_reloads();
        if asked.is_empty() {
            return;
        }
        match self.reload_some(&asked).await {
            Ok(()) => self.reads.succeeded(),
            Err(error) => {
                self.session.complaints.warn(&error, "cannot read runs again; trying again");
                self.reads.failed();
                self.session.request_reload(asked);
            }
        }
    }

    pub(super) async fn reload_some(&mut self, asked: &[RunKey]) -> Result<()> {
        let found = self.session.store.reload(self.session.id(), asked).await?;
        let (unread, found): (Vec<_>, Vec<_>) = found.into_iter().partition(|run| run.unread);
        unread.iter().for_each(|run| self.alone.again(run.key));
        let read = |key: &&RunKey| !unread.iter().any(|run| run.key == **key);
        self.hand_back(asked.iter().filter(read), found);
        Ok(())
    }

    fn hand_back<'k>(&self, asked: impl Iterator<Item = &'k RunKey>, found: Vec<Activation>) {
        let count = self.executors.len();
        let mut answers: Vec<(Vec<RunKey>, Vec<Loaded>)> = Vec::new();
        answers.resize_with(count, Default::default);
        for key in asked {
            answers[executor_of(key, count)].0.push(*key);
        }
        for run in found {
            answers[executor_of(&run.key, count)].1.push(self.load(run));
        }
        for (executor, (asked, found)) in self.executors.iter().zip(answers) {
            if !asked.is_empty() {
                drop(executor.send(Message::Reloaded { asked, found }));
            }
        }
    }

    async fn collect(&mut self) {
        match self.session.store.collect(self.session.id()).await {
            Ok(collected) => {
                let count = self.executors.len();
                for inbox in collected {
                    if self.alone.keeps(&inbox) {
                        continue;
                    }
                    let executor = &self.executors[executor_of(&inbox.run, count)];
                    drop(executor.send(Message::Collected(vec![inbox])));
                }
            }
            Err(error) => {
                self.session.complaints.warn(&error, "cannot collect messages; trying again");
                self.look_at = Instant::now() + self.session.config.poll_interval;
            }
        }
    }
}

/// Two looks are never closer than this.
const MIN_PAUSE: Duration = Duration::from_millis(1);
