//! Listing and counting runs.

use std::fmt;
use std::future::{Future, IntoFuture};
use std::ops::{Bound, RangeBounds};
use std::pin::Pin;
use std::str::FromStr;
use std::time::SystemTime;

use uuid::Uuid;

use super::describe::Description;
use super::tenant::Tenant;
use crate::error::{Error, Result};
use crate::limits::check_name;
use crate::store::{
    AttributeFilter, AttributeValue, ListCursor, ListFilter, RunStatus, RunView, list_all,
};
use crate::time::Timestamp;

/// The most runs of one list.
const MOST: usize = 10_000;
/// The most bytes of payloads of one list that is awaited whole.
const PAYLOADS: usize = 64 << 20;

/// Lists the runs of a tenant, newest first by the database's time: await it, or filter first.
///
/// Indexes find a few runs among many: by parent, by workflow, by version, by an exceptional status, by time. When awaited, the
/// list reads until it has found as many runs as its limit, or has read all of them. A filter without an
/// index makes that slow: [`page`](Self::page) reads a bounded number of runs, and returns where to continue.
#[must_use = "nothing is read unless this is awaited"]
pub struct List {
    tenant: Tenant,
    filter: ListFilter,
}

/// A page of a list.
#[non_exhaustive]
#[derive(Debug, Clone)]
pub struct ListPage {
    /// Newest first. May be fewer than the limit, or none, although there are further pages.
    pub runs: Vec<Description>,
    /// Where the next page begins: give it to [`List::behind`]. `None` after the last page.
    pub next: Option<PageToken>,
}

/// Where a page of a list begins. Its text form can be sent to a client and parsed again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageToken(ListCursor);

impl List {
    pub(super) fn new(tenant: Tenant) -> Self {
        Self { tenant, filter: ListFilter { limit: 100, ..ListFilter::default() } }
    }

    /// Only children of this run, also those that have ended, and the runs that go on for them. An index finds
    /// them; the other filters look at each child.
    pub fn parent(mut self, run_id: Uuid) -> Self {
        self.filter.parent = Some(run_id);
        self
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

    /// Only runs whose search attribute has this value. A value of another type is another value.
    pub fn attribute(self, name: impl Into<String>, value: impl Into<AttributeValue>) -> Self {
        self.attribute_in(name, [value])
    }

    /// Only runs whose search attribute has one of these values, at most 32.
    pub fn attribute_in<V: Into<AttributeValue>>(
        mut self,
        name: impl Into<String>,
        values: impl IntoIterator<Item = V>,
    ) -> Self {
        let values = values.into_iter().map(Into::into);
        self.filter.attributes.push(AttributeFilter::one_of(name, values));
        self
    }

    /// Only runs whose search attribute is in this range, of the type of its bounds; in `..` is every value.
    pub fn attribute_range<V: Into<AttributeValue> + Clone>(
        mut self,
        name: impl Into<String>,
        range: impl RangeBounds<V>,
    ) -> Self {
        let bound = |bound: Bound<&V>| bound.map(|value| value.clone().into());
        let range = (bound(range.start_bound()), bound(range.end_bound()));
        self.filter.attributes.push(AttributeFilter::within(name, &range));
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

    /// Only runs that ended at this time or later.
    pub fn closed_after(mut self, time: SystemTime) -> Self {
        self.filter.closed_after = Some(time.into());
        self
    }

    /// Only runs that ended before this time.
    pub fn closed_before(mut self, time: SystemTime) -> Self {
        self.filter.closed_before = Some(time.into());
        self
    }

    /// Reads inputs and outputs too. Without this they are `None`, and are not read.
    /// A page has at most 16 MiB of them, unless its only run has more.
    pub fn payloads(mut self) -> Self {
        self.filter.payloads = true;
        self
    }

    /// Only runs after a page.
    pub fn behind(mut self, token: PageToken) -> Self {
        self.filter.behind = Some(token.0);
        self
    }

    /// Maximum number of runs, from 1 to 10,000. Default 100.
    pub fn limit(mut self, runs: usize) -> Self {
        self.filter.limit = runs;
        self
    }

    /// Reads one page: it looks at some thousand runs at most, whatever the filter.
    ///
    /// # Errors
    /// When the limit is out of range, no workflow can have the name that is asked for, or the database
    /// cannot be reached.
    pub async fn page(self) -> Result<ListPage> {
        self.check()?;
        let page = self.tenant.inner.store.list(self.tenant.id(), &self.filter).await?;
        let runs = page.runs.into_iter().map(Description::from).collect();
        Ok(ListPage { runs, next: page.next.map(PageToken) })
    }

    /// Counts the runs that pass the filter; the limit does not apply. Uses the same indexes as the list.
    ///
    /// # Errors
    /// When no workflow can have the name that is asked for, or the database cannot be reached.
    pub async fn count(self) -> Result<u64> {
        check_filter(&self.filter)?;
        self.tenant.inner.store.count(self.tenant.id(), &self.filter).await
    }

    fn check(&self) -> Result<()> {
        check_filter(&self.filter)?;
        check_limit(self.filter.limit)
    }

    async fn run(self) -> Result<Vec<Description>> {
        self.check()?;
        let (store, tenant) = (&self.tenant.inner.store, self.tenant.id());
        if !self.filter.payloads {
            let runs = list_all(&**store, tenant, &self.filter).await?.runs;
            return Ok(runs.into_iter().map(Description::from).collect());
        }
        let (mut filter, mut runs, mut bytes) = (self.filter, Vec::new(), 0);
        loop {
            let page = store.list(tenant, &filter).await?;
            bytes += page.runs.iter().map(payload).sum::<usize>();
            if bytes > PAYLOADS {
                return Err(too_large());
            }
            filter.limit -= page.runs.len().min(filter.limit);
            filter.behind = page.next;
            runs.extend(page.runs.into_iter().map(Description::from));
            if page.next.is_none() || filter.limit == 0 {
                return Ok(runs);
            }
        }
    }
}

fn payload(run: &RunView) -> usize {
    run.spec.input.len() + run.output.as_ref().map_or(0, String::len)
}

fn too_large() -> Error {
    let most = PAYLOADS >> 20;
    Error::invalid(format!(
        "a list's payloads have more than {most} MiB; read it by `page()`, or lower its limit"
    ))
}

fn check_filter(filter: &ListFilter) -> Result<()> {
    filter.attributes.iter().try_for_each(AttributeFilter::check)?;
    filter.workflow.as_deref().map_or(Ok(()), |name| check_name("workflow name", name))
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

impl fmt::Display for PageToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.0.created_at.0, self.0.run)
    }
}

impl FromStr for PageToken {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let parts = text.split_once('.');
        let token = parts.and_then(|(at, run)| {
            let (at, run) = (at.parse().ok()?, Uuid::parse_str(run).ok()?);
            Some(Self(ListCursor { created_at: Timestamp(at), run }))
        });
        token.ok_or_else(|| Error::invalid(format!("`{text:.80}` is no token of a page of a list")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_goes_through_text() {
        let run = Uuid::from_u128(7);
        let token = PageToken(ListCursor { created_at: Timestamp(-42), run });
        assert_eq!(token.to_string().parse::<PageToken>().expect("a token"), token);
        for text in ["", "42", "42.", "x.00000000-0000-0000-0000-000000000007"] {
            let refused = text.parse::<PageToken>().expect_err("no token");
            assert_eq!(refused.message(), format!("`{text}` is no token of a page of a list"));
        }
        let long = "x".repeat(1 << 20).parse::<PageToken>().expect_err("no token");
        assert!(long.message().len() < 200, "{} bytes", long.message().len());
    }
}
