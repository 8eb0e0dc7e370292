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
//! - **owned**: a worker holds it in memory. Its flag `has_messages` says that the inbox has grown, its
//!   counter how many messages were sent to it since the worker owns it.
//! - **parked**: it only waits: for messages, or until its `wake_at`.
//!
//! Whoever sends a message locks the placement first, then writes to the inbox, so messages are numbered in
//! commit order. A message to a parked run makes it ready; one to a ready run marks that it must be
//! loaded; one to an owned run raises the flag and the counter. Collecting lowers the flag and
//! tells the counter; parking names the counter it knows and is refused while the flag is up or the
//! counter is higher: that is what makes a wake-up impossible to lose, also by messages that were
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

mod client;
#[cfg(feature = "testing")]
#[doc(hidden)]
pub mod contract;
#[doc(hidden)]
pub mod forward;
mod hub;
mod inspect;
mod operate;
pub mod types;
mod worker;

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use crate::error::{Error, Result};
use crate::ids::RunKey;

pub use client::ClientStore;
pub use hub::Hub;
pub use inspect::{Inspect, list_all};
pub use operate::Operate;
pub use types::*;
pub use worker::WorkerStore;

/// Every half of the store, for who calls one whose type is known.
pub mod traits {
    pub use super::{ClientStore, Hub, Inspect, Operate, Store, WorkerStore};
}

/// What a store method returns.
pub type StoreFuture<'a, T> = Pin<Box<dyn Future<Output = Result<T>> + Send + 'a>>;

/// The longest that a call waits for somebody else's open transaction, unless it says otherwise.
pub const PATIENCE: Duration = Duration::from_secs(10);

/// The store: all that is done with it, split by who does it. See the [module](self) for the invariants.
pub trait Store: ClientStore + WorkerStore + Inspect + Operate + Hub + 'static {
    /// The store itself, for what only one kind of store can do.
    fn as_any(&self) -> &dyn std::any::Any;
}

/// A transaction of the application's own that a store can take part in: what `with_tx` accepts.
///
/// The parameter is the store's marker type; it lets a store's crate implement this for a
/// transaction type that is not its own.
pub trait InTransaction<S> {
    /// What a client does inside it, of this store; without one, of a store as it is by default.
    fn verbs_of(&self, store: Option<&dyn Store>) -> Box<dyn ClientStore + '_>;

    /// The same, of a store as it is by default.
    fn verbs(&self) -> Box<dyn ClientStore + '_> {
        self.verbs_of(None)
    }
}

/// The answer to a verb that was asked for one thing.
pub fn only<T>(answers: Vec<Result<T>>) -> Result<T> {
    let missing =
        || Err(Error::new(crate::error::ErrorKind::Unavailable, "the store gave no answer"));
    answers.into_iter().next().unwrap_or_else(missing)
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

/// A workflow id must be one of the workflow that a start is for.
///
/// # Errors
/// `AlreadyExists`, where the run that has it is of another workflow.
pub fn check_workflow(run: &NewRun, existing: Option<&str>) -> Result<()> {
    let Some(other) = existing.filter(|name| *name != &*run.spec.workflow) else { return Ok(()) };
    let id = run.spec.workflow_id.as_deref().unwrap_or_default();
    let message = format!(
        "workflow id `{id}` belongs to a run of workflow `{other}`, not `{}`; ids are shared by all \
         workflows of a tenant",
        run.spec.workflow
    );
    Err(Error::new(crate::error::ErrorKind::AlreadyExists, message))
}

/// The error for a run that does not exist.
pub fn no_such_run(what: &str) -> Error {
    Error::new(crate::error::ErrorKind::NotFound, format!("there is no run {what} in this tenant"))
}

/// The error for a run in whose place another one goes on already.
pub fn place_is_taken(run: RunKey) -> Error {
    let message = format!(
        "another run goes on in place of run {} already, see its `successor`: reset that one, or fork this one",
        run.run
    );
    Error::new(crate::error::ErrorKind::Closed, message)
}

/// The error for a run that is no dead letter.
pub fn no_such_dead_letter(dead: RunKey) -> Error {
    no_such_run(&dead.run.to_string()).with_message(format!(
        "run {} is no dead letter of this tenant: it did not fail, or was rerun already",
        dead.run
    ))
}

/// The error for a run that is no dead letter, or was dismissed.
pub fn undismissable(dead: RunKey) -> Error {
    no_such_run(&dead.run.to_string()).with_message(format!(
        "run {} is no dead letter of this tenant: it did not fail, or was rerun or dismissed already",
        dead.run
    ))
}
