//! Runtime of the flows workflow library, without a database.
//!
//! Definitions, the replay machine, the worker, and the storage contract with its in-memory
//! implementation. It never talks to a database: `flows-pg` does. Users depend on the facade crate
//! `flows`, which re-exports what they need.

mod attribute;
mod bytes;
pub mod calls;
pub mod clock;
pub mod codec;
pub mod combinators;
mod completion;
pub mod context;
pub mod definition;
pub mod durable;
#[doc(hidden)]
pub mod ending;
pub mod engine;
pub mod error;
pub mod graph;
mod headers;
pub mod ids;
pub mod journal;
mod limits;
#[doc(hidden)]
pub mod lint;
pub mod memory;
mod named;
mod outline;
mod panics;
pub mod payload;
pub mod policy;
#[doc(hidden)]
pub mod private;
pub mod registry;
pub mod replay;
pub mod retry;
pub mod schedule;
mod shape;
pub mod source;
pub mod store;
mod telemetry;
#[cfg(feature = "testing")]
pub mod testing;
pub mod time;
pub mod worker;

pub use combinators::{join_all, map_concurrent, race, stream_concurrent, try_join_all};
pub use context::{ActivityContext, Signal, Update, WorkflowContext};
pub use definition::{Activity, Workflow, WorkflowInput};
pub use durable::Durable;
pub use engine::{Engine, Execution, Tenant};
pub use error::class::ErrorClass;
pub use error::{Context, Error, ErrorKind, FailedStep, Result, TimeoutKind};
pub use headers::Headers;
pub use payload::{Codec, Payload};
pub use registry::Registry;
pub use retry::RetryPolicy;
#[cfg(feature = "opentelemetry")]
pub use telemetry::OpenTelemetry;
pub use telemetry::TracePropagator;
#[cfg(feature = "metrics")]
pub use telemetry::metrics::describe_metrics;
pub use telemetry::metrics::{METRICS, Metric, MetricKind};
pub use worker::{Worker, shutdown_signal};
