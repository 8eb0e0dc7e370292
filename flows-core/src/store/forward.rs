//! Stores that stand in front of another one: they override what they change, and pass on the rest.

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
}

/// Passes verbs on to the store that `self.inner()` gives. A whole half: `forward_store!(Hub for Observed);`.
/// Inside an `impl`, those verbs that stay as they are: `forward_store!(register renew retire);`.
/// Needs `use flows_core::store::forward::names::*;`.
#[doc(hidden)]
#[macro_export]
macro_rules! forward_store {
    (ClientStore for $store:ty) => {
        impl $crate::store::ClientStore for $store {
            $crate::forward_store!(start start_held send send_held signal_with_start);
            $crate::forward_store!(terminate rerun retry_stuck find describe);
        }
    };
    (WorkerStore for $store:ty) => {
        impl $crate::store::WorkerStore for $store {
            $crate::forward_store!(register renew retire poll overdue start_owned claim claim_stuck);
            $crate::forward_store!(reload collect read_inboxes commit writers);
        }
    };
    (Inspect for $store:ty) => {
        impl $crate::store::Inspect for $store {
            $crate::forward_store!(outcomes query history list count scan stuck dead_letters);
        }
    };
    (Hub for $store:ty) => {
        impl $crate::store::Hub for $store {
            $crate::forward_store!(publish subscribe);
        }
    };
    (@ $half:ident $verb:ident($($given:ident: $type:ty),*) -> $answer:ty) => {
        #[allow(clippy::needless_lifetimes, reason = "most verbs need it")]
        fn $verb<'a>(&'a self, $($given: $type),*) -> $answer {
            $crate::store::$half::$verb(self.inner(), $($given),*)
        }
    };
    (@start) => {
        $crate::forward_store!(@ ClientStore start(runs: &'a [NewRun]) -> StoreFuture<'a, Vec<Result<Started>>>);
    };
    (@start_held) => {
        $crate::forward_store!(@ ClientStore start_held(run: &'a NewRun, limit: Duration) -> StoreFuture<'a, Started>);
    };
    (@send) => {
        $crate::forward_store!(@ ClientStore send(messages: &'a [OutgoingMessage]) -> StoreFuture<'a, Vec<Result<Sent>>>);
    };
    (@send_held) => {
        $crate::forward_store!(@ ClientStore send_held(message: &'a OutgoingMessage, limit: Duration) -> StoreFuture<'a, Sent>);
    };
    (@signal_with_start) => {
        $crate::forward_store!(@ ClientStore signal_with_start(run: &'a NewRun, signal: &'a OutgoingMessage) -> StoreFuture<'a, (Started, Sent)>);
    };
    (@terminate) => {
        $crate::forward_store!(@ ClientStore terminate(run: RunKey, record: &'a [u8], close: &'a Close, messages: &'a [OutgoingMessage]) -> StoreFuture<'a, bool>);
    };
    (@rerun) => {
        $crate::forward_store!(@ ClientStore rerun(dead: RunKey, run: &'a NewRun) -> StoreFuture<'a, Started>);
    };
    (@retry_stuck) => {
        $crate::forward_store!(@ ClientStore retry_stuck(run: RunKey) -> StoreFuture<'a, bool>);
    };
    (@find) => {
        $crate::forward_store!(@ ClientStore find(tenant: Uuid, workflow_id: &'a str) -> StoreFuture<'a, Option<RunKey>>);
    };
    (@describe) => {
        $crate::forward_store!(@ ClientStore describe(run: RunKey) -> StoreFuture<'a, Option<RunView>>);
    };
    (@register) => {
        $crate::forward_store!(@ WorkerStore register(worker: &'a WorkerIdentity) -> StoreFuture<'a, Lease>);
    };
    (@renew) => {
        $crate::forward_store!(@ WorkerStore renew(worker: &'a WorkerIdentity) -> StoreFuture<'a, Lease>);
    };
    (@retire) => {
        $crate::forward_store!(@ WorkerStore retire(worker: Uuid, innocent: &'a [RunKey]) -> StoreFuture<'a, ()>);
    };
    (@poll) => {
        $crate::forward_store!(@ WorkerStore poll(worker: &'a WorkerIdentity) -> StoreFuture<'a, Polled>);
    };
    (@overdue) => {
        $crate::forward_store!(@ WorkerStore overdue(limit: usize) -> StoreFuture<'a, Vec<Overdue>>);
    };
    (@start_owned) => {
        $crate::forward_store!(@ WorkerStore start_owned(worker: Uuid, runs: &'a [NewRun]) -> StoreFuture<'a, Vec<Result<Started>>>);
    };
    (@claim) => {
        $crate::forward_store!(@ WorkerStore claim(claim: Claim<'a>) -> StoreFuture<'a, Vec<Activation>>);
    };
    (@claim_stuck) => {
        $crate::forward_store!(@ WorkerStore claim_stuck(claim: ClaimStuck<'a>) -> StoreFuture<'a, Vec<Activation>>);
    };
    (@reload) => {
        $crate::forward_store!(@ WorkerStore reload(worker: Uuid, runs: &'a [RunKey]) -> StoreFuture<'a, Vec<Activation>>);
    };
    (@collect) => {
        $crate::forward_store!(@ WorkerStore collect(worker: Uuid) -> StoreFuture<'a, Vec<Collected>>);
    };
    (@read_inboxes) => {
        $crate::forward_store!(@ WorkerStore read_inboxes(asked: &'a [(RunKey, i64)]) -> StoreFuture<'a, Vec<Page>>);
    };
    (@commit) => {
        $crate::forward_store!(@ WorkerStore commit(writer: usize, worker: Uuid, records: &'a [Record]) -> StoreFuture<'a, Vec<Committed>>);
    };
    (@writers) => {
        $crate::forward_store!(@ WorkerStore writers() -> usize);
    };
    (@outcomes) => {
        $crate::forward_store!(@ Inspect outcomes(runs: &'a [RunKey]) -> StoreFuture<'a, Vec<(RunKey, Outcome)>>);
    };
    (@query) => {
        $crate::forward_store!(@ Inspect query(run: RunKey, name: &'a str) -> StoreFuture<'a, Option<String>>);
    };
    (@history) => {
        $crate::forward_store!(@ Inspect history(run: RunKey) -> StoreFuture<'a, Vec<HistoryRow>>);
    };
    (@list) => {
        $crate::forward_store!(@ Inspect list(tenant: Uuid, filter: &'a ListFilter) -> StoreFuture<'a, Listed>);
    };
    (@count) => {
        $crate::forward_store!(@ Inspect count(tenant: Uuid, filter: &'a ListFilter) -> StoreFuture<'a, Counted>);
    };
    (@scan) => {
        $crate::forward_store!(@ Inspect scan(scan: &'a Scan) -> StoreFuture<'a, Scanned>);
    };
    (@stuck) => {
        $crate::forward_store!(@ Inspect stuck(tenant: Uuid, limit: usize) -> StoreFuture<'a, Vec<RunView>>);
    };
    (@dead_letters) => {
        $crate::forward_store!(@ Inspect dead_letters(tenant: Uuid, limit: usize) -> StoreFuture<'a, Vec<DeadLetterRow>>);
    };
    (@publish) => {
        $crate::forward_store!(@ Hub publish(hint: Hint) -> ());
    };
    (@subscribe) => {
        $crate::forward_store!(@ Hub subscribe() -> Option<UnboundedReceiver<Hint>>);
    };
    ($($verb:ident)+) => { $($crate::forward_store!(@$verb);)+ };
}
