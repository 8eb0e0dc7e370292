//! Engine, tenants and executions: how an application starts, signals and inspects runs.
//!
//! Nothing here knows a database; the store does the work. `flows-pg` wraps [`Engine`] with its
//! connections.

mod access;
mod aside;
mod batcher;
mod complete;
mod dead_letters;
mod describe;
mod execution;
mod export;
mod fork;
pub(crate) mod gathered;
mod global;
pub(crate) mod hints;
mod history;
mod layer;
mod list;
pub(crate) mod local_workers;
mod outcome;
mod pause;
mod publish;
mod schedules;
mod send;
mod signal_with_start;
mod start;
mod start_many;
mod start_with_update;
mod stream;
mod stuck_runs;
mod tenant;
mod update;
pub(crate) mod waiters;

#[cfg(feature = "testing")]
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::runtime::Handle;
use tokio::task::AbortHandle;
use uuid::Uuid;

pub use crate::payload::{LARGEST_PAYLOAD, PAYLOAD_LIMIT};
pub use complete::Complete;
pub use dead_letters::{DeadLetter, DeadLetters, Dismiss, Rerun};
pub use describe::Description;
pub use execution::{AnyWorkflow, Execution, Typed};
pub use export::History;
pub use fork::Fork;
pub use global::{
    query, rerun, set_engine, signal, signal_with_start, start, start_with_update, update,
    with_tenant,
};
pub use history::HistoryEvent;
pub use layer::{ClientCall, ClientLayer, ClientLayers, ClientVerb, NextCall};
pub use list::{List, ListPage, PageToken};
#[cfg(feature = "testing")]
pub(crate) use outcome::Waiting;
pub use pause::{Pause, PauseCall};
pub use schedules::{ScheduleHandle, ScheduleInfo, Schedules, SetSchedule};
pub use send::{Cancel, SendSignal};
#[doc(hidden)]
pub use serde::Serialize;
#[doc(hidden)]
pub use serde_json::Value as Json;
pub use signal_with_start::SignalWithStart;
pub use start::Start;
pub use start_many::StartMany;
pub use start_with_update::StartWithUpdate;
pub use stream::{ProgressStream, StreamItem, StreamPosition};
pub use stuck_runs::StuckRuns;
pub use tenant::{RerunOf, Tenant};
pub use update::{PendingUpdate, SendUpdate};

use crate::codec::{Codecs, EncodingStore, Objects, PayloadCodec};
use crate::context::Publisher;
use crate::error::{Error, Result};
use crate::ids::RunKey;
use crate::store::{
    NewItem, NewRun, Outcome, OutgoingMessage, Sent, Started, Store, UpdateState, held,
};
use crate::telemetry::{Propagator, TracePropagator};
use aside::{Aside, Wanted};
use batcher::Batchers;
use hints::Hints;
use layer::Inject;
use local_workers::Begun;
use waiters::FirstNews;

/// Starts, signals and inspects the runs of a store, for every tenant.
///
/// Cheap to clone. The engine has the methods of a [`Tenant`], for the default tenant.
#[derive(Clone)]
pub struct Engine {
    tenant: Tenant,
}

/// What an engine is made with.
#[derive(Default)]
pub struct EngineOptions {
    /// What values are encoded with, in this order.
    pub codecs: Vec<Arc<dyn PayloadCodec>>,
    /// Where large values go.
    pub objects: Option<Objects>,
    /// What stands around the calls of clients.
    pub layers: ClientLayers,
    /// What carries traces in headers.
    pub propagator: Option<Arc<dyn TracePropagator>>,
}

pub(crate) struct Inner {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) hints: Arc<Hints>,
    /// What its store encodes with, if it does.
    codecs: Option<Codecs>,
    layers: ClientLayers,
    propagator: Propagator,
    payload_limit: AtomicUsize,
    /// The task that passes on the store's hints. It ends with its runtime.
    listening: Mutex<Option<AbortHandle>>,
    starts: Batchers<NewRun, Begun>,
    sends: Batchers<OutgoingMessage, Sent>,
    outcomes: Batchers<RunKey, Option<Outcome>>,
    items: Batchers<(RunKey, NewItem), ()>,
    updates: Batchers<(RunKey, String), UpdateState>,
    aside: Aside,
    /// Set in tests: how they wait.
    #[cfg(feature = "testing")]
    waiting: OnceLock<Arc<dyn Waiting>>,
}

impl Engine {
    crate::default_tenant_methods!(|engine| engine.tenant);

    /// An engine on a store.
    pub fn new(store: Arc<dyn Store>) -> Self {
        Self::with_options(store, EngineOptions::default())
    }

    /// An engine on a store, with these options.
    pub fn with_options(store: Arc<dyn Store>, options: EngineOptions) -> Self {
        let EngineOptions { codecs, objects, mut layers, propagator } = options;
        if let Some(propagator) = &propagator {
            layers.push(Inject(Arc::clone(propagator))); // the innermost: it sees the spans of the others
        }
        let codecs = Codecs::new(codecs, objects);
        let store = match &codecs {
            Some(codecs) => Arc::new(EncodingStore::new(store, codecs.clone())),
            None => store,
        };
        let hints = Arc::new(Hints::new(Arc::clone(&store)));
        let inner = Inner {
            starts: starts(&store, &hints),
            sends: sends(&store),
            outcomes: outcomes(&store),
            items: publish::items(&store, &hints),
            updates: updates(&store),
            store,
            hints,
            codecs,
            layers,
            propagator,
            payload_limit: AtomicUsize::new(PAYLOAD_LIMIT),
            listening: Mutex::default(),
            aside: Aside::default(),
            #[cfg(feature = "testing")]
            waiting: OnceLock::new(),
        };
        inner.listen();
        Self { tenant: Tenant::new(Arc::new(inner), Uuid::nil()) }
    }

    /// The engine for one tenant: its runs, and no others.
    pub fn tenant(&self, id: impl Into<Uuid>) -> Tenant {
        Tenant::new(Arc::clone(&self.tenant.inner), id.into())
    }

    /// The engine for the tenant of a completion token.
    #[doc(hidden)]
    pub fn of_token(&self, token: &str) -> Tenant {
        self.tenant.of_token(token)
    }

    /// Sets the maximum size in bytes of a payload: of inputs, outputs and signals from now on.
    /// Default [`PAYLOAD_LIMIT`], 2 MiB.
    ///
    /// # Errors
    /// When it is more than [`LARGEST_PAYLOAD`].
    pub fn set_payload_limit(&self, bytes: usize) -> Result<()> {
        if bytes > LARGEST_PAYLOAD {
            return Err(Error::invalid(format!(
                "a payload limit of {bytes} bytes is above the largest of {LARGEST_PAYLOAD}"
            )));
        }
        self.tenant.inner.payload_limit.store(bytes, Ordering::Relaxed);
        Ok(())
    }

    pub(crate) fn payload_limit(&self) -> usize {
        self.tenant.inner.payload_limit()
    }

    pub(crate) fn store(&self) -> Arc<dyn Store> {
        Arc::clone(&self.tenant.inner.store)
    }

    pub(crate) fn codecs(&self) -> Option<Codecs> {
        self.tenant.inner.codecs.clone()
    }

    pub(crate) fn propagator(&self) -> Propagator {
        self.tenant.inner.propagator.clone()
    }

    /// Where activities publish.
    pub(crate) fn publisher(&self) -> Arc<dyn Publisher> {
        Arc::clone(&self.tenant.inner) as Arc<dyn Publisher>
    }

    /// An engine of a test, which says how it waits.
    #[cfg(feature = "testing")]
    pub(crate) fn under_test(store: Arc<dyn Store>, waiting: Arc<dyn Waiting>) -> Self {
        let engine = Self::new(store);
        drop(engine.tenant.inner.waiting.set(waiting)); // it is new, so it has none
        engine
    }

    /// Hears the store's hints, on this runtime if on no other.
    pub(crate) fn listen(&self) {
        self.tenant.inner.listen();
    }

    pub(crate) fn hints(&self) -> Arc<Hints> {
        Arc::clone(&self.tenant.inner.hints)
    }
}

impl From<&Engine> for Engine {
    fn from(engine: &Engine) -> Self {
        engine.clone()
    }
}

impl Inner {
    pub(crate) fn payload_limit(&self) -> usize {
        self.payload_limit.load(Ordering::Relaxed)
    }

    /// Begins to pass on the store's hints, unless a task does; later, where there is no runtime yet.
    pub(crate) fn listen(&self) {
        let Ok(runtime) = Handle::try_current() else { return };
        let mut listening = self.listening.lock().unwrap_or_else(PoisonError::into_inner);
        if listening.as_ref().is_some_and(|task| !task.is_finished()) {
            return;
        }
        if let Some(heard) = self.store.subscribe() {
            let task = runtime.spawn(hints::listen(Arc::downgrade(&self.hints), heard));
            *listening = Some(task.abort_handle());
        }
    }

    /// Starts a run with the others of its batch, or apart from them where its workflow id is held.
    async fn start(&self, run: &NewRun) -> Result<Begun> {
        self.until_served().await;
        let unless_held = |begun: Begun| (begun.started != Started::Held).then_some(begun);
        let wanted = || Wanted::of_start(run);
        let wait = async |left| {
            let started = self.store.start_held(run, left).await?;
            Ok(unless_held(Begun { started, news: FirstNews::default() }))
        };
        let ask = async || Ok(unless_held(self.starts.ask(run.clone()).await?));
        let begun = self.aside.ask(wanted, ask, wait).await?;
        begun.ok_or_else(|| match &run.spec.workflow_id {
            Some(id) => held(&format!("workflow id `{id}`")),
            None => held(&format!("run {}", run.key.run)),
        })
    }

    /// Whether a test says how to wait.
    fn is_under_test(&self) -> bool {
        #[cfg(feature = "testing")]
        return self.waiting.get().is_some();
        #[cfg(not(feature = "testing"))]
        false
    }

    /// In a test that has workers, one of them takes starts.
    async fn until_served(&self) {
        #[cfg(feature = "testing")]
        if let Some(waiting) = self.waiting.get() {
            waiting.until_served().await;
        }
    }

    /// Sends with the others of a batch, or apart from them where the run is held.
    async fn send(&self, message: &OutgoingMessage) -> Result<Sent> {
        let unless_held = |sent: Sent| (sent != Sent::Held).then_some(sent);
        let wait = async |left| Ok(unless_held(self.store.send_held(message, left).await?));
        let ask = async || Ok(unless_held(self.sends.ask(message.clone()).await?));
        let sent = self.aside.ask(|| Wanted::Run(message.to), ask, wait).await?;
        sent.ok_or_else(|| held(&format!("run {}", message.to.run)))
    }

    async fn outcome(&self, run: RunKey) -> Result<Option<Outcome>> {
        self.listen(); // who asks will wait
        self.outcomes.ask(run).await
    }

    /// What has become of an update that was sent to a run.
    async fn update(&self, run: RunKey, id: &str) -> Result<UpdateState> {
        self.listen(); // who asks will wait
        self.updates.ask((run, id.to_owned())).await
    }
}

fn starts(store: &Arc<dyn Store>, hints: &Arc<Hints>) -> Batchers<NewRun, Begun> {
    let (store, hints) = (Arc::clone(store), Arc::clone(hints));
    let start = move |runs| {
        let (store, hints) = (Arc::clone(&store), Arc::clone(&hints));
        async move { hints.local_workers.start(&*store, &hints.waiters, runs).await }
    };
    Batchers::new(|run: &NewRun| run.spec.input.len(), start)
}

fn sends(store: &Arc<dyn Store>) -> Batchers<OutgoingMessage, Sent> {
    let store = Arc::clone(store);
    let send = move |messages: Vec<_>| {
        let store = Arc::clone(&store);
        async move { store.send(&messages).await }
    };
    Batchers::new(|message: &OutgoingMessage| message.payload.len(), send)
}

fn outcomes(store: &Arc<dyn Store>) -> Batchers<RunKey, Option<Outcome>> {
    let store = Arc::clone(store);
    let look = move |runs: Vec<_>| {
        let store = Arc::clone(&store);
        async move { outcome::of_each(&*store, &runs).await }
    };
    Batchers::new(|_| 0, look)
}

fn updates(store: &Arc<dyn Store>) -> Batchers<(RunKey, String), UpdateState> {
    let store = Arc::clone(store);
    let look = move |asked: Vec<_>| {
        let store = Arc::clone(&store);
        async move { update::of_each(&*store, &asked).await }
    };
    Batchers::new(|_| 0, look)
}
