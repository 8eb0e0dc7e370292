//! Letters from outside: signals and cancellation.

use std::future::{Future, IntoFuture};
use std::pin::Pin;

use serde::Serialize;

use super::execution::{Target, resolve, resolve_within};
use super::tenant::Tenant;
use crate::clock;
use crate::ending::{ended_from_outside, message_to_parent};
use crate::error::{Error, ErrorKind, Result};
use crate::ids::RunKey;
use crate::limits::check_name;
use crate::payload::Payload;
use crate::store::{
    InTransaction, MessageKind, OutgoingMessage, Placement, RunStatus, RunView, Sent, Transaction,
};

/// A signal to send; await it.
#[must_use = "nothing is sent unless this is awaited"]
pub struct SendSignal<'t> {
    to: Result<(Tenant, Target)>,
    name: String,
    payload: Result<Payload>,
    dedup: Option<String>,
    tx: Option<Box<dyn Transaction + 't>>,
}

impl<'t> SendSignal<'t> {
    pub(super) fn new<T: Serialize>(
        to: Result<(Tenant, Target)>,
        name: String,
        payload: &T,
    ) -> Self {
        Self { to, name, payload: Payload::json(payload), dedup: None, tx: None }
    }

    /// A key by which the run receives this signal once, however often it is sent.
    pub fn dedup(mut self, key: impl Into<String>) -> Self {
        self.dedup = Some(key.into());
        self
    }

    /// Sends inside a transaction of the application's: the signal exists if and when it commits.
    /// Until then it holds up the run's other signals.
    pub fn with_tx<S, T: InTransaction<S>>(mut self, tx: &'t T) -> Self {
        let store = self.to.as_ref().ok().map(|(tenant, _)| &*tenant.inner.store);
        self.tx = Some(tx.verbs_of(store));
        self
    }

    async fn run(self) -> Result<()> {
        let (tenant, target) = self.to?;
        check_name("signal name", &self.name)?;
        if let Some(key) = &self.dedup {
            check_name("dedup key", key)?;
        }
        let limit = tenant.inner.payload_limit();
        let payload =
            self.payload?.within(limit, || format!("payload of signal `{}`", self.name))?;
        let letter = |to| OutgoingMessage {
            to,
            kind: MessageKind::Signal,
            name: self.name.clone(),
            payload: payload.clone(),
            dedup: self.dedup.clone(),
        };
        deliver(&tenant, &target, self.tx.as_deref(), letter).await.map(drop)
    }
}

impl<'t> IntoFuture for SendSignal<'t> {
    type Output = Result<()>;
    type IntoFuture = Pin<Box<dyn Future<Output = Result<()>> + Send + 't>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.run())
    }
}

/// A request to cancel; await it.
#[must_use = "nothing is cancelled unless this is awaited"]
pub struct Cancel<'t> {
    tenant: Tenant,
    target: Target,
    reason: String,
    tx: Option<Box<dyn Transaction + 't>>,
}

impl<'t> Cancel<'t> {
    pub(super) fn new(tenant: Tenant, target: Target) -> Self {
        Self { tenant, target, reason: "cancelled by request".into(), tx: None }
    }

    /// Why; the workflow's error says it. Default: "cancelled by request".
    pub fn reason(mut self, reason: impl Into<String>) -> Self {
        self.reason = reason.into();
        self
    }

    /// Requests it inside a transaction of the application's.
    pub fn with_tx<S, T: InTransaction<S>>(mut self, tx: &'t T) -> Self {
        self.tx = Some(tx.verbs_of(Some(&*self.tenant.inner.store)));
        self
    }

    async fn run(self) -> Result<()> {
        let limit = self.tenant.inner.payload_limit();
        let what = || "reason of a cancellation".to_owned();
        let payload = Payload::json(&self.reason.replace('\0', "␀"))?.within(limit, what)?;
        let letter = |to| OutgoingMessage {
            to,
            kind: MessageKind::Cancel,
            name: String::new(),
            payload: payload.clone(),
            dedup: None,
        };
        let tx = self.tx.as_deref();
        let (run, sent) = deliver(&self.tenant, &self.target, tx, letter).await?;
        if sent == Sent::Kept {
            end_unborn(&self.tenant, run, &self.reason, tx).await?;
        }
        Ok(())
    }
}

/// A run that was asked to cancel before its start is due ends now: its code has not begun, so nobody is
/// to be asked. One that is stuck has begun; it gets the message when it goes on.
async fn end_unborn(
    tenant: &Tenant,
    run: RunKey,
    reason: &str,
    tx: Option<&(dyn Transaction + '_)>,
) -> Result<()> {
    let store = &tenant.inner.store;
    let view = match tx {
        Some(tx) => tx.describe(run).await?,
        None => store.describe(run).await?,
    };
    let unborn =
        |view: &RunView| matches!(view.placement, Some(Placement::Parked { stuck: None, .. }));
    let Some(view) = view.filter(unborn) else { return Ok(()) };
    let error = Error::new(ErrorKind::Cancelled, format!("the run was cancelled: {reason}"));
    let at = clock::system_time().into();
    let (record, close) = ended_from_outside(RunStatus::Cancelled, &error, at)?;
    let mail: Vec<_> = message_to_parent(run, view.spec.parent, &close).into_iter().collect();
    let ended = match tx {
        Some(tx) => tx.terminate(run, &record, &close, &mail).await?,
        None => store.terminate(run, &record, &close, &mail).await?,
    };
    if ended && tx.is_none() {
        tenant.inner.hints.terminated(run);
    }
    Ok(())
}

impl<'t> IntoFuture for Cancel<'t> {
    type Output = Result<()>;
    type IntoFuture = Pin<Box<dyn Future<Output = Result<()>> + Send + 't>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.run())
    }
}

/// Sends to the run, or to the one that has gone on in its place.
async fn deliver(
    tenant: &Tenant,
    target: &Target,
    tx: Option<&(dyn Transaction + '_)>,
    letter: impl Fn(RunKey) -> OutgoingMessage,
) -> Result<(RunKey, Sent)> {
    let Some(tx) = tx else { return deliver_now(tenant, target, letter).await };
    let run = resolve_within(tenant, target, tx).await?;
    let sent = tx.send(&letter(run)).await?;
    if let Sent::ToOwner(_) | Sent::ToReady = sent {
        tenant.inner.hints.soon(run.shard);
    }
    Ok((run, sent))
}

async fn deliver_now(
    tenant: &Tenant,
    target: &Target,
    letter: impl Fn(RunKey) -> OutgoingMessage,
) -> Result<(RunKey, Sent)> {
    let mut run = resolve(tenant, target).await?;
    let sent = loop {
        match tenant.inner.send(&letter(run)).await {
            Err(error) if error.kind() == ErrorKind::Closed => {
                run = successor(tenant, run).await?.ok_or(error)?;
            }
            other => break other?,
        }
    };
    match sent {
        Sent::ToOwner(worker) => tenant.inner.hints.mail(worker),
        Sent::ToReady => tenant.inner.hints.woken(run),
        Sent::Kept | Sent::Duplicate | Sent::Held => {}
    }
    Ok((run, sent))
}

/// The run that goes on in place of one that has ended.
async fn successor(tenant: &Tenant, run: RunKey) -> Result<Option<RunKey>, Error> {
    let view = tenant.inner.store.describe(run).await?;
    let next = view.and_then(|view| view.successor);
    Ok(next.map(|next| RunKey::of_run(run.tenant, next)))
}
