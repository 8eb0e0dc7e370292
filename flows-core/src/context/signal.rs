//! Signals: values that a run receives from outside, by name, in order.

use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll};

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::op::OpHandle;
use super::workflow::WorkflowContext;
use crate::durable::sealed::Sealed;
use crate::error::{Error, Result};
use crate::headers::Headers;
use crate::limits::check_name;
use crate::payload::Payload;
use crate::replay::Shared;

/// A typed signal; `#[signal]` implements it.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no signal type",
    label = "the type of a signal is wanted",
    note = "write `#[signal]` above a `struct` of yours and name that; a value without such a type is received with \
            `ctx.signal(\"name\")`, and sent with `signal(\"name\", &value)`"
)]
pub trait Signal: Serialize + DeserializeOwned + Send + 'static {
    /// The signal's name.
    const NAME: &'static str;
}

/// Waits for the next signal of a name, from the moment of the call.
#[must_use = "without `.await` no signal is received: write `.await` behind it"]
pub struct SignalFuture<T> {
    handle: OpHandle,
    name: String,
    refused: Option<Error>,
    /// How it is read. Said once, where it is asked for, so that a type which cannot be read is one error.
    decode: Decode<T>,
}

/// How a signal is read: what was sent, its name, and who receives it.
type Decode<T> = fn(&Payload, &str, &Shared) -> Result<T>;

impl<T> SignalFuture<T> {
    pub(super) fn new(ctx: &WorkflowContext, name: &str, site: &'static Location<'static>) -> Self
    where
        T: DeserializeOwned,
    {
        let mut handle = OpHandle::new(ctx.shared(), site, || format!("signal `{name}`"));
        let refused = check_name("signal name", name).err();
        let mut arrived = false;
        if refused.is_none() {
            handle.open(|state, op| arrived = state.wait_signal(op, name, site));
        }
        if arrived {
            ctx.shared().bounds.refund(); // what has arrived ends sometime
        }
        Self { handle, name: name.to_owned(), refused, decode: decode::<T> }
    }
}

impl<T: DeserializeOwned> SignalFuture<T> {
    /// Receives the signal with its headers: those that its sender gave it, or of the run that sent it.
    ///
    /// ```text
    /// let (approved, headers) = ctx.signal::<bool>("approval").with_headers().await?;
    /// let by = headers.get("user").unwrap_or("somebody");
    /// ```
    pub fn with_headers(self) -> SignalFuture<(T, Headers)> {
        let Self { handle, name, refused, .. } = self;
        SignalFuture { handle, name, refused, decode: decode_with_headers::<T> }
    }
}

impl<T> Future for SignalFuture<T> {
    type Output = Result<T>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<T>> {
        if let Some(error) = self.refused.take() {
            return Poll::Ready(Err(error));
        }
        let decode = self.decode;
        self.handle.poll(cx).map(|payload| decode(&payload?, &self.name, self.handle.shared()))
    }
}

/// The longest value of a signal that its error shows.
const SHOWN: usize = 100;

/// A signal with its headers.
fn decode_with_headers<T: DeserializeOwned>(
    sent: &Payload,
    name: &str,
    to: &Shared,
) -> Result<(T, Headers)> {
    match sent.split_headers() {
        Some((headers, sent)) => Ok((decode(&sent, name, to)?, headers)),
        None => Ok((decode(sent, name, to)?, Headers::default())),
    }
}

/// A signal as what the workflow receives it as, whatever its headers. The error says what was sent instead, and to whom.
pub(super) fn decode<T: DeserializeOwned>(sent: &Payload, name: &str, to: &Shared) -> Result<T> {
    let decoded = match sent.split_headers() {
        Some((_, sent)) => sent.decode(),
        None => sent.decode(),
    };
    decoded.map_err(|error| {
        let (run, workflow) = (to.info.key.run, &to.info.workflow);
        let run = to.info.workflow_id.as_deref().map_or_else(|| run.to_string(), str::to_owned);
        let text = format!("{sent:?}");
        let shown = match text.char_indices().nth(SHOWN) {
            Some((at, _)) => format!("{}…", &text[..at]),
            None => text,
        };
        let message = format!(
            "signal `{name}` of run `{run}` (workflow `{workflow}`) was sent as {} `{shown}`: {}; \
             send what the workflow receives: with one `#[signal]` type, both sides agree",
            kind_of(sent),
            error.message(),
        );
        error.with_message(message)
    })
}

/// What a JSON value is; its Rust type stays with the sender.
fn kind_of(sent: &Payload) -> &'static str {
    match sent.as_json().and_then(|json| json.trim_start().bytes().next()) {
        Some(b'{') => "the object",
        Some(b'[') => "the list",
        Some(b'"') => "the string",
        Some(b't' | b'f') => "the boolean",
        Some(b'n') => "the empty value",
        Some(_) => "the number",
        None => "the bytes",
    }
}

impl<T> Sealed for SignalFuture<T> {}
