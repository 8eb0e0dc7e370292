//! Layers around the attempts of activities.
//!
//! A trait of the library's own, not `tower`'s: a `Service` is generic over its request and answer and takes
//! `&mut self` and `poll_ready`, while attempts have their types erased, share their layers, and have slots of their
//! own; all that would be left of it is this one method.

use std::fmt;
use std::future::Future;
use std::sync::Arc;

use crate::context::ActivityContext;
use crate::definition::PayloadFuture;
use crate::error::Result;
use crate::payload::Payload;

/// Stands around each attempt of each activity of a worker: times it, logs it, refuses it, wraps its errors.
/// [`WorkerBuilder::activity_layer`](super::WorkerBuilder::activity_layer) adds one.
///
/// ```
/// use flows_core::worker::{ActivityLayer, NextActivity};
/// use flows_core::{ActivityContext, Error, Payload, Result};
///
/// struct KnownUsers;
///
/// impl ActivityLayer for KnownUsers {
///     async fn around(&self, ctx: &ActivityContext, next: NextActivity) -> Result<Payload> {
///         let Some(user) = ctx.header("user") else {
///             return Err(Error::terminal("nobody has asked for this"));
///         };
///         let result = next.run().await;
///         println!("{} for {user}, attempt {}: {result:?}", ctx.activity_name(), ctx.attempt());
///         result
///     }
/// }
/// ```
///
/// A layer is a part of the attempt: its errors are retried by the activity's policy, its panics are caught, and the
/// limits of the attempt hold for it too. An error of kind [`Pending`](crate::ErrorKind::Pending) says that the attempt
/// ends [outside](ActivityContext::pending); pass it on. What a transactional activity has committed is its result,
/// whatever a layer makes of it.
pub trait ActivityLayer: Send + Sync + 'static {
    /// One attempt. Whoever does not run `next` refuses it.
    fn around(
        &self,
        ctx: &ActivityContext,
        next: NextActivity,
    ) -> impl Future<Output = Result<Payload>> + Send;
}

/// The attempt behind a layer: the next layer, or the body of the activity.
#[must_use = "an attempt whose body is not run is refused"]
pub struct NextActivity(PayloadFuture);

impl NextActivity {
    /// Runs it. The output is as it is stored; [`decode`](Payload::decode) reads it.
    ///
    /// # Errors
    /// Those of the attempt.
    pub async fn run(self) -> Result<Payload> {
        self.0.await
    }
}

/// A layer with its type erased.
trait AnyActivityLayer: Send + Sync {
    fn boxed(self: Arc<Self>, ctx: ActivityContext, next: NextActivity) -> PayloadFuture;
}

impl<L: ActivityLayer> AnyActivityLayer for L {
    fn boxed(self: Arc<Self>, ctx: ActivityContext, next: NextActivity) -> PayloadFuture {
        Box::pin(async move { self.around(&ctx, next).await })
    }
}

/// The layers of a worker, the outermost first.
#[derive(Clone, Default)]
pub(crate) struct ActivityLayers(Vec<Arc<dyn AnyActivityLayer>>);

impl ActivityLayers {
    pub(super) fn push(&mut self, layer: impl ActivityLayer) {
        self.0.push(Arc::new(layer));
    }

    /// An attempt with its layers.
    pub(super) fn around(&self, ctx: &ActivityContext, body: PayloadFuture) -> PayloadFuture {
        let within = |body, layer: &Arc<dyn AnyActivityLayer>| {
            Arc::clone(layer).boxed(ctx.clone(), NextActivity(body))
        };
        self.0.iter().rev().fold(body, within)
    }
}

impl fmt::Debug for ActivityLayers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} layers", self.0.len())
    }
}
