//! Attempts that this worker runs for the runs of others, and those of its own that it had no slot for: claimed in batches for free slots, and ended in
//! batches.
//!
//! It has nothing of their runs but the attempt itself. How an attempt ends is a message to its run, which decides what
//! follows; the store takes it only from the worker that has claimed the attempt.

use std::collections::HashMap;
use std::mem;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;
use tracing::Span;

use super::attempt::Attempt;
use super::attempted::micros;
use super::session::Session;
use crate::completion::{CompletionToken, PendingUntil, TaskContent, raw};
use crate::context::{ActivityContext, ActivityInfo};
use crate::definition::ActivityDef;
use crate::error::{Error, ErrorKind, Result};
use crate::headers::Headers;
use crate::ids::RunKey;
use crate::payload::Payload;
use crate::replay::{ActivityTask, Overrides};
use crate::store::{ClaimTasks, ClaimedTask, MessageKind, OutgoingMessage, TaskBeat, TaskEnd};
use crate::telemetry::spans::{self, AttemptOf};

/// The most attempts of one claim.
const CLAIM: usize = 500;
/// The pause after an end that the store has not taken.
const PAUSE: Duration = Duration::from_millis(200);

/// The longest pause between two looks whether somebody waits for the attempts that run here. So old may the details of
/// a heartbeat be that outlives this worker.
const CHECK: Duration = Duration::from_secs(2);

/// Names an attempt: its run, operation and number.
type Name = (RunKey, u32, u32);

/// The attempts of other workers' runs.
#[derive(Default)]
pub(crate) struct Tasks {
    /// Those that run here.
    running: Mutex<HashMap<Name, RunningTask>>,
    /// Those that have ended, until the store knows.
    ended: Mutex<Vec<TaskEnd>>,
    /// There may be some to claim.
    wanted: AtomicBool,
    /// When to look next whether somebody waits for those that run.
    check_at: Mutex<Option<Instant>>,
}

/// An attempt that runs here.
struct RunningTask {
    context: ActivityContext,
    /// The details of the last heartbeat that the store has.
    stored: Option<Payload>,
}

impl RunningTask {
    /// The details of the last heartbeat, unless the store has them.
    fn news(&self) -> Option<Payload> {
        self.context.heartbeats().last().filter(|last| self.stored.as_ref() != Some(last))
    }
}

/// Ends that the store is being told of. Those that it has not taken are kept, also if nobody waits for its answer.
struct Ending<'a> {
    tasks: &'a Tasks,
    ends: Vec<TaskEnd>,
}

impl Drop for Ending<'_> {
    fn drop(&mut self) {
        self.tasks.ended().append(&mut self.ends);
    }
}

impl Tasks {
    /// When to look next whether somebody waits for what runs here.
    pub(super) fn check_at(&self) -> Option<Instant> {
        *self.check_at.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set_check(&self, at: Option<Instant>) {
        *self.check_at.lock().unwrap_or_else(PoisonError::into_inner) = at;
    }

    /// Somebody may have stopped waiting.
    pub(super) fn check_now(&self) {
        if !self.running().is_empty() {
            self.set_check(Some(Instant::now()));
        }
    }

    /// The same, if attempts of these runs run here.
    pub(super) fn check_those_of(&self, ended: &[RunKey]) {
        let is_concerned = self.running().keys().any(|(run, ..)| ended.contains(run));
        if is_concerned {
            self.check_now();
        }
    }

    /// There may be some to claim.
    pub(super) fn want(&self) {
        self.wanted.store(true, Ordering::Relaxed);
    }

    fn running(&self) -> MutexGuard<'_, HashMap<Name, RunningTask>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn ended(&self) -> MutexGuard<'_, Vec<TaskEnd>> {
        self.ended.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Stops what still runs: it is nobody's any more, or another worker's.
    pub(super) fn stop_all(&self) {
        self.running().drain().for_each(|(_, running)| running.context.stop().cancel());
    }
}

impl Session {
    /// Ends, checks and claims attempts.
    pub(super) async fn serve_tasks(self: &Arc<Self>) -> Result<()> {
        self.end_tasks().await?;
        if self.tasks.check_at().is_some_and(|at| at <= Instant::now()) {
            self.tasks.set_check(Some(Instant::now() + CHECK)); // also if that fails
            self.check_tasks().await?;
        }
        self.claim_tasks().await
    }

    /// Stops attempts that nobody waits for, and keeps how far the others are.
    async fn check_tasks(&self) -> Result<()> {
        let news: Vec<_> =
            self.tasks.running().iter().map(|(name, it)| (*name, it.news())).collect();
        if news.is_empty() {
            self.tasks.set_check(None);
            return Ok(());
        }
        let beats: Vec<_> = news
            .iter()
            .map(|((run, op, attempt), details)| {
                let heartbeat = details.as_ref().map(|details| details.bytes().to_vec());
                TaskBeat { run: *run, op: *op, attempt: *attempt, heartbeat }
            })
            .collect();
        let wanted = self.store.check_tasks(self.id(), &beats).await?;
        let mut all = self.tasks.running();
        for ((name, details), is_wanted) in news.into_iter().zip(wanted) {
            let Some(running) = all.get_mut(&name) else { continue };
            match is_wanted {
                true => running.stored = details.or(running.stored.take()),
                false => running.context.stop().cancel(),
            }
        }
        Ok(())
    }

    /// Keeps how far the attempts are that are handed back.
    pub(super) async fn keep_heartbeats(&self) {
        let kept = tokio::time::timeout(PAUSE, self.check_tasks()).await;
        if !matches!(kept, Ok(Ok(()))) {
            tracing::debug!("the last heartbeats of activities that are handed back are not kept");
        }
    }

    /// An attempt has ended: another one may be claimed for its slot.
    pub(super) fn slot_is_free(&self) {
        if self.tasks.wanted.load(Ordering::Relaxed) {
            self.wanted.notify_one();
        }
    }

    /// Claims attempts for the slots that are free, if there may be any.
    async fn claim_tasks(self: &Arc<Self>) -> Result<()> {
        let slots = self.config.max_activities.saturating_sub(self.tasks.running().len());
        let limit = slots.min(self.permits.available_permits()).min(CLAIM);
        if limit == 0 || !self.tasks.wanted.swap(false, Ordering::Relaxed) {
            return Ok(());
        }
        let served = self.served();
        let (worker, lanes) = (self.id(), served.open.task_lanes.as_slice());
        let claimed = self.store.claim_tasks(ClaimTasks { worker, lanes, limit }).await?;
        if claimed.len() == limit {
            self.tasks.want(); // there may be more, when a slot is free
        }
        claimed.into_iter().for_each(|task| self.begin_task(task));
        Ok(())
    }

    fn begin_task(self: &Arc<Self>, claimed: ClaimedTask) {
        let ClaimedTask { task, heartbeat, lost, is_open } = claimed;
        let heartbeat =
            heartbeat.and_then(|json| String::from_utf8(json).ok()).map(Payload::from_json);
        let name = (task.run, task.op, task.attempt);
        if !is_open {
            return self.end_task(name, None);
        }
        match self.attempt_of(&task.content, name, heartbeat.clone(), lost) {
            Ok(attempt) => {
                let context = attempt.context.clone();
                let stored = context.heartbeats().last();
                self.tasks.running().insert(name, RunningTask { context, stored });
                if self.tasks.check_at().is_none() {
                    self.tasks.set_check(Some(Instant::now() + CHECK));
                }
                let session = Arc::clone(self);
                tokio::spawn(self.surroundings.task(async move {
                    let message = session.run_task(attempt, name).await;
                    if session.tasks.running().remove(&name).is_some() {
                        session.end_task(name, message);
                    }
                }));
            }
            Err(error) => self.end_task(name, token(name).failed(&error, heartbeat).ok()),
        }
    }

    fn attempt_of(
        self: &Arc<Self>,
        content: &[u8],
        name: Name,
        heartbeat: Option<Payload>,
        lost: bool,
    ) -> Result<Attempt> {
        let (_, op, attempt) = name;
        let mut content = TaskContent::decode(content)?;
        let activity = &content.activity;
        if lost {
            let message =
                format!("the worker that ran attempt {attempt} of activity `{activity}` was lost");
            return Err(Error::new(ErrorKind::WorkerLost, message));
        }
        let def = self.registry.activity(activity).ok_or_else(|| {
            let message =
                format!("activity `{activity}` is not registered with the worker of its queue");
            Error::new(ErrorKind::Configuration, message)
        })?;
        content.heartbeat = heartbeat.or(content.heartbeat);
        let (context, span) = self.context_of(def, &content, name)?;
        let TaskContent {
            input,
            input_hash,
            called_by,
            scheduled_at,
            start_to_close,
            schedule_to_close,
            ..
        } = content;
        let overrides = Overrides { start_to_close, schedule_to_close, ..Overrides::default() };
        let task = ActivityTask {
            op,
            name: def.name,
            input,
            input_hash,
            overrides: Some(Box::new(overrides)),
            scheduled_at,
            called_by: called_by.map(Box::new),
        };
        Ok(Attempt {
            session: Arc::clone(self),
            def: Arc::clone(def),
            task: Arc::new(task),
            context,
            span,
        })
    }

    fn context_of(
        &self,
        def: &ActivityDef,
        content: &TaskContent,
        name: Name,
    ) -> Result<(ActivityContext, Span)> {
        let (run, op, attempt) = name;
        let headers = content.headers.as_deref().map(Headers::from_json).transpose()?;
        let info = ActivityInfo {
            headers: headers.unwrap_or_default(),
            workflow_id: content.workflow_id.as_deref().map(Arc::from),
            run: run.run,
            tenant: run.tenant,
            name: def.name,
            codec: def.codec,
            op,
            called_by: content.called_by,
            attempt,
            payload_limit: self.payload_limit,
        };
        let of = AttemptOf {
            key: run,
            activity: def.name,
            operation: op,
            attempt,
            headers: &info.headers,
        };
        let span = spans::attempt(&Span::none(), &of, &self.propagator);
        let (state, heartbeat) = (Arc::clone(&self.state), content.heartbeat.clone());
        Ok((ActivityContext::new(info, state, heartbeat, None), span))
    }

    /// What the run is told of an attempt.
    async fn run_task(&self, attempt: Attempt, name: Name) -> Option<OutgoingMessage> {
        let policy = attempt.def.options.retry.clone();
        let silence = attempt.def.options.heartbeat.map(micros);
        let context = attempt.context.clone();
        let attempted = attempt.run(name.0, 0).await;
        let (token, heartbeat) = (token(name), attempted.heartbeat);
        let until = |error: &Error| error.details().filter(|_| error.kind() == ErrorKind::Pending);
        let message = match attempted.result {
            Ok(output) => Ok(token.message(MessageKind::ActivityCompleted, output)),
            Err(error) => match until(&error) {
                Some(until) => {
                    let heartbeat = raw(heartbeat);
                    token.pending(PendingUntil { until, silence, heartbeat })
                }
                None => token.failed(&policy.settle(error), heartbeat),
            },
        };
        // Without a message the run would wait for ever: what cannot be told is a failure that can.
        let message = message.or_else(|error| token.failed(&error, None)).ok();
        // The row of the attempt is deleted once. Its key is for those who are given a token.
        message.map(|message| match context.gave_token() {
            true => message,
            false => OutgoingMessage { dedup: None, ..message },
        })
    }

    fn end_task(&self, (run, op, attempt): Name, message: Option<OutgoingMessage>) {
        self.end(TaskEnd { run, op, attempt, queued: false, message });
    }

    /// The store is to be told of an end.
    pub(super) fn end(&self, end: TaskEnd) {
        self.tasks.ended().push(end);
        self.wanted.notify_one();
    }

    /// Tells the store of attempts that have ended.
    pub(super) async fn end_tasks(&self) -> Result<()> {
        let mut ending = Ending { tasks: &self.tasks, ends: mem::take(&mut *self.tasks.ended()) };
        if ending.ends.is_empty() {
            return Ok(());
        }
        let mut done = self.store.end_tasks(self.id(), &ending.ends).await?.into_iter();
        ending.ends.retain(|_| done.next() == Some(false));
        Ok(())
    }

    /// Waits, at a shutdown, until every attempt has ended and the store knows.
    pub(super) async fn end_all_tasks(&self) {
        loop {
            let is_ended = self.end_tasks().await.is_ok();
            if self.tasks.running().is_empty() && is_ended && self.tasks.ended().is_empty() {
                return;
            }
            tokio::select! {
                () = self.wanted.notified() => {}
                () = tokio::time::sleep(PAUSE) => {}
            }
        }
    }
}

fn token((run, op, attempt): Name) -> CompletionToken {
    CompletionToken { run, op, attempt }
}
