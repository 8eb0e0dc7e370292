//! A signal for the run of a workflow id, which is started with it where there is none.

use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::time::{Duration, SystemTime};

use serde::Serialize;

use super::access::Access;
use super::execution::{Execution, Typed};
use super::layer::{ClientCall, ClientVerb, Layered, layered};
use super::send::Signalled;
use super::start::{Start, execution};
use super::waiters::FirstNews;
use crate::error::{Error, Result};
use crate::headers::Headers;
use crate::ids::RunKey;
use crate::retry::RetryPolicy;
use crate::store::{
    AttributeValue, ConflictPolicy, InTransaction, NewRun, OutgoingMessage, Started,
};

/// Sends a signal, and starts the run that receives it if there is none; await it to get the run's
/// [`Execution`].
#[cfg_attr(not(doctest), doc = include_str!("docs/signal_with_start.md"))]
#[must_use = "nothing is sent unless this is awaited"]
pub struct SignalWithStart<'t, W: Typed> {
    start: Start<'t, W>,
    signal: Signalled,
}

macro_rules! options_of_start {
    ($($(#[$doc:meta])+ $option:ident($given:ident: $type:ty);)+) => {$(
        $(#[$doc])+
        pub fn $option(mut self, $given: $type) -> Self {
            self.start = self.start.$option($given);
            self
        }
    )+};
}

pub(super) use options_of_start;

impl<'t, W: Typed> SignalWithStart<'t, W> {
    pub(crate) fn new<T: Serialize>(start: Start<'t, W>, name: String, payload: &T) -> Self {
        Self { start, signal: Signalled::new(name, payload) }
    }

    options_of_start! {
        /// The workflow id of the run that receives the signal; needed.
        id(id: impl Into<String>);
        /// What happens when the run with this id has ended. By default that is an error of kind
        /// [`Closed`](crate::ErrorKind::Closed); [`AllowIfClosed`](ConflictPolicy::AllowIfClosed) and
        /// [`AllowIfFailed`](ConflictPolicy::AllowIfFailed) start a new one. An open run always receives the
        /// signal, so [`TerminateExisting`](ConflictPolicy::TerminateExisting) is refused.
        on_conflict(policy: ConflictPolicy);
        /// Of a run that is started: see [`Start::start_at`].
        start_at(time: SystemTime);
        /// Of a run that is started: see [`Start::delay`].
        delay(delay: Duration);
        /// Of a run that is started: see [`Start::timeout`].
        timeout(limit: Duration);
        /// Of a run that is started: see [`Start::queue`].
        queue(queue: impl Into<String>);
        /// Of a run that is started: see [`Start::priority`].
        priority(priority: i16);
        /// Of a run that is started: see [`Start::retry`].
        retry(policy: RetryPolicy);
    }

    /// Of a run that is started: see [`Start::attribute`].
    pub fn attribute(mut self, name: impl Into<String>, value: impl Into<AttributeValue>) -> Self {
        self.start = self.start.attribute(name, value);
        self
    }

    /// A header of the signal, and of a run that is started: see [`Start::header`].
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        let (name, value) = (name.into(), value.into());
        self.signal.headers.insert(name.clone(), value.clone());
        self.start = self.start.header(name, value);
        self
    }

    /// A key by which the run receives this signal once, however often it is sent.
    pub fn dedup(mut self, key: impl Into<String>) -> Self {
        self.signal.dedup = Some(key.into());
        self
    }

    /// Does both inside a transaction of the application's: see [`Start::with_tx`].
    pub fn with_tx<S, T: InTransaction<S>>(mut self, tx: &'t T) -> Self {
        self.start = self.start.with_tx(tx);
        self
    }
}

impl<W: Typed> Layered for SignalWithStart<'_, W> {
    type Output = Execution<W>;

    fn access(&self) -> Option<&Access<'_>> {
        self.start.access()
    }

    fn describe(&self) -> ClientCall {
        self.start.as_call(ClientVerb::SignalWithStart).named(&self.signal.name)
    }

    fn set_headers(&mut self, headers: Headers) {
        self.signal.headers.clone_from(&headers);
        *self.start.headers() = headers;
    }

    async fn call(self) -> Result<Execution<W>> {
        let (access, new) = self.start.checked()?;
        check(&new, "signal")?;
        let limit = access.tenant.inner.payload_limit();
        let signal = self.signal.checked(limit)?.to(new.key);
        let key = send_or_start(&access, &new, &signal).await?;
        Ok(execution(&access, &new, key, FirstNews::default()))
    }
}

/// The run must be one that can exist, and is then sent to.
pub(super) fn check(new: &NewRun, what: &str) -> Result<()> {
    if new.spec.workflow_id.is_none() {
        return Err(Error::invalid(format!(
            "a {what} with start needs the workflow id of the run that receives it: say `.id(..)`"
        )));
    }
    if new.on_conflict == ConflictPolicy::TerminateExisting {
        return Err(Error::invalid(format!(
            "a {what} with start never terminates the run that exists, it sends the {what} to it: say \
             `.on_conflict(ConflictPolicy::AllowIfClosed)` to start a new run after one that has ended"
        )));
    }
    Ok(())
}

/// Sends a message to the open run of the workflow id, or starts one with it; gives the run.
pub(super) async fn send_or_start(
    access: &Access<'_>,
    new: &NewRun,
    message: &OutgoingMessage,
) -> Result<RunKey> {
    let (started, sent) = access.signal_with_start(new, message).await?;
    Ok(match started {
        Started::Exists(key) => {
            access.tell_of_message(key, &sent);
            key
        }
        Started::Created | Started::Owned { .. } | Started::Held => {
            access.tell_of_start(new);
            new.key
        }
    })
}

impl<'t, W: Typed> IntoFuture for SignalWithStart<'t, W> {
    type Output = Result<Execution<W>>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send + 't>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(layered(self))
    }
}
