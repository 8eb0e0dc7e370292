//! What workers say about themselves and their runs: spans, lines of the log, and the trace context in headers.
//!
//! The names of spans, messages and fields stand here and nowhere else; `docs/src/telemetry.md` lists them. The pure
//! parts of the library (replay, and a run's state machine) say nothing: whoever drives them does.

pub(crate) mod lines;
pub(crate) mod metrics;
#[cfg(feature = "opentelemetry")]
mod opentelemetry;
mod propagation;
pub(crate) mod spans;

#[cfg(feature = "opentelemetry")]
pub use self::opentelemetry::OpenTelemetry;
pub(crate) use propagation::Propagator;
pub use propagation::TracePropagator;

/// What users filter by: the target of every span, and of every line that says how workers and runs get on.
macro_rules! target {
    () => {
        "flows"
    };
}
pub(crate) use target;

#[cfg(test)]
mod tests;
