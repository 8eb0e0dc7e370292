//! What a schedule did, call by call: as a number, by which two schedules can be compared, and in
//! words, when somebody is to read it.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::ids::RunKey;

/// The most lines that are kept.
const LINES: usize = 5_000;
/// More calls than any schedule has at one moment of virtual time: time goes on only when nothing else does.
const SPINNING: u32 = 20_000;

pub(super) struct Trace {
    begun: Instant,
    inner: Mutex<TraceState>,
}

struct TraceState {
    hash: u64,
    lines: Option<Vec<String>>,
    /// The moment of the last call, and how many there were at it.
    moment: Duration,
    calls: u32,
}

impl Trace {
    /// Words are kept only where they are wanted.
    pub(super) fn new(in_words: bool) -> Self {
        let lines = in_words.then(Vec::new);
        let (moment, calls) = (Duration::ZERO, 0);
        let inner = TraceState { hash: 0xcbf2_9ce4_8422_2325, lines, moment, calls };
        Self { begun: Instant::now(), inner: Mutex::new(inner) }
    }

    /// Virtual time since the schedule began.
    pub(super) fn elapsed(&self) -> Duration {
        self.begun.elapsed()
    }

    /// Notes something that has happened: numbers that tell it from others, and words.
    pub(super) fn note(&self, numbers: &[u64], words: impl FnOnce() -> String) {
        let elapsed = self.elapsed();
        let mut inner = self.lock();
        inner.mix(elapsed, numbers);
        if let Some(lines) = inner.lines.as_mut().filter(|lines| lines.len() < LINES) {
            lines.push(format!("{:>9.3} s  {}", elapsed.as_secs_f64(), words()));
        }
    }

    /// Notes something that nobody reads.
    pub(super) fn mix(&self, numbers: &[u64]) {
        let elapsed = self.elapsed();
        self.lock().mix(elapsed, numbers);
    }

    /// Whether so much is called at one moment that it will not come to its end.
    pub(super) fn is_spinning(&self) -> bool {
        self.lock().calls > SPINNING
    }

    pub(super) fn hash(&self) -> u64 {
        self.lock().hash
    }

    pub(super) fn lines(&self) -> Vec<String> {
        self.lock().lines.take().unwrap_or_default()
    }

    fn lock(&self) -> MutexGuard<'_, TraceState> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl TraceState {
    fn mix(&mut self, elapsed: Duration, numbers: &[u64]) {
        self.calls = if elapsed == self.moment { self.calls + 1 } else { 1 };
        self.moment = elapsed;
        self.mix_number(u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX));
        numbers.iter().for_each(|number| self.mix_number(*number));
    }

    fn mix_number(&mut self, number: u64) {
        self.hash = (self.hash ^ number).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29);
    }
}

/// A run as a number.
pub(super) fn number_of(key: RunKey) -> u64 {
    let (high, low) = key.run.as_u64_pair();
    high ^ low.rotate_left(17)
}

/// A run in few letters: the end of its id.
pub(super) fn short(key: RunKey) -> String {
    let id = key.run.simple().to_string();
    format!("run …{}", &id[id.len() - 6..])
}
