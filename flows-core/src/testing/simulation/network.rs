//! The store as one process reaches it: over a network that delays, refuses, loses answers and
//! hints, and does late what it has reported as failed; beside others, whose open transactions hold
//! what it wants.
//!
//! What it does to the store is what a database's client does: claims and collects whose answer was
//! lost are made good before the worker's next request.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use uuid::Uuid;

use super::chance::{Fault, FaultPoint};
use super::flaw::Flaw;
use super::process::{SimProcess, injected};
use super::trace::{number_of, short};
use crate::error::Result;
use crate::ids::RunKey;
use crate::memory::Lost;
use crate::store::{
    Activation, Claim, ClaimStuck, Close, Collected, Committed, Counted, DeadLetter, Hint,
    HistoryRow, Lease, ListFilter, Listed, NewRun, Next, Outcome, OutgoingMessage, Overdue, Page,
    Polled, Record, RunView, Scan, Scanned, Sent, Started, Store, StoreFuture, WorkerIdentity,
};

pub(super) struct Network {
    process: SimProcess,
    place: FaultPoint,
    writers: usize,
    lost: Mutex<Vec<(Uuid, Lost)>>,
    /// Workers that could not be retired yet.
    left: Mutex<BTreeSet<Uuid>>,
}

impl Network {
    /// For a process that may be killed.
    pub(super) fn of_worker(process: SimProcess) -> Self {
        let writers = process.world().chance.one_of([1, 2]);
        Self {
            process,
            place: FaultPoint::Worker,
            writers,
            lost: Mutex::default(),
            left: Mutex::default(),
        }
    }

    pub(super) fn of_client(process: SimProcess) -> Self {
        Self {
            process,
            place: FaultPoint::Client,
            writers: 1,
            lost: Mutex::default(),
            left: Mutex::default(),
        }
    }

    fn store(&self) -> &crate::memory::MemoryStore {
        &self.process.world().store
    }

    /// A call: what goes wrong before it, it, and what goes wrong after it.
    async fn call<T>(
        &self,
        verb: Verb,
        keys: &[RunKey],
        call: impl Future<Output = Result<T>>,
    ) -> Result<T> {
        let fault = self.process.before(self.place).await?;
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
        let mine: Vec<_> = lost.extract_if(.., |(of, _)| *of == worker).map(|(_, l)| l).collect();
        if !mine.is_empty() && self.process.world().flaw != Some(Flaw::LostClaims) {
            self.store().make_good(worker, &mine);
        }
    }

    /// Remembers an answer until its caller has it.
    fn unheard(&self, worker: Uuid, lost: Lost) {
        self.lost.lock().unwrap_or_else(PoisonError::into_inner).push((worker, lost));
    }

    fn heard(&self) {
        self.lost.lock().unwrap_or_else(PoisonError::into_inner).pop();
    }

    async fn claim_by(
        &self,
        verb: Verb,
        worker: Uuid,
        claimed: impl Future<Output = Result<Vec<Activation>>>,
    ) -> Result<Vec<Activation>> {
        let fault = self.process.before(self.place).await?;
        self.make_good(worker);
        let runs = claimed.await?;
        let keys: Vec<_> = runs.iter().map(|run| run.key).collect();
        self.process.world().read(self.process.number(), &keys);
        self.note(verb, &keys, true, String::new);
        self.unheard(worker, Lost::Claim(keys));
        self.process.after(fault).await?;
        self.heard();
        Ok(runs)
    }

    async fn committed(&self, worker: Uuid, records: &[Record]) -> Result<Vec<Committed>> {
        let world = self.process.world();
        let mut records = std::borrow::Cow::Borrowed(records);
        if let Some(flaw) = world.flaw {
            flaw.spoil(world, records.to_mut());
        }
        let strays = world.strays(worker, &records);
        let mut answers = self.store().commit(0, worker, &records).await?;
        if let Some(flaw) = world.flaw {
            flaw.add(world, worker, &records, &mut answers).await?;
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
                place: FaultPoint::Worker,
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
            Next::Park(park) => format!("parks ({} letters known)", park.sent),
            Next::Close(close) => format!("ends as {}", close.outcome.status),
        };
        format!("; row {} [{}] {next}: {answer:?}", record.position, kinds.join(", "))
    });
    words.collect()
}

impl Store for Network {
    fn start<'a>(&'a self, runs: &'a [NewRun]) -> StoreFuture<'a, Vec<Result<Started>>> {
        let keys: Vec<_> = runs.iter().map(|run| run.key).collect();
        let starting = async move { self.store().start(runs).await };
        Box::pin(
            async move { self.call_unless_held(Verb::Start, &keys, Started::Held, starting).await },
        )
    }

    fn send<'a>(&'a self, mail: &'a [OutgoingMessage]) -> StoreFuture<'a, Vec<Result<Sent>>> {
        let keys: Vec<_> = mail.iter().map(|letter| letter.to).collect();
        Box::pin(async move {
            let world = self.process.world();
            let sending = async {
                match world.flaw {
                    None => self.store().send(mail).await,
                    Some(flaw) => flaw.deliver(world, mail).await,
                }
            };
            self.call_unless_held(Verb::Send, &keys, Sent::Held, sending).await
        })
    }

    fn start_held<'a>(&'a self, run: &'a NewRun, limit: Duration) -> StoreFuture<'a, Started> {
        Box::pin(self.call(Verb::Start, &[], self.store().start_held(run, limit)))
    }

    fn send_held<'a>(
        &'a self,
        mail: &'a OutgoingMessage,
        limit: Duration,
    ) -> StoreFuture<'a, Sent> {
        Box::pin(self.call(Verb::Send, &[], self.store().send_held(mail, limit)))
    }

    fn terminate<'a>(
        &'a self,
        run: RunKey,
        record: &'a [u8],
        close: &'a Close,
        mail: &'a [OutgoingMessage],
    ) -> StoreFuture<'a, bool> {
        Box::pin(async move {
            let done = self.store().terminate(run, record, close, mail);
            self.call(Verb::Terminate, &[run], done).await
        })
    }

    fn rerun<'a>(&'a self, dead: RunKey, run: &'a NewRun) -> StoreFuture<'a, Started> {
        Box::pin(
            async move { self.call(Verb::Rerun, &[dead], self.store().rerun(dead, run)).await },
        )
    }

    fn register<'a>(&'a self, worker: &'a WorkerIdentity) -> StoreFuture<'a, Lease> {
        Box::pin(self.call(Verb::Register, &[], self.store().register(worker)))
    }

    fn renew<'a>(&'a self, worker: &'a WorkerIdentity) -> StoreFuture<'a, Lease> {
        Box::pin(self.call(Verb::Renew, &[], self.store().renew(worker)))
    }

    fn retry_stuck(&self, run: RunKey) -> StoreFuture<'_, bool> {
        Box::pin(self.call(Verb::RetryStuck, &[], self.store().retry_stuck(run)))
    }

    fn retire<'a>(&'a self, worker: Uuid, innocent: &'a [RunKey]) -> StoreFuture<'a, ()> {
        Box::pin(async move {
            self.make_good(worker);
            let retiring = self.store().retire(worker, innocent);
            let retired = self.call(Verb::Retire, &[], retiring).await;
            let mut left = self.left.lock().unwrap_or_else(PoisonError::into_inner);
            let changed = if retired.is_ok() { left.remove(&worker) } else { left.insert(worker) };
            if changed {
                self.process.world().lost_workers(if retired.is_ok() { -1 } else { 1 });
            }
            retired
        })
    }

    fn overdue(&self, limit: usize) -> StoreFuture<'_, Vec<Overdue>> {
        Box::pin(self.call(Verb::Overdue, &[], self.store().overdue(limit)))
    }

    fn claim_stuck<'a>(&'a self, claim: ClaimStuck<'a>) -> StoreFuture<'a, Vec<Activation>> {
        let claimed = async move { self.store().claim_stuck(claim).await };
        Box::pin(self.claim_by(Verb::ClaimStuck, claim.worker, claimed))
    }

    fn poll<'a>(&'a self, worker: &'a WorkerIdentity) -> StoreFuture<'a, Polled> {
        Box::pin(async move {
            self.make_good(worker.id);
            self.call(Verb::Poll, &[], self.store().poll(worker)).await
        })
    }

    fn claim<'a>(&'a self, claim: Claim<'a>) -> StoreFuture<'a, Vec<Activation>> {
        let claimed = async move { self.store().claim(claim).await };
        Box::pin(self.claim_by(Verb::Claim, claim.worker, claimed))
    }

    fn reload<'a>(&'a self, worker: Uuid, runs: &'a [RunKey]) -> StoreFuture<'a, Vec<Activation>> {
        Box::pin(async move {
            let reading = async {
                self.process.world().read(self.process.number(), runs);
                self.store().reload(worker, runs).await
            };
            self.call(Verb::Reload, runs, reading).await
        })
    }

    fn collect(&self, worker: Uuid) -> StoreFuture<'_, Vec<Collected>> {
        Box::pin(async move {
            let fault = self.process.before(self.place).await?;
            self.make_good(worker);
            let mail = self.store().collect(worker).await?;
            let keys: Vec<_> = mail.iter().map(|collected| collected.run).collect();
            self.note(Verb::Collect, &keys, true, String::new);
            self.unheard(worker, Lost::Collect(keys));
            self.process.after(fault).await?;
            self.heard();
            Ok(mail)
        })
    }

    fn read_inboxes<'a>(&'a self, asked: &'a [(RunKey, i64)]) -> StoreFuture<'a, Vec<Page>> {
        Box::pin(async move {
            let keys: Vec<_> = asked.iter().map(|(run, _)| *run).collect();
            self.call(Verb::ReadMail, &keys, self.store().read_inboxes(asked)).await
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

    fn outcomes<'a>(&'a self, runs: &'a [RunKey]) -> StoreFuture<'a, Vec<(RunKey, Outcome)>> {
        Box::pin(self.call(Verb::Outcomes, runs, self.store().outcomes(runs)))
    }

    fn publish(&self, hint: Hint) {
        self.store().publish(hint);
    }

    /// Hints come through a relay that loses, delays and doubles them.
    fn subscribe(&self) -> Option<UnboundedReceiver<Hint>> {
        let mut heard = self.store().subscribe()?;
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

    fn find<'a>(&'a self, tenant: Uuid, workflow_id: &'a str) -> StoreFuture<'a, Option<RunKey>> {
        Box::pin(self.call(Verb::Find, &[], self.store().find(tenant, workflow_id)))
    }

    fn describe(&self, run: RunKey) -> StoreFuture<'_, Option<RunView>> {
        Box::pin(async move { self.call(Verb::Describe, &[run], self.store().describe(run)).await })
    }

    fn as_any(&self) -> &dyn std::any::Any {
        self
    }

    fn history(&self, run: RunKey) -> StoreFuture<'_, Vec<HistoryRow>> {
        Box::pin(async move { self.call(Verb::History, &[run], self.store().history(run)).await })
    }

    fn list<'a>(&'a self, tenant: Uuid, filter: &'a ListFilter) -> StoreFuture<'a, Listed> {
        self.store().list(tenant, filter)
    }

    fn count<'a>(&'a self, tenant: Uuid, filter: &'a ListFilter) -> StoreFuture<'a, Counted> {
        self.store().count(tenant, filter)
    }

    fn scan<'a>(&'a self, scan: &'a Scan) -> StoreFuture<'a, Scanned> {
        self.store().scan(scan)
    }

    fn stuck(&self, tenant: Uuid, limit: usize) -> StoreFuture<'_, Vec<RunView>> {
        self.store().stuck(tenant, limit)
    }

    fn dead_letters(&self, tenant: Uuid, limit: usize) -> StoreFuture<'_, Vec<DeadLetter>> {
        self.store().dead_letters(tenant, limit)
    }
}
