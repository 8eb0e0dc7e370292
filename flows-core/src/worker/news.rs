//! Letters become events; waiting runs are parked.

use std::time::Duration;

use tokio::time::Instant;

use super::executor::Executor;
use super::work::Work;
use crate::ending::ChildOutcome;
use crate::error::Error;
use crate::ids::RunKey;
use crate::journal::{Event, StoredError};
use crate::payload::Payload;
use crate::store::{Collected, InboxMessage, MessageKind, Page, Park};
use crate::time::Timestamp;

/// A run that waits for timers alone stays in memory when the next one is due within this.
const HORIZON: Duration = Duration::from_secs(5);
/// So long before its next timer is due, a parked run is taken up again, so that many that are due
/// together are in memory by then. Shorter than the horizon, and never longer than runs may stay in
/// memory while they wait, or it would be parked again.
const LEAD: Duration = Duration::from_secs(2);

impl Executor {
    /// Mail of a run that is in memory.
    pub(super) fn deliver(&mut self, mail: Collected) {
        let Some(run) = self.runs.get_mut(&mail.run) else { return self.keep_early(mail) };
        run.sent = mail.sent;
        if run.stuck.is_some() {
            return self.park_stuck(mail.run);
        }
        run.pending.park = None; // it does not know of this mail; `consider` parks anew
        let Collected { run: key, inbox: messages, more, .. } = mail;
        self.read(key, Page { messages, more });
        self.mark_dirty(key);
        self.consider(key);
    }

    /// The letters that have not been read yet are to be taken in.
    pub(super) fn read(&mut self, key: RunKey, page: Page) {
        for letter in page.messages {
            let Some(run) = self.runs.get_mut(&key).filter(|run| run.is_live()) else { return };
            if letter.seq > run.seen {
                run.seen = letter.seq;
                self.take_in(key, Work::Letter(letter));
            }
        }
        if let Some(run) = self.runs.get_mut(&key).filter(|run| run.is_live()) {
            run.more = page.more.map(|behind| behind.max(run.seen));
            if run.more.is_some() {
                (run.idle_since, run.pending.park) = (None, None); // it is not parked before the last page
            }
        }
    }

    /// Looks whether a run only waits now, and what to do with it then.
    pub(super) fn consider(&mut self, key: RunKey) {
        let draining = self.draining;
        self.read_on(key);
        let Some(run) = self.runs.get_mut(&key) else { return };
        if !run.is_idle() || run.machine.is_none() {
            run.idle_since = None;
            return;
        }
        if run.more.is_some() || run.reads_again().is_some() {
            return if draining { self.forget(key) } else { run.idle_since = None };
        }
        let soon = self.session.clock.now().after(HORIZON);
        let far = run.next_alarm().is_some_and(|due| due > soon) && !run.expects_mail();
        let is_soon = || run.next_alarm().is_some_and(|due| due <= soon);
        let retries_soon = || is_soon() && self.alarms.launch_among(key, &run.alarms);
        let is_cleared = run.is_suspect() && !retries_soon();
        if draining || far || is_cleared {
            self.park(key);
        } else if run.idle_since.is_none() {
            let now = Instant::now();
            run.idle_since = Some(now);
            self.idle.push_back((now, key));
        }
    }

    /// Lets a waiting run go from memory.
    fn park(&mut self, key: RunKey) {
        let now = self.session.clock.now();
        let lead = LEAD.min(self.session.config.resident_for);
        let retries = self.waits_for_retry(key);
        let Some(run) = self.runs.get_mut(&key) else { return };
        let Some(machine) = &run.machine else { return };
        let alarm = run.next_alarm().map(|due| ahead(due, lead, now));
        let wake_at = if run.hand_back { Some(now) } else { alarm };
        let waiting_for = machine.waiting_for();
        let (sent, claim) = (run.sent, Some(run.claim));
        let (stuck, setbacks) = run.still_suspect(wake_at.is_some_and(|_| retries)).unzip();
        let setbacks = setbacks.unwrap_or(0);
        let park = Park { wake_at, waiting_for, sent, claim, stuck, setbacks };
        run.pending.park = Some(Box::new(park));
        run.idle_since = None;
        self.mark_dirty(key);
    }

    /// Parks the runs that have waited long enough.
    pub(super) fn park_idle(&mut self) {
        let (now, limit) = (Instant::now(), self.session.config.resident_for);
        while self.idle.front().is_some_and(|(since, _)| *since + limit <= now) {
            self.park_longest_idle();
        }
    }

    /// Parks so many runs, the longest waiting first.
    pub(super) fn park_oldest(&mut self, slots: usize) {
        let mut parked = 0;
        while parked < slots && !self.idle.is_empty() {
            parked += usize::from(self.park_longest_idle());
        }
    }

    /// Takes the front of the list of waiting runs, and parks it if it has waited since.
    fn park_longest_idle(&mut self) -> bool {
        let Some((since, key)) = self.idle.pop_front() else { return false };
        let waits =
            self.runs.get(&key).is_some_and(|run| run.idle_since == Some(since) && run.is_idle());
        if waits {
            self.park(key);
        }
        waits
    }

    /// Begins to let go of every run. Nobody reads runs again from now on: what waits for that is handed
    /// back as it is.
    pub(super) fn drain(&mut self) {
        self.draining = true;
        for key in self.runs.keys().copied().collect::<Vec<_>>() {
            if self.awaits_reading(&key) {
                self.forget(key);
            }
            self.consider(key);
        }
    }
}

/// When a run that is parked now is taken up for an alarm. What is due soon and must make room all
/// the same does without the lead: it would come back at once.
fn ahead(due: Timestamp, lead: Duration, now: Timestamp) -> Timestamp {
    if due > now.after(HORIZON) { due.before(lead) } else { due }
}

pub(super) fn event_of(letter: InboxMessage) -> Result<Event, Error> {
    let InboxMessage { kind, name, payload, .. } = letter;
    match kind {
        MessageKind::Signal => Ok(Event::SignalReceived { name, payload }),
        MessageKind::Cancel => Ok(Event::CancelRequested { reason: payload.decode()? }),
        MessageKind::ChildClosed => child_closed(&name, &payload),
    }
}

/// The child's outcome: its output, or its error as JSON.
fn child_closed(op: &str, payload: &Payload) -> Result<Event, Error> {
    let op = op.parse::<u32>()?;
    let outcome: ChildOutcome = payload.decode()?;
    let result = match outcome {
        ChildOutcome::Output(output) => Ok(Payload::from_json(output.get().as_bytes())),
        ChildOutcome::Error(error) => Err(StoredError(error.get().to_owned())),
    };
    Ok(Event::ChildClosed { op, result })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_is_taken_up_before_its_timer_is_due_but_never_at_once() {
        let now = Timestamp(1_000_000_000);
        let due = now.after(HORIZON * 2);
        assert_eq!(ahead(due, LEAD, now), due.before(LEAD));
        for soon in [now, now.after(LEAD), now.after(HORIZON)] {
            assert_eq!(ahead(soon, LEAD, now), soon);
        }
        assert!(ahead(now.after(HORIZON + Duration::from_micros(1)), LEAD, now) > now);
    }
}
