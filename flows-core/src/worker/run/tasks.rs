//! Attempts for workers of other queues: they are written with the event that says so, and end by a message.

use std::time::Duration;

use super::timers::Timer;
use super::{Code, Effect, Phase, Rules, Run, RunStep};
use crate::completion::{CompletionToken, TaskContent};
use crate::error::{Error, Result, TimeoutKind};
use crate::ids::task_lane;
use crate::journal::{Event, Recorded};
use crate::replay::ActivityStart;
use crate::store::{QueuedTask, TaskEnd};
use crate::time::Timestamp;

impl<M: Code> Run<M> {
    /// Whether an attempt goes to the workers of a queue: its own, or that of the run if it spills and `before` others
    /// take all free slots here. One whose start was noted here stays.
    pub(super) fn is_for_others(
        &self,
        start: &ActivityStart,
        before: usize,
        rules: &Rules,
    ) -> bool {
        let task = &start.task;
        let spills = || task.spills() && start.started.is_none() && before >= rules.free_slots;
        task.queue().is_some() || start.scheduled || spills()
    }

    /// Gives an attempt to the workers of its queue, with what is written next.
    pub(super) fn schedule(&mut self, start: ActivityStart, step: &mut RunStep<'_, M>) {
        if !start.scheduled {
            self.queue(&start, step);
        } // it waits there, or runs
        let limits = QueueLimits::of(&start);
        if let Some(due) = limits.to_start.or(limits.to_close) {
            self.timers.set(start.task.op, due, Timer::Queued(Box::new(start)), step);
        }
    }

    fn queue(&mut self, start: &ActivityStart, step: &mut RunStep<'_, M>) {
        let event = Event::ActivityScheduled { step: start.task.step(), attempt: start.attempt };
        let recorded = Recorded { at: step.now, event };
        let scheduled = self.task_of(start).and_then(|task| {
            self.writes.pending.mark(&recorded, None)?;
            self.writes.pending.schedule(task);
            Ok(())
        });
        match (scheduled, &self.phase) {
            (Err(error), _) => self.get_stuck(error.to_string(), step),
            (Ok(()), Phase::Live(machine)) => machine.scheduled(start.task.op),
            (Ok(()), _) => {}
        }
    }

    fn task_of(&self, start: &ActivityStart) -> Result<QueuedTask> {
        let (task, attempt) = (&start.task, start.attempt);
        let content = TaskContent {
            activity: task.name.to_owned(),
            workflow_id: self.spec.workflow_id.as_deref().map(str::to_owned),
            input: task.input.clone(),
            input_hash: task.input_hash,
            called_by: task.called_by.as_deref().copied(),
            headers: self.spec.headers.to_json(),
            scheduled_at: task.scheduled_at,
            start_to_close: task.overridden(|o| o.start_to_close.as_ref()).copied(),
            schedule_to_close: task.overridden(|o| o.schedule_to_close.as_ref()).copied(),
            heartbeat: start.heartbeat.clone(),
        };
        let lane = task_lane(task.queue().unwrap_or(&self.spec.queue), task.name);
        Ok(QueuedTask { run: self.key, op: task.op, attempt, lane, content: content.encode()? })
    }

    /// An attempt has waited for a worker, or all attempts together have taken, for as long as they may.
    pub(super) fn queued_too_long(&mut self, start: ActivityStart, step: &mut RunStep<'_, M>) {
        let (task, attempt, limits) = (&start.task, start.attempt, QueueLimits::of(&start));
        let (op, name) = (task.op, task.name);
        if limits.to_close.is_some_and(|at| at <= step.now) {
            let message = format!("activity `{name}` took longer than its `schedule_to_close`");
            self.end_attempt(&start, &Error::timeout(TimeoutKind::ScheduleToClose, message));
            return self.writes.pending.withdraw(op);
        }
        let queue = task.queue().unwrap_or(&self.spec.queue);
        let message = format!(
            "activity `{name}` waited for a worker of queue `{queue}` longer than its `schedule_to_start`"
        );
        let error = Error::timeout(TimeoutKind::ScheduleToStart, message);
        let message = CompletionToken { run: self.key, op, attempt }.failed(&error, None).ok();
        let end = TaskEnd { run: self.key, op, attempt, queued: true, message };
        step.push(Effect::EndQueued(Box::new(end)));
        if let Some(due) = limits.to_close {
            self.timers.set(op, due, Timer::Queued(Box::new(start)), step);
        }
    }

    /// The workflow does not wait for such an activity any more.
    pub(super) fn withdraw(&mut self, op: u32, step: &mut RunStep<'_, M>) {
        self.cancel_activity(op, step);
        self.writes.pending.withdraw(op);
    }
}

/// Until when an attempt may wait for a worker, and until when all attempts together must have ended.
struct QueueLimits {
    to_start: Option<Timestamp>,
    to_close: Option<Timestamp>,
}

impl QueueLimits {
    /// As for the wait for a slot, `schedule_to_start` holds for the first attempt. What ends later than
    /// `schedule_to_close` does not matter.
    fn of(start: &ActivityStart) -> Self {
        let task = &start.task;
        let at = |limit: Option<&Duration>| limit.map(|limit| task.scheduled_at.after(*limit));
        let to_close = at(task.overridden(|o| o.schedule_to_close.as_ref()));
        let to_start = at(task.overridden(|o| o.schedule_to_start.as_ref()));
        let to_start =
            to_start.filter(|at| start.attempt == 1 && to_close.is_none_or(|it| *at < it));
        Self { to_start, to_close }
    }
}
