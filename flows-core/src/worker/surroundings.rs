//! What a worker's tasks run in: nothing of its own, but in a simulation a process that can be
//! killed and frozen, and that hears of every activity.
//!
//! Every task that belongs to a worker is made through [`Surroundings::task`], so that a simulated
//! process has all of them. Without the feature `testing` there is nothing here.

#[cfg(feature = "testing")]
use std::pin::Pin;
#[cfg(feature = "testing")]
use std::sync::Arc;

#[cfg(feature = "testing")]
use futures_util::future::Either;

use crate::definition::PayloadFuture;
use crate::ids::RunKey;

/// One invocation of an activity.
#[derive(Debug, Clone, Copy)]
#[cfg_attr(not(feature = "testing"), expect(dead_code, reason = "only the testing kit listens"))]
pub(crate) struct Invocation {
    pub(crate) run: RunKey,
    pub(crate) name: &'static str,
    pub(crate) op: u32,
    pub(crate) attempt: u32,
}

/// A process that the testing kit puts around a worker.
#[cfg(feature = "testing")]
pub(crate) trait Process: Send + Sync {
    /// A task as it runs in this process.
    fn task(&self, task: TaskFuture) -> TaskFuture;

    /// An activity that is invoked now.
    fn activity(&self, invocation: Invocation, body: PayloadFuture) -> PayloadFuture;
}

#[cfg(feature = "testing")]
pub(crate) type TaskFuture = Pin<Box<dyn Future<Output = ()> + Send>>;

/// The process around a worker, if there is one.
#[derive(Clone, Default)]
pub(crate) struct Surroundings {
    #[cfg(feature = "testing")]
    process: Option<Arc<dyn Process>>,
}

#[cfg(feature = "testing")]
impl Surroundings {
    pub(crate) fn of(process: Arc<dyn Process>) -> Self {
        Self { process: Some(process) }
    }

    pub(crate) fn task<F: Future<Output = ()> + Send + 'static>(
        &self,
        task: F,
    ) -> Either<TaskFuture, F> {
        match &self.process {
            Some(process) => Either::Left(process.task(Box::pin(task))),
            None => Either::Right(task),
        }
    }

    /// Whether time is not the machine's.
    pub(crate) fn are_simulated(&self) -> bool {
        self.process.is_some()
    }

    pub(crate) fn activity(&self, invocation: Invocation, body: PayloadFuture) -> PayloadFuture {
        match &self.process {
            Some(process) => process.activity(invocation, body),
            None => body,
        }
    }
}

#[cfg(not(feature = "testing"))]
impl Surroundings {
    pub(crate) fn task<F: Future<Output = ()> + Send + 'static>(&self, task: F) -> F {
        task
    }

    pub(crate) fn are_simulated(&self) -> bool {
        false
    }

    pub(crate) fn activity(&self, _: Invocation, body: PayloadFuture) -> PayloadFuture {
        body
    }
}
