//! Public facade of the `flows` library: re-exports, nothing else.

#[doc(hidden)]
pub use flows_core::private as __private;
pub use flows_core::{
    Activity, ActivityContext, Codec, Durable, Error, ErrorKind, Payload, Registry, Result,
    RetryPolicy, Signal, Workflow, WorkflowContext, WorkflowInput, join_all, race, try_join_all,
};
pub use flows_macros::{activity, durable, join, register_all, select, signal, try_join, workflow};
pub use flows_pg as pg;

/// The one import: `use flows::prelude::*;`.
pub mod prelude {
    pub use crate::{
        Activity, ActivityContext, Durable, Error, Registry, Result, RetryPolicy, Signal, Workflow,
        WorkflowContext, WorkflowInput, activity, durable, register_all, signal, workflow,
    };
}
