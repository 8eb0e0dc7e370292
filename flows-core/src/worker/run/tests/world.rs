//! One run in a small world: the memory store, senders, and workers that hold the real [`Run`] as an executor
//! and a poller do. Everything that happens is a step, and the steps of all are explored in every order.
//!
//! A world can be copied and compared, so each state is visited once. What comes of a run's effects is kept as
//! what its worker may do next; whatever may happen at any time (a park, a late answer, another worker's claim)
//! is a step as well.

use std::collections::{HashSet, VecDeque};
use std::fmt::{self, Write as _};
use std::hash::Hasher as _;
use std::time::Duration;

use futures_util::FutureExt;
use rustc_hash::FxHasher;
use uuid::Uuid;

use super::super::{CodeCall, CodeReturned, Effect, Input, Rules, Run, RunStep};
use super::stage::{Fake, KEY, rules, spec};
use crate::journal::{Event, Recorded, decode};
use crate::memory::MemoryStore;
use crate::payload::Payload;
use crate::replay::Turn;
use crate::store::traits::*;
use crate::store::{
    Activation, Claim, Committed, MessageKind, NewRun, Next, OutgoingMessage, Page, Record,
    RunSpec, StoreFuture, WorkerIdentity,
};
use crate::time::Timestamp;

/// Something done wrong, to be found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Flaw {
    /// The store parks whatever has come.
    ParksBlindly,
    /// The store parks whatever was collected and has not reached the run.
    ParksUncounted,
    /// The run is not told that there is another page.
    HidesPages,
    /// Who was not parked is forgotten.
    ForgetsRefused,
    /// A wake-up of the run is not heard.
    DropsWork,
    /// An inbox is read before its flag is lowered, or its run claimed.
    ReadsEarly,
    /// What is collected overtakes what was read again before.
    Overtakes,
    /// What was handed in is not looked for when nobody has answered.
    TakesForWritten,
}

/// What may happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Happens {
    Send,
    Terminate,
    /// A worker's lease is over.
    Lapse(usize),
    Collect(usize),
    Claim(usize),
    ReadOn(usize),
    Reload(usize),
    /// The run gets what its poller has read.
    Receive(usize),
    /// Its code is called, and comes back.
    Poll(usize),
    /// It has waited for long enough.
    Overstay(usize),
    TryAgain(usize),
    /// Its record is written, and the answer comes back; or nobody answers.
    Commit(usize),
    Answer(usize),
    NoAnswer(usize),
    /// Only of a flawed poller: what it reads too early.
    ReadEarly(usize),
}

/// What a poller has read for its executor.
#[derive(Debug, Clone)]
enum Read {
    Claimed(Box<Activation>),
    Collected { sent: i64, page: Page },
    Page { residency: u32, page: Page },
    Reloaded(Option<Box<Activation>>),
}

#[derive(Debug, Clone)]
struct Holder {
    id: Uuid,
    run: Option<Run<Fake>>,
    residency: u32,
    /// In the order in which it was read.
    read: VecDeque<Read>,
    has_work: bool,
    has_record: bool,
    asks_for_page: Option<i64>,
    asks_for_reload: bool,
    asks_again: bool,
    idle: Option<u32>,
    /// On its way, with its answer.
    record: Option<(Record, Committed)>,
    is_retired: bool,
    early: Option<Page>,
}

/// The store, and who works on it.
#[derive(Debug, Clone)]
struct World {
    store: MemoryStore,
    now: Timestamp,
    rules: Rules,
    holders: Vec<Holder>,
    sent: usize,
    /// What may still happen.
    left: Scenario,
}

/// Who is in the world, and what may happen in it.
#[derive(Debug, Clone)]
pub(super) struct Scenario {
    pub(super) workers: usize,
    /// Messages that are sent.
    pub(super) messages: usize,
    pub(super) terminations: usize,
    /// Leases of the first worker that end.
    pub(super) lapses: usize,
    /// Commits that nobody answers.
    pub(super) lost_answers: usize,
    /// Pauses that are waited for.
    pub(super) retries: usize,
    /// How many messages a page has.
    pub(super) page: usize,
    /// After so many messages, the code has its result.
    pub(super) ends_after: usize,
    pub(super) flaw: Option<Flaw>,
}

impl Scenario {
    pub(super) fn new(workers: usize, messages: usize) -> Self {
        Self {
            workers,
            messages,
            terminations: 0,
            lapses: 0,
            lost_answers: 0,
            retries: 1,
            page: usize::MAX,
            ends_after: usize::MAX,
            flaw: None,
        }
    }
}

fn at_once<T>(future: StoreFuture<'_, T>) -> T {
    future.now_or_never().expect("it is done at once").expect("the store answers")
}

fn worker(number: usize) -> Uuid {
    Uuid::from_u128(100 + number as u128)
}

impl World {
    fn new(left: Scenario) -> Self {
        let store = MemoryStore::new();
        let register = |number| {
            let identity = WorkerIdentity {
                id: worker(number),
                name: format!("worker {number}"),
                lease: Duration::from_secs(3_600),
                lanes: vec![spec().lane()],
                task_lanes: Vec::new(),
            };
            at_once(store.register(&identity));
            Holder::new(identity.id)
        };
        let holders = (0..left.workers).map(register).collect();
        let run = NewRun::new(KEY, RunSpec { workflow_id: None, ..spec() });
        at_once(store.start(&[run])).remove(0).expect("it starts");
        Self { now: store.now(), store, rules: rules(), holders, sent: 0, left }
    }

    /// What is told apart, as a number.
    fn print(&self) -> u64 {
        let mut print = Print(FxHasher::default());
        let written = write!(print, "{self:?}").and_then(|()| self.store.print(&mut print));
        written.expect("it can be written");
        print.0.finish()
    }

    fn copy(&self) -> Self {
        Self { store: self.store.snapshot(), ..self.clone() }
    }

    fn possible(&self) -> Vec<Happens> {
        let (mut all, seen) = (Vec::new(), self.store.peek(KEY));
        let mut may = |is_so: bool, happens| all.extend(is_so.then_some(happens));
        may(self.left.messages > 0, Happens::Send);
        may(self.left.terminations > 0, Happens::Terminate);
        may(self.left.lapses > 0, Happens::Lapse(0));
        for (number, holder) in self.holders.iter().enumerate() {
            let is_owner = seen.owner == Some(holder.id);
            let is_free = holder.record.is_none();
            may(is_owner && seen.flag, Happens::Collect(number));
            may(seen.is_ready && !holder.is_retired, Happens::Claim(number));
            may(holder.asks_for_page.is_some(), Happens::ReadOn(number));
            may(holder.asks_for_reload, Happens::Reload(number));
            may(!holder.read.is_empty(), Happens::Receive(number));
            may(holder.has_work, Happens::Poll(number));
            may(holder.idle.is_some(), Happens::Overstay(number));
            may(holder.asks_again && self.left.retries > 0, Happens::TryAgain(number));
            may(holder.has_record && is_free, Happens::Commit(number));
            may(!is_free, Happens::Answer(number));
            may(!is_free && self.left.lost_answers > 0, Happens::NoAnswer(number));
            let reads_early = self.left.flaw == Some(Flaw::ReadsEarly);
            may(reads_early && holder.early.is_none(), Happens::ReadEarly(number));
        }
        all
    }

    fn happen(&mut self, happens: Happens) {
        match happens {
            Happens::Send => {
                self.left.messages -= 1;
                let sent = at_once(self.store.send(&[message()])).remove(0);
                self.sent += usize::from(sent.is_ok()); // a run that has ended takes none
            }
            Happens::Terminate => {
                self.left.terminations -= 1;
                self.terminate();
            }
            Happens::Lapse(number) => {
                self.left.lapses -= 1;
                self.holders[number].is_retired = true;
                at_once(self.store.retire(worker(number), &[]));
            }
            Happens::Collect(number) => self.collect(number),
            Happens::Claim(number) => self.claim(number),
            Happens::ReadOn(number) => {
                let Some(behind) = self.holders[number].asks_for_page.take() else { return };
                let page = at_once(self.store.read_inboxes(&[(KEY, behind)])).remove(0);
                let (page, residency) = (self.cut(page), self.holders[number].residency);
                self.holders[number].read.push_back(Read::Page { residency, page });
            }
            Happens::Reload(number) => self.reload(number),
            Happens::Receive(number) => self.receive(number),
            Happens::Poll(number) => self.poll(number),
            Happens::Overstay(number) => {
                let Some(wait) = self.holders[number].idle.take() else { return };
                self.give(number, Input::Overstayed(wait));
            }
            Happens::TryAgain(number) => {
                self.left.retries -= 1;
                self.holders[number].asks_again = false;
                self.give(number, Input::TryAgain);
            }
            Happens::Commit(number) => self.commit(number),
            Happens::Answer(number) => self.answer(number),
            Happens::NoAnswer(number) => {
                self.left.lost_answers -= 1;
                let Some((record, _)) = self.holders[number].record.take() else { return };
                let input = match self.left.flaw {
                    Some(Flaw::TakesForWritten) => Input::Committed { parked: true },
                    _ => Input::Unsure(Box::new(record)),
                };
                self.give(number, input);
            }
            Happens::ReadEarly(number) => {
                let page = at_once(self.store.read_inboxes(&[(KEY, 0)])).remove(0);
                self.holders[number].early = Some(page);
            }
        }
    }

    fn terminate(&mut self) {
        let error = crate::error::Error::terminal("enough");
        let status = crate::store::RunStatus::Terminated;
        let ended = crate::ending::ended_from_outside(status, &error, self.now);
        let (record, close) = ended.expect("an end");
        at_once(self.store.terminate(KEY, &record, &close, &[]));
    }

    /// As much as one page has.
    fn cut(&self, mut page: Page) -> Page {
        if page.messages.len() > self.left.page {
            page.messages.truncate(self.left.page);
            page.more = page.messages.last().map(|last| last.seq);
        }
        if self.left.flaw == Some(Flaw::HidesPages) {
            page.more = None;
        }
        page
    }

    /// What was read too early, if something was.
    fn early_or(&mut self, number: usize, page: Page) -> Page {
        let early = self.holders[number].early.take();
        early.map(|page| Page { more: None, ..page }).unwrap_or_else(|| self.cut(page))
    }

    fn collect(&mut self, number: usize) {
        let id = self.holders[number].id;
        for collected in at_once(self.store.collect(id)) {
            let page = Page { messages: collected.inbox, more: collected.more };
            let read = Read::Collected { sent: collected.sent, page: self.early_or(number, page) };
            match self.left.flaw {
                Some(Flaw::Overtakes) => self.holders[number].read.push_front(read),
                _ => self.holders[number].read.push_back(read),
            }
        }
    }

    fn claim(&mut self, number: usize) {
        let (worker, lanes) = (self.holders[number].id, &[spec().lane()]);
        let claim = Claim { worker, shard: KEY.shard, lanes, limit: 1, expected: &[] };
        for mut run in at_once(self.store.claim(claim)) {
            let page = Page { messages: std::mem::take(&mut run.inbox), more: run.more };
            let page = self.early_or(number, page);
            (run.inbox, run.more) = (page.messages, page.more);
            self.holders[number].read.push_back(Read::Claimed(Box::new(run)));
        }
    }

    fn reload(&mut self, number: usize) {
        let id = self.holders[number].id;
        let mut found = at_once(self.store.reload(id, &[KEY]));
        for run in &mut found {
            let page = Page { messages: std::mem::take(&mut run.inbox), more: run.more };
            let page = self.cut(page);
            (run.inbox, run.more) = (page.messages, page.more);
        }
        let holder = &mut self.holders[number];
        holder.asks_for_reload = false;
        holder.read.push_back(Read::Reloaded(found.pop().map(Box::new)));
    }

    fn receive(&mut self, number: usize) {
        match self.holders[number].read.pop_front() {
            None => {}
            Some(Read::Claimed(run)) => self.activate(number, run, 0),
            Some(Read::Collected { sent, page }) => {
                self.give(number, Input::Collected { sent, page });
            }
            Some(Read::Page { residency, .. }) if self.holders[number].residency != residency => {}
            Some(Read::Page { page, .. }) => self.give(number, Input::Page(page)),
            Some(Read::Reloaded(Some(stored))) => self.give(number, Input::Reloaded(stored)),
            Some(Read::Reloaded(None)) => self.give(number, Input::Gone),
        }
    }

    fn activate(&mut self, number: usize, mut run: Box<Activation>, sent: i64) {
        let page = Page { messages: std::mem::take(&mut run.inbox), more: run.more };
        self.holders[number].forget(Some(Run::new(run, sent)));
        self.give(number, Input::Page(page));
    }

    /// The code is called, and comes back with nothing but its outcome, if it has that.
    fn poll(&mut self, number: usize) {
        self.holders[number].has_work = false;
        let called = self.step(number, |run, step| run.next_call(step)).flatten();
        let fake = match called {
            None => return,
            Some(CodeCall::Apply(mut fake, _)) => {
                fake.unreceived.push(("taken", 1));
                fake
            }
            Some(CodeCall::Begin { journal, .. }) => {
                let unreceived = vec![("taken", 1); signals(&journal)];
                Fake { unreceived, ..Fake::default() }
            }
        };
        let has_ended = fake.unreceived.len() >= self.left.ends_after;
        let outcome = has_ended.then(|| Payload::json(&1));
        let turn = Ok(Turn { outcome, ..Turn::default() });
        let (refusal, failed, fresh) = (None, Vec::new(), None);
        let returned = CodeReturned { machine: Some(fake), turn, refusal, failed, fresh };
        self.give(number, Input::Returned(returned));
    }

    /// The run's next record is written.
    fn commit(&mut self, number: usize) {
        let holder = &mut self.holders[number];
        holder.has_record = false;
        let Some(record) = holder.run.as_mut().and_then(Run::next_record) else { return };
        let mut written = record.clone();
        if let Next::Park(park) = &mut written.next {
            match self.left.flaw {
                Some(Flaw::ParksBlindly) => self.store.deafen(KEY, park),
                Some(Flaw::ParksUncounted) => park.sent = self.store.peek(KEY).sent,
                _ => {}
            }
        }
        let answer = at_once(self.store.commit(0, holder.id, &[written])).remove(0);
        holder.record = Some((record, answer));
    }

    fn answer(&mut self, number: usize) {
        let holder = &mut self.holders[number];
        let Some((_, answer)) = holder.record.take() else { return };
        let forgets = self.left.flaw == Some(Flaw::ForgetsRefused);
        let input = match answer {
            Committed::Done => Input::Committed { parked: true },
            Committed::NotParked => Input::Committed { parked: forgets },
            Committed::Lost => Input::Lost,
            other => panic!("the memory store does not answer {other:?}"),
        };
        self.give(number, input);
    }

    fn give(&mut self, number: usize, input: Input<Fake>) {
        let _ = self.step(number, |run, step| run.handle(input, step));
    }

    fn step<T>(
        &mut self,
        number: usize,
        act: impl FnOnce(&mut Run<Fake>, &mut RunStep<'_, Fake>) -> T,
    ) -> Option<T> {
        let mut effects = Vec::new();
        let mut step =
            RunStep { now: self.now, rules: &self.rules, effects: &mut effects, launched: 0 };
        let gives = act(self.holders[number].run.as_mut()?, &mut step);
        effects.into_iter().for_each(|effect| self.carry_out(number, effect));
        Some(gives)
    }

    fn carry_out(&mut self, number: usize, effect: Effect<Fake>) {
        let holder = &mut self.holders[number];
        match effect {
            Effect::Work => {
                let is_first = holder.run.as_ref().is_some_and(Run::is_activating);
                holder.has_work = is_first || self.left.flaw != Some(Flaw::DropsWork);
            }
            Effect::Commit | Effect::CommitApart => holder.has_record = true,
            Effect::ReadOn(behind) => holder.asks_for_page = Some(behind),
            Effect::Idle(wait) => holder.idle = Some(wait),
            Effect::Reload => holder.asks_for_reload = true,
            Effect::TryLater => holder.asks_again = true,
            Effect::Replace(stored) => {
                let sent = holder.run.as_ref().map_or(0, Run::sent);
                self.activate(number, stored, sent);
            }
            Effect::Evicted => holder.forget(None),
            _ => {}
        }
    }

    /// What is wrong whenever it is so.
    fn violation(&self) -> Option<String> {
        let journal = self.store.journal_of(KEY);
        let rows = journal.iter().enumerate().map(|(position, row)| decode(position, row));
        let Ok(rows) = rows.collect::<Result<Vec<_>, _>>() else {
            return Some("a row cannot be read".to_owned());
        };
        let taken = signals(&rows.concat());
        (taken > self.sent).then(|| format!("a message is doubled: {taken} of {}", self.sent))
    }

    /// What is wrong if nothing can happen any more.
    fn violation_at_the_end(&self) -> Option<String> {
        if !self.store.peek(KEY).is_open {
            return None;
        }
        let journal = self.store.journal_of(KEY);
        let rows = journal.iter().enumerate().flat_map(|(position, row)| decode(position, row));
        let taken = signals(&rows.flatten().collect::<Vec<_>>());
        (taken != self.sent).then(|| format!("a message is lost: {taken} of {} arrived", self.sent))
    }
}

impl Holder {
    /// It holds another run, or none.
    fn forget(&mut self, run: Option<Run<Fake>>) {
        let (residency, is_retired) = (self.residency + 1, self.is_retired);
        let (record, read, early) =
            (self.record.take(), std::mem::take(&mut self.read), self.early.take());
        *self = Self { run, residency, is_retired, record, read, early, ..Self::new(self.id) };
    }

    fn new(id: Uuid) -> Self {
        Self {
            id,
            run: None,
            residency: 0,
            read: VecDeque::new(),
            has_work: false,
            has_record: false,
            asks_for_page: None,
            asks_for_reload: false,
            asks_again: false,
            idle: None,
            record: None,
            is_retired: false,
            early: None,
        }
    }
}

fn signals(journal: &[Recorded]) -> usize {
    let is_signal = |it: &&Recorded| matches!(it.event, Event::SignalReceived { .. });
    journal.iter().filter(is_signal).count()
}

fn message() -> OutgoingMessage {
    let (kind, name, payload) = (MessageKind::Signal, "note".to_owned(), Payload::from_json("1"));
    OutgoingMessage { to: KEY, kind, name, payload, dedup: None }
}

/// Hashes what is written.
struct Print(FxHasher);

impl fmt::Write for Print {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.write(text.as_bytes());
        Ok(())
    }
}

/// A way to something that is wrong.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) what: String,
    pub(super) way: Vec<Happens>,
}

/// A world with more states than this never comes to rest.
const MOST: usize = 50_000;

/// Visits every state; gives how many there are, or the first that is wrong.
pub(super) fn explore(scenario: Scenario) -> Result<usize, Found> {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.enable_time().start_paused(true).build().expect("a runtime");
    let _runtime = runtime.enter(); // time stands still
    let world = World::new(scenario);
    let mut seen = HashSet::from([world.print()]);
    let mut todo = vec![(world, Vec::new())];
    while let Some((world, way)) = todo.pop() {
        let possible = world.possible();
        let lost = possible.is_empty().then(|| world.violation_at_the_end()).flatten();
        let endless = (seen.len() > MOST).then(|| "it never comes to rest".to_owned());
        if let Some(what) = world.violation().or(lost).or(endless) {
            return Err(Found { what, way });
        }
        for happens in possible {
            let mut next = world.copy();
            next.happen(happens);
            if seen.insert(next.print()) {
                let way = [&way[..], &[happens]].concat();
                todo.push((next, way));
            }
        }
    }
    Ok(seen.len())
}
