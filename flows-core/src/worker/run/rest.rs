//! Runs that only wait: they stay in memory for a while, then they are parked.

use std::time::Duration;

use super::{Code, Effect, Phase, Run, RunStep, Wait};
use crate::store::Park;
use crate::time::Timestamp;

/// A run that waits for timers alone stays in memory when the next one is due within this.
const HORIZON: Duration = Duration::from_secs(5);
/// So long before its next timer is due, a parked run is activated again, so that many that are due
/// together are in memory by then. Shorter than the horizon, and never longer than runs may stay in
/// memory while they wait, or it would be parked again.
const LEAD: Duration = Duration::from_secs(2);

impl<M: Code> Run<M> {
    /// Decides whether a run that only waits stays in memory. A run that has anything to do is not parked,
    /// nor is one whose inbox has messages that it will read, or whose last park was refused for one.
    pub(super) fn rest(&mut self, step: &mut RunStep<'_, M>) {
        if let Phase::Stuck(_) = self.phase {
            return self.park_stuck(step);
        }
        let only_waits = self.only_waits();
        if !only_waits || (self.reads_on_later() && !self.is_letting_go()) {
            (self.wait, self.writes.pending.park) = (Wait::No, None);
            if only_waits && step.rules.is_draining {
                self.evict(step); // what it has not read is handed back with it
            }
            return;
        }
        if self.writes.pending.park.is_some() || self.inbox.was_refused {
            return;
        }
        // A suspect that is parked is claimed as soon as its attempt is due by the store's clock, which this worker's
        // may be behind: it would be parked and claimed over and over.
        let is_over =
            self.wait == Wait::Over && !(self.is_suspect() && self.retries_soon(step.now));
        let goes = step.rules.is_draining || self.is_letting_go();
        if goes || is_over || self.waits_for_long(step.now) {
            self.wait = Wait::No;
            self.writes.pending.park = Some(Box::new(self.parked(step)));
        } else if self.wait == Wait::No {
            self.waits += 1;
            self.wait = Wait::Since(self.waits);
            step.push(Effect::Idle(self.waits));
        }
    }

    /// Whether nothing of it runs, is on its way or is to be taken in.
    fn only_waits(&self) -> bool {
        matches!(self.phase, Phase::Live(_))
            && self.inbox.todo.is_empty()
            && self.attempts.running.is_empty()
            && self.results.granted.is_none()
            && self.writes.flight.is_none()
            && self.writes.pending.has_nothing_but_a_park()
    }

    /// Whether its inbox has messages that it will read.
    pub(super) fn reads_on_later(&self) -> bool {
        self.inbox.more.is_some() || self.reads_again().is_some()
    }

    /// Whether it has nothing to expect soon, so that it is parked at once.
    fn waits_for_long(&self, now: Timestamp) -> bool {
        let soon = now.after(HORIZON);
        let next = self.timers.next();
        let is_far = next.is_some_and(|due| due > soon)
            && !matches!(&self.phase, Phase::Live(machine) if machine.expects_messages());
        is_far || (self.is_suspect() && !self.retries_soon(now))
    }

    /// Whether an attempt is to be made soon.
    fn retries_soon(&self, now: Timestamp) -> bool {
        let is_soon = |due| due <= now.after(HORIZON);
        self.timers.next().is_some_and(is_soon) && self.timers.has_launch()
    }

    /// How it is parked.
    fn parked(&self, step: &RunStep<'_, M>) -> Park {
        let lead = LEAD.min(step.rules.resident_for);
        let due = self.timers.next().map(|due| ahead(due, lead, step.now));
        let has_work = self.attempts.are_handed_back || self.leaves_work();
        let wake_at = if has_work { Some(step.now) } else { due };
        let retries = wake_at.is_some() && self.timers.has_launch();
        let (stuck, setbacks) = self.still_suspect(retries).unzip();
        let waiting_for = match &self.phase {
            Phase::Live(machine) => machine.waiting_for(),
            _ => String::new(),
        };
        let (sent, claim, setbacks) = (self.inbox.sent, Some(self.claim), setbacks.unwrap_or(0));
        Park { wake_at, waiting_for, sent, claim, stuck, setbacks }
    }

    /// Parks a stuck run, also again after a message has come.
    fn park_stuck(&mut self, step: &RunStep<'_, M>) {
        let Phase::Stuck(why) = &self.phase else { return };
        let pending = &self.writes.pending;
        if pending.park.is_some() || self.writes.are_parking() || self.inbox.was_refused {
            return;
        }
        let (setbacks, after) = self.stuck_again(step.rules.retry_stuck);
        self.writes.pending.park = Some(Box::new(Park {
            wake_at: after.map(|after| step.now.after(after)),
            waiting_for: "a build that can replay it".to_owned(),
            sent: self.inbox.sent,
            claim: Some(self.claim),
            stuck: Some(why.clone()),
            setbacks,
        }));
    }
}

/// When a run that is parked now is activated for a timer. What is due soon and must make room all
/// the same does without the lead: it would come back at once.
fn ahead(due: Timestamp, lead: Duration, now: Timestamp) -> Timestamp {
    if due > now.after(HORIZON) { due.before(lead) } else { due }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_is_activated_before_its_timer_is_due_but_never_at_once() {
        let now = Timestamp(1_000_000_000);
        let due = now.after(HORIZON * 2);
        assert_eq!(ahead(due, LEAD, now), due.before(LEAD));
        for soon in [now, now.after(LEAD), now.after(HORIZON)] {
            assert_eq!(ahead(soon, LEAD, now), soon);
        }
        assert!(ahead(now.after(HORIZON + Duration::from_micros(1)), LEAD, now) > now);
    }
}
