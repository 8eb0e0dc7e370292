//! A set of futures of one type, which are polled when they are woken.
//!
//! Each future has a wake flag of its own, and only those that were woken are polled again: the cost of
//! an event does not grow with the number of futures.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use crate::durable::Durable;
use crate::replay::wake_flag::{WakeFlag, Woken};
use crate::replay::watch::{self, Place};

pub(super) struct Set<F> {
    children: Vec<Child<F>>,
    open: usize,
    woken: Arc<Woken>,
    /// The function that made it, and where that was called.
    name: &'static str,
    site: Place,
}

struct Child<F> {
    future: Option<Pin<Box<F>>>,
    wake_flag: Arc<WakeFlag>,
}

impl<F: Future> Set<F> {
    pub(super) fn new(name: &'static str, site: Place) -> Self {
        Self { children: Vec::new(), open: 0, woken: Arc::default(), name, site }
    }

    /// With these futures in it.
    pub(super) fn of(futures: impl IntoIterator<Item = F>, name: &'static str, site: Place) -> Self
    where
        F: Durable,
    {
        let mut set = Self::new(name, site);
        (0..).zip(futures).for_each(|(slot, future)| {
            future.is_awaited();
            set.put(slot, future);
        });
        set
    }

    /// Puts a future into a slot whose future is done, or into the one behind all.
    pub(super) fn put(&mut self, slot: usize, future: F) {
        let wake_flag = Arc::new(WakeFlag::of_member(slot, &self.woken));
        wake_flag.set();
        let child = Child { future: Some(Box::pin(future)), wake_flag };
        match self.children.get_mut(slot) {
            Some(done) => *done = child,
            None => self.children.push(child),
        }
        self.open += 1;
    }

    /// The number of slots.
    pub(super) fn len(&self) -> usize {
        self.children.len()
    }

    /// The number of futures that are not done.
    pub(super) fn open(&self) -> usize {
        self.open
    }

    pub(super) fn site(&self) -> Place {
        self.site
    }

    /// Drops all futures.
    pub(super) fn clear(&mut self) {
        self.children.clear();
        self.open = 0;
    }

    /// Polls the woken futures, lowest first, until `take` has enough.
    pub(super) fn poll_woken(&mut self, take: impl FnMut(usize, F::Output) -> bool) {
        let mut woken = self.woken.take();
        woken.sort_unstable();
        self.poll_slots(woken, take);
    }

    /// The same in the order in which they were woken.
    pub(super) fn poll_in_turn(&mut self, take: impl FnMut(usize, F::Output) -> bool) {
        let woken = self.woken.take();
        self.poll_slots(woken, take);
    }

    fn poll_slots(&mut self, slots: Vec<usize>, mut take: impl FnMut(usize, F::Output) -> bool) {
        for slot in slots {
            let Some(child) = self.children.get_mut(slot) else { continue };
            let Poll::Ready(output) = child.poll() else { continue };
            child.future = None;
            self.open -= 1;
            if !take(slot, output) {
                return;
            }
        }
    }

    pub(super) fn all_done(&self, cx: &Context<'_>) -> Poll<()> {
        if self.open == 0 { Poll::Ready(()) } else { self.pending(cx) }
    }

    pub(super) fn pending<T>(&self, cx: &Context<'_>) -> Poll<T> {
        watch::set_answers(cx, self.name, self.site);
        super::pending()
    }
}

impl<F: Future> Child<F> {
    fn poll(&mut self) -> Poll<F::Output> {
        let Some(future) = &mut self.future else { return Poll::Pending };
        let waker = Waker::from(Arc::clone(&self.wake_flag));
        watch::with_wake_flag(&self.wake_flag, || {
            future.as_mut().poll(&mut Context::from_waker(&waker))
        })
    }
}
