//! The watchdog: one thread of the process that looks at every hand-off, and finds user code that
//! blocks its thread.
//!
//! It wakes up a few times a second, and says so ([`pulse`]). It looks four times in a budget, in real
//! time, and counts its looks: what runs at five of them has run for longer than the budget, also where
//! the whole process was stopped for a while. It never waits for user code, nor for tokio's clock.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use super::hand_off::HandOff;
use super::pulse::{self, BEAT};
use crate::clock;
use crate::panics::catch;

/// Looks in one budget.
const LOOKS: u32 = 4;
/// Budgets between two looks at the calls of what is overdue, and the least time: what goes on calling
/// for so long is unwound.
const BUDGETS: u32 = 5;
const SLOWEST: Duration = Duration::from_secs(1);

/// Budgets after which what is overdue is given up.
pub(super) const HOPELESS: u32 = 300;

static WATCHDOG: Watchdog = Watchdog {
    posts: Mutex::new(Posts { posts: Vec::new(), wake_at: None, is_running: false }),
    changed: Condvar::new(),
};

struct Watchdog {
    posts: Mutex<Posts>,
    changed: Condvar,
}

struct Posts {
    posts: Vec<Post>,
    /// When it is to look next, if ever.
    wake_at: Option<Instant>,
    is_running: bool,
}

/// A hand-off that is watched.
struct Post {
    hand_off: Weak<HandOff>,
    look_at: Instant,
    /// What ran at the last look, and at how many looks before that in this budget.
    turn: Option<u64>,
    looks: u32,
}

/// Watches a hand-off for as long as it exists.
pub(super) fn watch(hand_off: &Arc<HandOff>) {
    let look_at = clock::real_time() + hand_off.budget / LOOKS;
    let mut posts = WATCHDOG.lock();
    posts.posts.push(Post { hand_off: Arc::downgrade(hand_off), look_at, turn: None, looks: 0 });
    if !posts.is_running {
        let thread = std::thread::Builder::new().name("flows watchdog".to_owned());
        match thread.spawn(keep_watch) {
            Ok(_) => posts.is_running = true,
            Err(error) => {
                tracing::warn!(%error, "cannot start the watchdog; blocked runs go unseen")
            }
        }
    } else if posts.wake_at.is_none_or(|wake_at| look_at < wake_at) {
        WATCHDOG.changed.notify_one();
    }
}

fn keep_watch() {
    let mut posts = WATCHDOG.lock();
    loop {
        let overdue = posts.look(clock::real_time());
        if !overdue.is_empty() {
            drop(posts); // whoever hears the report may take his time
            overdue.into_iter().for_each(|(hand_off, turn)| report(&hand_off, turn));
            posts = WATCHDOG.lock();
        }
        posts.wake_at = posts.posts.iter().map(|post| post.look_at).min();
        let now = clock::real_time();
        let pause = posts.wake_at.map(|at| at.saturating_duration_since(now).min(BEAT));
        pulse::expect(pause.map(|pause| now + pause));
        posts = WATCHDOG.wait(posts, pause);
        pulse::beat(clock::real_time());
    }
}

/// Whoever hears the report must not end the watch: after a panic of his the run is still overdue.
fn report(hand_off: &Arc<HandOff>, turn: u64) {
    drop(catch(|| hand_off.overdue(turn)));
}

impl Watchdog {
    fn lock(&self) -> MutexGuard<'_, Posts> {
        self.posts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'a>(
        &self,
        posts: MutexGuard<'a, Posts>,
        pause: Option<Duration>,
    ) -> MutexGuard<'a, Posts> {
        match pause {
            None => self.changed.wait(posts).unwrap_or_else(PoisonError::into_inner),
            Some(pause) => {
                let waited = self.changed.wait_timeout(posts, pause);
                waited.unwrap_or_else(PoisonError::into_inner).0
            }
        }
    }
}

impl Posts {
    /// Looks at the hand-offs whose time it is; gives those whose user code is overdue.
    fn look(&mut self, now: Instant) -> Vec<(Arc<HandOff>, u64)> {
        let mut overdue = Vec::new();
        self.posts.retain_mut(|post| {
            let Some(hand_off) = post.hand_off.upgrade() else { return false };
            if post.look_at <= now {
                hand_off.look_at_overdue(looks_between(hand_off.budget), HOPELESS * LOOKS);
                overdue.extend(post.look(&hand_off, now).map(|turn| (hand_off, turn)));
            }
            true
        });
        overdue
    }
}

/// How many looks of the watchdog pass between two at the calls of what is overdue.
fn looks_between(budget: Duration) -> u32 {
    let least = SLOWEST.as_millis().div_ceil((budget / LOOKS).as_millis().max(1));
    u32::try_from(least).unwrap_or(u32::MAX).max(BUDGETS * LOOKS)
}

impl Post {
    /// What is overdue, at every budget again for as long as it has not moved.
    fn look(&mut self, hand_off: &HandOff, now: Instant) -> Option<u64> {
        self.look_at = now + hand_off.budget / LOOKS;
        let turn = hand_off.turn();
        if turn != self.turn || turn.is_none() {
            (self.turn, self.looks) = (turn, 0);
            return None;
        }
        self.looks = (self.looks + 1) % LOOKS;
        turn.filter(|_| self.looks == 0)
    }
}
