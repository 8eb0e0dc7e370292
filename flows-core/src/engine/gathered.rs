//! Hints that gather until a worker hears them: a handful, however many were told.
//!
//! A worker may wait for its database while others start runs at full speed. So hints are not kept in
//! a row; what they say is added up.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;
use uuid::Uuid;

use crate::ids::RunKey;
use crate::store::Hint;

/// Runs that were ended from outside; of more than these, the hint is lost, and the fence decides.
const TERMINATED: usize = 4096;
/// Runs that were woken; of more than these, only the shards are known.
const WOKEN: usize = 32;

/// What one worker has not heard yet.
pub(crate) struct Gathered {
    worker: Uuid,
    hints: Mutex<GatheredHints>,
    news: Notify,
}

#[derive(Default)]
struct GatheredHints {
    ready: BTreeSet<i16>,
    woken: BTreeSet<RunKey>,
    messages: bool,
    unsure: bool,
    terminated: Vec<RunKey>,
    tasks: BTreeSet<i64>,
    withdrawn: bool,
}

impl Gathered {
    pub(crate) fn new(worker: Uuid) -> Self {
        Self { worker, hints: Mutex::default(), news: Notify::new() }
    }

    /// Adds a hint, if it is any of this worker's business.
    pub(crate) fn tell(&self, hint: &Hint) {
        let mut hints = self.hints();
        match hint {
            Hint::Ready(shards) => hints.ready.extend(shards),
            Hint::Woken(runs) => {
                hints.ready.extend(runs.iter().map(|run| run.shard));
                let room = WOKEN.saturating_sub(hints.woken.len());
                hints.woken.extend(runs.iter().take(room)); // one that is known takes no room
            }
            Hint::Messages(worker) if *worker == self.worker => hints.messages = true,
            Hint::Withdrawn(worker) if *worker == self.worker => hints.withdrawn = true,
            Hint::Unsure => hints.unsure = true,
            Hint::Tasks(lanes) => hints.tasks.extend(lanes),
            Hint::Terminated(runs) => {
                let room = TERMINATED.saturating_sub(hints.terminated.len());
                hints.terminated.extend(runs.iter().take(room));
            }
            Hint::Messages(_) | Hint::Withdrawn(_) | Hint::Closed(_) | Hint::Published(_) => return,
        }
        drop(hints);
        self.news.notify_one();
    }

    /// Waits for hints, and takes them. Dropped while it waits, it has taken none.
    pub(crate) async fn heard(&self) -> Vec<Hint> {
        loop {
            let hints = self.take();
            if !hints.is_empty() {
                return hints;
            }
            self.news.notified().await;
        }
    }

    /// Takes what there is.
    pub(crate) fn take(&self) -> Vec<Hint> {
        let GatheredHints { ready, woken, messages, unsure, terminated, tasks, withdrawn } =
            std::mem::take(&mut *self.hints());
        let ready = (!ready.is_empty()).then(|| Hint::Ready(ready.into_iter().collect()));
        let woken = (!woken.is_empty()).then(|| Hint::Woken(woken.into_iter().collect()));
        let messages = messages.then_some(Hint::Messages(self.worker));
        let unsure = unsure.then_some(Hint::Unsure);
        let terminated = (!terminated.is_empty()).then_some(Hint::Terminated(terminated));
        let tasks = (!tasks.is_empty()).then(|| Hint::Tasks(tasks.into_iter().collect()));
        let withdrawn = withdrawn.then_some(Hint::Withdrawn(self.worker));
        [ready, woken, messages, unsure, terminated, tasks, withdrawn]
            .into_iter()
            .flatten()
            .collect()
    }

    fn hints(&self) -> MutexGuard<'_, GatheredHints> {
        self.hints.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_million_hints_are_a_few() {
        let gathered = Gathered::new(Uuid::max());
        for number in 0..1_000_000_u32 {
            let shard = i16::try_from(number % 16).unwrap_or(0);
            gathered.tell(&Hint::Ready(vec![shard]));
            let run = Uuid::from_u128(u128::from(number / 1000));
            gathered.tell(&Hint::Woken(vec![RunKey { shard, tenant: Uuid::nil(), run }]));
            gathered.tell(&Hint::Terminated(vec![RunKey::of_run(Uuid::nil(), Uuid::max())]));
        }
        gathered.tell(&Hint::Messages(Uuid::max()));
        gathered.tell(&Hint::Messages(Uuid::nil())); // somebody else's
        let heard = gathered.heard().await;
        let [
            Hint::Ready(shards),
            Hint::Woken(woken),
            Hint::Messages(worker),
            Hint::Terminated(runs),
        ] = &heard[..]
        else {
            panic!("{} hints", heard.len());
        };
        assert_eq!((shards.len(), *worker, runs.len()), (16, Uuid::max(), TERMINATED));
        assert_eq!(woken.len(), WOKEN);
        assert!(gathered.take().is_empty());
    }

    #[test]
    fn a_run_that_gets_many_letters_is_woken_once() {
        let (gathered, run) = (Gathered::new(Uuid::max()), RunKey::new(Uuid::nil(), None));
        (0..100).for_each(|_| gathered.tell(&Hint::Woken(vec![run])));
        assert_eq!(gathered.take(), [Hint::Ready(vec![run.shard]), Hint::Woken(vec![run])]);
    }

    #[tokio::test]
    async fn a_hint_wakes_who_waits() {
        let gathered = Gathered::new(Uuid::max());
        let (heard, ()) = tokio::join!(gathered.heard(), async {
            tokio::task::yield_now().await;
            gathered.tell(&Hint::Closed(vec![Uuid::nil()])); // no news for a worker
            gathered.tell(&Hint::Unsure);
        });
        assert_eq!(heard, [Hint::Unsure]);
    }
}
