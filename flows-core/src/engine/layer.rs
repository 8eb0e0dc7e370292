//! Layers around the calls of clients.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use uuid::Uuid;

use super::access::Access;
use super::execution::Target;
use crate::error::{Error, ErrorKind, Result};
use crate::headers::Headers;
use crate::telemetry::TracePropagator;

/// Stands around the calls that clients make: starts, signals, updates, cancellations and queries. It adds headers,
/// times and logs the call, or refuses it.
/// [`EngineBuilder::client_layer`](https://docs.rs/flows/latest/flows/struct.EngineBuilder.html#method.client_layer)
/// adds one.
///
/// ```
/// use flows_core::engine::{ClientCall, ClientLayer, NextCall};
/// use flows_core::Result;
///
/// struct Trace(String);
///
/// impl ClientLayer for Trace {
///     async fn around(&self, mut call: ClientCall, next: NextCall<'_>) -> Result<()> {
///         call.headers.insert("traceparent", self.0.as_str());
///         let what = format!("{:?} {:?}", call.verb, call.id);
///         let result = next.run(call).await;
///         println!("{what}: {result:?}");
///         result
///     }
/// }
/// ```
///
/// A layer is a part of the call: its error is the call's, and its panic goes to the caller.
pub trait ClientLayer: Send + Sync + 'static {
    /// One call. Whoever does not run `next` refuses it, and must say why in an error.
    fn around(
        &self,
        call: ClientCall,
        next: NextCall<'_>,
    ) -> impl Future<Output = Result<()>> + Send;
}

/// What a client is about to do.
#[non_exhaustive]
#[derive(Debug, Clone)]
pub struct ClientCall {
    /// What.
    pub verb: ClientVerb,
    /// The tenant.
    pub tenant: Uuid,
    /// The workflow's name, of a start.
    pub workflow: Option<String>,
    /// The workflow id, or the run id; `None` of a start that gives none, and of many starts.
    pub id: Option<String>,
    /// The name of the signal, the update or the query.
    pub name: Option<String>,
    /// The headers that the run or the message gets: a layer may change them. (Cancellations and queries have none. Of
    /// many starts, each gets these, where it has none of the same name.)
    pub headers: Headers,
}

/// What a client does.
#[non_exhaustive]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ClientVerb {
    /// Starts a run.
    Start,
    /// Starts many runs.
    StartMany,
    /// Sends a signal, and starts its run if there is none.
    SignalWithStart,
    /// Sends an update, and starts its run if there is none.
    StartWithUpdate,
    /// Sends a signal.
    Signal,
    /// Sends an update. (The layer does not stand around the wait for its reply.)
    Update,
    /// Requests a cancellation.
    Cancel,
    /// Reads a value that the workflow has published.
    Query,
}

impl ClientCall {
    pub(super) fn new(verb: ClientVerb, access: Option<&Access<'_>>) -> Self {
        let tenant = access.map_or(Uuid::nil(), |access| access.tenant.id());
        let (workflow, id, name, headers) = (None, None, None, Headers::default());
        Self { verb, tenant, workflow, id, name, headers }
    }

    pub(super) fn to(self, target: &Target) -> Self {
        Self { id: Some(target.id()), ..self }
    }

    pub(super) fn named(self, name: &str) -> Self {
        Self { name: Some(name.to_owned()), ..self }
    }
}

type CallFuture<'c> = Pin<Box<dyn Future<Output = Result<()>> + Send + 'c>>;
type LastCall<'c> = Box<dyn FnOnce(Headers) -> CallFuture<'c> + Send + 'c>;

/// The call behind a layer: the next layer, or the call itself.
#[must_use = "a call that is not run is refused"]
pub struct NextCall<'c> {
    layers: &'c [Arc<dyn AnyClientLayer>],
    last: LastCall<'c>,
}

impl NextCall<'_> {
    /// Makes the call, with the headers that it has by now.
    ///
    /// # Errors
    /// Those of the call.
    pub async fn run(self, call: ClientCall) -> Result<()> {
        let Self { layers, last } = self;
        match layers.split_first() {
            Some((layer, layers)) => layer.boxed(call, NextCall { layers, last }).await,
            None => last(call.headers).await,
        }
    }
}

/// A layer with its type erased.
trait AnyClientLayer: Send + Sync {
    fn boxed<'c>(&'c self, call: ClientCall, next: NextCall<'c>) -> CallFuture<'c>;
}

impl<L: ClientLayer> AnyClientLayer for L {
    fn boxed<'c>(&'c self, call: ClientCall, next: NextCall<'c>) -> CallFuture<'c> {
        Box::pin(self.around(call, next))
    }
}

/// The layers of an engine, the outermost first; mostly none.
#[derive(Clone, Default)]
pub struct ClientLayers(Option<Arc<Vec<Arc<dyn AnyClientLayer>>>>);

impl ClientLayers {
    /// Adds one, inside of those that there are.
    pub fn push(&mut self, layer: impl ClientLayer) {
        Arc::make_mut(self.0.get_or_insert_default()).push(Arc::new(layer));
    }
}

impl fmt::Debug for ClientLayers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} layers", self.0.as_ref().map_or(0, |layers| layers.len()))
    }
}

/// The layer that writes the caller's trace context into headers.
pub(super) struct Inject(pub(super) Arc<dyn TracePropagator>);

impl ClientLayer for Inject {
    async fn around(&self, mut call: ClientCall, next: NextCall<'_>) -> Result<()> {
        if call.verb.has_headers() {
            let own = call.headers.clone();
            self.0.inject(&mut call.headers);
            if call.headers.check("the call").is_err() {
                call.headers = own; // a trace is no reason to refuse a call
            }
        }
        next.run(call).await
    }
}

impl ClientVerb {
    /// Whether headers go along.
    fn has_headers(self) -> bool {
        !matches!(self, Self::Cancel | Self::Query)
    }
}

/// A call that layers may stand around.
pub(super) trait Layered: Sized + Send {
    type Output: Send;

    /// Where it goes, if that is known.
    fn access(&self) -> Option<&Access<'_>>;

    /// What it is, for layers.
    fn describe(&self) -> ClientCall;

    /// Gives it other headers.
    fn set_headers(&mut self, headers: Headers) {
        let _ = headers;
    }

    /// Makes it.
    fn call(self) -> impl Future<Output = Result<Self::Output>> + Send;
}

/// Makes a call, with its layers if there are any.
pub(super) async fn layered<C: Layered>(call: C) -> Result<C::Output> {
    match call.access().and_then(|access| access.tenant.inner.layers.0.clone()) {
        None => call.call().await,
        Some(layers) => Box::pin(within(&layers, call)).await,
    }
}

async fn within<C: Layered>(layers: &[Arc<dyn AnyClientLayer>], mut call: C) -> Result<C::Output> {
    let (described, mut answer) = (call.describe(), None);
    let slot = &mut answer;
    let last: LastCall<'_> = Box::new(move |headers| {
        call.set_headers(headers);
        Box::pin(async move {
            *slot = Some(call.call().await?);
            Ok(())
        })
    });
    NextCall { layers, last }.run(described).await?;
    answer.ok_or_else(|| {
        let message = "a client layer has answered a call with `Ok` that was not made, or has failed: give an error, \
                       or what `next.run(call)` gives";
        Error::new(ErrorKind::Configuration, message)
    })
}
