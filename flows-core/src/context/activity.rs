//! The context of an activity: its run, its attempt, shared state, heartbeats, cancellation.

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Instant;

use serde::Serialize;
use serde::de::DeserializeOwned;
use uuid::Uuid;

use super::exactly_once::ExactlyOnce;
use super::publish::Publisher;
use super::stop::Stop;
use crate::completion::CompletionToken;
use crate::error::{Error, ErrorKind, Result};
use crate::headers::Headers;
use crate::ids::RunKey;
use crate::payload::{Codec, Payload};

/// Shared dependencies of activities, by type; given to the worker once.
#[derive(Default, Clone)]
pub struct StateMap {
    values: HashMap<TypeId, Arc<dyn Any + Send + Sync>>,
    /// Where activities publish; none in their unit tests.
    publisher: Option<Arc<dyn Publisher>>,
}

impl Drop for StateMap {
    /// Values of the user: one that panics harms neither the others nor the worker.
    fn drop(&mut self) {
        for value in std::mem::take(&mut self.values).into_values() {
            if let Err(panic) = crate::panics::catch(|| drop(value)) {
                tracing::error!("a value of the worker's state, when dropped, {panic}");
            }
        }
    }
}

impl StateMap {
    /// Adds a value, in place of an earlier one of its type.
    pub fn insert<T: Send + Sync + 'static>(&mut self, value: T) {
        self.values.insert(TypeId::of::<T>(), Arc::new(value));
    }

    /// Where its activities publish.
    pub(crate) fn set_publisher(&mut self, publisher: Option<Arc<dyn Publisher>>) {
        self.publisher = publisher;
    }

    /// Whether there is a value of this type.
    pub fn contains(&self, id: TypeId) -> bool {
        self.values.contains_key(&id)
    }

    fn get<T: 'static>(&self) -> Option<&T> {
        self.values.get(&TypeId::of::<T>())?.downcast_ref()
    }
}

/// What an activity is told about itself.
#[derive(Debug, Clone)]
pub struct ActivityInfo {
    /// The application's id for the run, if it has one.
    pub workflow_id: Option<Arc<str>>,
    /// The run.
    pub run: Uuid,
    /// The tenant.
    pub tenant: Uuid,
    /// The activity's name.
    pub name: &'static str,
    /// How its result is written.
    pub codec: Codec,
    /// The operation's number within the run.
    pub op: u32,
    /// The run whose call it is, where its own run was forked from that one.
    pub called_by: Option<Uuid>,
    /// Attempt, from 1.
    pub attempt: u32,
    /// The run's headers.
    pub headers: Headers,
    /// The largest payload in bytes.
    pub payload_limit: usize,
}

/// The heartbeats of one attempt, as the worker sees them.
#[derive(Debug, Default)]
pub(crate) struct Heartbeats {
    last: Mutex<Option<Payload>>,
    /// Every one, for unit tests of activities.
    #[cfg(feature = "testing")]
    all: Mutex<Vec<Payload>>,
    beat: tokio::sync::Notify,
}

impl Heartbeats {
    /// Heartbeats that begin with the details of the previous attempt's last one.
    pub(crate) fn starting_with(last: Option<Payload>) -> Self {
        Self { last: Mutex::new(last), ..Self::default() }
    }

    /// The details of the last heartbeat.
    pub(crate) fn last(&self) -> Option<Payload> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits for the next heartbeat.
    pub(crate) async fn next(&self) {
        self.beat.notified().await;
    }

    /// The details of every heartbeat.
    #[cfg(feature = "testing")]
    pub(crate) fn all(&self) -> Vec<Payload> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn record(&self, details: Payload) {
        #[cfg(feature = "testing")]
        self.all.lock().unwrap_or_else(PoisonError::into_inner).push(details.clone());
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some(details);
        self.beat.notify_one();
    }
}

/// What an activity knows about its attempt, and how it reports progress.
#[cfg_attr(not(doctest), doc = include_str!("docs/activity.md"))]
#[derive(Clone)]
pub struct ActivityContext {
    state: Arc<StateMap>,
    inner: Arc<ContextInner>,
}

/// One attempt: shared by its context and its executor.
struct ContextInner {
    info: ActivityInfo,
    run_id_text: OnceLock<String>,
    idempotency_key: OnceLock<String>,
    heartbeats: Heartbeats,
    stop: Stop,
    exactly_once: Option<Box<ExactlyOnce>>,
    /// Since when it is being polled, if it is.
    polled: Mutex<Option<Instant>>,
    /// Somebody may complete it.
    gave_token: AtomicBool,
}

impl ActivityContext {
    /// A context for one attempt; the worker makes it. `heartbeat` is the last of the attempt before.
    pub(crate) fn new(
        info: ActivityInfo,
        state: Arc<StateMap>,
        heartbeat: Option<Payload>,
        exactly_once: Option<Box<ExactlyOnce>>,
    ) -> Self {
        let (run_id_text, idempotency_key) = (OnceLock::new(), OnceLock::new());
        let (heartbeats, stop) = (Heartbeats::starting_with(heartbeat), Stop::default());
        let (polled, gave_token) = (Mutex::default(), AtomicBool::new(false));
        let inner = ContextInner {
            info,
            run_id_text,
            idempotency_key,
            heartbeats,
            stop,
            exactly_once,
            polled,
            gave_token,
        };
        Self { state, inner: Arc::new(inner) }
    }

    /// The same attempt with other shared state.
    #[cfg(feature = "testing")]
    pub(crate) fn with_state(&self, state: Arc<StateMap>) -> Self {
        let mut state = StateMap::clone(&state);
        state.publisher.clone_from(&self.state.publisher);
        Self { state: Arc::new(state), inner: Arc::clone(&self.inner) }
    }

    pub(super) fn publisher(&self) -> Option<Arc<dyn Publisher>> {
        self.state.publisher.clone()
    }

    pub(crate) fn heartbeats(&self) -> &Heartbeats {
        &self.inner.heartbeats
    }

    /// It is being polled, since then; or not any more.
    pub(crate) fn set_polled(&self, since: Option<Instant>) {
        *self.inner.polled.lock().unwrap_or_else(PoisonError::into_inner) = since;
    }

    /// Since when its code holds a thread, if it does.
    pub(crate) fn polled(&self) -> Option<Instant> {
        *self.inner.polled.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn stop(&self) -> &Stop {
        &self.inner.stop
    }

    /// The application's id for the run; the run id, where the start gave none.
    pub fn workflow_id(&self) -> &str {
        let inner = &*self.inner;
        let run_id = || inner.run_id_text.get_or_init(|| inner.info.run.to_string());
        inner.info.workflow_id.as_deref().unwrap_or_else(|| run_id())
    }

    /// The run that called.
    pub fn run_id(&self) -> Uuid {
        self.inner.info.run
    }

    /// The tenant; nil for the default tenant.
    pub fn tenant_id(&self) -> Uuid {
        self.inner.info.tenant
    }

    /// The number of this call within its run: the same for all its attempts.
    pub fn activity_id(&self) -> u32 {
        self.inner.info.op
    }

    /// The activity's name.
    pub fn activity_name(&self) -> &'static str {
        self.inner.info.name
    }

    /// Attempt, from 1.
    pub fn attempt(&self) -> u32 {
        self.inner.info.attempt
    }

    /// A header of the run that called: a trace context, a user id. See [`Headers`].
    pub fn header(&self, name: &str) -> Option<&str> {
        self.inner.info.headers.get(name)
    }

    /// All headers of the run that called.
    pub fn headers(&self) -> &Headers {
        &self.inner.info.headers
    }

    /// A key that all attempts of this call share, and no other call has: pass it to external services, so
    /// that they do the work once even if the answer to an attempt was lost. A run that was forked from another
    /// one, or rerun from its failure, has the keys of that run for the same calls.
    pub fn idempotency_key(&self) -> &str {
        let info = &self.inner.info;
        self.inner
            .idempotency_key
            .get_or_init(|| format!("{}-{}", info.called_by.unwrap_or(info.run), info.op))
    }

    /// A shared dependency that the worker got with `Worker::builder(..).state(value)`. State that the
    /// body visibly needs and the worker lacks is an error of `build()`.
    pub fn state<T: Send + Sync + 'static>(&self) -> Result<&T> {
        self.state.get().ok_or_else(|| {
            let (wanted, name) = (std::any::type_name::<T>(), self.inner.info.name);
            let message = format!(
                "activity `{name}` asks for state `{wanted}`, which the worker was not given; \
                 add `.state(…)` to its builder"
            );
            Error::new(ErrorKind::Configuration, message)
        })
    }

    /// Reports that the activity is alive, and its progress; the next attempt gets the details.
    pub fn heartbeat<T: Serialize>(&self, details: &T) -> Result<()> {
        let info = &self.inner.info;
        let what = || format!("heartbeat of activity `{}`", info.name);
        let details = Payload::json(details)?.within(info.payload_limit, what)?;
        self.inner.heartbeats.record(details);
        Ok(())
    }

    /// The details of the last heartbeat, of this attempt or the previous one.
    pub fn last_heartbeat<T: DeserializeOwned>(&self) -> Option<T> {
        self.inner.heartbeats.last()?.decode().ok()
    }

    /// Names this attempt for whoever completes it, from whichever process, if its body returns
    /// [`ctx.pending()`](Self::pending): with [`Tenant::complete`](crate::Tenant::complete) or
    /// [`Tenant::fail`](crate::Tenant::fail). Text of letters, digits and hyphens, so it can be part of a URL.
    ///
    /// It is good from now on, also before the body has returned. Whoever has it can complete the attempt: pass it
    /// on like a password. The next attempt has another one.
    pub fn completion_token(&self) -> String {
        self.inner.gave_token.store(true, Relaxed);
        let info = &self.inner.info;
        let run = RunKey::of_run(info.tenant, info.run);
        CompletionToken { run, op: info.op, attempt: info.attempt }.to_string()
    }

    /// What the body returns if somebody else completes the attempt: `return ctx.pending()`. That frees its slot,
    /// and its run may leave memory. The attempt's time limits hold on.
    ///
    /// ```
    /// # use flows_core::{ActivityContext, Result};
    /// async fn approve(ctx: &ActivityContext, order: String) -> Result<bool> {
    ///     println!("POST /approvals/{}: may {order} be shipped?", ctx.completion_token());
    ///     ctx.pending()
    /// }
    /// ```
    ///
    /// # Errors
    /// Always: that is how it says so.
    pub fn pending<T, E: From<Error>>(&self) -> Result<T, E> {
        Err(Error::new(ErrorKind::Pending, "the attempt ends outside of its worker").into())
    }

    pub(crate) fn gave_token(&self) -> bool {
        self.inner.gave_token.load(Relaxed)
    }

    /// How a transactional activity records its result; for stores.
    #[doc(hidden)]
    pub fn exactly_once(&self) -> Option<&ExactlyOnce> {
        self.inner.exactly_once.as_deref()
    }

    /// The activity's name and codec; for stores.
    #[doc(hidden)]
    pub fn definition(&self) -> (&'static str, Codec) {
        (self.inner.info.name, self.inner.info.codec)
    }

    /// Resolves when the workflow no longer waits for this activity, or the worker has lost the
    /// run. An activity that ignores it is dropped at its next await.
    pub async fn cancelled(&self) {
        self.inner.stop.cancelled().await;
    }
}
