//! How an attempt of an activity is told to stop: a flag, and a wake flag for who waits for it.

use std::pin::pin;
use std::sync::atomic::{AtomicU8, Ordering};

use tokio::sync::Notify;

const CANCELLED: u8 = 1;
const ABANDONED: u8 = 2;

/// Shared by an attempt and who may stop it. What was said first stays.
#[derive(Debug, Default)]
pub(crate) struct Stop {
    said: AtomicU8,
    wake_flag: Notify,
}

impl Stop {
    /// The workflow does not wait for the attempt any more.
    pub(crate) fn cancel(&self) {
        self.say(CANCELLED);
    }

    /// Nobody is left who would cancel it.
    pub(crate) fn abandon(&self) {
        self.say(ABANDONED);
    }

    fn say(&self, what: u8) {
        if self.said.compare_exchange(0, what, Ordering::AcqRel, Ordering::Acquire).is_ok() {
            self.wake_flag.notify_waiters();
        }
    }

    /// Whether the attempt is not to go on.
    pub(crate) fn is_said(&self) -> bool {
        self.said.load(Ordering::Acquire) != 0
    }

    /// Resolves when the attempt is not to go on.
    pub(crate) async fn said(&self) {
        let mut rung = pin!(self.wake_flag.notified());
        rung.as_mut().enable(); // before the flag is read, so that nothing is missed
        if !self.is_said() {
            rung.await;
        }
    }

    /// Resolves when it was cancelled; never, if it was abandoned.
    pub(crate) async fn cancelled(&self) {
        self.said().await;
        if self.said.load(Ordering::Acquire) != CANCELLED {
            std::future::pending::<()>().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use futures_util::FutureExt;

    use super::*;

    #[tokio::test]
    async fn what_was_said_first_stays() {
        let stop = Stop::default();
        assert!(!stop.is_said());
        assert!(stop.said().now_or_never().is_none());
        stop.cancel();
        stop.abandon();
        stop.cancelled().await;
    }

    #[tokio::test]
    async fn who_is_abandoned_stops_and_was_not_cancelled() {
        let stop = Stop::default();
        stop.abandon();
        stop.cancel();
        stop.said().await;
        assert!(stop.cancelled().now_or_never().is_none());
    }

    #[tokio::test]
    async fn all_who_wait_are_told() {
        let stop = Arc::new(Stop::default());
        let waiters = [(); 3].map(|()| {
            let stop = Arc::clone(&stop);
            tokio::spawn(async move { stop.cancelled().await })
        });
        tokio::task::yield_now().await;
        stop.cancel();
        for waiter in waiters {
            waiter.await.expect("it was told");
        }
    }
}
