//! Requests that wait for an open transaction of somebody else's, apart from all others.
//!
//! A start or a message that somebody's transaction holds up does not wait in its batch: the store
//! answers that it is held, and its caller waits here. Of the callers that want the same thing one
//! asks the store to wait; the others wait for that one, without a connection. A caller never waits
//! longer than [`PATIENCE`].

use std::collections::HashMap;
use std::future::Future;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::time::Instant;
use uuid::Uuid;

use crate::error::Result;
use crate::ids::RunKey;
use crate::store::{NewRun, PATIENCE};

/// What a transaction holds: a workflow id of a tenant, or a run.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Wanted {
    Id(Uuid, Arc<str>),
    Run(RunKey),
}

impl Wanted {
    pub(super) fn of_start(run: &NewRun) -> Self {
        match &run.spec.workflow_id {
            Some(id) => Self::Id(run.key.tenant, Arc::clone(id)),
            None => Self::Run(run.key),
        }
    }
}

/// What is waited for, each with those who wait for the one that asks.
#[derive(Default)]
pub(super) struct Aside {
    waits: Mutex<HashMap<Wanted, Arc<Semaphore>>>,
    count: AtomicUsize,
}

/// The caller that asks for the others; they go on when this is dropped.
struct FirstAsker<'a> {
    aside: &'a Aside,
    wanted: Wanted,
}

impl Aside {
    /// Asks with all others; where that is held, waits for it apart from them. `ask` and `wait` answer
    /// nothing when the request is held, and `wait` is given the time that is left. Nothing in the
    /// end: it was held for too long.
    pub(super) async fn ask<T, A, W>(
        &self,
        wanted: impl Fn() -> Wanted,
        ask: impl Fn() -> A,
        wait: impl FnOnce(Duration) -> W,
    ) -> Result<Option<T>>
    where
        A: Future<Output = Result<Option<T>>>,
        W: Future<Output = Result<Option<T>>>,
    {
        let end = Instant::now() + PATIENCE;
        loop {
            if let Some(first) = self.waiting(&wanted) {
                // closed when the first has an answer
                if tokio::time::timeout_at(end, first.acquire()).await.is_err() {
                    return Ok(None);
                }
            }
            if let Some(done) = ask().await? {
                return Ok(Some(done));
            }
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(None);
            }
            if let Some(_first) = self.begin(wanted()) {
                return wait(left).await;
            }
        }
    }

    /// Who waits for the same thing already. Mostly nobody waits for anything.
    fn waiting(&self, wanted: impl Fn() -> Wanted) -> Option<Arc<Semaphore>> {
        if self.count.load(Ordering::Acquire) == 0 {
            return None;
        }
        self.lock().get(&wanted()).cloned()
    }

    /// Begins to wait, unless somebody else does.
    fn begin(&self, wanted: Wanted) -> Option<FirstAsker<'_>> {
        let mut waits = self.lock();
        if waits.contains_key(&wanted) {
            return None;
        }
        waits.insert(wanted.clone(), Arc::new(Semaphore::new(0)));
        self.count.store(waits.len(), Ordering::Release);
        Some(FirstAsker { aside: self, wanted })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Wanted, Arc<Semaphore>>> {
        self.waits.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for FirstAsker<'_> {
    fn drop(&mut self) {
        let mut waits = self.aside.lock();
        if let Some(others) = waits.remove(&self.wanted) {
            others.close();
        }
        self.aside.count.store(waits.len(), Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt;
    use tokio::sync::watch;

    fn wanted(id: &str) -> Wanted {
        Wanted::Id(Uuid::nil(), id.into())
    }

    /// A thousand callers of one thing that is held: one of them asks the store to wait, the others
    /// have their answers when it has its own.
    #[tokio::test]
    async fn one_of_many_waits_at_the_store() {
        let aside = Arc::new(Aside::default());
        let (held, waits) = (watch::channel(true).0, Arc::new(AtomicUsize::new(0)));
        let mut asking = tokio::task::JoinSet::new();
        for _ in 0..1000 {
            let (aside, held, waits) = (Arc::clone(&aside), held.clone(), Arc::clone(&waits));
            asking.spawn(async move {
                let ask = async || Ok((!*held.borrow()).then_some(()));
                let wait = async |_| {
                    waits.fetch_add(1, Ordering::Relaxed);
                    drop(held.subscribe().wait_for(|held| !held).await);
                    Ok(Some(()))
                };
                aside.ask(|| wanted("x"), ask, wait).await
            });
        }
        for _ in 0..2000 {
            tokio::task::yield_now().await; // on this one thread, all of them wait now
        }
        assert_eq!(waits.load(Ordering::Relaxed), 1);
        let free = || async { Ok(Some(1)) };
        let other = aside.ask(|| wanted("y"), free, |_| async { unreachable!() }).await;
        assert_eq!(other.unwrap(), Some(1), "who wants something else does not wait");
        held.send_replace(false);
        assert!(asking.join_all().await.iter().all(|done| done.as_ref().unwrap().is_some()));
        assert_eq!(aside.count.load(Ordering::Relaxed), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_waits_longer_than_the_limit() {
        let aside = Aside::default();
        let held = || async { Ok(None::<()>) };
        let never = |left| async move {
            tokio::time::sleep(left).await;
            Ok(None)
        };
        let begun = Instant::now();
        let ask = || aside.ask(|| wanted("x"), held, never);
        let (first, second) = tokio::join!(ask(), ask());
        assert_eq!((first.unwrap(), second.unwrap()), (None, None));
        assert!(begun.elapsed() < PATIENCE * 2, "{:?}", begun.elapsed());
    }

    #[tokio::test]
    async fn a_first_one_that_is_dropped_leaves_its_place_to_another() {
        let aside = Aside::default();
        let held = || async { Ok(None::<u8>) };
        let never = |_| std::future::pending();
        let mut first = Box::pin(aside.ask(|| wanted("x"), held, never));
        assert!((&mut first).now_or_never().is_none());
        let mut second = Box::pin(aside.ask(|| wanted("x"), held, |_| async { Ok(Some(2)) }));
        assert!((&mut second).now_or_never().is_none());
        drop(first);
        assert_eq!(second.await.unwrap(), Some(2));
    }
}
