//! What several suites share: workers that live as long as a test needs them, and waiting for what is so at
//! last and nobody announces. Each suite includes this file.

#![allow(dead_code, reason = "each suite uses a part")]

use std::panic::Location;
use std::time::Instant;

use flows::prelude::*;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tracing::instrument::WithSubscriber;

/// In real time, however much virtual time goes by: far longer than anything takes.
const LIMIT: Duration = Duration::from_secs(300);

/// Looks until something is so that nobody announces.
#[track_caller]
pub(crate) fn until(
    mut is_so: impl AsyncFnMut() -> Result<bool>,
) -> impl Future<Output = Result<()>> {
    let caller = Location::caller();
    async move {
        let begun = Instant::now();
        while !is_so().await? {
            assert!(begun.elapsed() < LIMIT, "{caller}: not so after {LIMIT:?}");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        Ok(())
    }
}

/// A worker that runs; it dies with its handle.
pub(crate) struct Serving {
    stop: oneshot::Sender<()>,
    task: JoinHandle<Result<()>>,
}

impl Serving {
    pub(crate) fn begin(worker: Worker) -> Self {
        let (stop, stopped) = oneshot::channel();
        Self { stop, task: tokio::spawn(async move { worker.run_until(stopped).await }) }
    }

    /// The same, with a log of its own.
    pub(crate) fn begin_logging(worker: Worker, log: impl Into<tracing::Dispatch>) -> Self {
        let (stop, stopped) = oneshot::channel();
        let serving = async move { worker.run_until(stopped).await };
        Self { stop, task: tokio::spawn(serving.with_subscriber(log)) }
    }

    /// Asks it to stop, and waits until it has.
    pub(crate) async fn stop(self) -> Result<()> {
        drop(self.stop);
        self.task.await?
    }

    /// It dies without notice: nothing is released.
    pub(crate) async fn die(self) {
        self.task.abort();
        assert!(self.task.await.is_err_and(|error| error.is_cancelled()), "it was alive");
    }
}

/// Runs a worker for as long as this takes.
pub(crate) async fn served<T>(worker: Worker, test: impl Future<Output = Result<T>>) -> Result<T> {
    let (stop, stopped) = oneshot::channel::<()>();
    let (served, result) = tokio::join!(worker.run_until(stopped), async {
        let result = test.await;
        drop(stop);
        result
    });
    served?;
    result
}
