//! Traces in headers as OpenTelemetry writes them.

use opentelemetry::propagation::{Extractor, Injector};
use opentelemetry::trace::TraceContextExt;
use opentelemetry::{Context, global};
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt;

use super::TracePropagator;
use crate::headers::Headers;

/// Carries traces by OpenTelemetry's global propagator: as the headers `traceparent` and `tracestate` of the W3C, if
/// the application has set that one.
///
/// ```
/// # use opentelemetry_sdk::propagation::TraceContextPropagator;
/// // once, where the application sets up its `tracing_opentelemetry::layer()`
/// opentelemetry::global::set_text_map_propagator(TraceContextPropagator::new());
/// ```
///
/// and `Engine::builder().url(..).trace_propagator(OpenTelemetry)` for clients and workers. The versions of
/// `opentelemetry` and `tracing-opentelemetry` must be those of this crate.
#[derive(Debug, Clone, Copy, Default)]
pub struct OpenTelemetry;

impl TracePropagator for OpenTelemetry {
    fn inject(&self, headers: &mut Headers) {
        let of_span = Span::current().context();
        let is_traced = of_span.span().span_context().is_valid();
        let context = if is_traced { of_span } else { Context::current() };
        global::get_text_map_propagator(|it| it.inject_context(&context, &mut Carrier(headers)));
    }

    fn set_parent(&self, span: &Span, headers: &Headers) {
        // Without a layer of `tracing-opentelemetry` there is nothing to set it for.
        let _ = span.set_parent(context_of(headers));
    }

    fn link(&self, span: &Span, headers: &Headers) {
        span.add_link(context_of(headers).span().span_context().clone());
    }
}

fn context_of(headers: &Headers) -> Context {
    let names = Names(headers);
    global::get_text_map_propagator(|it| it.extract_with_context(&Context::new(), &names))
}

struct Carrier<'a>(&'a mut Headers);

impl Injector for Carrier<'_> {
    fn set(&mut self, name: &str, value: String) {
        if !value.is_empty() {
            self.0.insert(name, value);
        }
    }
}

struct Names<'a>(&'a Headers);

impl Extractor for Names<'_> {
    fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name)
    }

    fn keys(&self) -> Vec<&str> {
        self.0.iter().map(|(name, _)| name).collect()
    }
}
