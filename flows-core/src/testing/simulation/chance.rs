//! Everything random about a schedule, from one seed: which faults happen, when, and how long things
//! take. Each seed has its own mix of faults, so that rare ones are not drowned by frequent ones.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use super::report::Faults;

/// What goes wrong with a call of the store, or around an activity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    Nothing,
    /// It takes a while, before or after it has happened.
    Slow {
        after: bool,
        time: Duration,
    },
    /// It fails and has not happened.
    Refused,
    /// It has happened, and the answer is lost.
    AnswerLost,
    /// It fails at once and happens later.
    Late(Duration),
    /// Somebody's open transaction holds what it wants.
    Held,
    /// The process is killed, before or after it has happened.
    Crash {
        after: bool,
    },
    /// The process is frozen, before or after it has happened.
    Freeze {
        after: bool,
        time: Duration,
    },
    /// The process is asked to end.
    Stop,
}

/// Where a fault may strike.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FaultPoint {
    /// A call of a client, which is never killed.
    Client,
    /// A call of a client that starts runs or sends messages.
    Send,
    /// A call of a worker.
    Worker,
    /// A start of runs that a worker of the same process owns.
    Start,
    /// A commit of a worker.
    Commit,
    /// Around the body of an activity.
    Activity,
}

const KINDS: usize = 8;

/// The chances of one schedule.
pub(super) struct Chance {
    inner: Mutex<ChanceState>,
}

struct ChanceState {
    random: ChaCha8Rng,
    /// Faults that are left.
    budget: u32,
    /// Of a thousand calls, how many go wrong.
    per_mille: u32,
    /// Of a thousand hints, how many are lost, late or doubled.
    hints: u32,
    /// The kinds that this schedule has.
    kinds: [bool; KINDS],
    calm: bool,
    faults: Faults,
}

impl Chance {
    /// Nothing goes wrong, and nothing takes time.
    pub(super) fn calm() -> Self {
        let chance = Self::new(0);
        chance.lock().calm = true;
        chance
    }

    pub(super) fn new(seed: u64) -> Self {
        let mut inner = ChanceState {
            random: ChaCha8Rng::seed_from_u64(seed),
            budget: 0,
            per_mille: 0,
            hints: 0,
            kinds: [true; KINDS],
            calm: false,
            faults: Faults::default(),
        };
        inner.budget = inner.below(16);
        inner.per_mille = inner.one_of([10, 50, 150, 300]);
        inner.hints = inner.one_of([0, 100, 500, 1000]);
        inner.kinds = std::array::from_fn(|_| inner.below(2) == 0);
        Self { inner: Mutex::new(inner) }
    }

    /// From here on, nothing goes wrong any more.
    pub(super) fn end_storm(&self) {
        self.lock().calm = true;
    }

    pub(super) fn faults(&self) -> Faults {
        self.lock().faults
    }

    pub(super) fn fault(&self, point: FaultPoint) -> Fault {
        let mut inner = self.lock();
        if inner.calm || inner.budget == 0 || inner.below(1000) >= inner.per_mille {
            return Fault::Nothing;
        }
        let fault = inner.some_fault(point);
        if fault != Fault::Nothing {
            inner.budget -= 1;
            inner.faults.count(fault);
        }
        fault
    }

    /// After how long a hint arrives, each time that it does.
    pub(super) fn hint(&self) -> Vec<Duration> {
        let mut inner = self.lock();
        if inner.calm || inner.below(1000) >= inner.hints {
            return vec![Duration::ZERO];
        }
        inner.faults.hints += 1;
        match inner.below(4) {
            0 | 1 => Vec::new(),
            2 => vec![inner.millis(500)],
            _ => vec![Duration::ZERO, inner.millis(500)],
        }
    }

    /// Whether something rare happens.
    pub(super) fn one_in(&self, many: u32) -> bool {
        let mut inner = self.lock();
        !inner.calm && (many == 1 || inner.below(many) == 0)
    }

    /// How long something takes that is not a fault: mostly nothing.
    pub(super) fn pause(&self, longest_millis: u32) -> Duration {
        let mut inner = self.lock();
        if inner.calm || inner.below(3) > 0 {
            return Duration::ZERO;
        }
        inner.millis(longest_millis)
    }

    /// One of these; the last, as long as nothing goes wrong.
    pub(super) fn one_of<T: Copy, const N: usize>(&self, values: [T; N]) -> T {
        let mut inner = self.lock();
        if inner.calm { values[N - 1] } else { inner.one_of(values) }
    }

    /// One of so many.
    pub(super) fn index(&self, many: usize) -> usize {
        self.lock().below(u32::try_from(many).unwrap_or(u32::MAX)) as usize
    }

    fn lock(&self) -> MutexGuard<'_, ChanceState> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ChanceState {
    fn below(&mut self, limit: u32) -> u32 {
        self.random.next_u32() % limit
    }

    fn one_of<T: Copy, const N: usize>(&mut self, values: [T; N]) -> T {
        values[self.below(u32::try_from(N).unwrap_or(1)) as usize]
    }

    fn millis(&mut self, longest: u32) -> Duration {
        Duration::from_millis(u64::from(1 + self.below(longest)))
    }

    /// A fault that can strike here, if this schedule has the kind that came up.
    fn some_fault(&mut self, point: FaultPoint) -> Fault {
        let kind = self.below(KINDS as u32) as usize;
        let after = self.below(2) == 0;
        let worker = !matches!(point, FaultPoint::Client | FaultPoint::Send);
        let call = point != FaultPoint::Activity;
        if !self.kinds[kind] {
            return Fault::Nothing;
        }
        match kind {
            0 => Fault::Slow { after, time: self.millis(300) },
            1 if call => Fault::Refused,
            2 if call => Fault::AnswerLost,
            3 if point == FaultPoint::Commit => Fault::Late(self.millis(400)),
            4 if worker => Fault::Crash { after },
            5 if worker => Fault::Freeze { after, time: self.millis(3_000) },
            6 if worker => Fault::Stop,
            7 if matches!(point, FaultPoint::Send | FaultPoint::Start | FaultPoint::Commit) => {
                Fault::Held
            }
            _ => Fault::Nothing,
        }
    }
}
