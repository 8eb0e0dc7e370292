//! Waiting for the end of a run: woken, not polled.
//!
//! The wake-up comes from a worker of this process, or as a hint from another. Hints can be lost,
//! so a waiter also looks by itself, at intervals that grow.

use std::collections::HashMap;
use std::time::Duration;

use tokio::sync::oneshot;

use super::Inner;
use super::waiters::{Asked, News};
use crate::error::{Error, ErrorKind, ErrorRecord, Result};
use crate::ids::RunKey;
use crate::payload::Payload;
use crate::payload::envelope::unread;
use crate::store::{Inspect, Outcome, RunStatus, no_such_run};

/// How long a waiter trusts to be woken before it looks by itself.
pub(super) const FIRST_PAUSE: Duration = Duration::from_millis(250);
/// The longest interval between two looks of a waiter.
pub(super) const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// The outcomes of runs, for the batcher.
pub(super) async fn of_each(
    store: &dyn Inspect,
    runs: &[RunKey],
) -> Result<Vec<Result<Option<Outcome>>>> {
    let found = store.outcomes(runs).await?;
    let mut found: HashMap<_, _> = found.into_iter().collect();
    Ok(runs.iter().map(|run| Ok(found.get_mut(run).map(|outcome| outcome.clone()))).collect())
}

/// Waits until the run, or whatever run goes on in its place, has ended. Unless it is certain, the
/// waiter looks whether there is such a run at all.
/// `news` comes from whoever has the run in this process.
pub(super) async fn wait(
    inner: &Inner,
    mut run: RunKey,
    mut certain: bool,
    mut news: Option<oneshot::Receiver<News>>,
) -> Result<Outcome> {
    loop {
        let outcome = wait_for_one(inner, run, certain, news.take()).await?;
        match outcome.successor {
            Some(next) => run = RunKey::of_run(run.tenant, next),
            None => return Ok(outcome),
        }
        certain = true;
    }
}

/// How the engine of a test waits: for workers, and for outcomes.
#[cfg(feature = "testing")]
pub(crate) trait Waiting: Send + Sync {
    /// Waits for the end of one run.
    fn wait_for<'a>(
        &'a self,
        store: &'a dyn crate::store::Store,
        run: RunKey,
    ) -> futures_util::future::BoxFuture<'a, Result<Outcome>>;

    /// Waits until an update that was sent to a run is answered, or the run has ended.
    fn wait_for_update<'a>(
        &'a self,
        store: &'a dyn crate::store::Store,
        run: RunKey,
        id: &'a str,
    ) -> futures_util::future::BoxFuture<'a, Result<crate::store::UpdateState>>;

    /// Waits until a worker of the test is there: it may own a run from its start.
    fn until_served(&self) -> futures_util::future::BoxFuture<'_, ()>;
}

async fn wait_for_one(
    inner: &Inner,
    run: RunKey,
    certain: bool,
    first: Option<oneshot::Receiver<News>>,
) -> Result<Outcome> {
    #[cfg(feature = "testing")]
    if let Some(waiting) = inner.waiting.get() {
        return waiting.wait_for(&*inner.store, run).await;
    }
    let mut pause = FIRST_PAUSE;
    if let Some(first) = first
        && let Ok(Ok(Some(outcome))) = tokio::time::timeout(pause, first).await
    {
        return Ok(outcome);
    }
    loop {
        let news = match inner.hints.waiters.ask(run.run) {
            Asked::Ended(outcome) => return Ok(outcome),
            Asked::Wait(news) => news,
        };
        if let Some(outcome) = inner.outcome(run).await? {
            return Ok(outcome);
        }
        if let Ok(Ok(Some(outcome))) = tokio::time::timeout(pause, news).await {
            return Ok(outcome);
        }
        let doubtful = !certain && pause == FIRST_PAUSE;
        if doubtful && inner.store.describe(run).await?.is_none() {
            return Err(no_such_run(&run.run.to_string()));
        }
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// The output of a run that has ended, or its error.
pub(super) fn output(outcome: Outcome) -> Result<Payload> {
    if outcome.status == RunStatus::Completed {
        return Ok(Payload::from_json(outcome.output.unwrap_or_else(|| "null".into())));
    }
    Err(error(outcome.error.as_deref()).unwrap_or_else(|| {
        Error::new(ErrorKind::Terminal, format!("the run has ended as {}", outcome.status))
    }))
}

/// An error column's content.
pub(super) fn error(json: Option<&str>) -> Option<Error> {
    let json = json?;
    let record = serde_json::from_str::<ErrorRecord>(json);
    let unknown = || unread(json.as_bytes()).unwrap_or_else(|| Error::terminal(json.to_owned()));
    Some(record.map_or_else(|_| unknown(), Error::from))
}
