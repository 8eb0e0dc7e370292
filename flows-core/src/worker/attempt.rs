//! One attempt of an activity, as a task of its own.
//!
//! Most attempts neither wait for a slot nor last longer than one poll. What only the others need
//! (timers, ears for their cancellation) is made when it is needed, in a box, so that the task of the
//! most is small.

use std::future::poll_fn;
use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use tokio::sync::OwnedSemaphorePermit;
use tracing::{Instrument, Span};

use super::clock::sleep_until;
use super::message::{Attempted, Message};
use super::outside::Outside;
use super::resident::{Resident, Running};
use super::session::Session;
use super::surroundings::Invocation;
use super::transactional_result::AttemptRecords;
use crate::clock;
use crate::context::{ActivityContext, ActivityInfo, ExactlyOnce, Heartbeats, Stop};
use crate::definition::{ActivityDef, PayloadFuture};
use crate::error::TimeoutKind::{self, Heartbeat, ScheduleToClose, ScheduleToStart, StartToClose};
use crate::error::{Error, ErrorKind, Result};
use crate::ids::RunKey;
use crate::panics::Caught;
use crate::panics::guarded::Guarded;
use crate::payload::Payload;
use crate::replay::{ActivityStart, ActivityTask};
use crate::store::TransactionOutcome;
use crate::telemetry::metrics;
use crate::telemetry::spans::{self, AttemptOf};

/// How long a cancelled activity may go on to clean up.
const CANCEL_GRACE: Duration = Duration::from_secs(5);

impl Outside {
    /// Starts an attempt, or says why the run cannot go on here.
    pub(super) fn launch(
        &mut self,
        key: RunKey,
        resident: &mut Resident,
        start: ActivityStart,
    ) -> Result<(), String> {
        let def = self.definition_of(&start.task)?;
        self.spawn(key, resident, def, start);
        Ok(())
    }

    fn definition_of(&self, task: &ActivityTask) -> Result<Arc<ActivityDef>, String> {
        let name = task.name;
        let def = self.session.registry.activity(name).ok_or_else(|| {
            format!("activity `{name}` is not registered with this worker; add it to its registry")
        })?;
        Ok(Arc::clone(def))
    }

    #[cfg(feature = "testing")]
    fn may_record(&self, def: &ActivityDef) -> bool {
        def.transactional || self.session.config.any_may_record
    }

    #[cfg(not(feature = "testing"))]
    fn may_record(&self, def: &ActivityDef) -> bool {
        def.transactional
    }

    fn spawn(
        &mut self,
        key: RunKey,
        resident: &mut Resident,
        def: Arc<ActivityDef>,
        start: ActivityStart,
    ) {
        let ActivityStart { task, attempt, heartbeat, .. } = start;
        let (op, residency, batch) = (task.op, resident.residency, self.commit_delay.start());
        let info = ActivityInfo {
            workflow_id: resident.run.spec().workflow_id.clone(),
            run: key.run,
            tenant: key.tenant,
            name: def.name,
            codec: def.codec,
            op,
            called_by: task.called_by.as_deref().copied(),
            attempt,
            headers: resident.run.spec().headers.clone(),
            payload_limit: self.session.payload_limit,
        };
        let exactly_once = self.may_record(&def).then(|| {
            let records =
                AttemptRecords { executor: self.myself.clone(), key, residency, op, attempt };
            let (store, codecs) = (Arc::clone(&self.session.store), self.session.codecs.clone());
            let limit = start_to_close(&task, &def);
            Box::new(ExactlyOnce::new(store, codecs, Box::new(records), self.session.id(), limit))
        });
        let of =
            AttemptOf { key, activity: def.name, operation: op, attempt, headers: &info.headers };
        let span = spans::attempt(&resident.span, &of, &self.session.propagator);
        let state = Arc::clone(&self.session.state);
        let context = ActivityContext::new(info, state, heartbeat, exactly_once);
        resident.running.insert(op, Running { batch, context: context.clone() });
        let attempt = Attempt { session: Arc::clone(&self.session), def, task, context, span };
        let (myself, surroundings) = (self.myself.clone(), self.session.surroundings.clone());
        tokio::spawn(surroundings.task(async move {
            let attempted = attempt.run(key, residency).await;
            drop(myself.send(Message::Attempted(attempted))); // nobody is left to care
        }));
    }
}

pub(super) struct Attempt {
    pub(super) session: Arc<Session>,
    pub(super) def: Arc<ActivityDef>,
    pub(super) task: Arc<ActivityTask>,
    pub(super) context: ActivityContext,
    /// What the activity logs is inside of it.
    pub(super) span: Span,
}

impl Attempt {
    pub(super) async fn run(self, key: RunKey, residency: u64) -> Attempted {
        // A panic of ours ends the attempt as well: whatever comes of it, its run hears of it.
        let result =
            AssertUnwindSafe(self.timed(key)).catch_unwind().instrument(self.span.clone()).await;
        let result = result.unwrap_or_else(|panic| Err(panicked(&Caught::of(panic))));
        metrics::attempt_ended(self.def.name, result.as_ref().err());
        if let Err(error) = &result {
            spans::failed(&self.span, error);
        }
        self.session.slot_is_free();
        let context = &self.context;
        let (op, attempt) = (self.task.op, context.attempt());
        let once = context.exactly_once();
        let transaction = once.map_or(TransactionOutcome::Unknown, ExactlyOnce::outcome);
        let heartbeat = context.heartbeats().last();
        Attempted { key, residency, op, attempt, result, heartbeat, transaction }
    }

    /// Notes for how long each poll holds its thread.
    async fn timed(&self, key: RunKey) -> Result<Payload> {
        let mut work = pin!(self.within_limits());
        poll_fn(|cx| {
            let since = clock::real_time();
            self.context.set_polled(Some(since));
            let polled = work.as_mut().poll(cx);
            self.context.set_polled(None);
            self.session.holds.ended(key, since);
            polled
        })
        .await
    }

    async fn within_limits(&self) -> Result<Payload> {
        let (task, name, context) = (&self.task, self.def.name, &self.context);
        let limit = self.session.payload_limit;
        let input = task.input.clone().within(limit, || format!("input of activity `{name}`"))?;
        let _slot = match Arc::clone(&self.session.permits).try_acquire_owned() {
            Ok(slot) => slot,
            Err(_) => Box::pin(self.unless_cancelled(self.slot())).await??,
        };
        if !self.session.holds_lease() {
            Box::pin(self.unless_cancelled(self.lease())).await?;
        }
        if context.stop().is_said() {
            return Err(cancelled());
        }
        let invocation = Invocation {
            run: RunKey::of_run(context.tenant_id(), context.run_id()),
            name,
            op: task.op,
            attempt: context.attempt(),
        };
        let begun = context.polled();
        let (called, now) = (task.scheduled_at, self.session.clock.now());
        metrics::attempt_began(name, context.attempt(), called, now);
        let body = self.session.config.layers.around(context, self.call(input));
        let output = self.guarded(self.session.surroundings.activity(invocation, body));
        let done = output.await;
        metrics::attempt_ran(name, begun, clock::real_time());
        let output = done.map_err(|error| match error.kind() {
            ErrorKind::Pending => self.pending(error, begun),
            _ => (self.def.complete_error)(error),
        })?;
        output.within(limit, || format!("output of activity `{name}`"))
    }

    /// What comes of the body. A panic of it, and of what it drops at a limit, is a part of that.
    async fn guarded(&self, body: PayloadFuture) -> Result<Payload> {
        let mut body = Guarded::new(body);
        let done = self.unless_limited(&mut body).await;
        match (done, body.end()) {
            (Ok(Ok(done)), Ok(())) => done,
            (Ok(Err(panic)), _) | (Ok(_), Err(panic)) => Err(panicked(&panic)),
            (Err(limit), Ok(())) => Err(limit),
            (Err(limit), Err(panic)) => {
                let message = format!("{}; a value of its body {panic}", limit.message());
                Err(limit.with_message(message))
            }
        }
    }

    /// What comes of it, unless the attempt is cancelled first.
    async fn unless_cancelled<T>(&self, waiting: impl Future<Output = T>) -> Result<T> {
        tokio::select! {
            biased;
            () = self.context.stop().said() => Err(cancelled()),
            done = waiting => Ok(done),
        }
    }

    /// What comes of the body, unless the attempt must not go on.
    async fn unless_limited<T>(&self, call: impl Future<Output = T>) -> Result<T> {
        let (mut call, mut limits) = (pin!(call), None);
        poll_fn(|cx| {
            if let Poll::Ready(done) = call.as_mut().poll(cx) {
                return Poll::Ready(Ok(done));
            }
            let limits = limits.get_or_insert_with(|| Box::pin(self.limits()));
            limits.as_mut().poll(cx).map(Err)
        })
        .await
    }

    /// The body; in tests, what stands in for it.
    fn call(&self, input: Payload) -> PayloadFuture {
        let context = self.context.clone();
        #[cfg(feature = "testing")]
        if let Some(interceptor) = &self.session.config.interceptor {
            return Arc::clone(interceptor).invoke(&self.def, context, input);
        }
        (self.def.invoke)(context, input)
    }

    /// The body has returned, and the attempt ends outside: until when. Its limits are counted from its beginning.
    fn pending(&self, error: Error, begun: Option<Instant>) -> Error {
        let name = self.def.name;
        let why = if self.def.transactional {
            "it is transactional, so its result is a part of its transaction"
        } else if !self.context.gave_token() {
            "it has not asked for its `ctx.completion_token()`, so nobody could complete it"
        } else {
            let spent =
                begun.map_or(Duration::ZERO, |begun| clock::real_time().duration_since(begun));
            let left = start_to_close(&self.task, &self.def).saturating_sub(spent);
            let until = self.session.clock.now().after(left);
            let closes = self.schedule_to_close().map(|limit| self.task.scheduled_at.after(limit));
            return error.with_details(closes.map_or(until, |at| at.min(until)).0);
        };
        Error::new(
            ErrorKind::Configuration,
            format!("activity `{name}` returned `ctx.pending()`, but {why}"),
        )
    }

    fn schedule_to_close(&self) -> Option<Duration> {
        let limit = self.task.overridden(|o| o.schedule_to_close.as_ref()).copied();
        limit.or(self.def.options.schedule_to_close)
    }

    /// Waits for a free slot, on the first attempt no longer than `schedule_to_start`.
    async fn slot(&self) -> Result<OwnedSemaphorePermit> {
        let permit = Arc::clone(&self.session.permits).acquire_owned();
        let limit = self.task.overridden(|o| o.schedule_to_start.as_ref()).copied();
        let limit = limit.or(self.def.options.schedule_to_start);
        let acquired = match limit.filter(|_| self.context.attempt() == 1) {
            None => permit.await,
            Some(limit) => tokio::time::timeout(limit, permit).await.map_err(|_| {
                self.timed_out(
                    ScheduleToStart,
                    "waited for a free slot longer than its `schedule_to_start`",
                    limit,
                )
            })?,
        };
        acquired.map_err(|_| Error::new(ErrorKind::Unavailable, "the worker has ended"))
    }

    /// Waits for the lease to be held. Mostly it is; where it is not, others may have taken the run
    /// over, and most likely the session ends: that is nothing that the run should hear of.
    async fn lease(&self) {
        while !self.session.holds_lease() {
            tokio::time::sleep(self.session.config.lease / 20).await;
        }
    }

    /// Resolves when the attempt must not go on.
    async fn limits(&self) -> Error {
        let (task, heartbeats) = (&self.task, self.context.heartbeats());
        let limit = start_to_close(task, &self.def);
        let close = self.schedule_to_close();
        let closes_at =
            close.map(|limit| self.session.clock.instant_of(task.scheduled_at.after(limit)));
        tokio::select! {
            biased;
            () = tokio::time::sleep(limit) => {
                self.timed_out(StartToClose, "took longer than its `start_to_close`", limit)
            }
            () = sleep_until(closes_at) => {
                let limit = close.unwrap_or_default();
                self.timed_out(ScheduleToClose, "took longer than its `schedule_to_close`", limit)
            }
            limit = silence(heartbeats, self.def.options.heartbeat) => {
                self.timed_out(Heartbeat, "gave no heartbeat for longer than its `heartbeat`", limit)
            }
            () = stopped(self.context.stop()) => {
                cancelled()
            }
        }
    }

    fn timed_out(&self, kind: TimeoutKind, what: &str, limit: Duration) -> Error {
        let name = self.def.name;
        Error::timeout(kind, format!("activity `{name}` {what} of {limit:?}"))
    }
}

/// How long an attempt may take from its start.
fn start_to_close(task: &ActivityTask, def: &ActivityDef) -> Duration {
    task.overridden(|o| o.start_to_close.as_ref()).copied().unwrap_or(def.options.start_to_close)
}

/// Resolves when no heartbeat came for too long.
async fn silence(heartbeats: &Heartbeats, limit: Option<Duration>) -> Duration {
    let Some(limit) = limit else { return std::future::pending().await };
    while tokio::time::timeout(limit, heartbeats.next()).await.is_ok() {}
    limit
}

/// Resolves when the activity was cancelled and has had its time to clean up.
async fn stopped(stop: &Stop) {
    stop.said().await;
    tokio::time::sleep(CANCEL_GRACE).await;
}

fn cancelled() -> Error {
    Error::new(ErrorKind::Cancelled, "the activity was cancelled")
}

fn panicked(panic: &Caught) -> Error {
    Error::new(ErrorKind::Panic, panic.to_string())
}
