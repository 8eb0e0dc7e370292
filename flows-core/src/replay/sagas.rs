//! What a run has done and can undo, until its code has come to its end.
//!
//! Steps hold calls, which hold the state that this belongs to: whoever ends a run's code takes them
//! out, or neither would ever be freed.

use std::pin::Pin;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::machine::Shared;
use crate::error::Error;

/// A step of a saga: done, or in doubt because its call was dropped.
pub(crate) trait SagaStep: Send {
    /// Undoes it, if it was done.
    fn undo(self: Box<Self>, shared: &Arc<Shared>) -> Undoing;
}

/// The work of undoing one step.
pub(crate) type Undoing = Pin<Box<dyn Future<Output = Result<(), NotUndone>> + Send>>;

/// A step that was done and could not be undone.
pub(crate) struct NotUndone {
    /// The activity, and the one that should have undone it.
    pub(crate) step: &'static str,
    pub(crate) by: &'static str,
    pub(crate) error: Error,
}

/// The steps of all sagas of a run, in the order in which they were done.
#[derive(Default)]
pub(crate) struct Sagas {
    begun: AtomicU32,
    steps: Mutex<Vec<(u32, Box<dyn SagaStep>)>>,
}

impl Sagas {
    /// The number of a new saga.
    pub(crate) fn begin(&self) -> u32 {
        self.begun.fetch_add(1, Relaxed)
    }

    pub(crate) fn add(&self, saga: u32, step: Box<dyn SagaStep>) {
        self.steps().push((saga, step));
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.steps().is_empty()
    }

    /// Takes the steps of one saga, the last first.
    pub(crate) fn take(&self, saga: u32) -> Vec<Box<dyn SagaStep>> {
        let mut steps = self.steps();
        let (own, others) =
            std::mem::take(&mut *steps).into_iter().partition(|(of, _)| *of == saga);
        *steps = others;
        newest_first(own)
    }

    /// Takes the steps of all sagas, the last first.
    pub(crate) fn take_all(&self) -> Vec<Box<dyn SagaStep>> {
        newest_first(std::mem::take(&mut *self.steps()))
    }

    fn steps(&self) -> MutexGuard<'_, Vec<(u32, Box<dyn SagaStep>)>> {
        self.steps.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn newest_first(steps: Vec<(u32, Box<dyn SagaStep>)>) -> Vec<Box<dyn SagaStep>> {
    steps.into_iter().rev().map(|(_, step)| step).collect()
}
