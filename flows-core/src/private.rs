//! What generated code reaches: one hidden module, no promises to anybody else.

pub use inventory;
pub use serde;
pub use serde_json::Value;
pub use tokio;

pub use crate::calls::{Call, ChildCall, Compensated, Compensation, compensation};
pub use crate::combinators::*;
pub use crate::context::{ActivityContext, Signal, Update, WorkflowContext};
pub use crate::definition::{
    Activity, ActivityDef, ActivityOptions, InputStruct, SourceLocation, StateNeed, Workflow,
    WorkflowDef, WorkflowInput, WorkflowOptions,
};
pub use crate::durable::{
    Block, BlockOutput, Durable, MayFail, NeverFails, block, durable, helper,
};
pub use crate::error::class::{AsStandard, ErrorClass, ErrorType};
pub use crate::error::returned::{ReturnType, Returned, completions_prelude, conversions_prelude};
pub use crate::error::value::{ErrorOf, values_prelude};
pub use crate::error::{Error, Result};
pub use crate::graph;
pub use crate::graph::{Graph, HelperGraph, SignalEntry, UpdateEntry};
pub use crate::lint;
pub use crate::payload::{Codec, Stored};
pub use crate::registry::{Definition, Registration, Registry};
pub use crate::replay::watch::{Entered, entering};
pub use crate::retry::RetryPolicy;
pub use crate::shape::Shape;

/// Checks `Send` where the user's body stands, so that the error points at the local that is not.
pub fn is_send<F: Future + Send>(future: F) -> F {
    future
}

/// What the expression of a graph names. Clippy lets a prelude be imported whole, also in user code.
pub mod graph_prelude {
    pub use crate::graph::{Graph, Kind, Node, Part};
}
