//! The storage contract: a handful of transactions, each all or nothing, each in batches.
//!
//! A store never looks into a journal record and never decides anything about a workflow; it keeps
//! the invariants below. `flows-pg` implements it on PostgreSQL, [`memory`](crate::memory) in this
//! process; one contract suite runs on both.
//!
//! # Where an open run is
//!
//! An open run has exactly one *place*, a row in one of three small tables:
//!
//! - **ready**: a worker should claim it.
//! - **owned**: a worker holds it in memory. Its `mail` flag says that the inbox has grown, its
//!   counter how many letters were sent to it since the worker owns it.
//! - **parked**: it only waits: for mail, or until its `wake_at`.
//!
//! Whoever sends mail locks the place first, then writes to the inbox, so mail is numbered in
//! commit order. Mail to a parked run makes it ready; mail to a ready one marks that it must be
//! loaded; mail to an owned one raises the flag and the counter. Collecting mail lowers the flag and
//! tells the counter; parking names the counter it knows and is refused while the flag is up or the
//! counter is higher: that is what makes a wake-up impossible to lose, also of letters that were
//! collected and have not reached the run yet. Each claim counts anew; so parking names its claim too.
//!
//! # What is read at once
//!
//! An inbox is read by the page. Its owner takes a page in and asks for what is behind it; it does not
//! park the run before it has read the last page, for neither flag nor counter know of pages. Journals
//! that are read together share [`READ_BYTES`], and so do inputs; a run that needs more than its share comes
//! [unread](Activation::unread), and is read alone.
//!
//! # The fence
//!
//! The journal's key (run, position) is the fence: of two workers that append at one position, one
//! wins and the other has [lost](Committed::Lost) the run. Leases only decide who tries.
//!
//! A record without a row that parks or closes a run is kept only while its worker owns the run; one
//! that closes it, only by the claim that it names. So a run may close without any journal, if nobody but
//! its owner can be about to write to it: it is [new](Activation::is_new), and this is its first record.

#[cfg(feature = "testing")]
#[doc(hidden)]
pub mod contract;
pub mod types;

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use uuid::Uuid;

use crate::error::{Error, Result};
use crate::ids::RunKey;

pub use types::*;

/// What a store method returns.
pub type StoreFuture<'a, T> = Pin<Box<dyn Future<Output = Result<T>> + Send + 'a>>;

/// The longest that a call waits for somebody else's open transaction, unless it says otherwise.
pub const PATIENCE: Duration = Duration::from_secs(10);

/// The store. See the [module](self) for the invariants.
pub trait Store: Send + Sync + 'static {
    // ---- clients ---------------------------------------------------------------------------

    /// Starts runs. Each is created whole or not at all, independently of the others; the answers
    /// are in order. A run without delay becomes *ready*, one with a delay *parked* until then.
    ///
    /// Never waits for somebody's open transaction: a run whose workflow id one holds is answered by
    /// [`Started::Held`], and the others are started.
    ///
    /// Crash before: nothing started. Crash after, unacknowledged: started; starting again with
    /// the same workflow id answers [`Started::Exists`].
    fn start<'a>(&'a self, runs: &'a [NewRun]) -> StoreFuture<'a, Vec<Result<Started>>>;

    /// Starts runs without delay as *owned* by a worker of this process, as if it had claimed them in
    /// the same moment: they are answered by [`Started::Owned`]. A run that cannot be owned by it,
    /// because its lease is over, is started as by [`Store::start`]; a store may do that with all.
    ///
    /// Crash after, unacknowledged: started; the next claim or look of the worker makes it ready.
    fn start_owned<'a>(
        &'a self,
        worker: Uuid,
        runs: &'a [NewRun],
    ) -> StoreFuture<'a, Vec<Result<Started>>> {
        let _ = worker;
        self.start(runs)
    }

    /// Starts a run that was held, as [`Store::start`] does. Waits for the transaction that holds its
    /// workflow id, `limit` at most: then the answer is [`Started::Held`] again.
    fn start_held<'a>(&'a self, run: &'a NewRun, limit: Duration) -> StoreFuture<'a, Started>;

    /// Delivers mail to open runs, in order, numbered in commit order; see the module. Mail neither
    /// wakes a stuck run nor one whose delayed start is not due: it waits with them.
    ///
    /// Never waits for somebody's open transaction: all mail to a run that one holds is answered by
    /// [`Sent::Held`], and the rest is delivered.
    fn send<'a>(&'a self, mail: &'a [OutgoingMessage]) -> StoreFuture<'a, Vec<Result<Sent>>>;

    /// Sends mail that was held, as [`Store::send`] does. Waits for the transaction that holds its
    /// run, `limit` at most: then the answer is [`Sent::Held`] again.
    fn send_held<'a>(&'a self, mail: &'a OutgoingMessage, limit: Duration)
    -> StoreFuture<'a, Sent>;

    /// Ends an open run from outside, whatever it is doing: appends `record` (a `terminated`
    /// event) behind its journal, so that its owner's next append loses. `mail` goes out in the same
    /// transaction (to its parent). `false`: it had ended, and nothing was done. Waits for somebody's
    /// open transaction that holds the run, [`PATIENCE`] at most; then it is an error.
    fn terminate<'a>(
        &'a self,
        run: RunKey,
        record: &'a [u8],
        close: &'a Close,
        mail: &'a [OutgoingMessage],
    ) -> StoreFuture<'a, bool>;

    /// Starts `run` as the successor of a failed one, once: `NotFound` when there is no such dead
    /// letter (any more). Waits for others as [`Store::terminate`] does.
    fn rerun<'a>(&'a self, dead: RunKey, run: &'a NewRun) -> StoreFuture<'a, Started>;

    /// Makes a stuck run due now. One that ends its workers is tried alone, once more. `false`: it is not
    /// stuck (any more), and nothing was done.
    fn retry_stuck(&self, run: RunKey) -> StoreFuture<'_, bool>;

    // ---- workers ---------------------------------------------------------------------------

    /// Makes the worker known and gives it a lease. Runs that are stuck in its lanes are due at once,
    /// for this build may mend them; but not those that end workers.
    fn register<'a>(&'a self, worker: &'a WorkerIdentity) -> StoreFuture<'a, Lease>;

    /// Claims stuck runs that are due, the longest due first, and reads what is needed to run them.
    ///
    /// Need not survive a crash of the database: the run is stuck again.
    fn claim_stuck<'a>(&'a self, claim: ClaimStuck<'a>) -> StoreFuture<'a, Vec<Activation>>;

    /// Renews the lease. A worker whose lease had lapsed must retire and register anew.
    fn renew<'a>(&'a self, worker: &'a WorkerIdentity) -> StoreFuture<'a, Lease>;

    /// Gives up the lease and makes every run the worker owns ready for others. If the lease is over,
    /// this is like the [look](Store::poll) that finds it; but the worker is alive, so `innocent` runs,
    /// which did not block it, have their [setback](Activation::setbacks) taken back, wherever they are
    /// by now. A suspect that is none any more is ready.
    fn retire<'a>(&'a self, worker: Uuid, innocent: &'a [RunKey]) -> StoreFuture<'a, ()>;

    /// One look for work: makes due parked runs and runs of dead workers ready, then says what
    /// there is. One statement when there is nothing to do.
    ///
    /// A run of a dead worker has a [setback](Activation::setbacks) more. At the second in a row it is
    /// a [suspect](SUSPECT): parked as stuck instead, and due at once. A lease that is over because the
    /// store itself was away counts nothing.
    fn poll<'a>(&'a self, worker: &'a WorkerIdentity) -> StoreFuture<'a, Polled>;

    /// Open runs, of whichever lane, whose time limit has passed and whom no worker ends for that: they
    /// are stuck, or ready and no live worker serves them. The caller [terminates](Store::terminate) them.
    fn overdue(&self, limit: usize) -> StoreFuture<'_, Vec<Overdue>>;

    /// Claims ready runs, oldest first within a priority, and reads what is needed to run them, as far
    /// as their journals fit into a share of [`READ_BYTES`] each. Where more than four lanes have runs, a
    /// claim may stop short of its limit, or of two runs of one priority take the younger one first; the
    /// oldest of all is always among those it takes.
    ///
    /// Need not survive a crash of the database: an unclaimed run is ready again.
    fn claim<'a>(&'a self, claim: Claim<'a>) -> StoreFuture<'a, Vec<Activation>>;

    /// Reads runs again that the worker still owns, after it lost one or could not tell what
    /// became of a commit, or because they came unread. Runs it does not own any more are missing from
    /// the answer. The journal of one that is asked for alone is read in any case.
    fn reload<'a>(&'a self, worker: Uuid, runs: &'a [RunKey]) -> StoreFuture<'a, Vec<Activation>>;

    /// Lowers the mail flags of the worker's runs and reads the first pages of their inboxes (which
    /// keep the mail until a record consumes it).
    fn collect(&self, worker: Uuid) -> StoreFuture<'_, Vec<Collected>>;

    /// Reads on in the inboxes of runs that the worker owns: a page of each, behind the letter of that
    /// number. Pages that are read together share [`READ_BYTES`], and may be empty though there are
    /// more letters; the page of a run that is asked for alone has at least one.
    fn read_inboxes<'a>(&'a self, asked: &'a [(RunKey, i64)]) -> StoreFuture<'a, Vec<Page>>;

    /// Commits turns of many runs in one transaction: their journal rows, the mail they consumed,
    /// the runs they started, the mail they sent, and where each goes next. Each record is applied
    /// whole or not at all; a record that lost its run does not harm the others, nor does one that
    /// somebody's open transaction [holds up](Committed::Held): no batch waits for that. Within a batch,
    /// mail is sent before runs are parked. Only its owner can park a run. The store itself passes
    /// on hints for what records start and send.
    ///
    /// An error means that the outcome of the *whole batch* is unknown: reload its runs.
    /// `writer` (from 0) names a connection; one batch is in flight on each.
    fn commit<'a>(
        &'a self,
        writer: usize,
        worker: Uuid,
        records: &'a [Record],
    ) -> StoreFuture<'a, Vec<Committed>>;

    /// Number of writers `commit` has; the runs of a worker are spread over them.
    fn writers(&self) -> usize;

    // ---- waiting ---------------------------------------------------------------------------

    /// The outcomes of those of the runs that have ended.
    fn outcomes<'a>(&'a self, runs: &'a [RunKey]) -> StoreFuture<'a, Vec<(RunKey, Outcome)>>;

    /// Passes a hint to the other processes, soon and coalesced; never fails.
    fn publish(&self, hint: Hint);

    /// Hints from other processes; `None` where the store has none, so that everybody polls.
    fn subscribe(&self) -> Option<tokio::sync::mpsc::UnboundedReceiver<Hint>>;

    // ---- looking ---------------------------------------------------------------------------

    /// The newest run of a workflow id.
    fn find<'a>(&'a self, tenant: Uuid, workflow_id: &'a str) -> StoreFuture<'a, Option<RunKey>>;

    /// Everything known about a run.
    fn describe(&self, run: RunKey) -> StoreFuture<'_, Option<RunView>>;

    /// The store itself, for what only one kind of store can do.
    fn as_any(&self) -> &dyn std::any::Any;

    /// A run's journal, in order.
    fn history(&self, run: RunKey) -> StoreFuture<'_, Vec<HistoryRow>>;

    /// A page of a tenant's runs, newest first by the store's time. It looks at a bounded number of
    /// runs: where few of them pass the filter, the page is short and says where to go on.
    fn list<'a>(&'a self, tenant: Uuid, filter: &'a ListFilter) -> StoreFuture<'a, Listed>;

    /// Counts the runs that pass a filter, whatever its limit, in pages as a list does.
    fn count<'a>(&'a self, tenant: Uuid, filter: &'a ListFilter) -> StoreFuture<'a, Counted>;

    /// Reads a page of runs of *all* tenants, shard by shard, as a claim would give them,
    /// and touches nothing: no place, no flag, no lease. Whoever follows the pages has met every run
    /// that was open all the time, once. A store that knows roles reads as its workers do.
    fn scan<'a>(&'a self, scan: &'a Scan) -> StoreFuture<'a, Scanned>;

    /// Stuck runs of a tenant, each with its place and without payloads: first those that end workers, then
    /// the newest.
    fn stuck(&self, tenant: Uuid, limit: usize) -> StoreFuture<'_, Vec<RunView>>;

    /// Dead letters of a tenant, newest first.
    fn dead_letters(&self, tenant: Uuid, limit: usize) -> StoreFuture<'_, Vec<DeadLetter>>;
}

/// A transaction of the application's own that a store can take part in: what `with_tx` accepts.
///
/// The parameter is the store's marker type; it lets a store's crate implement this for a
/// transaction type that is not its own.
pub trait InTransaction<S> {
    /// The verbs inside it, of this store; without one, of a store as it is by default.
    fn verbs_of(&self, store: Option<&dyn Store>) -> Box<dyn Transaction + '_>;

    /// The verbs inside it, of a store as it is by default.
    fn verbs(&self) -> Box<dyn Transaction + '_> {
        self.verbs_of(None)
    }
}

/// The verbs that run inside a transaction of the application's own, which is never committed and
/// never rolled back by them.
pub trait Transaction: Send + Sync {
    /// [`Store::start`] for one run.
    fn start<'a>(&'a self, run: &'a NewRun) -> StoreFuture<'a, Started>;

    /// [`Store::send`] for one letter.
    fn send<'a>(&'a self, mail: &'a OutgoingMessage) -> StoreFuture<'a, Sent>;

    /// [`Store::terminate`].
    fn terminate<'a>(
        &'a self,
        run: RunKey,
        record: &'a [u8],
        close: &'a Close,
        mail: &'a [OutgoingMessage],
    ) -> StoreFuture<'a, bool>;

    /// [`Store::rerun`].
    fn rerun<'a>(&'a self, dead: RunKey, run: &'a NewRun) -> StoreFuture<'a, Started>;

    /// The newest run of a workflow id, as this transaction sees it.
    fn find<'a>(&'a self, tenant: Uuid, workflow_id: &'a str) -> StoreFuture<'a, Option<RunKey>>;

    /// A dead letter's run, as this transaction sees it.
    fn describe(&self, run: RunKey) -> StoreFuture<'_, Option<RunView>>;
}

/// The error for what somebody's open transaction has held for too long.
pub fn held(what: &str) -> Error {
    let message = format!(
        "{what} is held by a transaction that is still open after {} s: it has started, signalled, \
         cancelled, rerun or terminated the same and was neither committed nor rolled back; end that \
         transaction, then try again (nothing was written)",
        PATIENCE.as_secs()
    );
    Error::new(crate::error::ErrorKind::Unavailable, message)
}

/// The error for a run that does not exist.
pub fn no_such_run(what: &str) -> Error {
    Error::new(crate::error::ErrorKind::NotFound, format!("there is no run {what} in this tenant"))
}

/// Follows the pages until there are as many runs as the filter's limit, or no more.
pub async fn list_all(store: &dyn Store, tenant: Uuid, filter: &ListFilter) -> Result<Listed> {
    let mut filter = filter.clone();
    let mut runs = Vec::new();
    loop {
        let page = store.list(tenant, &filter).await?;
        filter.limit -= page.runs.len().min(filter.limit);
        filter.behind = page.next;
        runs.extend(page.runs);
        if page.next.is_none() || filter.limit == 0 {
            return Ok(Listed { runs, next: page.next });
        }
    }
}
