//! Ids, chance and the time of one thread, made to follow from a seed.
//!
//! For the testing kit only: what is done again on this thread under the same seed gets the same
//! ids, the same jitter and the same time. It holds for the thread that asked for it, so it needs a
//! runtime of one thread.

use std::cell::RefCell;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use uuid::{Builder, Uuid};

/// The time at which every seeded clock stands: 2030-01-01 00:00 UTC.
const START: Duration = Duration::from_secs(1_893_456_000);

thread_local! {
    static SOURCE: RefCell<Option<SeededSource>> = const { RefCell::new(None) };
}

struct SeededSource {
    seed: u64,
    random: ChaCha8Rng,
    ids: u64,
    /// Jitter is drawn as its middle: none.
    steady: bool,
}

/// Keeps this thread's clock seeded until it is dropped; then what was before holds again.
#[must_use = "the clock is seeded only as long as this lives"]
pub struct Seeded {
    before: Option<SeededSource>,
    /// It belongs to the thread that made it.
    _here: std::marker::PhantomData<*const ()>,
}

/// Makes what this thread gets from [`clock`](super) follow from `seed`.
pub fn seeded(seed: u64) -> Seeded {
    let random = ChaCha8Rng::seed_from_u64(seed);
    let source = SeededSource { seed, random, ids: 0, steady: false };
    let before = SOURCE.replace(Some(source));
    Seeded { before, _here: std::marker::PhantomData }
}

impl Seeded {
    /// Takes the jitter away: what is drawn then does not depend on how often was drawn before.
    pub fn steady(self) -> Self {
        SOURCE.with_borrow_mut(|source| {
            if let Some(source) = source {
                source.steady = true;
            }
        });
        self
    }
}

impl Drop for Seeded {
    fn drop(&mut self) {
        SOURCE.set(self.before.take());
    }
}

/// UUIDs of a time that moves by a millisecond with each, so that they are in order.
pub(super) fn uuid_v7() -> Option<Uuid> {
    with(|source| {
        let mut random = [0; 10];
        source.random.fill_bytes(&mut random);
        source.ids += 1;
        let millis = u64::try_from(START.as_millis()).unwrap_or(0) + source.ids;
        Builder::from_unix_timestamp_millis(millis, &random).into_uuid()
    })
}

/// The id of the run behind `before`: a millisecond later, and else a hash.
pub(super) fn uuid_v7_after(before: Uuid) -> Option<Uuid> {
    with(|source| {
        let (high, low) = before.as_u64_pair();
        let mut random = [0; 10];
        ChaCha8Rng::seed_from_u64(source.seed ^ high ^ low.rotate_left(32)).fill_bytes(&mut random);
        Builder::from_unix_timestamp_millis((high >> 16) + 1, &random).into_uuid()
    })
}

pub(super) fn random_share() -> Option<f64> {
    with(|source| match source.steady {
        true => 0.5,
        false => super::share_of(source.random.next_u64()),
    })
}

pub(super) fn system_time() -> Option<SystemTime> {
    with(|_| UNIX_EPOCH + START)
}

fn with<T>(take: impl FnOnce(&mut SeededSource) -> T) -> Option<T> {
    SOURCE.with_borrow_mut(|source| source.as_mut().map(take))
}

#[cfg(test)]
mod tests {
    use super::super::{random_share, system_time, uuid_v7, uuid_v7_after};
    use super::seeded;

    fn some() -> (Vec<uuid::Uuid>, f64, std::time::SystemTime) {
        ((0..3).map(|_| uuid_v7()).collect(), random_share(), system_time())
    }

    #[test]
    fn a_seed_gives_the_same_again_and_another_gives_others() {
        let first = {
            let _seeded = seeded(7);
            some()
        };
        let again = {
            let _seeded = seeded(7);
            some()
        };
        let other = {
            let _seeded = seeded(8);
            some()
        };
        assert_eq!(first, again);
        assert_ne!(first.0, other.0);
        assert!(first.0.is_sorted(), "{:?}", first.0);
        assert_ne!(uuid_v7(), uuid_v7(), "without a guard they are random");
    }

    #[test]
    fn a_run_that_goes_on_gets_the_same_id_however_often_it_is_made() {
        let _seeded = seeded(1).steady();
        let first = uuid_v7();
        let next = uuid_v7_after(first);
        assert_ne!(uuid_v7(), next);
        assert_eq!(uuid_v7_after(first), next);
        assert!(first < next && next < uuid_v7_after(next));
        assert_eq!((random_share(), random_share()), (0.5, 0.5));
    }

    #[test]
    fn guards_nest() {
        let _outer = seeded(1);
        let next = {
            let _again = seeded(1);
            uuid_v7()
        };
        assert_eq!(uuid_v7(), next, "the inner guard has not touched the outer one");
    }
}
