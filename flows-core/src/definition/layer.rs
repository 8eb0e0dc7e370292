//! Layers around the code of workflows: they see where a run's code begins and where it ends.

use std::sync::Arc;

use super::WorkflowDef;
use crate::context::WorkflowContext;
use crate::error::{Error, Result};
use crate::payload::Payload;
use crate::replay::Stuck;

/// Sees the beginning and the end of the code of each run: logs, counts, measures.
/// [`Registry::workflow_layer`](crate::Registry::workflow_layer) puts one around the workflows of a registry.
///
/// It is called wherever the code runs, so also in a replay, on whichever worker; then
/// [`ctx.is_replaying()`](WorkflowContext::is_replaying) says so, and what it logs with `tracing` is suppressed, as for
/// the code itself. Where that is false, the code runs on from what is durable: once, or once more where a worker died
/// before its commit.
///
/// It only looks. It cannot await, it must do no I/O and must not block, and one that uses the context for more than a
/// look (calls, random values, `publish`, attributes) stops the run: so adding or removing a layer changes no replay. A
/// panic of a layer is one of the workflow: the run is stuck.
///
/// ```
/// use flows_core::definition::WorkflowLayer;
/// use flows_core::{Error, Payload, Result, WorkflowContext};
///
/// struct Log;
///
/// impl WorkflowLayer for Log {
///     fn ends(&self, ctx: &WorkflowContext, result: Result<&Payload, &Error>) {
///         let (id, user) = (ctx.workflow_id(), ctx.header("user"));
///         println!("{id} of {user:?} has ended (replayed: {}): {result:?}", ctx.is_replaying());
///     }
/// }
/// ```
pub trait WorkflowLayer: Send + Sync + 'static {
    /// The code is about to run, from its beginning.
    fn begins(&self, ctx: &WorkflowContext) {
        let _ = ctx;
    }

    /// The code has ended: with its output, or with an error, which may say that it continues as a new run. Code that
    /// is never run to its end, because its run was terminated, does not get here.
    fn ends(&self, ctx: &WorkflowContext, result: Result<&Payload, &Error>) {
        let _ = (ctx, result);
    }
}

impl WorkflowDef {
    /// Puts a layer around the code.
    pub(crate) fn within(&mut self, layer: &Arc<dyn WorkflowLayer>) {
        let (layer, begin) = (Arc::clone(layer), Arc::clone(&self.begin));
        self.begin = Arc::new(move |ctx, input| {
            let layer = Arc::clone(&layer);
            let own = WorkflowContext::new(Arc::clone(ctx.shared()));
            let code = begin(ctx, input)?;
            Ok(Box::pin(async move {
                only_looks(&own, || layer.begins(&own));
                let result = code.await;
                only_looks(&own, || layer.ends(&own, result.as_ref()));
                result
            }))
        });
    }
}

/// A look that leaves a trace stops the run.
fn only_looks(ctx: &WorkflowContext, look: impl FnOnce()) {
    let before = ctx.shared().lock().traces();
    look();
    let mut state = ctx.shared().lock();
    if state.traces() != before {
        state.mismatch.get_or_insert(Stuck::new(
            "a workflow layer has used the workflow's context for more than a look: without it, a replay would be \
             another one. Do it in the workflow's code, or before it, around the client's call",
        ));
    }
}
