//! Reading the stream of a run: what is there, then what comes, until the run ends.
//!
//! Woken as who waits for an outcome is: by the worker in this process, by a hint of another, and by itself
//! at intervals that grow.

use std::collections::VecDeque;
use std::fmt;
use std::marker::PhantomData;
use std::str::FromStr;
use std::time::Duration;

use futures_util::Stream;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;
use uuid::Uuid;

use super::execution::{AnyWorkflow, Execution};
use super::outcome::{FIRST_PAUSE, LONGEST_PAUSE};
use super::waiters::{Asked, News};
use super::{Inner, Tenant};
use crate::error::{Error, Result};
use crate::ids::RunKey;
use crate::payload::Payload;
use crate::store::{ItemPage, STREAM_PAGE, StoredItem, no_such_run};

/// Where an item stands in a stream: in which run, and at which place of it. As text, it fits where a client
/// says what it has seen last, as the `Last-Event-ID` of server-sent events does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct StreamPosition {
    run: Uuid,
    number: i64,
}

impl fmt::Display for StreamPosition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.run, self.number)
    }
}

impl FromStr for StreamPosition {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let read = |text: &str| {
            let (run, number) = text.split_once(':')?;
            let number = number.parse().ok().filter(|number| *number >= 0)?;
            Some(Self { run: Uuid::parse_str(run).ok()?, number })
        };
        read(text).ok_or_else(|| {
            Error::invalid(format!(
                "`{text:.100}` is no position of a stream: give the text of an item's `position`"
            ))
        })
    }
}

impl TryFrom<String> for StreamPosition {
    type Error = Error;

    fn try_from(text: String) -> Result<Self> {
        text.parse()
    }
}

impl From<StreamPosition> for String {
    fn from(position: StreamPosition) -> Self {
        position.to_string()
    }
}

/// An item of a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct StreamItem<T> {
    /// Where it stands. [`after`](ProgressStream::after) this, others follow.
    pub position: StreamPosition,
    /// What was published.
    pub value: T,
}

/// The items that a run publishes, in order: those that are there, then those that come, until the run has ended.
/// [`Execution::stream`](super::Execution::stream) gives it.
#[must_use = "it reads nothing until you call `next().await`"]
pub struct ProgressStream<T> {
    tenant: Tenant,
    of: Execution<AnyWorkflow>,
    from: Option<StreamPosition>,
    reading: Option<Reading>,
    value: PhantomData<fn() -> T>,
}

/// How far a reader is.
struct Reading {
    run: RunKey,
    next: i64,
    page: VecDeque<StoredItem>,
    /// The run has ended, and this page is its last; with the run that goes on in its place.
    ended: Option<Option<Uuid>>,
    pause: Duration,
}

impl Reading {
    fn of(run: RunKey, next: i64) -> Self {
        Self { run, next, page: VecDeque::new(), ended: None, pause: FIRST_PAUSE }
    }

    fn take(&mut self, page: ItemPage) {
        self.pause = FIRST_PAUSE;
        let is_last = page.items.len() < STREAM_PAGE && !page.status.is_open();
        self.ended = is_last.then_some(page.successor);
        self.page = page.items.into();
    }
}

impl<T> fmt::Debug for ProgressStream<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProgressStream").field("of", &self.of).finish_non_exhaustive()
    }
}

impl<T: DeserializeOwned> ProgressStream<T> {
    pub(super) fn new(tenant: Tenant, of: Execution<AnyWorkflow>) -> Self {
        Self { tenant, of, from: None, reading: None, value: PhantomData }
    }

    /// Begins with the item at this position, instead of the first that is kept.
    pub fn from(mut self, position: StreamPosition) -> Self {
        self.from = Some(position);
        self
    }

    /// Begins behind the item at this position: with what follows the last item that you have seen.
    pub fn after(self, position: StreamPosition) -> Self {
        let number = position.number.saturating_add(1);
        self.from(StreamPosition { number, ..position })
    }

    /// The next item, as soon as there is one; `None` when the run has ended and all items were given. Goes on with
    /// the run that continues, retries or reruns this one. Dropped while it waits, it has lost nothing.
    ///
    /// # Errors
    /// `NotFound` when there is no such run; `Codec` when an item is no `T`: the following call gives the one behind
    /// it.
    pub async fn next(&mut self) -> Result<Option<StreamItem<T>>> {
        if self.reading.is_none() {
            self.reading = Some(self.begin().await?);
        }
        let inner = &*self.tenant.inner;
        let Some(reading) = &mut self.reading else { return Ok(None) };
        loop {
            if let Some(StoredItem { position: number, item }) = reading.page.pop_front() {
                reading.next = number + 1;
                let position = StreamPosition { run: reading.run.run, number };
                let value = Payload::from_json(item).decode();
                let value =
                    value.map_err(|error| error.context_of("item of the stream", &self.of.id()))?;
                return Ok(Some(StreamItem { position, value }));
            }
            match reading.ended {
                Some(Some(next)) => {
                    *reading = Reading::of(RunKey::of_run(reading.run.tenant, next), 0)
                }
                Some(None) => return Ok(None),
                None => look(inner, reading).await?,
            }
        }
    }

    /// The same as a [`Stream`] of results.
    pub fn into_stream(self) -> impl Stream<Item = Result<StreamItem<T>>> + Send {
        futures_util::stream::try_unfold(self, async |mut stream| {
            Ok(stream.next().await?.map(|item| (item, stream)))
        })
    }

    /// Where it begins.
    async fn begin(&self) -> Result<Reading> {
        let own = self.of.existing().await?;
        let Some(from) = self.from else { return Ok(Reading::of(own, 0)) };
        let run = RunKey::of_run(own.tenant, from.run);
        if run != own && !self.leads(run, own).await? && !self.leads(own, run).await? {
            return Err(Error::invalid(format!(
                "the position `{from}` is of another run than `{}`: follow that run, or begin without a position",
                self.of.id()
            )));
        }
        Ok(Reading::of(run, from.number))
    }

    /// Whether a run is continued, or tried again, by another.
    async fn leads(&self, mut run: RunKey, to: RunKey) -> Result<bool> {
        while let Some(outcome) = self.tenant.inner.outcome(run).await? {
            let Some(next) = outcome.successor else { return Ok(false) };
            run = RunKey::of_run(run.tenant, next);
            if run == to {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// Reads on, or waits until there may be something.
async fn look(inner: &Inner, reading: &mut Reading) -> Result<()> {
    inner.listen();
    let news = match inner.hints.readers.ask(reading.run.run) {
        Asked::Wait(news) => Some(news),
        Asked::Ended(_) => None,
    };
    let page = inner.store.read_items(reading.run, reading.next).await?;
    let page = page.ok_or_else(|| no_such_run(&reading.run.run.to_string()))?;
    if !page.items.is_empty() || !page.status.is_open() {
        reading.take(page);
        return Ok(());
    }
    wait(inner, reading.run, news, reading.pause).await?;
    reading.pause = (reading.pause * 2).min(LONGEST_PAUSE);
    Ok(())
}

async fn wait(
    inner: &Inner,
    run: RunKey,
    news: Option<oneshot::Receiver<News>>,
    pause: Duration,
) -> Result<()> {
    let Some(news) = news else { return Ok(()) };
    #[cfg(feature = "testing")]
    if let Some(waiting) = inner.waiting.get() {
        return tokio::select! {
            biased;
            _ = news => Ok(()),
            ended = waiting.wait_for(&*inner.store, run) => ended.map(drop),
        };
    }
    let _ = (inner, run);
    let _ = tokio::time::timeout(pause, news).await;
    Ok(())
}
