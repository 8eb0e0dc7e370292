//! An update for the run of a workflow id, which is started with it where there is none.

use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::time::{Duration, SystemTime};

use super::access::Access;
use super::execution::Execution;
use super::layer::{ClientCall, ClientVerb, Layered, layered};
use super::signal_with_start::{check, options_of_start, send_or_start};
use super::start::{Start, execution};
use super::update::{PendingUpdate, Requested, before_the_commit};
use super::waiters::FirstNews;
use crate::context::Update;
use crate::definition::Workflow;
use crate::error::Result;
use crate::headers::Headers;
use crate::retry::RetryPolicy;
use crate::store::{ConflictPolicy, InTransaction};

/// Sends an update, starts the run that receives it if there is none, and waits for the reply; await it, or
/// [`send`](Self::send) it and await the reply later.
#[cfg_attr(not(doctest), doc = include_str!("docs/start_with_update.md"))]
#[must_use = "nothing is sent unless this is awaited"]
pub struct StartWithUpdate<'t, W: Workflow, U: Update> {
    start: Start<'t, W>,
    update: Requested<U>,
}

impl<'t, W: Workflow, U: Update> StartWithUpdate<'t, W, U> {
    pub(crate) fn new(start: Start<'t, W>, update: &U) -> Self {
        Self { start, update: Requested::new(update) }
    }

    options_of_start! {
        /// The workflow id of the run that receives the update; needed.
        id(id: impl Into<String>);
        /// What happens when the run with this id has ended. By default that is an error of kind
        /// [`Closed`](crate::ErrorKind::Closed); [`AllowIfClosed`](ConflictPolicy::AllowIfClosed) and
        /// [`AllowIfFailed`](ConflictPolicy::AllowIfFailed) start a new one. An open run always receives the
        /// update, so [`TerminateExisting`](ConflictPolicy::TerminateExisting) is refused.
        on_conflict(policy: ConflictPolicy);
        /// Of a run that is started: see [`Start::start_at`].
        start_at(time: SystemTime);
        /// Of a run that is started: see [`Start::delay`].
        delay(delay: Duration);
        /// Of a run that is started: see [`Start::timeout`]. ([`SendUpdate::timeout`](super::SendUpdate::timeout) limits
        /// the wait for a reply: see [`reply_within`](Self::reply_within).)
        timeout(limit: Duration);
        /// Of a run that is started: see [`Start::queue`].
        queue(queue: impl Into<String>);
        /// Of a run that is started: see [`Start::priority`].
        priority(priority: i16);
        /// Of a run that is started: see [`Start::retry`].
        retry(policy: RetryPolicy);
    }

    /// A header of the update, and of a run that is started: see [`Start::header`].
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        let (name, value) = (name.into(), value.into());
        self.update.headers.insert(name.clone(), value.clone());
        self.start = self.start.header(name, value);
        self
    }

    /// A key by which the run receives this update once, however often it is sent; each time, the reply is the same.
    pub fn dedup(mut self, key: impl Into<String>) -> Self {
        self.update.dedup = Some(key.into());
        self
    }

    /// How long to wait for the reply: see [`SendUpdate::timeout`](super::SendUpdate::timeout).
    pub fn reply_within(mut self, limit: Duration) -> Self {
        self.update.limit = Some(limit);
        self
    }

    /// Does both inside a transaction of the application's: use [`send`](Self::send), commit, and await the reply then.
    pub fn with_tx<S, T: InTransaction<S>>(mut self, tx: &'t T) -> Self {
        self.start = self.start.with_tx(tx);
        self
    }

    /// Sends the update, and starts the run if there is none, without waiting for the reply. Gives both.
    ///
    /// # Errors
    /// `Closed` when the run with this id has ended; `AlreadyExists` when the id is one of another workflow.
    pub async fn send(self) -> Result<(Execution<W>, PendingUpdate<U>)> {
        layered(self).await
    }

    async fn run(self) -> Result<U::Response> {
        if !self.start.is_certain() {
            return Err(before_the_commit());
        }
        self.send().await?.1.reply().await
    }
}

impl<W: Workflow, U: Update> Layered for StartWithUpdate<'_, W, U> {
    type Output = (Execution<W>, PendingUpdate<U>);

    fn access(&self) -> Option<&Access<'_>> {
        self.start.access()
    }

    fn describe(&self) -> ClientCall {
        self.start.as_call(ClientVerb::StartWithUpdate).named(U::NAME)
    }

    fn set_headers(&mut self, headers: Headers) {
        self.update.headers.clone_from(&headers);
        *self.start.headers() = headers;
    }

    async fn call(self) -> Result<Self::Output> {
        let (access, new) = self.start.checked()?;
        check(&new, "update")?;
        let update = self.update.checked(access.tenant.inner.payload_limit())?;
        let key = send_or_start(&access, &new, &update.to(new.key)).await?;
        let exec = execution(&access, &new, key, FirstNews::default());
        Ok((exec, update.pending(access.tenant, key, FirstNews::default())))
    }
}

impl<'t, W: Workflow, U: Update> IntoFuture for StartWithUpdate<'t, W, U> {
    type Output = Result<U::Response>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send + 't>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.run())
    }
}
