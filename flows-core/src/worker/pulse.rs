//! For how long the whole process has stood still of late: stopped by a signal, its machine paused or
//! starved.
//!
//! The watchdog says when it will wake up, and when it has. It is a thread that waits for nobody, so if it
//! is late, everything was: user code that ran meanwhile has not held its thread for so long.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// The longest that the watchdog sleeps.
pub(super) const BEAT: Duration = Duration::from_millis(250);
/// It is late when it is later than this.
const LATE: Duration = Duration::from_millis(50);
/// How many stalls are remembered.
const STALLS: usize = 16;

static PULSE: Mutex<Pulse> = Mutex::new(Pulse { due: None, stalls: VecDeque::new() });

struct Pulse {
    /// When the watchdog wakes up next, if it sleeps.
    due: Option<Instant>,
    stalls: VecDeque<(Instant, Instant)>,
}

/// The watchdog sleeps until then.
pub(super) fn expect(due: Option<Instant>) {
    lock().due = due;
}

/// The watchdog is awake.
pub(super) fn beat(now: Instant) {
    let mut pulse = lock();
    if let Some(due) = pulse.due.take().filter(|due| *due + LATE < now) {
        pulse.stalls.truncate(STALLS - 1);
        pulse.stalls.push_front((due, now));
    }
}

/// For how long the process has stood still between these.
pub(super) fn stalled(since: Instant, now: Instant) -> Duration {
    lock().stalled(since, now)
}

fn lock() -> MutexGuard<'static, Pulse> {
    PULSE.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Pulse {
    /// A stall may just have ended, and the watchdog be about to wake up.
    fn stalled(&self, since: Instant, now: Instant) -> Duration {
        let last = self.due.filter(|due| *due + LATE < now).map(|due| (due, now));
        let within =
            |(from, to): (Instant, Instant)| to.min(now).saturating_duration_since(from.max(since));
        self.stalls.iter().copied().chain(last).map(within).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_lies_between_counts() {
        let begin = crate::clock::real_time();
        let at = |millis| begin + Duration::from_millis(millis);
        let stalls = VecDeque::from([(at(4_000), at(5_000)), (at(1_000), at(2_000))]);
        let mut pulse = Pulse { due: Some(at(9_000)), stalls };
        let stalled = |pulse: &Pulse, from, to| pulse.stalled(at(from), at(to)).as_millis();
        assert_eq!(stalled(&pulse, 0, 8_000), 2_000);
        assert_eq!(stalled(&pulse, 1_500, 4_200), 700);
        assert_eq!(stalled(&pulse, 2_000, 4_000), 0);
        assert_eq!(stalled(&pulse, 8_000, 9_040), 0, "it is hardly late");
        assert_eq!(stalled(&pulse, 8_000, 9_500), 500, "it is late still");
        pulse.due = None;
        assert_eq!(stalled(&pulse, 8_000, 9_500), 0, "it is awake");
    }
}
