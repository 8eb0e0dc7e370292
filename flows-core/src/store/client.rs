//! What clients do.

use std::time::Duration;

use uuid::Uuid;

use super::types::{
    Close, ForkedRun, NewRun, OutgoingMessage, RunView, ScheduleChange, ScheduleRow, Sent, Started,
};
use super::{StoreFuture, only};
use crate::error::Result;
use crate::ids::RunKey;
use crate::time::Timestamp;

/// What clients do: of a store, where each verb is a transaction; and of a transaction of the application's
/// own, which no verb commits or rolls back. So each thing that a client does is written once.
pub trait ClientStore: Send + Sync {
    /// Starts runs. Each is created whole or not at all, independently of the others; the answers
    /// are in order. A run without delay becomes *ready*, one with a delay *parked* until then.
    ///
    /// A store never waits for somebody's open transaction: a run whose workflow id one holds is answered
    /// by [`Started::Held`], and the others are started. A transaction waits as its own settings say.
    ///
    /// Crash before: nothing started. Crash after, unacknowledged: started; starting again with
    /// the same workflow id answers [`Started::Exists`].
    fn start<'a>(&'a self, runs: &'a [NewRun]) -> StoreFuture<'a, Vec<Result<Started>>>;

    /// Starts a run that was held, as [`start`](crate::store::ClientStore::start) does. Waits for the transaction that holds its
    /// workflow id, `limit` at most: then the answer is [`Started::Held`] again.
    fn start_held<'a>(&'a self, run: &'a NewRun, limit: Duration) -> StoreFuture<'a, Started>;

    /// Delivers messages to open runs, in order, numbered in commit order; see the module. They neither
    /// wakes a stuck run nor one whose delayed start is not due: it waits with them.
    ///
    /// Never waits for somebody's open transaction: every message to a run that one holds is answered by
    /// [`Sent::Held`], and the rest is delivered.
    fn send<'a>(&'a self, messages: &'a [OutgoingMessage]) -> StoreFuture<'a, Vec<Result<Sent>>>;

    /// Sends a message that was held, as [`send`](crate::store::ClientStore::send) does. Waits for the transaction that holds its
    /// run, `limit` at most: then the answer is [`Sent::Held`] again.
    fn send_held<'a>(
        &'a self,
        message: &'a OutgoingMessage,
        limit: Duration,
    ) -> StoreFuture<'a, Sent>;

    /// Starts a run and sends it a signal, or sends that to the open run that has its workflow id: one
    /// transaction, so there is never the one without the other. A run that has ended gives its id to the
    /// new one as the conflict policy says; if it does not, the answer is an error (`Closed`). So it is
    /// (`AlreadyExists`) where the id is one of another workflow. A key that the existing run has received
    /// is answered by [`Sent::Duplicate`], open or not. Waits for others as
    /// [`terminate`](crate::store::ClientStore::terminate) does.
    ///
    /// Crash after, unacknowledged: the same run is not started twice, and a signal with a key is not
    /// received twice.
    fn signal_with_start<'a>(
        &'a self,
        run: &'a NewRun,
        signal: &'a OutgoingMessage,
    ) -> StoreFuture<'a, (Started, Sent)>;

    /// Ends an open run from outside, whatever it is doing: appends `record` (a `terminated`
    /// event) behind its journal, so that its owner's next append loses. `messages` go out in the same
    /// transaction (to its parent), and so does what its [children](Close::children) are told. `false`: it had ended, and nothing was done. Waits for somebody's
    /// open transaction that holds the run, [`PATIENCE`](super::PATIENCE) at most; then it is an error.
    fn terminate<'a>(
        &'a self,
        run: RunKey,
        record: &'a [u8],
        close: &'a Close,
        messages: &'a [OutgoingMessage],
    ) -> StoreFuture<'a, bool>;

    /// Starts `run` as the successor of a failed one, once: `NotFound` when there is no such dead
    /// letter (any more). Waits for others as [`terminate`](crate::store::ClientStore::terminate) does.
    fn rerun<'a>(&'a self, dead: RunKey, run: &'a NewRun) -> StoreFuture<'a, Started>;

    /// Starts runs that begin as others did, all of them or none, and takes what they take from those. The answer
    /// is that of the first; the others have no workflow id. `NotFound` when a dead letter is to be taken that is
    /// none (any more); `Closed` when another run goes on in a place already. Signals stay in order: first
    /// the messages, then what was not read. Waits for others as
    /// [`terminate`](crate::store::ClientStore::terminate) does.
    ///
    /// Crash before: nothing happened. Crash after, unacknowledged: it has happened; a fork that takes a place is
    /// refused the second time.
    fn fork<'a>(&'a self, forks: &'a [ForkedRun]) -> StoreFuture<'a, Started>;

    /// Dismisses a dead letter, once: it can still be rerun, and is listed only among those. `NotFound` when there
    /// is no such dead letter (any more).
    fn dismiss<'a>(&'a self, dead: RunKey, reason: &'a str) -> StoreFuture<'a, ()>;

    /// Makes a stuck run due now. One that ends its workers is tried alone, once more. `false`: it is not
    /// stuck (any more), and nothing was done.
    fn retry_stuck(&self, run: RunKey) -> StoreFuture<'_, bool>;

    /// The newest run of a workflow id.
    fn find<'a>(&'a self, tenant: Uuid, workflow_id: &'a str) -> StoreFuture<'a, Option<RunKey>>;

    /// Everything known about a run.
    fn describe(&self, run: RunKey) -> StoreFuture<'_, Option<RunView>>;

    /// The store's time, and the schedule of that id.
    fn find_schedule<'a>(
        &'a self,
        tenant: Uuid,
        id: &'a str,
    ) -> StoreFuture<'a, (Timestamp, Option<ScheduleRow>)>;

    /// Changes a schedule that is as [expected](ScheduleChange::expected), and starts runs with it, except those
    /// whose workflow id is taken: one transaction. `false`: it is not as expected, and nothing was done. Waits for
    /// somebody's open transaction as long as the change says; then it is an error.
    ///
    /// Crash after, unacknowledged: done; the same change is refused the second time.
    fn change_schedule<'a>(&'a self, change: &'a ScheduleChange) -> StoreFuture<'a, bool>;
}

impl dyn ClientStore + '_ {
    /// Starts one run.
    ///
    /// # Errors
    /// As [`start`](ClientStore::start) answers for it.
    pub async fn start_one(&self, run: &NewRun) -> Result<Started> {
        only(self.start(std::slice::from_ref(run)).await?)
    }

    /// Sends one message.
    ///
    /// # Errors
    /// As [`send`](ClientStore::send) answers for it.
    pub async fn send_one(&self, message: &OutgoingMessage) -> Result<Sent> {
        only(self.send(std::slice::from_ref(message)).await?)
    }
}
