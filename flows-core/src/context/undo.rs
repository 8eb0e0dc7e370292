//! Undoing the steps of sagas: in reverse, one after the other, out of reach of cancellation.

use std::pin::Pin;
use std::sync::Arc;

use super::cancel::Shield;
use crate::error::{Error, ErrorKind};
use crate::replay::{NotUndone, SagaStep, Shared};

/// Undoes steps because of an error; returns it, with what could not be undone.
pub(crate) async fn undo(
    shared: Arc<Shared>,
    steps: Vec<Box<dyn SagaStep>>,
    cause: Error,
) -> Error {
    let (count, mut left) = (steps.len(), Vec::new());
    for step in steps {
        let undoing = Shield::around(&shared, step.undo(&shared));
        left.extend(undoing.await.err());
    }
    if left.is_empty() { cause } else { incomplete(cause, count, &left) }
}

/// A run that could not be undone has failed, whatever the cause: it is not tried again on top of what
/// is left, and somebody has to look at it.
fn incomplete(cause: Error, count: usize, left: &[NotUndone]) -> Error {
    let each = |NotUndone { step, by, error }: &NotUndone| {
        format!("`{step}` (by `{by}`): {}", error.message())
    };
    let each: Vec<_> = left.iter().map(each).collect();
    let message = format!(
        "{}; {} of {count} steps could not be undone: {}",
        cause.message(),
        left.len(),
        each.join("; ")
    );
    cause.into_failure().with_message(message)
}

/// The end of a workflow's code; when it is dropped, nothing is left to be undone.
pub(crate) struct CodeEnd(Arc<Shared>);

impl CodeEnd {
    pub(crate) fn of(shared: &Arc<Shared>) -> Self {
        Self(Arc::clone(shared))
    }

    /// What the run fails with, when all that it has left open is undone.
    pub(crate) async fn undone(&self, cause: Error) -> Error {
        let goes_on = cause.kind() == ErrorKind::ContinueAsNew;
        if goes_on || self.0.sagas.is_empty() {
            return cause;
        }
        let undoing: Pin<Box<dyn Future<Output = Error> + Send>> =
            Box::pin(undo(Arc::clone(&self.0), self.0.sagas.take_all(), cause));
        undoing.await
    }
}

impl Drop for CodeEnd {
    fn drop(&mut self) {
        drop(self.0.sagas.take_all());
    }
}
