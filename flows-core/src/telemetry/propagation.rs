//! Trace contexts: from the span of a caller into headers, and from headers to the spans of runs and attempts.

use std::sync::Arc;

use tracing::Span;

use crate::headers::Headers;

/// Carries the trace of a caller to everything that its call causes, in [headers](Headers): the caller's span becomes
/// the parent of the spans of its run, of the run's activities and children, on whichever worker they run.
/// [`EngineBuilder::trace_propagator`](https://docs.rs/flows/latest/flows/struct.EngineBuilder.html#method.trace_propagator)
/// sets it, for clients and workers alike. The feature `opentelemetry` has one: `OpenTelemetry`.
///
/// ```
/// use flows_core::{Headers, TracePropagator};
/// use tracing::Span;
///
/// /// Shows on each span who has asked for it.
/// struct Requests;
///
/// impl TracePropagator for Requests {
///     fn inject(&self, headers: &mut Headers) {
///         if let Some(id) = Span::current().id() {
///             headers.insert("request", id.into_u64().to_string());
///         }
///     }
///
///     fn set_parent(&self, span: &Span, headers: &Headers) {
///         if let Some(request) = headers.get("request") {
///             span.record("request", request);
///         }
///     }
/// }
/// ```
pub trait TracePropagator: Send + Sync + 'static {
    /// Writes the trace context of the current span into the headers of a start, a signal or an update.
    fn inject(&self, headers: &mut Headers);

    /// Gives a new span, which is not entered yet, the parent that these headers name.
    fn set_parent(&self, span: &Span, headers: &Headers);

    /// Links a new span to the one that these headers name: the turn that takes in a signal, to its sender.
    fn link(&self, span: &Span, headers: &Headers) {
        let _ = (span, headers);
    }
}

/// The propagator of an engine, if it has one.
pub(crate) type Propagator = Option<Arc<dyn TracePropagator>>;

/// A span with the parent that the headers name.
pub(super) fn with_parent(span: Span, propagator: &Propagator, headers: &Headers) -> Span {
    if let Some(propagator) = propagator
        && !span.is_disabled()
        && !headers.is_empty()
    {
        propagator.set_parent(&span, headers);
    }
    span
}
