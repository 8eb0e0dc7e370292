//! Activities: the trait that `#[activity]` implements, its options, its erased form.

use std::any::TypeId;
use std::borrow::Cow;
use std::future::Future;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;

#[cfg(feature = "testing")]
use super::Shapes;
use super::{SourceLocation, StateNeed};
use crate::context::ActivityContext;
use crate::error::{Error, Result};
use crate::payload::{Codec, Payload, PayloadFuture};
use crate::retry::RetryPolicy;

/// A step that touches the outside world. `#[activity]` implements it.
pub trait Activity: Send + Sync + 'static {
    /// The name under which results are recorded; the function's name unless `name` says otherwise.
    const NAME: &'static str;
    /// Where the function stands.
    const SOURCE: SourceLocation;
    /// The function, with its module: how graphs know whom a call means. Nothing, where no macro
    /// wrote the definition.
    const PATH: &'static str = "";
    /// The arguments, as one struct.
    type Input: Serialize + DeserializeOwned + Send + 'static;
    /// The success type.
    type Output: Serialize + DeserializeOwned + Send + 'static;

    /// Runs the user's body once.
    fn run(
        ctx: ActivityContext,
        input: Self::Input,
    ) -> impl Future<Output = Result<Self::Output>> + Send; // drop what is not `Send` before an `.await`

    /// Adds to an error what the type says that the body returns; see
    /// [`Error::details`](crate::Error::details).
    #[doc(hidden)]
    fn complete_error(error: Error) -> Error {
        error
    }

    /// The options given to the attribute.
    fn options() -> ActivityOptions {
        ActivityOptions::default()
    }

    /// The function of the activity that undoes it, as the attribute names it.
    const COMPENSATION: &'static str = "";

    /// The queue whose workers run it; nothing: the worker of its run does.
    const QUEUE: &'static str = "";

    /// Whether attempts for which the worker of its run has no free slot go to all workers of that run's queue.
    const SPILLS: bool = false;

    /// How input and output are written.
    const CODEC: Codec = Codec::Json;

    /// Whether its writes and its record commit together, so that an attempt without a record has done
    /// nothing.
    const TRANSACTIONAL: bool = false;

    /// The shared state the body asks for, as far as the macro could see.
    fn state_needs() -> Vec<StateNeed> {
        Vec::new()
    }
}

/// Limits and retry policy of an activity. Every duration is measured on the worker.
#[derive(Debug, Clone, PartialEq)]
pub struct ActivityOptions {
    /// When a failed attempt is tried again.
    pub retry: RetryPolicy,
    /// The longest one attempt may take; then it fails with a timeout. Default 10 min.
    pub start_to_close: Duration,
    /// The longest it may wait for a free slot before its first attempt. Default: no limit.
    pub schedule_to_start: Option<Duration>,
    /// The longest all attempts together may take. Default: no limit.
    pub schedule_to_close: Option<Duration>,
    /// The longest pause between two heartbeats. Default: none needed.
    pub heartbeat: Option<Duration>,
    /// The queue whose workers run it, as the attribute says. `None`: the worker of its run does. Where no macro has
    /// written the definition, [`Activity::QUEUE`] decides.
    pub queue: Option<Cow<'static, str>>,
}

impl Default for ActivityOptions {
    fn default() -> Self {
        Self {
            retry: RetryPolicy::default(),
            start_to_close: Duration::from_secs(600),
            schedule_to_start: None,
            schedule_to_close: None,
            heartbeat: None,
            queue: None,
        }
    }
}

/// An activity with its types erased.
#[derive(Clone)]
pub struct ActivityDef {
    /// See [`Activity::NAME`].
    pub name: &'static str,
    /// See [`Activity::SOURCE`].
    pub source: SourceLocation,
    /// See [`Activity::options`].
    pub options: ActivityOptions,
    /// See [`Activity::CODEC`].
    pub codec: Codec,
    /// See [`Activity::TRANSACTIONAL`].
    pub transactional: bool,
    /// See [`Activity::state_needs`].
    pub state_needs: Vec<StateNeed>,
    /// See [`Activity::PATH`].
    pub path: &'static str,
    /// See [`Activity::COMPENSATION`].
    pub compensation: &'static str,
    #[cfg(feature = "testing")]
    pub(crate) shapes: Shapes,
    /// Of the definition: two of one name are two.
    pub(crate) id: TypeId,
    /// See [`Activity::complete_error`].
    pub(crate) complete_error: fn(Error) -> Error,
    /// Whether a value can be read as its output, where it was not its body that gave it.
    pub(crate) check_output: fn(&Payload) -> Result<()>,
    pub(crate) invoke: fn(ActivityContext, Payload) -> PayloadFuture,
}

impl ActivityDef {
    /// Erases the types of `A`.
    pub fn of<A: Activity>() -> Self {
        Self {
            name: A::NAME,
            source: A::SOURCE,
            options: A::options(),
            codec: A::CODEC,
            transactional: A::TRANSACTIONAL,
            state_needs: A::state_needs(),
            path: A::PATH,
            compensation: A::COMPENSATION,
            #[cfg(feature = "testing")]
            shapes: Shapes::of::<A::Input, A::Output>(),
            id: TypeId::of::<A>(),
            complete_error: A::complete_error,
            check_output: |output| output.decode::<A::Output>().map(drop),
            invoke: invoke::<A>,
        }
    }

    /// An input, with its hash.
    pub(crate) fn encode_input<A: Activity>(input: &A::Input) -> Result<(Payload, u64)> {
        // A constant, so that nothing is compiled for the codec that is not used.
        if const { A::CODEC.is_json() } {
            Payload::json_input(input)
        } else {
            Payload::postcard_input(input)
        }
    }

    /// What [`encode_input`](Self::encode_input) has made of an input.
    pub(crate) fn decode_input<A: Activity>(input: &Payload) -> Result<A::Input> {
        if const { A::CODEC.is_json() } {
            input.decode_json_input(A::NAME)
        } else {
            input.decode().map_err(|error| error.context_of("input", A::NAME))
        }
    }

    /// The result of a body.
    pub(crate) fn encode_output<A: Activity>(output: Result<A::Output>) -> Result<Payload> {
        if const { A::CODEC.is_json() } {
            encoded(Payload::json_output, output, A::NAME)
        } else {
            encoded(Payload::postcard, output, A::NAME)
        }
    }
}

fn encoded<T>(
    encode: fn(&T) -> Result<Payload>,
    output: Result<T>,
    name: &'static str,
) -> Result<Payload> {
    encode(&output?).map_err(|error| error.context_of("output", name))
}

fn invoke<A: Activity>(ctx: ActivityContext, input: Payload) -> PayloadFuture {
    Box::pin(async move {
        let input = match ActivityDef::decode_input::<A>(&input) {
            Ok(input) => input,
            Err(error) => return Err(error),
        };
        ActivityDef::encode_output::<A>(A::run(ctx, input).await)
    })
}
