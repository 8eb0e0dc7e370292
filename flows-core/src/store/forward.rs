//! The verbs of the store as a table, for stores that do the same with most of them: pass them on to another
//! store, or to functions of the verbs' names.

/// The names that [`forward_store!`](crate::forward_store) uses.
#[doc(hidden)]
pub mod names {
    pub use std::time::Duration;

    pub use tokio::sync::mpsc::UnboundedReceiver;
    pub use uuid::Uuid;

    pub use crate::error::Result;
    pub use crate::ids::RunKey;
    pub use crate::store::StoreFuture;
    pub use crate::store::traits::*;
    pub use crate::store::types::*;
    pub use crate::time::Timestamp;
    pub use crate::{forward_store, forward_verb};
}

/// Implements a half of the store: each verb is handed to a macro as `self verb(arguments)`. Without a macro it is
/// passed on to the store that `self.inner()` gives. Needs `use flows_core::store::forward::names::*;`.
///
/// ```ignore
/// macro_rules! observed {
///     ($store:ident poll($worker:ident)) => { Box::pin($store.observed_poll($worker)) };
///     ($store:ident $verb:ident($($given:ident),*)) => { $store.inner().$verb($($given),*) };
/// }
/// forward_store!(WorkerStore for Observed, observed);
/// forward_store!(Hub for Observed);
/// ```
#[doc(hidden)]
#[macro_export]
macro_rules! forward_store {
    ($half:ident for $store:ty) => { $crate::forward_store!($half for $store, forward_verb); };
    (ClientStore for $store:ty, $each:ident) => {
        $crate::forward_store! { @ ClientStore $store, $each;
            start(runs: &'a [NewRun]) -> StoreFuture<'a, Vec<Result<Started>>>;
            start_held(run: &'a NewRun, limit: Duration) -> StoreFuture<'a, Started>;
            send(messages: &'a [OutgoingMessage]) -> StoreFuture<'a, Vec<Result<Sent>>>;
            send_held(message: &'a OutgoingMessage, limit: Duration) -> StoreFuture<'a, Sent>;
            signal_with_start(run: &'a NewRun, signal: &'a OutgoingMessage)
                -> StoreFuture<'a, (Started, Sent)>;
            terminate(run: RunKey, record: &'a [u8], close: &'a Close, messages: &'a [OutgoingMessage])
                -> StoreFuture<'a, bool>;
            rerun(dead: RunKey, run: &'a NewRun) -> StoreFuture<'a, Started>;
            fork(forks: &'a [ForkedRun]) -> StoreFuture<'a, Started>;
            dismiss(dead: RunKey, reason: &'a str) -> StoreFuture<'a, ()>;
            retry_stuck(run: RunKey) -> StoreFuture<'a, bool>;
            find(tenant: Uuid, workflow_id: &'a str) -> StoreFuture<'a, Option<RunKey>>;
            describe(run: RunKey) -> StoreFuture<'a, Option<RunView>>;
            find_schedule(tenant: Uuid, id: &'a str) -> StoreFuture<'a, (Timestamp, Option<ScheduleRow>)>;
            change_schedule(change: &'a ScheduleChange) -> StoreFuture<'a, bool>;
        }
    };
    (WorkerStore for $store:ty, $each:ident) => {
        $crate::forward_store! { @ WorkerStore $store, $each;
            register(worker: &'a WorkerIdentity) -> StoreFuture<'a, Lease>;
            renew(worker: &'a WorkerIdentity) -> StoreFuture<'a, Lease>;
            retire(worker: Uuid, innocent: &'a [RunKey]) -> StoreFuture<'a, ()>;
            poll(worker: &'a WorkerIdentity) -> StoreFuture<'a, Polled>;
            overdue(limit: usize) -> StoreFuture<'a, Vec<Overdue>>;
            claim_schedules(limit: usize) -> StoreFuture<'a, Vec<ScheduleRow>>;
            start_owned(worker: Uuid, runs: &'a [NewRun]) -> StoreFuture<'a, Vec<Result<Started>>>;
            claim(claim: Claim<'a>) -> StoreFuture<'a, Vec<Activation>>;
            claim_stuck(claim: ClaimStuck<'a>) -> StoreFuture<'a, Vec<Activation>>;
            claim_tasks(claim: ClaimTasks<'a>) -> StoreFuture<'a, Vec<ClaimedTask>>;
            check_tasks(worker: Uuid, beats: &'a [TaskBeat]) -> StoreFuture<'a, Vec<bool>>;
            end_tasks(worker: Uuid, ends: &'a [TaskEnd]) -> StoreFuture<'a, Vec<bool>>;
            reload(worker: Uuid, runs: &'a [RunKey]) -> StoreFuture<'a, Vec<Activation>>;
            collect(worker: Uuid) -> StoreFuture<'a, Vec<Collected>>;
            read_inboxes(asked: &'a [(RunKey, i64)]) -> StoreFuture<'a, Vec<Page>>;
            commit(writer: usize, worker: Uuid, records: &'a [Record]) -> StoreFuture<'a, Vec<Committed>>;
            publish_items(items: &'a [(RunKey, NewItem)]) -> StoreFuture<'a, Vec<Result<()>>>;
            writers() -> usize;
        }
    };
    (Inspect for $store:ty, $each:ident) => {
        $crate::forward_store! { @ Inspect $store, $each;
            outcomes(runs: &'a [RunKey]) -> StoreFuture<'a, Vec<(RunKey, Outcome)>>;
            query(run: RunKey, name: &'a str) -> StoreFuture<'a, Option<String>>;
            read_items(run: RunKey, from: i64) -> StoreFuture<'a, Option<ItemPage>>;
            updates(asked: &'a [(RunKey, String)]) -> StoreFuture<'a, Vec<UpdateState>>;
            history(run: RunKey) -> StoreFuture<'a, Vec<HistoryRow>>;
            list(tenant: Uuid, filter: &'a ListFilter) -> StoreFuture<'a, Listed>;
            count(tenant: Uuid, filter: &'a ListFilter) -> StoreFuture<'a, u64>;
            scan(scan: &'a Scan) -> StoreFuture<'a, Scanned>;
            stuck(tenant: Uuid, limit: usize) -> StoreFuture<'a, Vec<RunView>>;
            schedules(tenant: Uuid, after: &'a str, limit: usize) -> StoreFuture<'a, Vec<ScheduleRow>>;
            dead_letters(tenant: Uuid, limit: usize, dismissed: bool)
                -> StoreFuture<'a, Vec<DeadLetterRow>>;
        }
    };
    (Operate for $store:ty, $each:ident) => {
        $crate::forward_store! { @ Operate $store, $each;
            pause(pause: &'a NewPause) -> StoreFuture<'a, bool>;
            resume(scope: &'a PauseScope) -> StoreFuture<'a, bool>;
            pauses() -> StoreFuture<'a, Vec<PauseRow>>;
        }
    };
    (Hub for $store:ty, $each:ident) => {
        $crate::forward_store! { @ Hub $store, $each;
            publish(hint: Hint) -> ();
            subscribe() -> Option<UnboundedReceiver<Hint>>;
        }
    };
    (@ $half:ident $store:ty, $each:ident;
        $($verb:ident($($given:ident: $type:ty),*) -> $answer:ty;)+) => {
        impl $crate::store::$half for $store {
            $(
                #[allow(clippy::needless_lifetimes, reason = "most verbs need it")]
                fn $verb<'a>(&'a self, $($given: $type),*) -> $answer {
                    $each!(self $verb($($given),*))
                }
            )+
        }
    };
}

/// A verb of a store in front of another: the other's.
#[doc(hidden)]
#[macro_export]
macro_rules! forward_verb {
    ($store:ident $verb:ident($($given:ident),*)) => { $store.inner().$verb($($given),*) };
}
