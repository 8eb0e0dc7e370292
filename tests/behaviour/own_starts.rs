//! Runs that a worker of the same process owns from their start.

use std::any::Any;
use std::sync::Arc;

use flows::memory::MemoryStore;
use flows::prelude::*;
use flows_core::ids::RunKey;
use flows_core::store::*;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::sync::watch;
use uuid::Uuid;

use crate::harness::{Serving, within};

#[workflow]
async fn receives(ctx: &WorkflowContext) -> Result<u32> {
    ctx.signal("go").await
}

/// A letter that is collected before its run's start is answered waits for the run.
#[tokio::test]
async fn mail_may_be_faster_than_the_start() -> Result<()> {
    let store = Arc::new(Held::default());
    let engine = flows_core::Engine::new(Arc::clone(&store) as Arc<dyn Store>);
    let worker = Worker::builder(&engine, register_all![receives]).build()?;
    let serving = Serving::begin(worker);
    let first = engine.start(receives::Input {}).await?;
    first.signal("go", &1).await?;
    assert_eq!(first.result().await?, 1, "the worker is there");

    store.hold.send_replace(true);
    let starting = tokio::spawn({
        let engine = engine.clone();
        async move { engine.start(receives::Input {}).id("second").await }
    });
    store.comes_true(|seen| seen.held).await;
    let collected = store.seen.borrow().collected;
    engine.execution::<receives::Workflow>("second").signal("go", &2).await?;
    store.comes_true(|seen| seen.collected > collected).await;
    store.hold.send_replace(false);
    let second = starting.await??;
    let received = async {
        assert_eq!(second.result().await?, 2);
        Ok(())
    };
    within(Duration::from_secs(20), received).await?;
    serving.stop().await
}

/// The store in memory, which can hold back the answers to starts.
#[derive(Default)]
struct Held {
    store: MemoryStore,
    hold: watch::Sender<bool>,
    seen: watch::Sender<Seen>,
}

#[derive(Default)]
struct Seen {
    /// Whether a run is owned whose start is not answered.
    held: bool,
    /// Letters that were collected.
    collected: usize,
}

impl Held {
    async fn comes_true(&self, is_so: impl FnMut(&Seen) -> bool) {
        let mut seen = self.seen.subscribe();
        seen.wait_for(is_so).await.expect("the sender is here");
    }
}

impl Store for Held {
    fn start<'a>(&'a self, runs: &'a [NewRun]) -> StoreFuture<'a, Vec<Result<Started>>> {
        self.store.start(runs)
    }

    fn start_owned<'a>(
        &'a self,
        worker: Uuid,
        runs: &'a [NewRun],
    ) -> StoreFuture<'a, Vec<Result<Started>>> {
        Box::pin(async move {
            let started = self.store.start_owned(worker, runs).await?;
            let owned = started.iter().all(|one| matches!(one, Ok(Started::Owned { .. })));
            assert!(owned, "{started:?}");
            let mut hold = self.hold.subscribe();
            if *hold.borrow() {
                self.seen.send_modify(|seen| seen.held = true);
            }
            drop(hold.wait_for(|hold| !hold).await);
            Ok(started)
        })
    }

    fn read_inboxes<'a>(&'a self, asked: &'a [(RunKey, i64)]) -> StoreFuture<'a, Vec<Page>> {
        self.store.read_inboxes(asked)
    }

    fn collect(&self, worker: Uuid) -> StoreFuture<'_, Vec<Collected>> {
        Box::pin(async move {
            let collected = self.store.collect(worker).await?;
            let letters: usize = collected.iter().map(|mail| mail.inbox.len()).sum();
            self.seen.send_modify(|seen| seen.collected += letters);
            Ok(collected)
        })
    }

    fn send<'a>(&'a self, mail: &'a [OutgoingMessage]) -> StoreFuture<'a, Vec<Result<Sent>>> {
        self.store.send(mail)
    }

    fn start_held<'a>(&'a self, run: &'a NewRun, limit: Duration) -> StoreFuture<'a, Started> {
        self.store.start_held(run, limit)
    }

    fn send_held<'a>(
        &'a self,
        mail: &'a OutgoingMessage,
        limit: Duration,
    ) -> StoreFuture<'a, Sent> {
        self.store.send_held(mail, limit)
    }

    fn terminate<'a>(
        &'a self,
        run: RunKey,
        record: &'a [u8],
        close: &'a Close,
        mail: &'a [OutgoingMessage],
    ) -> StoreFuture<'a, bool> {
        self.store.terminate(run, record, close, mail)
    }

    fn rerun<'a>(&'a self, dead: RunKey, run: &'a NewRun) -> StoreFuture<'a, Started> {
        self.store.rerun(dead, run)
    }

    fn register<'a>(&'a self, worker: &'a WorkerIdentity) -> StoreFuture<'a, Lease> {
        self.store.register(worker)
    }

    fn renew<'a>(&'a self, worker: &'a WorkerIdentity) -> StoreFuture<'a, Lease> {
        self.store.renew(worker)
    }

    fn retry_stuck(&self, run: RunKey) -> StoreFuture<'_, bool> {
        self.store.retry_stuck(run)
    }

    fn retire<'a>(&'a self, worker: Uuid, innocent: &'a [RunKey]) -> StoreFuture<'a, ()> {
        self.store.retire(worker, innocent)
    }

    fn overdue(&self, limit: usize) -> StoreFuture<'_, Vec<Overdue>> {
        self.store.overdue(limit)
    }

    fn claim_stuck<'a>(&'a self, claim: ClaimStuck<'a>) -> StoreFuture<'a, Vec<Activation>> {
        self.store.claim_stuck(claim)
    }

    fn poll<'a>(&'a self, worker: &'a WorkerIdentity) -> StoreFuture<'a, Polled> {
        self.store.poll(worker)
    }

    fn claim<'a>(&'a self, claim: Claim<'a>) -> StoreFuture<'a, Vec<Activation>> {
        self.store.claim(claim)
    }

    fn reload<'a>(&'a self, worker: Uuid, runs: &'a [RunKey]) -> StoreFuture<'a, Vec<Activation>> {
        self.store.reload(worker, runs)
    }

    fn commit<'a>(
        &'a self,
        writer: usize,
        worker: Uuid,
        records: &'a [Record],
    ) -> StoreFuture<'a, Vec<Committed>> {
        self.store.commit(writer, worker, records)
    }

    fn writers(&self) -> usize {
        self.store.writers()
    }

    fn outcomes<'a>(&'a self, runs: &'a [RunKey]) -> StoreFuture<'a, Vec<(RunKey, Outcome)>> {
        self.store.outcomes(runs)
    }

    fn publish(&self, hint: Hint) {
        self.store.publish(hint);
    }

    fn subscribe(&self) -> Option<UnboundedReceiver<Hint>> {
        self.store.subscribe()
    }

    fn find<'a>(&'a self, tenant: Uuid, workflow_id: &'a str) -> StoreFuture<'a, Option<RunKey>> {
        self.store.find(tenant, workflow_id)
    }

    fn describe(&self, run: RunKey) -> StoreFuture<'_, Option<RunView>> {
        self.store.describe(run)
    }

    fn as_any(&self) -> &dyn Any {
        self
    }

    fn history(&self, run: RunKey) -> StoreFuture<'_, Vec<HistoryRow>> {
        self.store.history(run)
    }

    fn list<'a>(&'a self, tenant: Uuid, filter: &'a ListFilter) -> StoreFuture<'a, Listed> {
        self.store.list(tenant, filter)
    }

    fn count<'a>(&'a self, tenant: Uuid, filter: &'a ListFilter) -> StoreFuture<'a, Counted> {
        self.store.count(tenant, filter)
    }

    fn scan<'a>(&'a self, scan: &'a Scan) -> StoreFuture<'a, Scanned> {
        self.store.scan(scan)
    }

    fn stuck(&self, tenant: Uuid, limit: usize) -> StoreFuture<'_, Vec<RunView>> {
        self.store.stuck(tenant, limit)
    }

    fn dead_letters(
        &self,
        tenant: Uuid,
        limit: usize,
    ) -> StoreFuture<'_, Vec<flows_core::store::DeadLetter>> {
        self.store.dead_letters(tenant, limit)
    }
}
