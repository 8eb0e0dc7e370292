//! What a batch waits for: results that come at once.
//!
//! When a batch has landed, the activities that waited for it start together, and most that are fast
//! end together. A batch that went out with the first result would leave the others to the next one:
//! twice the commits, each with half the rows. So it waits until as many of those that have just been
//! started have ended as are still running, but a millisecond at most. Attempts that take longer are
//! waited for once, and hold up no later batch.

use std::time::Duration;

use tokio::time::Instant;

use super::executor::Executor;

/// The longest a batch waits for others.
const PATIENCE: Duration = Duration::from_millis(1);

/// The attempts that were started since the last batch has landed.
#[derive(Default)]
pub(super) struct CommitDelay {
    /// Numbers the batches.
    batch: u64,
    /// How many of these attempts have not ended.
    running: usize,
    until: Option<Instant>,
}

impl CommitDelay {
    /// A batch has landed.
    pub(super) fn begin(&mut self) {
        let until = Some(Instant::now() + PATIENCE);
        *self = Self { batch: self.batch + 1, running: 0, until };
    }

    /// An attempt starts; its number is to be said when it ends.
    pub(super) fn start(&mut self) -> u64 {
        self.running += 1;
        self.batch
    }

    /// An attempt has ended.
    pub(super) fn end(&mut self, batch: u64) {
        self.running -= usize::from(batch == self.batch && self.running > 0);
    }
}

impl Executor {
    /// How long the next batch waits for others, if it does: while more attempts that have just been
    /// started are still running than there are runs with something to commit.
    pub(super) fn gathering_until(&self) -> Option<Instant> {
        let CommitDelay { running, until, .. } = self.outside.commit_delay;
        let ready = self.outside.dirty.len();
        let waits = self.batch.is_none() && running > ready && ready > 0;
        until.filter(|until| waits && *until > Instant::now())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn only_what_was_started_since_the_last_batch_counts() {
        let mut commit_delay = CommitDelay::default();
        let old = commit_delay.start();
        commit_delay.begin();
        let new = commit_delay.start();
        commit_delay.end(old);
        assert_eq!(commit_delay.running, 1);
        commit_delay.end(new);
        commit_delay.end(new);
        assert_eq!(commit_delay.running, 0);
        assert_eq!(commit_delay.until, Some(Instant::now() + PATIENCE));
    }
}
