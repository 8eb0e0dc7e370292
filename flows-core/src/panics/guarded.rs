//! Futures of the user's whose panics are caught.

use std::pin::Pin;
use std::task::{Context, Poll};

use super::{Caught, catch};

/// A future of the user's: a panic is its result, and what it drops harms nobody else.
pub(crate) struct Guarded<T> {
    future: Option<Pin<Box<dyn Future<Output = T> + Send>>>,
}

impl<T> Guarded<T> {
    pub(crate) fn new(future: Pin<Box<dyn Future<Output = T> + Send>>) -> Self {
        Self { future: Some(future) }
    }

    /// Drops it, wherever it has come.
    pub(crate) fn end(&mut self) -> Result<(), Caught> {
        self.future.take().map_or(Ok(()), |future| catch(|| drop(future)))
    }
}

impl<T> Future for Guarded<T> {
    type Output = Result<T, Caught>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Some(future) = &mut self.future else { return Poll::Pending };
        match catch(|| future.as_mut().poll(cx)) {
            Ok(polled) => polled.map(Ok),
            Err(caught) => Poll::Ready(Err(caught)),
        }
    }
}

impl<T> Drop for Guarded<T> {
    fn drop(&mut self) {
        if let Err(caught) = self.end() {
            tracing::error!("a value of an activity, when dropped, {caught}");
        }
    }
}
