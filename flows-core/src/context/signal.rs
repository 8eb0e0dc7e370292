//! Signals: values that reach a run from outside, by name, in order.

use std::marker::PhantomData;
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll};

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::op::OpHandle;
use super::workflow::WorkflowContext;
use crate::durable::sealed::Sealed;
use crate::error::{Error, Result};
use crate::limits::check_name;

/// A typed signal; `#[signal]` implements it.
pub trait Signal: Serialize + DeserializeOwned + Send + 'static {
    /// The signal's name.
    const NAME: &'static str;
}

/// Waits for the next signal of a name, from the moment of the call.
#[must_use = "a signal is only received when it is awaited"]
pub struct SignalFuture<T> {
    handle: OpHandle,
    name: String,
    refused: Option<Error>,
    value: PhantomData<fn() -> T>,
}

impl<T: DeserializeOwned> SignalFuture<T> {
    pub(super) fn new(ctx: &WorkflowContext, name: &str, site: &'static Location<'static>) -> Self {
        let mut handle = OpHandle::new(ctx.shared(), site, || format!("signal `{name}`"));
        let refused = check_name("signal name", name).err();
        let mut arrived = false;
        if refused.is_none() {
            handle.open(|state, op| arrived = state.wait_signal(op, name, site));
        }
        if arrived {
            ctx.shared().bounds.refund(); // what has arrived ends sometime
        }
        Self { handle, name: name.to_owned(), refused, value: PhantomData }
    }
}

impl<T: DeserializeOwned> Future for SignalFuture<T> {
    type Output = Result<T>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<T>> {
        if let Some(error) = self.refused.take() {
            return Poll::Ready(Err(error));
        }
        self.handle
            .poll(cx)
            .map(|payload| payload?.decode().map_err(|e| e.context_of("signal", &self.name)))
    }
}

impl<T: DeserializeOwned> Sealed for SignalFuture<T> {}
