//! The context of a workflow: what workflow code can ask for, with the same answer at every replay.

use std::panic::Location;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use rand::distr::{Distribution, StandardUniform};
use rand::{Rng, RngExt, TryRng};
use uuid::{Builder, Uuid};

use super::cancel::{Cancelled, Shield};
use super::scope::CancellationScope;
use super::side_effect::SideEffect;
use super::signal::{Signal, SignalFuture};
use super::timer::{Sleep, Timeout};
use crate::durable::Durable;
use crate::error::Result;
use crate::headers::Headers;
use crate::journal::{Event, StoredError};
use crate::limits::check_name;
use crate::panics::runtime;
use crate::payload::{Payload, Received, StoredValue};
use crate::replay::Shared;
use crate::replay::watch::Place;

/// The context of a workflow: ids, deterministic values, time, signals, cancellation.
///
/// It returns the same values at every replay of the run.
pub struct WorkflowContext {
    shared: Arc<Shared>,
}

impl WorkflowContext {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    /// Nobody may call without end: see [`Bounds`](crate::replay::bounds::Bounds).
    pub(crate) fn calls(&self, what: &'static str, site: Place) {
        self.shared.bounds.call(what, site);
    }

    // ---- ids -------------------------------------------------------------------------------

    /// The application's id for the run; the run id, where the start gave none.
    #[track_caller]
    pub fn workflow_id(&self) -> String {
        self.calls("`ctx.workflow_id()`", Location::caller());
        let info = &self.shared.info;
        info.workflow_id.as_deref().map_or_else(|| info.key.run.to_string(), str::to_owned)
    }

    /// The run's own id.
    #[track_caller]
    pub fn run_id(&self) -> Uuid {
        self.calls("`ctx.run_id()`", Location::caller());
        self.shared.info.key.run
    }

    /// The tenant; nil for the default tenant.
    #[track_caller]
    pub fn tenant_id(&self) -> Uuid {
        self.calls("`ctx.tenant_id()`", Location::caller());
        self.shared.info.key.tenant
    }

    /// The attempt of the run, from 1: it rises with run-level retries.
    #[track_caller]
    pub fn attempt(&self) -> u32 {
        self.calls("`ctx.attempt()`", Location::caller());
        self.shared.info.attempt
    }

    /// A header of the run, which its start has given or what has caused the run: a trace context, a user id. See
    /// [`Headers`].
    #[track_caller]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.calls("`ctx.header(..)`", Location::caller());
        self.shared.info.headers.get(name)
    }

    /// All headers of the run.
    #[track_caller]
    pub fn headers(&self) -> &Headers {
        self.calls("`ctx.headers()`", Location::caller());
        &self.shared.info.headers
    }

    // ---- deterministic values --------------------------------------------------------------

    /// The time of the event that the workflow reacts to, by the database's clock. It does not change
    /// between two awaits.
    #[track_caller]
    pub fn now(&self) -> SystemTime {
        self.calls("`ctx.now()`", Location::caller());
        self.shared.lock().read_clock().into()
    }

    /// A new UUIDv7, the same at every replay.
    #[track_caller]
    pub fn uuid(&self) -> Uuid {
        self.calls("`ctx.uuid()`", Location::caller());
        let mut state = self.shared.lock();
        let millis = u64::try_from(state.read_clock().0 / 1000).unwrap_or(0);
        let mut random = [0; 10];
        state.rng().fill_bytes(&mut random);
        Builder::from_unix_timestamp_millis(millis, &random).into_uuid()
    }

    /// A random value, the same at every replay: `ctx.random::<u32>()`, `ctx.random::<f64>()`.
    #[track_caller]
    pub fn random<T>(&self) -> T
    where
        StandardUniform: Distribution<T>,
    {
        self.calls("`ctx.random()`", Location::caller());
        self.shared.lock().rng().random()
    }

    /// The run's random numbers, as a [`rand::Rng`]: the same at every replay.
    #[track_caller]
    pub fn rng(&self) -> WorkflowRng {
        let site = Location::caller();
        self.calls("`ctx.rng()`", site);
        WorkflowRng { shared: Arc::clone(&self.shared), site }
    }

    // ---- time ------------------------------------------------------------------------------

    /// Sleeps for a duration of at most 100 years. Survives restarts, and never ends early.
    #[track_caller]
    pub fn sleep(&self, duration: Duration) -> Sleep {
        let due = self.shared.lock().now.after(duration);
        Sleep::until(self, "sleep", due, Location::caller())
    }

    /// Sleeps until a point in time; returns at once if it has passed.
    #[track_caller]
    pub fn sleep_until(&self, time: SystemTime) -> Sleep {
        Sleep::until(self, "sleep", time.into(), Location::caller())
    }

    /// Limits the time of a durable future. After the limit the future is dropped, which cancels its
    /// operation, and the error is a timeout ([`Error::is_timeout`](crate::error::Error::is_timeout)).
    #[track_caller]
    pub fn timeout<T, F>(&self, limit: Duration, future: F) -> Timeout<F>
    where
        F: Durable<Output = Result<T>>,
    {
        let due = self.shared.lock().now.after(limit);
        let timer = Sleep::until(self, "time limit", due, Location::caller());
        Timeout::new(future, timer, limit)
    }

    // ---- outside input ---------------------------------------------------------------------

    /// Waits for the next signal of this name, which may have arrived before. Signals of a name are received
    /// in commit order, each once. A name that no signal can have (empty, more than 255 bytes, with a NUL)
    /// is an error.
    #[track_caller]
    pub fn signal<T: Received>(&self, name: &str) -> SignalFuture<T> {
        SignalFuture::new(self, name, Location::caller())
    }

    /// Waits for the next signal of a type that has `#[signal]`.
    #[track_caller]
    pub fn receive<S: Signal>(&self) -> SignalFuture<S> {
        SignalFuture::new(self, S::NAME, Location::caller())
    }

    /// Takes the next signal of this name, if one has arrived. It is an error if the signal does not
    /// decode as `T` (it is taken all the same), or if no signal can have this name.
    #[track_caller]
    pub fn try_signal<T: Received>(&self, name: &str) -> Result<Option<T>> {
        let taken = self.shared.lock().signals.take(name);
        if taken.is_none() {
            self.calls("`ctx.try_signal(..)`", Location::caller());
            check_name("signal name", name)?;
        }
        taken.map(|payload| super::signal::decode(&payload, name, &self.shared)).transpose()
    }

    /// Computes a local value once and records it: the content of a file, a setting, a real random
    /// number. The closure runs again only if the worker dies before the value is committed.
    #[track_caller]
    pub fn side_effect<T, F>(&self, make: F) -> SideEffect<T>
    where
        T: StoredValue,
        F: FnOnce() -> T,
    {
        SideEffect::new(self.recorded_value(make, Location::caller()))
    }

    fn recorded_value<T, F>(&self, make: F, site: &'static Location<'static>) -> Result<T>
    where
        T: StoredValue,
        F: FnOnce() -> T,
    {
        self.shared.bounds.operation(side_effect, site);
        let (op, recorded) = {
            let mut state = self.shared.lock();
            let op = state.next_op();
            (op, state.recorded_side_effect(op, site)?)
        };
        if let Some(value) = recorded {
            return value.decode().map_err(|e| e.context_of("value", "side effect"));
        }
        let value = runtime::within(make);
        let limit = self.shared.info.payload_limit;
        let made = Payload::json_and_read(&value).and_then(|(payload, value)| {
            Ok((payload.within(limit, || "value of a side effect".into())?, value))
        });
        let (event, value) = match made {
            Ok((payload, value)) => {
                self.shared.bounds.bytes(payload.len(), side_effect, site);
                (Event::SideEffect { op, value: payload }, Ok(value))
            }
            Err(error) => {
                (Event::ValueRefused { op, error: StoredError::from(&error) }, Err(error))
            }
        };
        self.shared.lock().mark(event);
        value
    }

    // ---- lifetime --------------------------------------------------------------------------

    /// Resolves when the run is cancelled; for `select!`.
    #[track_caller]
    pub fn cancelled(&self) -> Cancelled {
        Cancelled::new(self, Location::caller())
    }

    /// Runs a durable future that cancellation does not reach: for clean-up.
    pub fn shield<F: Durable>(&self, future: F) -> Shield<F> {
        Shield::new(self, future)
    }

    /// Begins a scope: what [runs in it](super::CancellationScope::run) is cancelled when the run is, or when
    /// [the scope is](super::CancellationScope::cancel).
    #[track_caller]
    pub fn scope(&self) -> CancellationScope {
        CancellationScope::new(self)
    }

    /// Whether this run takes part in a change of the workflow's code; `id` names the change:
    ///
    /// ```text
    /// let cents = if ctx.patched("vat") { with_vat(ctx, cents).await? } else { cents };
    /// ```
    ///
    /// The run decides when it first asks for `id`, and keeps its answer. A run that reaches the call for
    /// the first time takes part, which is recorded. A run that may have passed this place in an earlier
    /// build does not: one that is being replayed, up to the last event of its journal. When every open
    /// run takes part, remove the old code and the call; the recorded answers do no harm. Never reuse an
    /// id for another change.
    #[track_caller]
    pub fn patched(&self, id: &str) -> bool {
        self.calls("`ctx.patched(..)`", Location::caller());
        self.shared.lock().patched(id)
    }

    /// Whether this poll repeats the past. Logs are suppressed then; decisions must not depend on it.
    #[track_caller]
    pub fn is_replaying(&self) -> bool {
        self.calls("`ctx.is_replaying()`", Location::caller());
        self.shared.lock().replaying
    }
}

fn side_effect() -> String {
    "`ctx.side_effect(..)`".to_owned()
}

/// The run's random numbers; see [`WorkflowContext::rng`].
pub struct WorkflowRng {
    shared: Arc<Shared>,
    site: Place,
}

impl WorkflowRng {
    fn calls(&self) {
        self.shared.bounds.call("a number of `ctx.rng()`", self.site);
    }
}

impl TryRng for WorkflowRng {
    type Error = std::convert::Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Self::Error> {
        self.calls();
        Ok(self.shared.lock().rng().next_u32())
    }

    fn try_next_u64(&mut self) -> Result<u64, Self::Error> {
        self.calls();
        Ok(self.shared.lock().rng().next_u64())
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Self::Error> {
        self.calls();
        self.shared.lock().rng().fill_bytes(bytes);
        Ok(())
    }
}
