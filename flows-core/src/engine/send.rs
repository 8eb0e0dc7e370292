//! Messages from outside: signals and cancellation.

use std::future::{Future, IntoFuture};
use std::pin::Pin;

use serde::Serialize;

use super::access::Access;
use super::execution::Target;
use super::layer::{ClientCall, ClientVerb, Layered, layered};
use super::tenant::Tenant;
use crate::clock;
use crate::ending::{ended_from_outside, message_to_parent};
use crate::error::{Error, ErrorKind, Result};
use crate::headers::Headers;
use crate::ids::RunKey;
use crate::limits::check_name;
use crate::payload::Payload;
use crate::store::{
    InTransaction, MessageKind, OutgoingMessage, Placement, RunStatus, RunView, Sent,
};

/// Sends a signal when awaited.
#[must_use = "nothing is sent unless this is awaited"]
pub struct SendSignal<'t> {
    to: Result<(Access<'t>, Target)>,
    signal: Signalled,
}

/// A signal, as its sender gives it.
pub(super) struct Signalled {
    pub(super) name: String,
    payload: Result<Payload>,
    pub(super) dedup: Option<String>,
    pub(super) headers: Headers,
}

/// A signal that can be sent, and read back.
pub(super) struct CheckedSignal {
    name: String,
    payload: Payload,
    dedup: Option<String>,
}

impl Signalled {
    pub(super) fn new<T: Serialize>(name: String, payload: &T) -> Self {
        Self { name, payload: Payload::json(payload), dedup: None, headers: Headers::default() }
    }

    pub(super) fn checked(self, limit: usize) -> Result<CheckedSignal> {
        let Self { name, payload, dedup, headers } = self;
        check_name("signal name", &name)?;
        if let Some(key) = &dedup {
            check_name("dedup key", key)?;
        }
        let payload = payload?.within(limit, || format!("payload of signal `{name}`"))?;
        headers.check("the signal")?;
        Ok(CheckedSignal { name, payload: payload.with_headers(&headers), dedup })
    }
}

impl CheckedSignal {
    /// As a message.
    pub(super) fn to(&self, run: RunKey) -> OutgoingMessage {
        OutgoingMessage {
            to: run,
            kind: MessageKind::Signal,
            name: self.name.clone(),
            payload: self.payload.clone(),
            dedup: self.dedup.clone(),
        }
    }
}

impl<'t> SendSignal<'t> {
    pub(super) fn new<T: Serialize>(
        to: Result<(Tenant, Target)>,
        name: String,
        payload: &T,
    ) -> Self {
        let to = to.map(|(tenant, target)| (Access::new(tenant), target));
        Self { to, signal: Signalled::new(name, payload) }
    }

    /// The deduplication key: the run receives a signal with this key once, however often it is sent.
    pub fn dedup(mut self, key: impl Into<String>) -> Self {
        self.signal.dedup = Some(key.into());
        self
    }

    /// A header of the signal, for who receives it
    /// [with its headers](crate::context::SignalFuture::with_headers): see [`Headers`].
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.signal.headers.insert(name, value);
        self
    }

    /// Sends the signal inside a transaction of the application: the signal exists if and when that
    /// commits. Until then, the run's other signals wait.
    pub fn with_tx<S, T: InTransaction<S>>(mut self, tx: &'t T) -> Self {
        self.to = self.to.map(|(access, target)| (access.within(tx), target));
        self
    }
}

impl Layered for SendSignal<'_> {
    type Output = ();

    fn access(&self) -> Option<&Access<'_>> {
        self.to.as_ref().ok().map(|(access, _)| access)
    }

    fn describe(&self) -> ClientCall {
        let call = ClientCall::new(ClientVerb::Signal, self.access()).named(&self.signal.name);
        let call = ClientCall { headers: self.signal.headers.clone(), ..call };
        match &self.to {
            Ok((_, target)) => call.to(target),
            Err(_) => call,
        }
    }

    fn set_headers(&mut self, headers: Headers) {
        self.signal.headers = headers;
    }

    async fn call(self) -> Result<()> {
        let (access, target) = self.to?;
        let signal = self.signal.checked(access.tenant.inner.payload_limit())?;
        deliver(&access, &target, |run| signal.to(run)).await.map(drop)
    }
}

impl<'t> IntoFuture for SendSignal<'t> {
    type Output = Result<()>;
    type IntoFuture = Pin<Box<dyn Future<Output = Result<()>> + Send + 't>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(layered(self))
    }
}

/// Requests cancellation when awaited.
#[must_use = "nothing is cancelled unless this is awaited"]
pub struct Cancel<'t> {
    access: Access<'t>,
    target: Target,
    reason: String,
}

impl<'t> Cancel<'t> {
    pub(super) fn new(tenant: Tenant, target: Target) -> Self {
        Self { access: Access::new(tenant), target, reason: "cancelled by request".into() }
    }

    /// The reason, which the workflow's error contains. Default: "cancelled by request".
    pub fn reason(mut self, reason: impl Into<String>) -> Self {
        self.reason = reason.into();
        self
    }

    /// Requests cancellation inside a transaction of the application.
    pub fn with_tx<S, T: InTransaction<S>>(mut self, tx: &'t T) -> Self {
        self.access = self.access.within(tx);
        self
    }
}

impl Layered for Cancel<'_> {
    type Output = ();

    fn access(&self) -> Option<&Access<'_>> {
        Some(&self.access)
    }

    fn describe(&self) -> ClientCall {
        ClientCall::new(ClientVerb::Cancel, self.access()).to(&self.target)
    }

    async fn call(self) -> Result<()> {
        let limit = self.access.tenant.inner.payload_limit();
        let what = || "reason of a cancellation".to_owned();
        let payload = Payload::json(&self.reason.replace('\0', "␀"))?.within(limit, what)?;
        let message = |to| OutgoingMessage {
            to,
            kind: MessageKind::Cancel,
            name: String::new(),
            payload: payload.clone(),
            dedup: None,
        };
        let (run, sent) = deliver(&self.access, &self.target, message).await?;
        if sent == Sent::Kept {
            end_unborn(&self.access, run, &self.reason).await?;
        }
        Ok(())
    }
}

/// A run that was asked to cancel before its start is due ends now: its code has not begun, so nobody is
/// to be asked. One that is stuck has begun; it gets the message when it goes on.
async fn end_unborn(access: &Access<'_>, run: RunKey, reason: &str) -> Result<()> {
    let is_unborn =
        |view: &RunView| matches!(view.placement, Some(Placement::Parked { stuck: None, .. }));
    let view = access.store().describe(run).await?;
    let Some(view) = view.filter(is_unborn) else { return Ok(()) };
    let error = Error::new(ErrorKind::Cancelled, format!("the run was cancelled: {reason}"));
    let at = clock::system_time().into();
    let (record, close) = ended_from_outside(RunStatus::Cancelled, &error, at)?;
    let messages: Vec<_> = message_to_parent(run, view.spec.parent, &close).into_iter().collect();
    if access.store().terminate(run, &record, &close, &messages).await? {
        access.tell_of_end(run);
    }
    Ok(())
}

impl<'t> IntoFuture for Cancel<'t> {
    type Output = Result<()>;
    type IntoFuture = Pin<Box<dyn Future<Output = Result<()>> + Send + 't>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(layered(self))
    }
}

/// Sends to the run, or to the one that has gone on in its place.
pub(super) async fn deliver(
    access: &Access<'_>,
    target: &Target,
    message: impl Fn(RunKey) -> OutgoingMessage,
) -> Result<(RunKey, Sent)> {
    let mut run = access.resolve(target).await?;
    let sent = loop {
        match access.send(&message(run)).await {
            Err(error) if error.kind() == ErrorKind::Closed => {
                let view = access.store().describe(run).await?;
                let next = view.and_then(|view| view.successor).ok_or(error)?;
                run = RunKey::of_run(run.tenant, next);
            }
            other => break other?,
        }
    };
    access.tell_of_message(run, &sent);
    Ok((run, sent))
}
