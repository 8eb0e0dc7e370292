//! What workers do.

use uuid::Uuid;

use super::StoreFuture;
use super::types::{
    Activation, Claim, ClaimStuck, ClaimTasks, ClaimedTask, Collected, Committed, Lease, NewItem,
    NewRun, Overdue, Page, Polled, Record, ScheduleRow, Started, TaskBeat, TaskEnd, WorkerIdentity,
};
use crate::error::Result;
use crate::ids::RunKey;

/// What workers do: they hold a lease, own runs, and commit their turns.
pub trait WorkerStore: Send + Sync {
    /// Makes the worker known and gives it a lease. Runs that are stuck in its lanes are due at once,
    /// for this build may mend them; but not those that end workers.
    fn register<'a>(&'a self, worker: &'a WorkerIdentity) -> StoreFuture<'a, Lease>;

    /// Renews the lease. A worker whose lease had lapsed must retire and register anew.
    fn renew<'a>(&'a self, worker: &'a WorkerIdentity) -> StoreFuture<'a, Lease>;

    /// Gives up the lease and makes every run the worker owns ready for others. If the lease is over,
    /// this is like the [look](crate::store::WorkerStore::poll) that finds it; but the worker is alive, so `innocent` runs,
    /// which did not block it, have their [setback](Activation::setbacks) taken back, wherever they are
    /// by now. A suspect that is none any more is ready.
    fn retire<'a>(&'a self, worker: Uuid, innocent: &'a [RunKey]) -> StoreFuture<'a, ()>;

    /// One look for work: makes due parked runs and runs of dead workers ready, then says what
    /// there is. One statement when there is nothing to do.
    ///
    /// A run of a dead worker has a [setback](Activation::setbacks) more. At the second in a row it is
    /// a [suspect](super::SUSPECT): parked as stuck instead, and due at once. A lease that is over because the
    /// store itself was away counts nothing.
    fn poll<'a>(&'a self, worker: &'a WorkerIdentity) -> StoreFuture<'a, Polled>;

    /// Open runs, of whichever lane, whose time limit has passed and whom no worker ends for that: they
    /// are stuck, or ready and no live worker serves them. The caller [terminates](crate::store::ClientStore::terminate) them.
    fn overdue(&self, limit: usize) -> StoreFuture<'_, Vec<Overdue>>;

    /// Schedules that are due, of any tenant, the longest due first. They are due again [a moment](super::CLAIMED_FOR)
    /// later, unless they are [changed](crate::store::ClientStore::change_schedule) by then; one that somebody's open
    /// transaction holds is left out.
    ///
    /// Crash after, unacknowledged: they fire that much later.
    fn claim_schedules(&self, limit: usize) -> StoreFuture<'_, Vec<ScheduleRow>>;

    /// Starts runs without delay as *owned* by a worker of this process, as if it had claimed them in
    /// the same moment: they are answered by [`Started::Owned`]. A run that cannot be owned by it,
    /// because its lease is over, is started as by [`start`](crate::store::ClientStore::start); a store may do that with all.
    ///
    /// Crash after, unacknowledged: started; the next claim or look of the worker makes it ready.
    fn start_owned<'a>(
        &'a self,
        worker: Uuid,
        runs: &'a [NewRun],
    ) -> StoreFuture<'a, Vec<Result<Started>>>;

    /// Claims ready runs, oldest first within a priority, and reads what is needed to run them, as far
    /// as their journals fit into a share of [`READ_BYTES`](super::READ_BYTES) each. Where more than four lanes have runs, a
    /// claim may stop short of its limit, or of two runs of one priority take the younger one first; the
    /// oldest of all is always among those it takes.
    ///
    /// Need not survive a crash of the database: an unclaimed run is ready again.
    fn claim<'a>(&'a self, claim: Claim<'a>) -> StoreFuture<'a, Vec<Activation>>;

    /// Claims stuck runs that are due, the longest due first, and reads what is needed to run them.
    ///
    /// Need not survive a crash of the database: the run is stuck again.
    fn claim_stuck<'a>(&'a self, claim: ClaimStuck<'a>) -> StoreFuture<'a, Vec<Activation>>;

    /// Claims attempts of activities of some lanes, those of the oldest runs first within a lane; they are the
    /// worker's until it [ends](Self::end_tasks) them, retires, or its lease is over. Then they are ready for others;
    /// after a lease they count as [lost](ClaimedTask::lost), unless the store itself was away.
    ///
    /// Need not survive a crash of the database: an unclaimed attempt is ready again.
    fn claim_tasks<'a>(&'a self, claim: ClaimTasks<'a>) -> StoreFuture<'a, Vec<ClaimedTask>>;

    /// Keeps the details of heartbeats, and answers of each attempt whether somebody waits for it: the worker has it
    /// still, and its run is open.
    ///
    /// Need not survive a crash of the database.
    fn check_tasks<'a>(&'a self, worker: Uuid, beats: &'a [TaskBeat])
    -> StoreFuture<'a, Vec<bool>>;

    /// Ends attempts that the worker has claimed, or that are [queued](TaskEnd::queued), and sends their messages, each
    /// attempt in one transaction with its message. What is not so, or not any more, is left alone, and so is its
    /// message. Answers for
    /// each whether that is done; if not, somebody's open transaction holds its run, and it is to be handed in again.
    ///
    /// The store itself passes on hints for what it sends. Crash after, unacknowledged: done.
    fn end_tasks<'a>(&'a self, worker: Uuid, ends: &'a [TaskEnd]) -> StoreFuture<'a, Vec<bool>>;

    /// Reads runs again that the worker still owns, after it lost one or could not tell what
    /// became of a commit, or because they came unread. Runs it does not own any more are missing from
    /// the answer. The journal of one that is asked for alone is read in any case.
    fn reload<'a>(&'a self, worker: Uuid, runs: &'a [RunKey]) -> StoreFuture<'a, Vec<Activation>>;

    /// Lowers the flags of the worker's runs that have messages and reads the first pages of their inboxes (which
    /// keep the messages until a record consumes it).
    fn collect(&self, worker: Uuid) -> StoreFuture<'_, Vec<Collected>>;

    /// Reads on in the inboxes of runs that the worker owns: a page of each, behind the message of that
    /// number. Pages that are read together share [`READ_BYTES`](super::READ_BYTES), and may be empty though there are
    /// more messages; the page of a run that is asked for alone has at least one.
    fn read_inboxes<'a>(&'a self, asked: &'a [(RunKey, i64)]) -> StoreFuture<'a, Vec<Page>>;

    /// Commits turns of many runs in one transaction: their journal rows, the messages they consumed,
    /// the runs they started, the messages they sent, their answers to updates, and where each goes next. Each record is applied
    /// whole or not at all; a record that lost its run does not harm the others, nor does one that
    /// somebody's open transaction [holds up](Committed::Held): no batch waits for that. Within a batch,
    /// messages are sent before runs are parked. Only its owner can park a run. The store itself passes
    /// on hints for what records start, send and answer.
    ///
    /// An error means that the outcome of the *whole batch* is unknown: reload its runs.
    /// `writer` (from 0) names a connection; one batch is in flight on each.
    fn commit<'a>(
        &'a self,
        writer: usize,
        worker: Uuid,
        records: &'a [Record],
    ) -> StoreFuture<'a, Vec<Committed>>;

    /// Adds items of activities to the streams of their runs, in order. A run that has ended gets nothing, and that
    /// is no error. Nobody need own the runs.
    ///
    /// Crash after, unacknowledged: they are added; who publishes them again adds them twice.
    fn publish_items<'a>(
        &'a self,
        items: &'a [(RunKey, NewItem)],
    ) -> StoreFuture<'a, Vec<Result<()>>>;

    /// Number of writers `commit` has; the runs of a worker are spread over them.
    fn writers(&self) -> usize;
}
