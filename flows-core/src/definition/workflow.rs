//! Workflows: the trait that `#[workflow]` implements, its options, its erased form.

use std::any::TypeId;
use std::borrow::Cow;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;

#[cfg(feature = "testing")]
use super::Shapes;
use super::SourceLocation;
use crate::context::{CodeEnd, WorkflowContext};
use crate::error::{Error, Result};
use crate::payload::{Payload, PayloadFuture};
use crate::replay::{Body, Shared};
use crate::retry::RetryPolicy;
use crate::source::Graph;

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
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not the input of a workflow",
    label = "a run is started with the workflow's input, as `order::Input {{ … }}`"
)]
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
    #[cfg(feature = "testing")]
    pub(crate) shapes: Shapes,
    /// Of the definition: two of one name are two.
    pub(crate) id: TypeId,
    pub(crate) begin: Begin,
    /// Reads an input, and writes it again as a start would.
    pub(crate) restate: fn(&Payload) -> Result<Payload>,
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
            #[cfg(feature = "testing")]
            shapes: Shapes::of::<W::Input, W::Output>(),
            id: TypeId::of::<W>(),
            begin: Arc::new(begin::<W> as fn(_, &_) -> _),
            restate: |input| Payload::column(&Self::decode_input::<W>(input)?),
        }
    }
}

impl Body for WorkflowDef {
    fn source(&self) -> SourceLocation {
        self.source
    }

    fn begin(&self, shared: &Arc<Shared>, input: &Payload) -> Result<PayloadFuture> {
        (self.begin)(WorkflowContext::new(Arc::clone(shared)), input)
    }
}

/// Decodes the input and makes the run's future, without polling it.
fn begin<W: Workflow>(ctx: WorkflowContext, input: &Payload) -> Result<PayloadFuture> {
    let input = WorkflowDef::decode_input::<W>(input)?;
    let end = CodeEnd::of(ctx.shared());
    Ok(Box::pin(async move {
        let output = match W::run(ctx, input).await {
            Err(error) => Err(end.undone(error).await),
            output => output,
        };
        WorkflowDef::encode_output::<W>(output)
    }))
}

impl WorkflowDef {
    /// The input of a run.
    pub(crate) fn decode_input<W: Workflow>(input: &Payload) -> Result<W::Input> {
        input.decode_json_input(W::NAME)
    }

    /// The result of a body.
    pub(crate) fn encode_output<W: Workflow>(output: Result<W::Output>) -> Result<Payload> {
        encoded(output, BodyEnd { name: W::NAME, complete: W::complete_error, options: W::options })
    }
}

/// How a body's result ends its run.
struct BodyEnd {
    name: &'static str,
    complete: fn(Error) -> Error,
    options: fn() -> WorkflowOptions,
}

fn encoded<T: Serialize + DeserializeOwned>(output: Result<T>, end: BodyEnd) -> Result<Payload> {
    match output {
        Ok(output) => {
            Payload::output(&output).map_err(|error| error.context_of("output", end.name))
        }
        Err(error) => Err(end.failed(error)),
    }
}

impl BodyEnd {
    fn failed(&self, error: Error) -> Error {
        let error = (self.complete)(error);
        match (self.options)().retry {
            Some(policy) => policy.settle(error),
            None => error,
        }
    }
}
