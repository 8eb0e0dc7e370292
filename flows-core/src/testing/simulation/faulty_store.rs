//! The store as one process reaches it: over a network that delays, refuses, loses answers and
//! hints, and does late what it has reported as failed; beside others, whose open transactions hold
//! what it wants.
//!
//! What it does to the store is what a database's client does: claims and collects whose answer was
//! lost are made good before the worker's next request.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use tokio::sync::mpsc::unbounded_channel;

use super::chance::{Fault, FaultPoint};
use super::mutation::Mutation;
use super::process::{SimProcess, injected};
use super::trace::{number_of, short};
use crate::ids::fnv1a;
use crate::memory::{Lost, MemoryStore};
use crate::store::forward::names::*;

pub(super) struct FaultyStore {
    process: SimProcess,
    point: FaultPoint,
    writers: usize,
    lost: Mutex<Vec<(Uuid, Lost)>>,
    /// Workers that could not be retired yet.
    left: Mutex<BTreeSet<Uuid>>,
}

/// An answer on its way, which is lost if this is dropped with it.
struct Unheard<'a> {
    all: &'a Mutex<Vec<(Uuid, Lost)>>,
    lost: Option<(Uuid, Lost)>,
}

impl Drop for Unheard<'_> {
    fn drop(&mut self) {
        self.all.lock().unwrap_or_else(PoisonError::into_inner).extend(self.lost.take());
    }
}

impl FaultyStore {
    /// For a process that may be killed.
    pub(super) fn of_worker(process: SimProcess) -> Self {
        let writers = process.world().chance.one_of([1, 2]);
        Self {
            process,
            point: FaultPoint::Worker,
            writers,
            lost: Mutex::default(),
            left: Mutex::default(),
        }
    }

    pub(super) fn of_client(process: SimProcess) -> Self {
        Self {
            process,
            point: FaultPoint::Client,
            writers: 1,
            lost: Mutex::default(),
            left: Mutex::default(),
        }
    }

    fn inner(&self) -> &MemoryStore {
        &self.process.world().store
    }

    /// A call: what goes wrong before it, it, and what goes wrong after it.
    async fn call<T>(
        &self,
        verb: &'static str,
        keys: &[RunKey],
        call: impl Future<Output = Result<T>>,
    ) -> Result<T> {
        let fault = self.process.before(self.point).await?;
        let answer = call.await;
        self.note(verb, keys, answer.is_ok(), String::new);
        self.process.after(fault).await?;
        answer
    }

    /// A call that starts or sends, and whose answer for each may be that it is held.
    async fn call_unless_held<T: Clone>(
        &self,
        verb: &'static str,
        keys: &[RunKey],
        held: T,
        call: impl Future<Output = Result<Vec<Result<T>>>>,
    ) -> Result<Vec<Result<T>>> {
        let fault = self.process.before(FaultPoint::Send).await?;
        if fault == Fault::Held {
            return Ok(keys.iter().map(|_| Ok(held.clone())).collect());
        }
        let answer = call.await;
        self.note(verb, keys, answer.is_ok(), String::new);
        self.process.after(fault).await?;
        answer
    }

    fn note(&self, verb: &'static str, keys: &[RunKey], ok: bool, more: impl FnOnce() -> String) {
        let (world, name) = (self.process.world(), self.process.name());
        let keyed = keys.iter().fold(0, |sum: u64, key| sum.rotate_left(7) ^ number_of(*key));
        let numbers = [self.process.number(), fnv1a(verb.bytes()), keyed, u64::from(ok)];
        if world.trace.is_spinning() {
            world.violated(format!(
                "{name} calls the store (`{verb}`) over and over, without a pause"
            ));
        }
        if ok && is_routine(verb, keys.len()) {
            return world.trace.mix(&numbers); // nobody wants to read of it
        }
        world.trace.note(&numbers, || {
            let keys = keys.iter().map(|key| short(*key)).collect::<Vec<_>>().join(", ");
            format!("{name}: {verb} {keys}{}{}", more(), if ok { "" } else { " fails" })
        });
    }

    /// The client of a database gives back what it was given in vain.
    fn make_good(&self, worker: Uuid) {
        let mut lost = self.lost.lock().unwrap_or_else(PoisonError::into_inner);
        let mine = lost.extract_if(.., |(of, _)| *of == worker).map(|(_, lost)| lost);
        let is_forgotten = |lost: &Lost| match self.process.world().mutation {
            Some(Mutation::LostClaims) => true,
            Some(Mutation::LostStarts) => matches!(lost, Lost::Start(_)),
            _ => false,
        };
        let mine: Vec<_> = mine.filter(|lost| !is_forgotten(lost)).collect();
        if !mine.is_empty() {
            self.inner().make_good(worker, &mine);
        }
    }

    /// Remembers an answer that its caller does not get. One that is only late is not lost: polls go on
    /// beside a start.
    async fn unless_lost(&self, worker: Uuid, lost: Lost, fault: Fault) -> Result<()> {
        let mut answer = Unheard { all: &self.lost, lost: Some((worker, lost)) };
        self.process.after(fault).await?;
        answer.lost = None;
        Ok(())
    }

    async fn claim_by(
        &self,
        verb: &'static str,
        worker: Uuid,
        claimed: impl Future<Output = Result<Vec<Activation>>>,
    ) -> Result<Vec<Activation>> {
        let fault = self.process.before(self.point).await?;
        self.make_good(worker);
        let runs = claimed.await?;
        let keys: Vec<_> = runs.iter().map(|run| run.key).collect();
        self.process.world().read(self.process.number(), &keys);
        self.note(verb, &keys, true, String::new);
        self.unless_lost(worker, Lost::Claim(keys), fault).await?;
        Ok(runs)
    }

    async fn claimed_tasks(&self, claim: ClaimTasks<'_>) -> Result<Vec<ClaimedTask>> {
        let worker = claim.worker;
        let fault = self.process.before(self.point).await?;
        self.make_good(worker);
        let tasks = self.inner().claim_tasks(claim).await?;
        let keys: Vec<_> = tasks.iter().map(|claimed| claimed.task.run).collect();
        self.note("claim_tasks", &keys, true, String::new);
        let name = |claimed: &ClaimedTask| {
            let task = &claimed.task;
            (task.run, task.op, task.attempt)
        };
        let names = tasks.iter().map(name).collect();
        self.unless_lost(worker, Lost::Tasks(names), fault).await?;
        Ok(tasks)
    }

    /// To the worker, a start of runs that it owns is a claim.
    async fn started_owned(&self, worker: Uuid, runs: &[NewRun]) -> Result<Vec<Result<Started>>> {
        let fault = self.process.before(FaultPoint::Start).await?;
        if fault == Fault::Held {
            return Ok(runs.iter().map(|_| Ok(Started::Held)).collect());
        }
        let started = self.inner().start_owned(worker, runs).await?;
        let is_owned = |started: &Result<Started>| matches!(started, Ok(Started::Owned { .. }));
        let owned = runs.iter().zip(&started).filter(|(_, started)| is_owned(started));
        let owned: Vec<_> = owned.map(|(run, _)| run.key).collect();
        self.note("start_owned", &owned, true, String::new);
        self.process.world().started_owned(owned.len());
        self.unless_lost(worker, Lost::Start(owned), fault).await?;
        Ok(started)
    }

    async fn committed(&self, worker: Uuid, records: &[Record]) -> Result<Vec<Committed>> {
        let world = self.process.world();
        let mut records = std::borrow::Cow::Borrowed(records);
        if let Some(mutation) = world.mutation {
            mutation.spoil(world, records.to_mut());
        }
        let strays = world.strays(worker, &records);
        let mut answers = self.inner().commit(0, worker, &records).await?;
        if let Some(mutation) = world.mutation {
            mutation.add(world, worker, &records, &mut answers).await?;
        }
        world.committed(&records, &answers, &strays);
        let keys: Vec<_> = records.iter().map(|record| record.key).collect();
        self.note("commit", &keys, true, || in_words(&records, &answers));
        Ok(answers)
    }

    /// Some records are held: they are left out, or not parked.
    async fn committed_around(&self, worker: Uuid, records: &[Record]) -> Result<Vec<Committed>> {
        let mut answers = vec![Committed::Held; records.len()];
        let (mut free, mut numbers) = (Vec::new(), Vec::new());
        for (number, record) in records.iter().enumerate() {
            let held = self.process.world().chance.one_in(2);
            let parks = matches!(record.next, Next::Park(_));
            if held && !parks {
                continue;
            }
            let next = if held { Next::Stay } else { record.next.clone() };
            free.push(Record { next, ..record.clone() });
            numbers.push((number, held));
        }
        for ((number, held), answer) in
            numbers.into_iter().zip(self.committed(worker, &free).await?)
        {
            let not_parked = held && answer == Committed::Done;
            answers[number] = if not_parked { Committed::NotParked } else { answer };
        }
        Ok(answers)
    }

    /// The answer is an error; the commit is on its way all the same.
    fn commit_late(&self, fault: Fault, worker: Uuid, records: &[Record]) {
        let Fault::Late(time) = fault else { return };
        let (process, records) = (self.process.clone(), records.to_vec());
        process.world().busy(1);
        tokio::spawn(async move {
            tokio::time::sleep(time).await;
            let store = Self {
                process,
                point: FaultPoint::Worker,
                writers: 1,
                lost: Mutex::default(),
                left: Mutex::default(),
            };
            drop(store.committed(worker, &records).await); // nobody waits for the answer
            store.process.world().busy(-1);
        });
    }

    async fn started(&self, runs: &[NewRun]) -> Result<Vec<Result<Started>>> {
        let keys: Vec<_> = runs.iter().map(|run| run.key).collect();
        self.call_unless_held("start", &keys, Started::Held, self.inner().start(runs)).await
    }

    async fn sent(&self, messages: &[OutgoingMessage]) -> Result<Vec<Result<Sent>>> {
        let keys: Vec<_> = messages.iter().map(|message| message.to).collect();
        let world = self.process.world();
        let sending = async {
            match world.mutation {
                None => self.inner().send(messages).await,
                Some(mutation) => mutation.deliver(world, messages).await,
            }
        };
        self.call_unless_held("send", &keys, Sent::Held, sending).await
    }

    async fn retired(&self, worker: Uuid, innocent: &[RunKey]) -> Result<()> {
        self.make_good(worker);
        let retired = self.call("retire", &[], self.inner().retire(worker, innocent)).await;
        let mut left = self.left.lock().unwrap_or_else(PoisonError::into_inner);
        let changed = if retired.is_ok() { left.remove(&worker) } else { left.insert(worker) };
        if changed {
            self.process.world().lost_workers(if retired.is_ok() { -1 } else { 1 });
        }
        retired
    }

    async fn polled(&self, worker: &WorkerIdentity) -> Result<Polled> {
        self.make_good(worker.id);
        self.call("poll", &[], self.inner().poll(worker)).await
    }

    async fn reloaded(&self, worker: Uuid, runs: &[RunKey]) -> Result<Vec<Activation>> {
        let reading = async {
            self.process.world().read(self.process.number(), runs);
            self.inner().reload(worker, runs).await
        };
        self.call("reload", runs, reading).await
    }

    async fn collected(&self, worker: Uuid) -> Result<Vec<Collected>> {
        let fault = self.process.before(self.point).await?;
        self.make_good(worker);
        let inboxes = self.inner().collect(worker).await?;
        let keys: Vec<_> = inboxes.iter().map(|collected| collected.run).collect();
        self.note("collect", &keys, true, String::new);
        self.unless_lost(worker, Lost::Collect(keys), fault).await?;
        Ok(inboxes)
    }

    async fn read(&self, asked: &[(RunKey, i64)]) -> Result<Vec<Page>> {
        let keys: Vec<_> = asked.iter().map(|(run, _)| *run).collect();
        self.call("read_inboxes", &keys, self.inner().read_inboxes(asked)).await
    }

    async fn commit_or_fail(&self, worker: Uuid, records: &[Record]) -> Result<Vec<Committed>> {
        let fault = self.process.before(FaultPoint::Commit).await?;
        if let Fault::Late(_) = fault {
            self.commit_late(fault, worker, records);
            return Err(injected("has lost the connection"));
        }
        let answers = match fault {
            Fault::Held => self.committed_around(worker, records).await?,
            _ => self.committed(worker, records).await?,
        };
        self.process.after(fault).await?;
        Ok(answers)
    }

    /// Hints come through a relay that loses, delays and doubles them.
    fn heard(&self) -> Option<UnboundedReceiver<Hint>> {
        let mut heard = self.inner().subscribe()?;
        let (sender, receiver) = unbounded_channel();
        let world = std::sync::Arc::clone(self.process.world());
        tokio::spawn(async move {
            while let Some(hint) = heard.recv().await {
                for delay in world.chance.hint() {
                    if delay.is_zero() {
                        drop(sender.send(hint.clone())); // who has ended does not care
                        continue;
                    }
                    let (sender, hint) = (sender.clone(), hint.clone());
                    tokio::spawn(async move {
                        tokio::time::sleep(delay).await;
                        drop(sender.send(hint));
                    });
                }
                if sender.is_closed() {
                    return;
                }
            }
        });
        Some(receiver)
    }
}

/// What is done all the time, whether there is something to do or not.
fn is_routine(verb: &str, runs: usize) -> bool {
    match verb {
        "renew" | "overdue" | "poll" | "outcomes" => true,
        "claim" | "claim_stuck" | "claim_tasks" | "collect" => runs == 0,
        _ => false,
    }
}

fn in_words(records: &[Record], answers: &[Committed]) -> String {
    let words = records.iter().zip(answers).map(|(record, answer)| {
        let kinds = crate::journal::decode(0, &record.events).unwrap_or_default();
        let kinds: Vec<_> = kinds.iter().map(|recorded| recorded.event.name()).collect();
        let next = match &record.next {
            Next::Stay => "stays".to_owned(),
            Next::Park(park) => format!("parks ({} messages known)", park.sent),
            Next::Close(close) => format!("ends as {}", close.outcome.status),
        };
        format!("; row {} [{}] {next}: {answer:?}", record.position, kinds.join(", "))
    });
    words.collect()
}

/// The verbs: most fail as a call does, with the runs that the trace tells of it.
macro_rules! faulty {
    ($store:ident start($runs:ident)) => { Box::pin($store.started($runs)) };
    ($store:ident send($messages:ident)) => { Box::pin($store.sent($messages)) };
    ($store:ident retire($($given:ident),*)) => { Box::pin($store.retired($($given),*)) };
    ($store:ident poll($worker:ident)) => { Box::pin($store.polled($worker)) };
    ($store:ident start_owned($($given:ident),*)) => {
        Box::pin($store.started_owned($($given),*))
    };
    ($store:ident claim($claim:ident)) => {
        Box::pin($store.claim_by("claim", $claim.worker, $store.inner().claim($claim)))
    };
    ($store:ident claim_stuck($claim:ident)) => {
        Box::pin($store.claim_by("claim_stuck", $claim.worker, $store.inner().claim_stuck($claim)))
    };
    ($store:ident claim_tasks($claim:ident)) => { Box::pin($store.claimed_tasks($claim)) };
    ($store:ident reload($($given:ident),*)) => { Box::pin($store.reloaded($($given),*)) };
    ($store:ident collect($worker:ident)) => { Box::pin($store.collected($worker)) };
    ($store:ident read_inboxes($asked:ident)) => { Box::pin($store.read($asked)) };
    ($store:ident commit($writer:ident, $($given:ident),*)) => {{
        let _ = $writer;
        Box::pin($store.commit_or_fail($($given),*))
    }};
    ($store:ident writers()) => { $store.writers };
    ($store:ident publish($hint:ident)) => { $store.inner().publish($hint) };
    ($store:ident subscribe()) => { $store.heard() };
    ($store:ident outcomes($runs:ident)) => {
        Box::pin($store.call("outcomes", $runs, $store.inner().outcomes($runs)))
    };
    ($store:ident terminate($run:ident, $($given:ident),*)) => {
        faulty!($store $run, terminate($run, $($given),*))
    };
    ($store:ident rerun($dead:ident, $run:ident)) => { faulty!($store $dead, rerun($dead, $run)) };
    ($store:ident describe($run:ident)) => { faulty!($store $run, describe($run)) };
    ($store:ident history($run:ident)) => { faulty!($store $run, history($run)) };
    ($store:ident $run:ident, $verb:ident($($given:ident),*)) => {
        Box::pin(async move {
            let call = $store.inner().$verb($($given),*);
            $store.call(stringify!($verb), &[$run], call).await
        })
    };
    ($store:ident $verb:ident($($given:ident),*)) => {
        Box::pin($store.call(stringify!($verb), &[], $store.inner().$verb($($given),*)))
    };
}

forward_store!(ClientStore for FaultyStore, faulty);
forward_store!(WorkerStore for FaultyStore, faulty);
forward_store!(Inspect for FaultyStore, faulty);
forward_store!(Operate for FaultyStore, faulty);
forward_store!(Hub for FaultyStore, faulty);

impl Store for FaultyStore {
    fn as_any(&self) -> &dyn std::any::Any {
        self
    }
}
