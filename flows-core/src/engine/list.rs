//! Listing runs.

use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::time::SystemTime;

use super::describe::Description;
use super::tenant::Tenant;
use crate::error::{Error, Result};
use crate::store::{ListFilter, RunStatus};

/// The most runs of one list.
const MOST: usize = 10_000;

/// Runs of a tenant, newest first; await it, or filter first.
#[must_use = "nothing is read unless this is awaited"]
pub struct List {
    tenant: Tenant,
    filter: ListFilter,
}

impl List {
    pub(super) fn new(tenant: Tenant) -> Self {
        Self { tenant, filter: ListFilter { limit: 100, ..ListFilter::default() } }
    }

    /// Only runs of this workflow.
    pub fn workflow(mut self, name: impl Into<String>) -> Self {
        self.filter.workflow = Some(name.into());
        self
    }

    /// Only runs of this version.
    pub fn version(mut self, version: u32) -> Self {
        self.filter.version = Some(version);
        self
    }

    /// Only runs with this status.
    pub fn status(mut self, status: RunStatus) -> Self {
        self.filter.status = Some(status);
        self
    }

    /// Only runs created at this time or later.
    pub fn created_after(mut self, time: SystemTime) -> Self {
        self.filter.created_after = Some(time.into());
        self
    }

    /// Only runs created before this time.
    pub fn created_before(mut self, time: SystemTime) -> Self {
        self.filter.created_before = Some(time.into());
        self
    }

    /// At most so many, from 1 to 10,000. Default 100.
    pub fn limit(mut self, runs: usize) -> Self {
        self.filter.limit = runs;
        self
    }

    async fn run(self) -> Result<Vec<Description>> {
        check_limit(self.filter.limit)?;
        let runs = self.tenant.inner.store.list(self.tenant.id(), &self.filter).await?;
        Ok(runs.into_iter().map(Description::from).collect())
    }
}

pub(super) fn check_limit(limit: usize) -> Result<()> {
    if (1..=MOST).contains(&limit) {
        return Ok(());
    }
    Err(Error::invalid(format!("a list's limit is {limit}; allowed are 1 to {MOST}")))
}

impl IntoFuture for List {
    type Output = Result<Vec<Description>>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.run())
    }
}
