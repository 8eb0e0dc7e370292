//! Durable workflows on your own PostgreSQL: annotate async functions, run the worker.
//!
//! The library records the progress of your async functions in your database. When a process dies, another
//! worker replays the recorded results and continues where the first one stopped. There is no server to
//! operate, and a run can start in the transaction that writes your own rows.
//!
//! ```no_run
//! use flows::prelude::*;
//!
//! #[activity(retry(max_attempts = 5), start_to_close = "30s")]
//! async fn charge(ctx: &ActivityContext, customer: String, cents: u64) -> Result<String> {
//!     Ok(format!("{customer} paid {cents}, key {}", ctx.idempotency_key())) // call your gateway here
//! }
//!
//! #[activity]
//! async fn refund(receipt: String) -> Result<()> {
//!     println!("{receipt}: refunded");
//!     Ok(())
//! }
//!
//! #[workflow]
//! async fn order(ctx: &WorkflowContext, customer: String, cents: u64) -> Result<String> {
//!     let receipt = charge(ctx, customer, cents).await?; // recorded: never charged again
//!     let two_days = Duration::from_secs(2 * 86_400);
//!     match ctx.timeout(two_days, ctx.signal::<bool>("in-stock")).await {
//!         Ok(true) => Ok(receipt),
//!         _ => {
//!             refund(ctx, receipt).await?;
//!             Err(Error::terminal("out of stock"))
//!         }
//!     }
//! }
//!
//! #[tokio::main]
//! async fn main() -> Result<()> {
//!     let engine = Engine::connect("postgres://localhost/app").await?;
//!     engine.migrate().await?;
//!     let worker = Worker::builder(&engine, flows::register_all!()).build()?;
//!     tokio::spawn(async move { worker.run_until(flows::shutdown_signal()).await });
//!
//!     let input = order::Input { customer: "Ada".into(), cents: 4_200 };
//!     let exec = engine.start(input).id("order-42").await?; // durable from here on
//!     exec.signal("in-stock", &true).await?;
//!     println!("{}", exec.result().await?);
//!     Ok(())
//! }
//! ```
//!
//! # Choosing a construct
//!
//! **Where does this code belong?**
//!
//! | your code | write | consequence |
//! |---|---|---|
//! | decides what happens next | [`#[workflow]`](macro@workflow) | it runs again at every replay, so it must be deterministic; the compiler rejects most mistakes |
//! | touches the outside world, may fail or takes time | [`#[activity]`](macro@activity) | it runs at least once and is retried; pass [`idempotency_key`](ActivityContext::idempotency_key) to the outside |
//! | writes to the same database | [`#[activity(transaction)]`](macro@activity) | its writes and its record are one commit: exactly once, but it holds a connection |
//! | is a part of a workflow in its own function | [`#[durable]`](macro@durable) | it may await durable futures, be generic and recursive |
//! | reads something local once, quickly | [`ctx.side_effect`](WorkflowContext::side_effect) | the value is recorded; no retries, no time limit |
//! | needs time, randomness or an id in a workflow | [`ctx.now`](WorkflowContext::now), [`random`](WorkflowContext::random), [`uuid`](WorkflowContext::uuid) | the same value at every replay, without an event |
//!
//! **How should the workflow wait?**
//!
//! | for | write | consequence |
//! |---|---|---|
//! | time | [`ctx.sleep`](WorkflowContext::sleep) | it survives restarts; a waiting run is evicted from memory and costs one database row |
//! | a message from outside | [`ctx.receive`](WorkflowContext::receive), [`ctx.signal`](WorkflowContext::signal) | each acknowledged signal is received once, in commit order |
//! | a request from outside that it answers | [`ctx.update`](WorkflowContext::update) | received once; dropping it without an answer is an error for the sender |
//! | something, but not forever | [`ctx.timeout`](WorkflowContext::timeout) | the future is dropped at the limit, which cancels its operation |
//! | several calls of different types | [`join!`], [`try_join!`] | all run at the same time; `try_join!` cancels the others at the first error |
//! | any number of one type | [`join_all`], [`try_join_all`], [`race`] | an event costs the same whatever their number |
//! | the same, some at once | [`map_concurrent`], [`stream_concurrent`] | a limit on how many run at the same time; results in order, or as they come |
//! | whichever is first | [`select!`] | the losers are dropped, and so cancelled |
//! | a call made now, awaited later | [`.start()`](Call::start) | it runs meanwhile; forgetting it fails a test |
//! | what must be undone if the workflow fails | [`ctx.saga()`](WorkflowContext::saga) | its steps are undone in reverse, each recorded and retried |
//! | another workflow | call it like an activity | a child with its own journal, on any worker; it is cancelled with its call, unless you [`detach`](ChildCall::detach) it |
//!
//! **How do I start and control runs?**
//!
//! | to | write | consequence |
//! |---|---|---|
//! | start a run | [`engine.start(input)`](Tenant::start) | durable once awaited; `.id(…)` makes a repeated start safe |
//! | start thousands | [`engine.start_many`](Tenant::start_many) | few statements; one answer for each |
//! | start it together with your own rows | [`.with_tx(&tx)`](Start::with_tx) | both exist after your commit, or neither |
//! | start it at certain times | [`engine.schedule`](Tenant::schedule) | each time fires once, whichever workers are there; see `docs/src/schedules.md` |
//! | send it something | [`exec.signal`](Execution::signal), [`send`](Execution::send) | `.dedup(key)` makes a repeated send safe |
//! | ask it something, and get its reply | [`exec.update`](Execution::update) | the workflow accepts and answers it once; a refusal leaves no trace |
//! | send it something, and start it if need be | [`engine.signal_with_start`](Tenant::signal_with_start) | callers that race agree on one run; never a run without its signal |
//! | the same, with a reply | [`engine.start_with_update`](Tenant::start_with_update) | the reply of the one run that there is |
//! | get its result | [`exec.result`](Execution::result) | waits for the end, also across processes; use [`describe`](Execution::describe) to see why it takes long |
//! | start a failed run again | [`engine.rerun`](Tenant::rerun) | `.from_failure()` keeps what is finished, and the idempotency keys |
//! | go on from an earlier event | [`engine.fork`](Tenant::fork), [`reset`](Tenant::reset) | a run that begins with another one's history, beside it or in its place |
//! | end it | [`exec.cancel`](Execution::cancel), [`terminate`](Execution::terminate) | `cancel` lets its code clean up; `terminate` does not run its code |
//! | separate customers | [`engine.tenant(id)`](Tenant) | row level security keeps each tenant to its own rows |
//! | run it all | [`Worker`] | any number of processes; they share the work and take over from each other |
//!
//! **How do I know that it works?**
//!
//! | to find | write | consequence |
//! |---|---|---|
//! | wrong logic | `#[flows::test]`, `TestEnv` | virtual time: thirty days take a millisecond; activities can be mocked |
//! | code that does not survive a crash | `flows::testing::crash_everywhere` | the worker dies at every place once |
//! | races and network faults | `flows::testing::Simulation` | a seed reproduces each schedule |
//! | what one real run did | `flows::testing::debug` | it is replayed in your process, turn by turn, read-only |
//! | an edit that breaks open runs | `flows::testing::check_lock`, [`ctx.patched`](WorkflowContext::patched) | it fails a test before you deploy |
//!
//! The testing kit needs the feature `testing`. The features `anyhow` and `eyre` let `?` convert errors in both
//! directions; `tls` is on by default; `dev` starts a private PostgreSQL for tests.
//!
//! The guide in `docs/src` explains each of these; its
//! `reliability.md` has the guarantees.

// Re-exports, nothing else. The runtime is in `flows-core`, the macros are in `flows-macros`, the storage is
// in `flows-pg`.

#[doc(hidden)]
pub use flows_core::private as __private;

pub use flows_core::calls::{Call, CancellationType, ChildCall, ChildHandle, Saga};
pub use flows_core::engine::Start;
pub use flows_core::engine::{
    AnyWorkflow, DeadLetter, Description, History, HistoryEvent, Pause, ScheduleHandle,
    ScheduleInfo, SignalWithStart, StartMany, StartWithUpdate, query, rerun, set_engine, signal,
    signal_with_start, start, start_with_update, update, with_tenant,
};
pub use flows_core::graph;
pub use flows_core::schedule;
pub use flows_core::store::{
    AttributeValue, ClosePolicy, ConflictPolicy, PauseScope, RunStatus as Status,
};
pub use flows_core::worker::WorkerBuilder;
pub use flows_core::{
    Activity, ActivityContext, Codec, Context, Durable, Error, ErrorClass, ErrorKind, Execution,
    FailedStep, Headers, Payload, Registry, Result, RetryPolicy, Signal, Tenant, TimeoutKind,
    Update, Worker, Workflow, WorkflowContext, WorkflowInput, join_all, map_concurrent, memory,
    race, shutdown_signal, stream_concurrent, try_join_all,
};
pub use flows_macros::{
    ErrorClass, activity, durable, join, register_all, select, signal, try_join, update, workflow,
};
pub use flows_pg as pg;
pub use flows_pg::{Engine, EngineBuilder};

/// The types that methods and functions give, for signatures that have to name them.
pub mod types {
    pub use flows_core::combinators::{
        CollectAll, Join, JoinAll, MapConcurrent, NextOutput, Race, StreamConcurrent, TryJoin,
        TryJoinAll,
    };
    pub use flows_core::context::{
        CancellationScope, Cancelled, Replier, Scoped, Shield, SideEffect, SignalFuture, Sleep,
        Timeout, UpdateFuture, UpdateRequest, WorkflowRng,
    };
    pub use flows_core::engine::{
        Cancel, Complete, DeadLetters, Dismiss, Fork, List, ListPage, PageToken, PauseCall,
        PendingUpdate, ProgressStream, Rerun, RerunOf, Schedules, SendSignal, SendUpdate,
        SetSchedule, StreamItem, StreamPosition, StuckRuns, Typed,
    };
}

/// Payload codecs: compression and encryption of everything that the application gives to be stored.
pub mod codec {
    #[cfg(feature = "encryption")]
    #[cfg_attr(docsrs, doc(cfg(feature = "encryption")))]
    pub use flows_core::codec::AesGcm;
    #[cfg(feature = "compression")]
    #[cfg_attr(docsrs, doc(cfg(feature = "compression")))]
    pub use flows_core::codec::Zstd;
    #[cfg(feature = "object-store")]
    #[cfg_attr(docsrs, doc(cfg(feature = "object-store")))]
    pub use flows_core::codec::{BucketStore, object_store};
    pub use flows_core::codec::{Encoded, FileStore, ObjectStore, PayloadCodec};
}

/// Layers: code around the calls of clients, around workflow code and around attempts of activities.
pub mod layer {
    #[cfg(feature = "opentelemetry")]
    #[cfg_attr(docsrs, doc(cfg(feature = "opentelemetry")))]
    pub use flows_core::OpenTelemetry;
    pub use flows_core::TracePropagator;
    pub use flows_core::definition::WorkflowLayer;
    pub use flows_core::engine::{ClientCall, ClientLayer, ClientVerb, NextCall};
    pub use flows_core::worker::{ActivityLayer, NextActivity};
}

/// The metrics of workers, which the feature `metrics` records through the crate `metrics`.
pub mod metrics {
    #[cfg(feature = "metrics")]
    #[cfg_attr(docsrs, doc(cfg(feature = "metrics")))]
    pub use flows_core::describe_metrics as describe;
    pub use flows_core::{METRICS, Metric, MetricKind};
}

/// The testing kit.
#[cfg(feature = "testing")]
pub mod testing {
    pub use flows_core::testing::*;
}

#[cfg(feature = "testing")]
pub use flows_macros::test;

/// The one import: `use flows::prelude::*;`.
pub mod prelude {
    pub use crate::Context as _;
    pub use crate::schedule::{Cron, Every, Overlap};
    pub use crate::{
        Activity, ActivityContext, CancellationType, ClosePolicy, ConflictPolicy, DeadLetter,
        Description, Durable, Engine, Error, ErrorClass, ErrorKind, Execution, Registry, Result,
        RetryPolicy, Saga, Signal, Status, Tenant, TimeoutKind, Update, Worker, Workflow,
        WorkflowContext, WorkflowInput,
    };
    // By their own path, so that the functions `signal` and `update` do not come with the attribute.
    pub use flows_macros::{
        activity, durable, join, register_all, select, signal, try_join, update, workflow,
    };
    pub use std::time::Duration;
}

/// The examples in the documentation of the macros, compiled here: `flows-macros` cannot.
#[cfg(doctest)]
mod macros {
    #[doc = include_str!("flows-macros/src/docs/activity.md")]
    mod activity {}
    #[doc = include_str!("flows-macros/src/docs/workflow.md")]
    mod workflow {}
    #[doc = include_str!("flows-macros/src/docs/durable.md")]
    mod durable {}
    #[doc = include_str!("flows-macros/src/docs/signal.md")]
    mod signal {}
    #[doc = include_str!("flows-macros/src/docs/update.md")]
    mod update {}
    #[doc = include_str!("flows-macros/src/docs/error_class.md")]
    mod error_class {}
    #[cfg(feature = "testing")]
    #[doc = include_str!("flows-macros/src/docs/test.md")]
    mod test {}
    #[doc = include_str!("flows-macros/src/docs/join.md")]
    mod join {}
    #[doc = include_str!("flows-macros/src/docs/try_join.md")]
    mod try_join {}
    #[doc = include_str!("flows-macros/src/docs/select.md")]
    mod select {}
    #[doc = include_str!("flows-macros/src/docs/register_all.md")]
    mod register_all {}
}

/// The examples in the documentation of types, compiled here: their crates have no macros.
#[cfg(doctest)]
mod type_docs {
    #[doc = include_str!("flows-pg/src/docs/engine.md")]
    mod engine {}
    #[doc = include_str!("flows-core/src/engine/docs/tenant.md")]
    mod tenant {}
    #[doc = include_str!("flows-core/src/engine/docs/start.md")]
    mod start {}
    #[doc = include_str!("flows-core/src/engine/docs/start_many.md")]
    mod start_many {}
    #[doc = include_str!("flows-core/src/engine/docs/signal_with_start.md")]
    mod signal_with_start {}
    #[doc = include_str!("flows-core/src/engine/docs/fork.md")]
    mod fork {}
    #[doc = include_str!("flows-core/src/engine/docs/update.md")]
    mod update {}
    #[doc = include_str!("flows-core/src/engine/docs/start_with_update.md")]
    mod start_with_update {}
    #[doc = include_str!("flows-core/src/engine/docs/execution.md")]
    mod execution {}
    #[doc = include_str!("flows-core/src/worker/docs/worker.md")]
    mod worker {}
    #[doc = include_str!("flows-core/src/worker/docs/builder.md")]
    mod worker_builder {}
    #[doc = include_str!("flows-core/src/context/docs/activity.md")]
    mod activity_context {}
    #[doc = include_str!("flows-core/src/context/docs/scope.md")]
    mod scope {}
    #[doc = include_str!("flows-core/src/calls/docs/call.md")]
    mod call {}
    #[doc = include_str!("flows-core/src/calls/docs/child.md")]
    mod child {}
    #[doc = include_str!("flows-core/src/calls/docs/saga.md")]
    mod saga {}
    #[doc = include_str!("flows-core/src/combinators/docs/join_all.md")]
    mod join_all {}
    #[doc = include_str!("flows-core/src/combinators/docs/map_concurrent.md")]
    mod map_concurrent {}
    #[doc = include_str!("flows-core/src/calls/docs/batch.md")]
    mod batch {}
    #[doc = include_str!("flows-core/src/combinators/docs/stream_concurrent.md")]
    mod stream_concurrent {}
}

/// The examples in the documentation of the testing kit, compiled here: `flows-core` has no macros.
#[cfg(all(doctest, feature = "testing"))]
mod kit {
    #[doc = include_str!("flows-core/src/testing/docs/env.md")]
    mod env {}
    #[doc = include_str!("flows-core/src/testing/docs/activity.md")]
    mod activity {}
    #[doc = include_str!("flows-core/src/testing/docs/crash.md")]
    mod crash {}
}

#[cfg(doctest)]
#[path = "docs/doctests.rs"]
mod doctests;
