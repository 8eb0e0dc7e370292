//! One local value that is computed once and recorded.

use std::pin::Pin;
use std::task::{Context, Poll};

use crate::durable::sealed::Sealed;
use crate::error::Result;

/// The value of a side effect; ready at once.
#[must_use = "the value comes with `.await`: write `.await` behind it"]
pub struct SideEffect<T> {
    value: Option<Result<T>>,
}

impl<T> SideEffect<T> {
    pub(super) fn new(value: Result<T>) -> Self {
        Self { value: Some(value) }
    }
}

impl<T> Unpin for SideEffect<T> {}

impl<T> Future for SideEffect<T> {
    type Output = Result<T>;

    fn poll(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<T>> {
        self.value.take().map_or(Poll::Pending, Poll::Ready)
    }
}

impl<T> Sealed for SideEffect<T> {}
