//! What a test puts between a worker and the activities that it runs.

use std::sync::Arc;

use uuid::Uuid;

use crate::context::ActivityContext;
use crate::definition::{ActivityDef, PayloadFuture};
use crate::payload::Payload;
use crate::replay::ChangedInput;

/// Stands in front of the activities of a worker.
pub(crate) trait Interceptor: std::fmt::Debug + Send + Sync {
    /// One attempt: the activity's body, or what stands in for it.
    fn invoke(
        self: Arc<Self>,
        def: &ActivityDef,
        context: ActivityContext,
        input: Payload,
    ) -> PayloadFuture;

    /// Says of a changed input what it was, what it is, and why that may be.
    fn explain(&self, run: Uuid, changed: &ChangedInput) -> String;
}
