//! Traces as OpenTelemetry exports them, and metrics as Prometheus reads them. Traces: one trace from a caller through its run, the run's activities and children,
//! and the signals that reach it, whichever worker goes on with them.

mod metrics;
#[path = "../shared/waiting.rs"]
mod waiting;

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use flows::layer::OpenTelemetry;
use flows::memory::MemoryStore;
use flows::pg::dev::fresh_database;
use flows::prelude::*;
use flows_core::engine::EngineOptions;
use opentelemetry::trace::{SpanId, Status, TracerProvider};
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::{InMemorySpanExporter, SdkTracerProvider, SpanData};
use tracing::{Instrument, info_span};
use tracing_subscriber::layer::SubscriberExt;

use waiting::{Serving, until};

/// What was exported in this process.
fn exported() -> &'static InMemorySpanExporter {
    static EXPORTER: OnceLock<InMemorySpanExporter> = OnceLock::new();
    EXPORTER.get_or_init(|| {
        let exporter = InMemorySpanExporter::default();
        let provider = SdkTracerProvider::builder().with_simple_exporter(exporter.clone()).build();
        opentelemetry::global::set_text_map_propagator(TraceContextPropagator::new());
        let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("test"));
        let subscriber = tracing_subscriber::registry().with(layer);
        tracing::subscriber::set_global_default(subscriber).expect("the first");
        exporter
    })
}

#[activity(retry(max_attempts = 2, initial_interval = "1ms"))]
async fn charge(ctx: &ActivityContext) -> Result<()> {
    let _inside = info_span!("call the bank").entered();
    if ctx.attempt() == 1 { Err(Error::retryable("busy")) } else { Ok(()) }
}

#[activity]
async fn pack() -> Result<()> {
    Ok(())
}

#[workflow]
async fn shipping(ctx: &WorkflowContext) -> Result<()> {
    pack(ctx).await
}

#[workflow]
async fn order(ctx: &WorkflowContext) -> Result<()> {
    drop(info_span!("think").entered());
    charge(ctx).await?;
    let _: String = ctx.signal("paid").await?;
    shipping(ctx).await
}

/// The spans of a trace, by parent.
struct Trace(Vec<SpanData>);

impl Trace {
    /// That of the span of this name, once this many spans of it have ended.
    async fn of(root: &'static str, count: usize) -> Result<Self> {
        let mut found = Vec::new();
        until(async || {
            let all = exported().get_finished_spans().expect("spans");
            let Some(root) = all.iter().find(|span| span.name == root) else { return Ok(false) };
            let trace = root.span_context.trace_id();
            found = all.into_iter().filter(|it| it.span_context.trace_id() == trace).collect();
            Ok(found.len() >= count)
        })
        .await?;
        Ok(Self(found))
    }

    fn text(&self) -> String {
        let mut text = String::new();
        let known: Vec<_> = self.0.iter().map(|span| span.span_context.span_id()).collect();
        for root in self.0.iter().filter(|span| !known.contains(&span.parent_span_id)) {
            self.write(root, 0, &mut text);
        }
        text
    }

    fn write(&self, span: &SpanData, depth: usize, text: &mut String) {
        *text += &format!("{}{}\n", "  ".repeat(depth), shown(span, self));
        let id = span.span_context.span_id();
        let mut inside: Vec<_> = self.0.iter().filter(|it| it.parent_span_id == id).collect();
        inside.sort_by_key(|span| span.start_time);
        inside.into_iter().for_each(|span| self.write(span, depth + 1, text));
    }

    fn name_of(&self, id: SpanId) -> String {
        let span = self.0.iter().find(|span| span.span_context.span_id() == id);
        span.map_or_else(|| "another trace".into(), |span| span.name.to_string())
    }
}

/// A span with what is the same in each test.
fn shown(span: &SpanData, trace: &Trace) -> String {
    let fields = span.attributes.iter();
    let fields: BTreeMap<_, _> =
        fields.map(|it| (it.key.to_string(), it.value.to_string())).collect();
    let named = ["workflow", "version", "queue", "workflow_id", "activity", "attempt", "cause"];
    let named = named.iter().filter_map(|name| Some(format!(" {name}={}", fields.get(*name)?)));
    let mut text = format!("{}{}", span.name, named.collect::<String>());
    if let Status::Error { .. } = span.status {
        text += &format!(" failed: {}", fields.get("error").map_or("", String::as_str));
    }
    for link in span.links.iter() {
        text += &format!(", linked to {}", trace.name_of(link.span_context.span_id()));
    }
    text
}

async fn is_one_trace(
    store: Arc<dyn flows_core::store::Store>,
    request: &'static str,
) -> Result<()> {
    exported();
    let options = EngineOptions { propagator: Some(Arc::new(OpenTelemetry)), ..Default::default() };
    let engine = flows_core::Engine::with_options(store, options);
    let registry = || register_all![order, shipping, charge, pack];
    let worker = || Worker::builder(&engine, registry()).build();
    let first = Serving::begin(worker()?);
    let caller = info_span!("request", otel.name = request);
    let exec = async { engine.start(order::Input {}).id("order-1").await }.instrument(caller);
    let exec = exec.await?;
    until(async || Ok(exec.history().await?.iter().any(|it| it.kind == "activity_completed")))
        .await?;
    first.stop().await?;
    let second = Serving::begin(worker()?);
    let sender = info_span!("webhook");
    async { exec.signal("paid", &"in full").await }.instrument(sender).await?;
    exec.result().await?;
    second.stop().await?;
    let trace = Trace::of(request, 18).await?;
    expect_test::expect![[r#"
        request
          run workflow=order version=1 queue=default workflow_id=order-1
            turn cause=start
              think
            activity activity=charge attempt=1 failed: busy
              call the bank
            turn cause=activity_attempt_failed
            activity activity=charge attempt=2
              call the bank
            turn cause=activity_completed
          run workflow=order version=1 queue=default workflow_id=order-1
            turn cause=replay
            turn cause=signal_received, linked to another trace
            turn cause=child_closed
          run workflow=shipping version=1 queue=default
            turn cause=start
            activity activity=pack attempt=1
            turn cause=activity_completed
    "#]]
    .assert_eq(&trace.text().replace(request, "request"));
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_memory() -> Result<()> {
    is_one_trace(Arc::new(MemoryStore::new()), "request on memory").await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_postgres() -> Result<()> {
    let database = fresh_database().await?;
    let engine = Engine::connect(database.url()).await?;
    engine.migrate().await?;
    let store = Arc::new(engine.store().expect("a database").clone());
    is_one_trace(store, "request on PostgreSQL").await
}
