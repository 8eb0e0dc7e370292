//! Items that a workflow and its activities publish, for readers who follow the run.

use std::panic::Location;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use serde::Serialize;

use super::activity::ActivityContext;
use super::workflow::WorkflowContext;
use crate::error::{Error, ErrorKind, Result};
use crate::ids::RunKey;
use crate::payload::Payload;

/// The largest item, in bytes of JSON. Not a setting: a replay must decide as the first run did.
const LARGEST: usize = 256 << 10;

/// Where activities publish.
pub(crate) trait Publisher: Send + Sync {
    /// Adds an item to a run's stream.
    fn publish(self: Arc<Self>, run: RunKey, item: String) -> BoxFuture<'static, Result<()>>;
}

impl WorkflowContext {
    /// Adds an item to the run's stream, which [`Execution::stream`](crate::engine::Execution::stream) follows. Each call
    /// adds one item, exactly once: it is written in the commit of the event that has led to the call, or right after
    /// it, before the activities start that the workflow calls then. A replay adds nothing again.
    ///
    /// ```text
    /// ctx.publish(&Step::Charged { cents })?;
    /// ```
    ///
    /// A run keeps its newest 10,000 items and 16 MiB; the oldest go.
    ///
    /// # Errors
    /// A value that cannot be stored and read back, or has more than 256 KiB of JSON.
    #[track_caller]
    pub fn publish<T: Serialize + ?Sized>(&self, item: &T) -> Result<()> {
        let site = Location::caller();
        self.calls(CALL, site);
        let item = encoded(item)?;
        self.shared().bounds.bytes(item.len(), || CALL.to_owned(), site);
        self.shared().lock().publish_item(item);
        Ok(())
    }
}

impl ActivityContext {
    /// Adds an item to the run's stream, which [`Execution::stream`](crate::engine::Execution::stream) follows; await it:
    /// then the item is written, and readers are woken. Calls that come while others are being written share a
    /// transaction.
    ///
    /// An attempt that is retried publishes again, so readers may see an item more than once; what was published by
    /// an attempt that failed stays. If the run has ended meanwhile, nothing is written.
    ///
    /// ```text
    /// while let Some(token) = model.next().await? {
    ///     ctx.publish(&token).await?;
    /// }
    /// ```
    ///
    /// # Errors
    /// A value that cannot be stored and read back, or has more than 256 KiB of JSON; a database that does not answer.
    pub fn publish<T: Serialize + ?Sized>(
        &self,
        item: &T,
    ) -> impl Future<Output = Result<()>> + Send + use<T> {
        let item = encoded(item);
        let run = RunKey::of_run(self.tenant_id(), self.run_id());
        let publisher = self.publisher();
        async move {
            let item = item?;
            match publisher {
                Some(publisher) => publisher.publish(run, item).await,
                None => Ok(()), // a unit test of the activity
            }
        }
    }
}

fn encoded<T: Serialize + ?Sized>(item: &T) -> Result<String> {
    let item = Payload::published(item)?.within(LARGEST, || "item of a stream".to_owned())?;
    let text = item.as_json().map(str::to_owned);
    text.ok_or_else(|| Error::new(ErrorKind::Codec, "an item of a stream is not JSON"))
}

const CALL: &str = "`ctx.publish(..)`";
