//! Runs that cannot continue, with the reason. [`Execution::retry_stuck`](super::Execution::retry_stuck)
//! retries one.

use super::describe::Description;
use super::list::check_limit;
use super::tenant::Tenant;
use crate::error::Result;

/// The stuck runs of a tenant.
pub struct StuckRuns {
    tenant: Tenant,
    limit: usize,
}

impl StuckRuns {
    pub(super) fn new(tenant: Tenant) -> Self {
        Self { tenant, limit: 100 }
    }

    /// Maximum number of runs, from 1 to 10,000. Default 100.
    #[must_use]
    pub fn limit(mut self, runs: usize) -> Self {
        self.limit = runs;
        self
    }

    /// The stuck runs, each with the reason in [`Description::stuck`]: first those that end their workers,
    /// then the newest.
    ///
    /// # Errors
    /// When the limit is out of range, or the database cannot be reached.
    pub async fn list(&self) -> Result<Vec<Description>> {
        check_limit(self.limit)?;
        let stuck = self.tenant.inner.store.stuck(self.tenant.id(), self.limit).await?;
        Ok(stuck.into_iter().map(Description::from).collect())
    }
}
