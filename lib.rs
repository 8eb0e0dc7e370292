//! Durable workflows on your own PostgreSQL: annotate async functions, run the worker.
//!
//! Public facade: re-exports, nothing else. The runtime is in `flows-core`, the macros are in
//! `flows-macros`, the storage is in `flows-pg`.

#[doc(hidden)]
pub use flows_core::private as __private;

pub use flows_core::engine::{
    AnyWorkflow, DeadLetter, Description, History, HistoryEvent, rerun, set_engine, signal, start,
    with_tenant,
};
pub use flows_core::graph;
pub use flows_core::store::{ConflictPolicy, RunStatus as Status};
pub use flows_core::{
    Activity, ActivityContext, Codec, Context, Durable, Error, ErrorClass, ErrorKind, Execution,
    Payload, Registry, Result, RetryPolicy, Signal, Tenant, TimeoutKind, Worker, Workflow,
    WorkflowContext, WorkflowInput, join_all, memory, race, shutdown_signal, try_join_all,
};
pub use flows_macros::{
    ErrorClass, activity, durable, join, register_all, select, signal, try_join, workflow,
};
pub use flows_pg as pg;
pub use flows_pg::{Engine, EngineBuilder};

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
    pub use crate::{
        Activity, ActivityContext, ConflictPolicy, DeadLetter, Description, Durable, Engine, Error,
        ErrorClass, ErrorKind, Execution, Registry, Result, RetryPolicy, Signal, Status, Tenant,
        TimeoutKind, Worker, Workflow, WorkflowContext, WorkflowInput, activity, durable,
        register_all, signal, workflow,
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
