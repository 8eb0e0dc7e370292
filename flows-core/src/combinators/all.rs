//! `join_all`, `try_join_all` and `race`: over any number of futures of one type.
//!
//! Each future has a bell of its own, and only those that were woken are polled again: the cost of
//! an event does not grow with the number of futures.

use std::panic::Location;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use super::ready;
use crate::durable::{Durable, sealed::Sealed};
use crate::replay::bell::{Bell, Woken};
use crate::replay::watch::{self, Place};

/// Awaits all futures, and returns their outputs in the order of the futures.
#[cfg_attr(not(doctest), doc = include_str!("docs/join_all.md"))]
#[track_caller]
pub fn join_all<I>(futures: I) -> JoinAll<I::Item>
where
    I: IntoIterator,
    I::Item: Durable,
{
    JoinAll { set: Set::new(futures, Location::caller()), outputs: Vec::new() }
}

/// Awaits all futures, or the first error: then it drops the others, which cancels them.
#[track_caller]
pub fn try_join_all<I, T, E>(futures: I) -> TryJoinAll<I::Item, T>
where
    I: IntoIterator,
    I::Item: Durable<Output = Result<T, E>>,
{
    TryJoinAll { set: Set::new(futures, Location::caller()), outputs: Vec::new() }
}

/// Awaits the first future, and drops the others, which cancels them. Without futures it never ends.
#[track_caller]
pub fn race<I>(futures: I) -> Race<I::Item>
where
    I: IntoIterator,
    I::Item: Durable,
{
    Race { set: Set::new(futures, Location::caller()) }
}

/// The future of [`join_all`].
#[must_use = "without `.await` nothing is done: write `.await` behind it"]
pub struct JoinAll<F: Future> {
    set: Set<F>,
    outputs: Vec<Option<F::Output>>,
}

/// The future of [`try_join_all`].
#[must_use = "without `.await` nothing is done: write `.await` behind it"]
pub struct TryJoinAll<F, T> {
    set: Set<F>,
    outputs: Vec<Option<T>>,
}

/// The future of [`race`].
#[must_use = "without `.await` nothing is done: write `.await` behind it"]
pub struct Race<F> {
    set: Set<F>,
}

impl<F: Future> Unpin for JoinAll<F> {}
impl<F, T> Unpin for TryJoinAll<F, T> {}
impl<F> Unpin for Race<F> {}

impl<F: Future> Future for JoinAll<F> {
    type Output = Vec<F::Output>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        this.outputs.resize_with(this.set.children.len(), || None);
        let outputs = &mut this.outputs;
        this.set.poll_woken(|index, output| {
            outputs[index] = Some(output);
            true
        });
        this.set
            .all_done(cx)
            .map(|()| std::mem::take(&mut this.outputs).into_iter().flatten().collect())
    }
}

impl<T, E, F: Future<Output = Result<T, E>>> Future for TryJoinAll<F, T> {
    type Output = Result<Vec<T>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        this.outputs.resize_with(this.set.children.len(), || None);
        let (outputs, mut failed) = (&mut this.outputs, None);
        this.set.poll_woken(|index, output| match output {
            Ok(value) => {
                outputs[index] = Some(value);
                true
            }
            Err(error) => {
                failed = Some(error);
                false
            }
        });
        if let Some(error) = failed {
            this.set.children.clear();
            return ready(Err(error));
        }
        let done = this.set.all_done(cx);
        done.map(|()| Ok(std::mem::take(&mut this.outputs).into_iter().flatten().collect()))
    }
}

impl<F: Future> Future for Race<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let (this, mut won) = (self.get_mut(), None);
        this.set.poll_woken(|_, output| {
            won = Some(output);
            false
        });
        if won.is_some() {
            this.set.children.clear();
        }
        won.map_or_else(|| this.set.pending(cx), ready)
    }
}

impl<F: Future> Sealed for JoinAll<F> {}
impl<T, E, F: Future<Output = Result<T, E>>> Sealed for TryJoinAll<F, T> {}
impl<F: Future> Sealed for Race<F> {}

/// Futures that are polled when they are woken.
struct Set<F> {
    children: Vec<Child<F>>,
    open: usize,
    woken: Arc<Woken>,
    /// Where it was made.
    site: Place,
}

struct Child<F> {
    future: Option<Pin<Box<F>>>,
    bell: Arc<Bell>,
}

impl<F: Future> Set<F> {
    fn new(futures: impl IntoIterator<Item = F>, site: Place) -> Self
    where
        F: Durable,
    {
        let pin = |future: F| {
            future.is_awaited();
            Some(Box::pin(future))
        };
        let futures: Vec<_> = futures.into_iter().map(pin).collect();
        let woken = Arc::new(Woken::all(futures.len()));
        let bell = |index| Arc::new(Bell::of_member(index, &woken));
        let children: Vec<_> =
            (0..).zip(futures).map(|(index, future)| Child { future, bell: bell(index) }).collect();
        Self { open: children.len(), children, woken, site }
    }

    /// Polls the woken futures, lowest first, until `take` has enough.
    fn poll_woken(&mut self, mut take: impl FnMut(usize, F::Output) -> bool) {
        for index in self.woken.take() {
            let Some(child) = self.children.get_mut(index) else { continue };
            let Poll::Ready(output) = child.poll() else { continue };
            child.future = None;
            self.open -= 1;
            if !take(index, output) {
                return;
            }
        }
    }

    fn all_done(&self, cx: &Context<'_>) -> Poll<()> {
        if self.open == 0 { Poll::Ready(()) } else { self.pending(cx) }
    }

    fn pending<T>(&self, cx: &Context<'_>) -> Poll<T> {
        watch::set_answers(cx, self.site);
        super::pending()
    }
}

impl<F: Future> Child<F> {
    fn poll(&mut self) -> Poll<F::Output> {
        let Some(future) = &mut self.future else { return Poll::Pending };
        let waker = Waker::from(Arc::clone(&self.bell));
        watch::with_bell(&self.bell, || future.as_mut().poll(&mut Context::from_waker(&waker)))
    }
}
