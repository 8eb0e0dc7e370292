//! What operators do to runs of all tenants at once.

use super::StoreFuture;
use super::types::{NewPause, PauseRow, PauseScope};

/// What operators do. A store that knows roles does it as its workers do, not as a tenant.
pub trait Operate: Send + Sync {
    /// Pauses something; whether it was not paused before. If it was, reason and author are replaced.
    ///
    /// From then on, [`Polled::pauses`](super::Polled::pauses) is another number. Nothing else changes: it is the workers who
    /// claim nothing that is paused, and let go of it.
    fn pause<'a>(&'a self, pause: &'a NewPause) -> StoreFuture<'a, bool>;

    /// Ends a pause; whether there was one.
    fn resume<'a>(&'a self, scope: &'a PauseScope) -> StoreFuture<'a, bool>;

    /// What is paused, the longest first.
    fn pauses(&self) -> StoreFuture<'_, Vec<PauseRow>>;
}
