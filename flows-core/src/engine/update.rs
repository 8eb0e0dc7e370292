//! Requests to running workflows, and their replies.
//!
//! A request is a message with an id of its own. The reply is found by that id, whichever run gives it; who waits for
//! it is woken, as waiters for outcomes are.

use std::future::{Future, IntoFuture};
use std::marker::PhantomData;
use std::pin::Pin;
use std::time::Duration;

use futures_util::future::select;
use serde_json::value::RawValue;
use tokio::sync::oneshot;
use uuid::Uuid;

use super::access::Access;
use super::execution::Target;
use super::layer::{ClientCall, ClientVerb, Layered, layered};
use super::send::deliver;
use super::tenant::Tenant;
use super::waiters::{Asked, FirstNews, News};
use super::{Inner, outcome};
use crate::clock;
use crate::context::Update;
use crate::error::{Error, ErrorKind, Result, TimeoutKind};
use crate::headers::Headers;
use crate::ids::RunKey;
use crate::limits::{check_limit, check_name};
use crate::payload::Payload;
use crate::replay::Envelope;
use crate::store::{
    InTransaction, Inspect, MessageKind, OutgoingMessage, RunStatus, Sent, UpdateState,
    no_such_run, update_token,
};

/// Sends an update, and waits for the reply; await it, or [`send`](Self::send) it and await the reply later.
#[cfg_attr(not(doctest), doc = include_str!("docs/update.md"))]
#[must_use = "nothing is sent unless this is awaited"]
pub struct SendUpdate<'t, U> {
    to: Result<(Access<'t>, Target)>,
    update: Requested<U>,
}

/// An update, as its sender gives it.
pub(super) struct Requested<U> {
    request: Result<Payload>,
    pub(super) dedup: Option<String>,
    pub(super) limit: Option<Duration>,
    pub(super) headers: Headers,
    update: PhantomData<fn() -> U>,
}

/// An update that can be sent, and read back.
pub(super) struct CheckedUpdate<U> {
    payload: Payload,
    dedup: Option<String>,
    pub(super) id: String,
    pub(super) limit: Option<Duration>,
    update: PhantomData<fn() -> U>,
}

impl<U: Update> Requested<U> {
    pub(super) fn new(request: &U) -> Self {
        let (request, dedup, limit) = (Payload::json(request), None, None);
        Self { request, dedup, limit, headers: Headers::default(), update: PhantomData }
    }

    pub(super) fn checked(self, most: usize) -> Result<CheckedUpdate<U>> {
        let Self { request, dedup, limit, headers, update } = self;
        check_name("update name", U::NAME)?;
        check_limit("time limit of an update", limit)?;
        if let Some(key) = &dedup {
            check_name("dedup key", key)?;
        }
        headers.check("the update")?;
        let request = request?.within(most, || format!("request of update `{}`", U::NAME))?;
        let request = RawValue::from_string(request.as_json().unwrap_or_default().to_owned())?;
        let id = dedup.clone().unwrap_or_else(|| clock::uuid_v7().to_string());
        let payload = Payload::json(&Envelope { id: id.clone(), headers, request })?;
        Ok(CheckedUpdate { payload, dedup, id, limit, update })
    }
}

impl<U: Update> CheckedUpdate<U> {
    /// As a message. Its key is none that a signal has.
    pub(super) fn to(&self, run: RunKey) -> OutgoingMessage {
        OutgoingMessage {
            to: run,
            kind: MessageKind::Update,
            name: U::NAME.to_owned(),
            payload: self.payload.clone(),
            dedup: self.dedup.as_ref().map(|key| format!("update\u{1f}{key}")),
        }
    }

    /// The reply that the run will give.
    pub(super) fn pending(self, tenant: Tenant, run: RunKey, first: FirstNews) -> PendingUpdate<U> {
        PendingUpdate { tenant, run, id: self.id, limit: self.limit, first, update: PhantomData }
    }

    /// Where the news of its answer will come, for who is about to send it.
    pub(super) fn first_news(&self, tenant: &Tenant) -> FirstNews {
        tenant.inner.hints.waiters.first_news(update_token(&self.id))
    }
}

impl<'t, U: Update> SendUpdate<'t, U> {
    pub(super) fn new(to: Result<(Tenant, Target)>, request: &U) -> Self {
        let to = to.map(|(tenant, target)| (Access::new(tenant), target));
        Self { to, update: Requested::new(request) }
    }

    /// The deduplication key: the run receives an update with this key once, however often it is sent, and everybody
    /// who sends it gets the same reply, also after a restart or the end of the run.
    pub fn dedup(mut self, key: impl Into<String>) -> Self {
        self.update.dedup = Some(key.into());
        self
    }

    /// A header of the update, which the workflow [reads](crate::context::UpdateRequest::header): see [`Headers`].
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.update.headers.insert(name, value);
        self
    }

    /// How long to wait for the reply; without it, until the run has answered or ended. After the limit the error is a
    /// timeout ([`Error::is_timeout`]), and the update goes on: sent again with its [`dedup`](Self::dedup) key, it waits
    /// for the same reply.
    pub fn timeout(mut self, limit: Duration) -> Self {
        self.update.limit = Some(limit);
        self
    }

    /// Sends the update inside a transaction of the application: the update exists if and when that commits. Use
    /// [`send`](Self::send), commit, and await the reply then.
    pub fn with_tx<S, T: InTransaction<S>>(mut self, tx: &'t T) -> Self {
        self.to = self.to.map(|(access, target)| (access.within(tx), target));
        self
    }

    /// Sends the update without waiting for its reply, which the [`PendingUpdate`] gives.
    ///
    /// # Errors
    /// `NotFound` when there is no such run; `Closed` when it has ended.
    pub async fn send(self) -> Result<PendingUpdate<U>> {
        layered(self).await
    }

    async fn run(self) -> Result<U::Response> {
        if matches!(&self.to, Ok((access, _)) if !access.is_certain()) {
            return Err(before_the_commit());
        }
        self.send().await?.reply().await
    }
}

impl<U: Update> Layered for SendUpdate<'_, U> {
    type Output = PendingUpdate<U>;

    fn access(&self) -> Option<&Access<'_>> {
        self.to.as_ref().ok().map(|(access, _)| access)
    }

    fn describe(&self) -> ClientCall {
        let call = ClientCall::new(ClientVerb::Update, self.access()).named(U::NAME);
        let call = ClientCall { headers: self.update.headers.clone(), ..call };
        match &self.to {
            Ok((_, target)) => call.to(target),
            Err(_) => call,
        }
    }

    fn set_headers(&mut self, headers: Headers) {
        self.update.headers = headers;
    }

    async fn call(self) -> Result<PendingUpdate<U>> {
        let (access, target) = self.to?;
        let update = self.update.checked(access.tenant.inner.payload_limit())?;
        let first = update.first_news(&access.tenant);
        let (run, sent) = deliver(&access, &target, |run| update.to(run)).await?;
        let first = if sent == Sent::Duplicate { FirstNews::default() } else { first };
        Ok(update.pending(access.tenant, run, first))
    }
}

impl<'t, U: Update> IntoFuture for SendUpdate<'t, U> {
    type Output = Result<U::Response>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send + 't>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.run())
    }
}

/// An update that was sent. [`reply`](Self::reply) waits for its reply; dropping it changes nothing for the workflow.
pub struct PendingUpdate<U> {
    tenant: Tenant,
    run: RunKey,
    id: String,
    limit: Option<Duration>,
    /// Before this says so, there is hardly an answer.
    first: FirstNews,
    update: PhantomData<fn() -> U>,
}

impl<U: Update> PendingUpdate<U> {
    /// The update's id: its dedup key, or a random one. The events of the run name it.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Waits for the reply, whichever run gives it: the one that the update was sent to, or one that goes on in its
    /// place.
    ///
    /// # Errors
    /// `Rejected` with the workflow's error, when it has refused the update; `Unanswered` when the workflow has received
    /// the update and dropped it; `Closed` when the run has ended without receiving it; a timeout after
    /// [`SendUpdate::timeout`].
    pub async fn reply(&self) -> Result<U::Response> {
        let answer = wait(&self.tenant.inner, self.run, &self.id, self.first.take());
        let answer = match self.limit {
            Some(limit) => tokio::time::timeout(limit, answer).await.unwrap_or_else(|_| {
                let message = format!(
                    "update `{}` was not answered within {limit:?}; it goes on: sent again with the same \
                     `.dedup(..)` key, it waits for the same reply",
                    U::NAME
                );
                Err(Error::timeout(TimeoutKind::Reply, message))
            }),
            None => answer.await,
        };
        match answer? {
            Answer::Given(Ok(reply)) => Payload::from_json(reply)
                .decode()
                .map_err(|error| error.context_of("reply to update", U::NAME)),
            Answer::Given(Err(error)) => {
                Err(outcome::error(Some(&error)).unwrap_or_else(|| Error::terminal(error)))
            }
            Answer::Ended(run, status) => Err(Error::new(
                ErrorKind::Closed,
                format!("run {run} has ended ({status}) without an answer to update `{}`", U::NAME),
            )),
        }
    }
}

/// The error for who waits inside the transaction that sends.
pub(super) fn before_the_commit() -> Error {
    Error::invalid(
        "an update inside a transaction has no reply before that is committed: send it with \
         `.with_tx(&tx).send()`, commit, then await the reply of what that gives",
    )
}

/// What comes of an update in the end.
enum Answer {
    Given(Result<String, String>),
    /// The last of the runs has ended without one.
    Ended(Uuid, RunStatus),
}

/// What has become of updates, for the batcher.
pub(super) async fn of_each(
    store: &dyn Inspect,
    asked: &[(RunKey, String)],
) -> Result<Vec<Result<UpdateState>>> {
    Ok(store.updates(asked).await?.into_iter().map(Ok).collect())
}

/// Waits for the answer to an update that was sent to a run.
async fn wait(
    inner: &Inner,
    mut run: RunKey,
    id: &str,
    first: Option<oneshot::Receiver<News>>,
) -> Result<Answer> {
    let token = update_token(id);
    let mut pause = outcome::FIRST_PAUSE;
    if let Some(first) = first.filter(|_| !inner.is_under_test())
        && let Asked::Wait(ended) = inner.hints.waiters.ask(run.run)
    {
        inner.listen();
        drop(tokio::time::timeout(pause, select(first, ended)).await);
    }
    loop {
        let answered = inner.hints.waiters.ask(token);
        let ended = inner.hints.waiters.ask(run.run);
        #[cfg(feature = "testing")]
        let state = match inner.waiting.get() {
            Some(waiting) => waiting.wait_for_update(&*inner.store, run, id).await?,
            None => inner.update(run, id).await?,
        };
        #[cfg(not(feature = "testing"))]
        let state = inner.update(run, id).await?;
        match state {
            UpdateState::Answered(answer) => return Ok(Answer::Given(answer)),
            UpdateState::Ended(_, Some(next)) => {
                run = RunKey { run: next, ..run };
                continue;
            }
            UpdateState::Ended(status, None) => return Ok(Answer::Ended(run.run, status)),
            UpdateState::Unknown if pause == outcome::FIRST_PAUSE => {} // its transaction may be about to commit
            UpdateState::Unknown => return Err(no_such_run(&run.run.to_string())),
            UpdateState::Open => {}
        }
        let news = select(news_of(answered), news_of(ended));
        drop(tokio::time::timeout(pause, news).await);
        pause = (pause * 2).min(outcome::LONGEST_PAUSE);
    }
}

/// When it is worthwhile to look.
fn news_of(asked: Asked) -> Pin<Box<dyn Future<Output = ()> + Send>> {
    match asked {
        Asked::Ended(_) => Box::pin(std::future::pending()), // it is looked at anyway
        Asked::Wait(news) => Box::pin(woken(news)),
    }
}

async fn woken(news: oneshot::Receiver<News>) {
    drop(news.await);
}
