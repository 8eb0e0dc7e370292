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
use crate::forward_store;
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
        verb: Verb,
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
        verb: Verb,
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

    fn note(&self, verb: Verb, keys: &[RunKey], ok: bool, more: impl FnOnce() -> String) {
        let (world, name) = (self.process.world(), self.process.name());
        let keyed = keys.iter().fold(0, |sum: u64, key| sum.rotate_left(7) ^ number_of(*key));
        let numbers = [self.process.number(), verb as u64, keyed, u64::from(ok)];
        if ok && verb.is_routine(keys.len()) {
            return world.trace.mix(&numbers); // nobody wants to read of it
        }
        world.trace.note(&numbers, || {
            let keys = keys.iter().map(|key| short(*key)).collect::<Vec<_>>().join(", ");
            format!("{name}: {verb:?} {keys}{}{}", more(), if ok { "" } else { " fails" })
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
        verb: Verb,
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
        self.note(Verb::StartOwned, &owned, true, String::new);
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
        self.note(Verb::Commit, &keys, true, || in_words(&records, &answers));
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
            let network = Self {
                process,
                point: FaultPoint::Worker,
                writers: 1,
                lost: Mutex::default(),
                left: Mutex::default(),
            };
            drop(network.committed(worker, &records).await); // nobody waits for the answer
            network.process.world().busy(-1);
        });
    }
}

#[derive(Debug, Clone, Copy)]
enum Verb {
    Start = 1,
    Send,
    Terminate,
    Rerun,
    Register,
    Renew,
    Retire,
    ClaimStuck,
    Overdue,
    Poll,
    Claim,
    Reload,
    Collect,
    Commit,
    Outcomes,
    Find,
    Describe,
    History,
    ReadMail,
    RetryStuck,
    StartOwned,
    SignalWithStart,
}

impl Verb {
    /// What is done all the time, whether there is something to do or not.
    fn is_routine(self, runs: usize) -> bool {
        match self {
            Self::Renew | Self::Overdue | Self::Poll | Self::Outcomes => true,
            Self::Claim | Self::ClaimStuck | Self::Collect => runs == 0,
            _ => false,
        }
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

impl ClientStore for FaultyStore {
    fn start<'a>(&'a self, runs: &'a [NewRun]) -> StoreFuture<'a, Vec<Result<Started>>> {
        let keys: Vec<_> = runs.iter().map(|run| run.key).collect();
        let starting = async move { self.inner().start(runs).await };
        Box::pin(
            async move { self.call_unless_held(Verb::Start, &keys, Started::Held, starting).await },
        )
    }

    fn start_held<'a>(&'a self, run: &'a NewRun, limit: Duration) -> StoreFuture<'a, Started> {
        Box::pin(self.call(Verb::Start, &[], self.inner().start_held(run, limit)))
    }

    fn send<'a>(&'a self, mail: &'a [OutgoingMessage]) -> StoreFuture<'a, Vec<Result<Sent>>> {
        let keys: Vec<_> = mail.iter().map(|message| message.to).collect();
        Box::pin(async move {
            let world = self.process.world();
            let sending = async {
                match world.mutation {
                    None => self.inner().send(mail).await,
                    Some(mutation) => mutation.deliver(world, mail).await,
                }
            };
            self.call_unless_held(Verb::Send, &keys, Sent::Held, sending).await
        })
    }

    fn send_held<'a>(
        &'a self,
        mail: &'a OutgoingMessage,
        limit: Duration,
    ) -> StoreFuture<'a, Sent> {
        Box::pin(self.call(Verb::Send, &[], self.inner().send_held(mail, limit)))
    }

    fn signal_with_start<'a>(
        &'a self,
        run: &'a NewRun,
        signal: &'a OutgoingMessage,
    ) -> StoreFuture<'a, (Started, Sent)> {
        let done = self.inner().signal_with_start(run, signal);
        Box::pin(self.call(Verb::SignalWithStart, &[], done))
    }

    fn terminate<'a>(
        &'a self,
        run: RunKey,
        record: &'a [u8],
        close: &'a Close,
        mail: &'a [OutgoingMessage],
    ) -> StoreFuture<'a, bool> {
        Box::pin(async move {
            let done = self.inner().terminate(run, record, close, mail);
            self.call(Verb::Terminate, &[run], done).await
        })
    }

    fn rerun<'a>(&'a self, dead: RunKey, run: &'a NewRun) -> StoreFuture<'a, Started> {
        Box::pin(
            async move { self.call(Verb::Rerun, &[dead], self.inner().rerun(dead, run)).await },
        )
    }

    fn retry_stuck(&self, run: RunKey) -> StoreFuture<'_, bool> {
        Box::pin(self.call(Verb::RetryStuck, &[], self.inner().retry_stuck(run)))
    }

    fn find<'a>(&'a self, tenant: Uuid, workflow_id: &'a str) -> StoreFuture<'a, Option<RunKey>> {
        Box::pin(self.call(Verb::Find, &[], self.inner().find(tenant, workflow_id)))
    }

    fn describe(&self, run: RunKey) -> StoreFuture<'_, Option<RunView>> {
        Box::pin(async move { self.call(Verb::Describe, &[run], self.inner().describe(run)).await })
    }
}

impl WorkerStore for FaultyStore {
    fn start_owned<'a>(
        &'a self,
        worker: Uuid,
        runs: &'a [NewRun],
    ) -> StoreFuture<'a, Vec<Result<Started>>> {
        Box::pin(self.started_owned(worker, runs))
    }

    fn register<'a>(&'a self, worker: &'a WorkerIdentity) -> StoreFuture<'a, Lease> {
        Box::pin(self.call(Verb::Register, &[], self.inner().register(worker)))
    }

    fn renew<'a>(&'a self, worker: &'a WorkerIdentity) -> StoreFuture<'a, Lease> {
        Box::pin(self.call(Verb::Renew, &[], self.inner().renew(worker)))
    }

    fn retire<'a>(&'a self, worker: Uuid, innocent: &'a [RunKey]) -> StoreFuture<'a, ()> {
        Box::pin(async move {
            self.make_good(worker);
            let retiring = self.inner().retire(worker, innocent);
            let retired = self.call(Verb::Retire, &[], retiring).await;
            let mut left = self.left.lock().unwrap_or_else(PoisonError::into_inner);
            let changed = if retired.is_ok() { left.remove(&worker) } else { left.insert(worker) };
            if changed {
                self.process.world().lost_workers(if retired.is_ok() { -1 } else { 1 });
            }
            retired
        })
    }

    fn poll<'a>(&'a self, worker: &'a WorkerIdentity) -> StoreFuture<'a, Polled> {
        Box::pin(async move {
            self.make_good(worker.id);
            self.call(Verb::Poll, &[], self.inner().poll(worker)).await
        })
    }

    fn overdue(&self, limit: usize) -> StoreFuture<'_, Vec<Overdue>> {
        Box::pin(self.call(Verb::Overdue, &[], self.inner().overdue(limit)))
    }

    fn claim<'a>(&'a self, claim: Claim<'a>) -> StoreFuture<'a, Vec<Activation>> {
        let claimed = async move { self.inner().claim(claim).await };
        Box::pin(self.claim_by(Verb::Claim, claim.worker, claimed))
    }

    fn claim_stuck<'a>(&'a self, claim: ClaimStuck<'a>) -> StoreFuture<'a, Vec<Activation>> {
        let claimed = async move { self.inner().claim_stuck(claim).await };
        Box::pin(self.claim_by(Verb::ClaimStuck, claim.worker, claimed))
    }

    fn reload<'a>(&'a self, worker: Uuid, runs: &'a [RunKey]) -> StoreFuture<'a, Vec<Activation>> {
        Box::pin(async move {
            let reading = async {
                self.process.world().read(self.process.number(), runs);
                self.inner().reload(worker, runs).await
            };
            self.call(Verb::Reload, runs, reading).await
        })
    }

    fn collect(&self, worker: Uuid) -> StoreFuture<'_, Vec<Collected>> {
        Box::pin(async move {
            let fault = self.process.before(self.point).await?;
            self.make_good(worker);
            let mail = self.inner().collect(worker).await?;
            let keys: Vec<_> = mail.iter().map(|collected| collected.run).collect();
            self.note(Verb::Collect, &keys, true, String::new);
            self.unless_lost(worker, Lost::Collect(keys), fault).await?;
            Ok(mail)
        })
    }

    fn read_inboxes<'a>(&'a self, asked: &'a [(RunKey, i64)]) -> StoreFuture<'a, Vec<Page>> {
        Box::pin(async move {
            let keys: Vec<_> = asked.iter().map(|(run, _)| *run).collect();
            self.call(Verb::ReadMail, &keys, self.inner().read_inboxes(asked)).await
        })
    }

    fn commit<'a>(
        &'a self,
        _writer: usize,
        worker: Uuid,
        records: &'a [Record],
    ) -> StoreFuture<'a, Vec<Committed>> {
        Box::pin(async move {
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
        })
    }

    fn writers(&self) -> usize {
        self.writers
    }
}

impl Inspect for FaultyStore {
    forward_store!(query list count scan stuck dead_letters);

    fn outcomes<'a>(&'a self, runs: &'a [RunKey]) -> StoreFuture<'a, Vec<(RunKey, Outcome)>> {
        Box::pin(self.call(Verb::Outcomes, runs, self.inner().outcomes(runs)))
    }

    fn history(&self, run: RunKey) -> StoreFuture<'_, Vec<HistoryRow>> {
        Box::pin(async move { self.call(Verb::History, &[run], self.inner().history(run)).await })
    }
}

impl Hub for FaultyStore {
    forward_store!(publish);

    /// Hints come through a relay that loses, delays and doubles them.
    fn subscribe(&self) -> Option<UnboundedReceiver<Hint>> {
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

impl Store for FaultyStore {
    fn as_any(&self) -> &dyn std::any::Any {
        self
    }
}
