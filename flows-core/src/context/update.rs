//! Updates: requests that a run receives from outside, and answers.

use std::marker::PhantomData;
use std::ops::Deref;
use std::panic::Location;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::op::OpHandle;
use super::workflow::WorkflowContext;
use crate::durable::sealed::Sealed;
use crate::error::{Error, ErrorKind, Result};
use crate::headers::Headers;
use crate::journal::StoredError;
use crate::limits::check_name;
use crate::payload::Payload;
use crate::replay::watch::Place;
use crate::replay::{Envelope, Shared, Stuck, UpdateSource};

/// A typed request to a running workflow, with the type of its response; `#[update]` implements it.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no update",
    label = "the type of an update is wanted",
    note = "an update is a type of its own: write `#[update(response = ..)]` above `struct AddItem {{ .. }}`, and name \
            that type here"
)]
pub trait Update: Serialize + DeserializeOwned + Send + 'static {
    /// The update's name.
    const NAME: &'static str;
    /// What the workflow replies.
    type Response: Serialize + DeserializeOwned + Send + 'static;
    /// What the workflow refuses it with; the library's error, unless `error = ..` names one of the application's.
    type Error: Into<Error>;

    /// Adds its value to an error of that type.
    #[doc(hidden)]
    fn complete_error(error: Error) -> Error {
        error
    }
}

/// The library's error of what the workflow has refused an update with.
fn refusal<U: Update>(error: impl Into<U::Error>) -> Error {
    let error: U::Error = error.into();
    U::complete_error(error.into())
}

/// What decides whether an update is accepted.
type Validator<'v, U> = Box<dyn Fn(&U) -> Result<()> + Send + 'v>;

/// Waits for the next update of a type.
#[must_use = "without `.await` no update is received: write `.await` behind it"]
pub struct UpdateFuture<'v, U> {
    handle: OpHandle,
    name: &'static str,
    refused: Option<Error>,
    validator: Option<Validator<'v, U>>,
    source: Option<UpdateSource>,
    asked: bool,
    /// How it is received. Said once, where it is asked for, so that a type which is no update is one error.
    accept: Accept<U>,
}

/// How an update is received: who asks for it, what was sent, from where, and who may refuse it.
type Accept<U> = fn(
    &Asking<'_>,
    &Payload,
    UpdateSource,
    Option<&Validator<'_, U>>,
) -> Option<Result<UpdateRequest<U>>>;

impl<'v, U: Update> UpdateFuture<'v, U> {
    pub(super) fn new(ctx: &WorkflowContext, site: &'static Location<'static>) -> Self {
        let handle = OpHandle::new(ctx.shared(), site, || format!("update `{}`", U::NAME));
        let refused = check_name("update name", U::NAME).err();
        let accept: Accept<U> =
            |asking, sent, source, validator| asking.accept(sent, source, validator);
        Self { handle, name: U::NAME, refused, validator: None, source: None, asked: false, accept }
    }

    /// Decides whether a request is accepted, before the workflow receives it. One that it refuses leaves no trace in
    /// the journal: its sender gets the error, and the workflow goes on waiting. A request that was accepted is not
    /// asked about again in a replay. So the validator only looks: at the request, and at what the workflow knows. One
    /// that calls an activity, draws a random number or changes anything else of the run stops the run.
    ///
    /// ```text
    /// let add = ctx.update::<AddItem>().validate(|add| in_stock(&stock, add)).await?;
    /// ```
    pub fn validate<'w, E>(
        self,
        accepts: impl Fn(&U) -> Result<(), E> + Send + 'w,
    ) -> UpdateFuture<'w, U>
    where
        E: Into<U::Error>,
        'v: 'w,
    {
        let validator: Validator<'w, U> =
            Box::new(move |request| accepts(request).map_err(refusal::<U>));
        UpdateFuture { validator: Some(validator), ..self }
    }
}

impl<U> UpdateFuture<'_, U> {
    /// Asks for an update, once; says where it comes from, if it is there.
    fn ask(&mut self) {
        if !std::mem::replace(&mut self.asked, true) {
            let (site, name) = (self.handle.site(), self.name);
            let mut source = None;
            self.handle.open(|state, op| source = state.wait_update(op, name, site));
            self.found(source);
        }
    }

    fn found(&mut self, source: Option<UpdateSource>) {
        if source.is_some() {
            self.handle.shared().bounds.refund(); // what has arrived ends sometime
        }
        self.source = source;
    }
}

/// Who asks for an update: an operation.
struct Asking<'a> {
    shared: &'a Arc<Shared>,
    op: u32,
    site: Place,
}

impl Asking<'_> {
    /// The request for the workflow; none, if it is refused.
    fn accept<U: Update>(
        &self,
        sent: &Payload,
        source: UpdateSource,
        validator: Option<&Validator<'_, U>>,
    ) -> Option<Result<UpdateRequest<U>>> {
        let (id, headers, request) = match read::<U>(sent) {
            Ok(read) => read,
            Err(error) if source == UpdateSource::Accepted => {
                let stuck = Stuck::new(format!("{error}; deploy a build that can read it"));
                self.shared.lock().mismatch.get_or_insert(stuck);
                return Some(Err(error));
            }
            Err(error) => {
                let id = sent.decode::<Envelope>().map(|sent| sent.id).unwrap_or_default();
                self.shared.lock().refuse(source, id, &error.into_rejection());
                return None;
            }
        };
        if source != UpdateSource::Accepted
            && let Err(error) = self.validated(&request, validator)
        {
            let error = error.into_rejection().within(self.shared.info.payload_limit);
            self.shared.lock().refuse(source, id, &error);
            return None;
        }
        self.shared.lock().accept(self.op, U::NAME, source, sent);
        let reply = Replier::new(Arc::clone(self.shared), id, self.op, self.site);
        Some(Ok(UpdateRequest { request, headers, reply }))
    }

    /// Asks the validator, which must leave no trace.
    fn validated<U: Update>(
        &self,
        request: &U,
        validator: Option<&Validator<'_, U>>,
    ) -> Result<()> {
        let Some(validator) = validator else { return Ok(()) };
        let before = self.shared.lock().traces();
        let valid = validator(request);
        let mut state = self.shared.lock();
        if state.traces() != before {
            let stuck = Stuck::new(format!(
                "the validator of update `{}` has used the workflow's context for more than a look: a validator \
                 leaves no trace, so a replay could not repeat that. Do it behind `.await`",
                U::NAME
            ));
            state.mismatch.get_or_insert(stuck);
        }
        valid
    }
}

impl<U> Future for UpdateFuture<'_, U> {
    type Output = Result<UpdateRequest<U>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        if let Some(error) = self.refused.take() {
            return Poll::Ready(Err(error));
        }
        self.ask();
        loop {
            let sent = match ready!(self.handle.poll(cx)) {
                Ok(sent) => sent,
                Err(error) => return Poll::Ready(Err(error)),
            };
            let op = self.handle.op();
            let source = self.source.take();
            let source = source.unwrap_or_else(|| self.handle.shared().lock().source_of(op));
            let (site, name) = (self.handle.site(), self.name);
            let asking = Asking { shared: self.handle.shared(), op, site };
            if let Some(accepted) = (self.accept)(&asking, &sent, source, self.validator.as_ref()) {
                return Poll::Ready(accepted);
            }
            let mut next = None;
            self.handle.open(|state, op| next = state.wait_update_again(op, name, site));
            self.found(next);
        }
    }
}

impl<U> Sealed for UpdateFuture<'_, U> {}

/// An update that the workflow has received: read it, and answer it once.
///
/// It dereferences to the request. [`reply`](Self::reply) or [`reject`](Self::reject) answers it, now or turns later.
/// If it is dropped without an answer, also because the workflow ends, its sender gets an error of the kind
/// [`Unanswered`](crate::ErrorKind::Unanswered).
#[must_use = "an update that is dropped without an answer is an error for its sender: call `.reply(..)` or `.reject(..)`"]
pub struct UpdateRequest<U> {
    request: U,
    headers: Headers,
    reply: Replier<U>,
}

impl<U: Update> UpdateRequest<U> {
    /// Answers it. What is larger than a payload may be, or cannot be encoded, is an error for its sender.
    pub fn reply(self, response: U::Response) {
        self.reply.reply(response);
    }

    /// Refuses it: its sender gets this error, with the kind [`Rejected`](crate::ErrorKind::Rejected) and, of a type that
    /// serde can write and read, with its value ([`Error::details`]).
    pub fn reject(self, error: impl Into<U::Error>) {
        self.reply.reject(error);
    }

    /// A header that its sender gave it.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)
    }

    /// The request, and what answers it.
    pub fn into_parts(self) -> (U, Replier<U>) {
        (self.request, self.reply)
    }
}

impl<U> Deref for UpdateRequest<U> {
    type Target = U;

    fn deref(&self) -> &U {
        &self.request
    }
}

/// Answers one update, once.
#[must_use = "an update that is dropped without an answer is an error for its sender: call `.reply(..)` or `.reject(..)`"]
pub struct Replier<U> {
    /// Until it has answered.
    open: Option<(Arc<Shared>, String)>,
    name: &'static str,
    op: u32,
    site: Place,
    update: PhantomData<fn() -> U>,
}

impl<U: Update> Replier<U> {
    fn new(shared: Arc<Shared>, id: String, op: u32, site: Place) -> Self {
        Self { open: Some((shared, id)), name: U::NAME, op, site, update: PhantomData }
    }

    /// See [`UpdateRequest::reply`].
    pub fn reply(mut self, response: U::Response) {
        let Some((shared, _)) = &self.open else { return };
        let limit = shared.info.payload_limit;
        let reply = Payload::json_output(&response)
            .and_then(|reply| reply.within(limit, || format!("reply to update `{}`", U::NAME)));
        self.answer(reply);
    }

    /// See [`UpdateRequest::reject`].
    pub fn reject(mut self, error: impl Into<U::Error>) {
        self.answer(Err(refusal::<U>(error).into_rejection()));
    }
}

impl<U> Replier<U> {
    fn answer(&mut self, reply: Result<Payload>) {
        let Some((shared, id)) = self.open.take() else { return };
        let reply =
            reply.map_err(|error| StoredError::from(&error.within(shared.info.payload_limit)));
        shared.lock().reply(id, reply, Some((self.op, self.name, self.site)));
    }
}

impl<U> Drop for Replier<U> {
    fn drop(&mut self) {
        if self.open.is_some() {
            let message = format!(
                "the workflow has received update `{}` and dropped it without an answer; its request may have had \
                 effects",
                self.name
            );
            self.answer(Err(Error::new(ErrorKind::Unanswered, message)));
        }
    }
}

impl WorkflowContext {
    /// Waits for the next update of a type that has `#[update]`, which may have arrived before. Updates of a type are
    /// received in the order of their commits, each once; they stay with the run until it asks for them.
    ///
    /// ```text
    /// let add = ctx.update::<AddItem>().await?;
    /// items.push(add.item.clone());
    /// add.reply(items.len());
    /// ```
    #[track_caller]
    pub fn update<U: Update>(&self) -> UpdateFuture<'static, U> {
        UpdateFuture::new(self, Location::caller())
    }

    /// Takes the next update of a type, if one has arrived. One that cannot be read is refused.
    ///
    /// # Errors
    /// When no update can have the type's name.
    #[track_caller]
    pub fn try_update<U: Update>(&self) -> Result<Option<UpdateRequest<U>>> {
        let (shared, site) = (self.shared(), Location::caller());
        let op = shared.lock().next_op();
        loop {
            let next = shared.lock().next_update(op, U::NAME);
            let Some((source, sent)) = next else {
                self.calls("`ctx.try_update(..)`", site);
                return check_name("update name", U::NAME).map(|()| None);
            };
            let asking = Asking { shared, op, site };
            if let Some(accepted) = asking.accept::<U>(&sent, source, None) {
                return accepted.map(Some);
            }
        }
    }
}

/// The id, the headers and the request of an update's message. The error says what was sent instead.
fn read<U: Update>(sent: &Payload) -> Result<(String, Headers, U)> {
    let sent: Envelope = sent.decode()?;
    match sent.request().decode() {
        Ok(request) => Ok((sent.id, sent.headers, request)),
        Err(error) => {
            let message = format!(
                "update `{}` was sent as something else than the workflow receives: {}; with one `#[update]` type, \
                 both sides agree",
                U::NAME,
                error.message(),
            );
            Err(error.with_message(message))
        }
    }
}
