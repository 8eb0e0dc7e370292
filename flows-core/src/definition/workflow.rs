//! Workflows: the trait that `#[workflow]` implements, its options, its erased form.

use std::any::TypeId;
use std::borrow::Cow;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::activity::PayloadFuture;
use super::{Shapes, SourceLocation};
use crate::context::WorkflowContext;
use crate::error::{Error, Result};
use crate::graph::Graph;
use crate::payload::Payload;
use crate::retry::RetryPolicy;

/// Deterministic code that survives restarts. `#[workflow]` implements it.
pub trait Workflow: Send + Sync + 'static {
    /// The name under which runs are recorded; the function's name unless `name` says otherwise.
    const NAME: &'static str;
    /// The version; open runs stay on theirs. Default 1.
    const VERSION: u32;
    /// Where the function stands.
    const SOURCE: SourceLocation;
    /// The arguments, as one struct.
    type Input: WorkflowInput<Workflow = Self>;
    /// The success type.
    type Output: Serialize + DeserializeOwned + Send + 'static;

    /// Runs the user's body, live or replayed.
    fn run(
        ctx: WorkflowContext,
        input: Self::Input,
    ) -> impl Future<Output = Result<Self::Output>> + Send; // drop what is not `Send` before an `.await`

    /// Adds to an error what the type says that the body returns; see
    /// [`Error::details`](crate::Error::details).
    #[doc(hidden)]
    fn complete_error(error: Error) -> Error {
        error
    }

    /// The options given to the attribute.
    fn options() -> WorkflowOptions {
        WorkflowOptions::default()
    }

    /// Its durable call sites, as the macro read them.
    const GRAPH: Graph = Graph::EMPTY;
}

/// The input struct of a workflow: leads back to the workflow, so that
/// `tenant.start(order::Input { … })` needs no other argument.
pub trait WorkflowInput: Serialize + DeserializeOwned + Send + 'static {
    /// The workflow this is the input of.
    type Workflow: Workflow<Input = Self>;
}

/// What a workflow's attribute may set for its runs; a start may override each.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct WorkflowOptions {
    /// Retry policy of the whole run; without one, a run that returns an error has failed.
    pub retry: Option<RetryPolicy>,
    /// The longest a run may take from its start. Default: no limit.
    pub timeout: Option<Duration>,
    /// The queue whose workers run it. Default `"default"`.
    pub queue: Option<Cow<'static, str>>,
}

/// A workflow with its types erased.
#[derive(Clone)]
pub struct WorkflowDef {
    /// See [`Workflow::NAME`].
    pub name: &'static str,
    /// See [`Workflow::VERSION`].
    pub version: u32,
    /// See [`Workflow::SOURCE`].
    pub source: SourceLocation,
    /// See [`Workflow::options`].
    pub options: WorkflowOptions,
    /// See [`Workflow::GRAPH`].
    pub graph: Graph,
    #[cfg_attr(not(feature = "testing"), expect(dead_code, reason = "for the lock file"))]
    pub(crate) shapes: Shapes,
    /// Of the definition: two of one name are two.
    pub(crate) id: TypeId,
    pub(crate) begin: Begin,
}

/// Decodes the input and makes the run's future. Not a plain function, so that a test can put a mock
/// in its place.
pub(crate) type Begin =
    Arc<dyn Fn(WorkflowContext, &Payload) -> Result<PayloadFuture> + Send + Sync>;

impl WorkflowDef {
    /// Erases the types of `W`.
    pub fn of<W: Workflow>() -> Self {
        Self {
            name: W::NAME,
            version: W::VERSION,
            source: W::SOURCE,
            options: W::options(),
            graph: W::GRAPH,
            shapes: Shapes::of::<W::Input, W::Output>(),
            id: TypeId::of::<W>(),
            begin: Arc::new(begin::<W>),
        }
    }
}

/// Decodes the input and makes the run's future, without polling it.
fn begin<W: Workflow>(ctx: WorkflowContext, input: &Payload) -> Result<PayloadFuture> {
    let input = input.decode::<W::Input>().map_err(|e| e.context_of("input", W::NAME))?;
    Ok(Box::pin(async move {
        let output = W::run(ctx, input).await.map_err(failed::<W>)?;
        Payload::output(&output).map_err(|e| e.context_of("output", W::NAME))
    }))
}

/// The error that a body has returned, as it ends the run.
pub(crate) fn failed<W: Workflow>(error: Error) -> Error {
    let error = W::complete_error(error);
    match W::options().retry {
        Some(policy) => policy.settle(error),
        None => error,
    }
}
