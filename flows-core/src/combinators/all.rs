//! `join_all`, `try_join_all` and `race`: over any number of futures of one type.
//!
//! Each future has a waker of its own, and only those that were woken are polled again: the cost
//! of an event does not grow with the number of futures.

use std::collections::BTreeSet;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

use crate::durable::Durable;

/// Awaits all; gives their outputs in the order of the futures.
pub fn join_all<I>(futures: I) -> JoinAll<I::Item>
where
    I: IntoIterator,
    I::Item: Durable,
{
    JoinAll { set: Set::new(futures), outputs: Vec::new() }
}

/// Awaits all, or the first error: then the others are dropped, which cancels them.
pub fn try_join_all<I, T, E>(futures: I) -> TryJoinAll<I::Item, T>
where
    I: IntoIterator,
    I::Item: Durable<Output = Result<T, E>>,
{
    TryJoinAll { set: Set::new(futures), outputs: Vec::new() }
}

/// Awaits the first; the others are dropped, which cancels them. Never ends for no futures.
pub fn race<I>(futures: I) -> Race<I::Item>
where
    I: IntoIterator,
    I::Item: Durable,
{
    Race { set: Set::new(futures) }
}

/// The future of [`join_all`].
#[must_use = "a durable future does nothing unless it is awaited"]
pub struct JoinAll<F: Future> {
    set: Set<F>,
    outputs: Vec<Option<F::Output>>,
}

/// The future of [`try_join_all`].
#[must_use = "a durable future does nothing unless it is awaited"]
pub struct TryJoinAll<F, T> {
    set: Set<F>,
    outputs: Vec<Option<T>>,
}

/// The future of [`race`].
#[must_use = "a durable future does nothing unless it is awaited"]
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
        this.set.poll_woken(cx, |index, output| {
            outputs[index] = Some(output);
            true
        });
        this.set
            .all_done()
            .map(|()| std::mem::take(&mut this.outputs).into_iter().flatten().collect())
    }
}

impl<T, E, F: Future<Output = Result<T, E>>> Future for TryJoinAll<F, T> {
    type Output = Result<Vec<T>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        this.outputs.resize_with(this.set.children.len(), || None);
        let (outputs, mut failed) = (&mut this.outputs, None);
        this.set.poll_woken(cx, |index, output| match output {
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
            return Poll::Ready(Err(error));
        }
        let done = this.set.all_done();
        done.map(|()| Ok(std::mem::take(&mut this.outputs).into_iter().flatten().collect()))
    }
}

impl<F: Future> Future for Race<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let (this, mut won) = (self.get_mut(), None);
        this.set.poll_woken(cx, |_, output| {
            won = Some(output);
            false
        });
        if won.is_some() {
            this.set.children.clear();
        }
        won.map_or(Poll::Pending, Poll::Ready)
    }
}

#[diagnostic::do_not_recommend]
impl<F: Future> Durable for JoinAll<F> {}
#[diagnostic::do_not_recommend]
impl<T, E, F: Future<Output = Result<T, E>>> Durable for TryJoinAll<F, T> {}
#[diagnostic::do_not_recommend]
impl<F: Future> Durable for Race<F> {}

/// Futures that are polled when they are woken.
struct Set<F> {
    children: Vec<Child<F>>,
    open: usize,
    woken: Arc<Woken>,
}

struct Child<F> {
    future: Option<Pin<Box<F>>>,
    waker: Waker,
}

/// Which futures were woken, lowest first, and whom to tell.
#[derive(Default)]
struct Woken {
    inner: Mutex<WokenInner>,
}

#[derive(Default)]
struct WokenInner {
    indexes: BTreeSet<usize>,
    parent: Option<Waker>,
}

struct ChildWaker {
    index: usize,
    woken: Arc<Woken>,
}

impl Wake for ChildWaker {
    fn wake(self: Arc<Self>) {
        let parent = {
            let mut inner = self.woken.lock();
            inner.indexes.insert(self.index);
            inner.parent.take()
        };
        if let Some(parent) = parent {
            parent.wake();
        }
    }
}

impl Woken {
    fn lock(&self) -> std::sync::MutexGuard<'_, WokenInner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<F: Future> Set<F> {
    fn new(futures: impl IntoIterator<Item = F>) -> Self {
        let woken = Arc::new(Woken::default());
        let children: Vec<_> = futures
            .into_iter()
            .enumerate()
            .map(|(index, future)| Child {
                future: Some(Box::pin(future)),
                waker: Waker::from(Arc::new(ChildWaker { index, woken: Arc::clone(&woken) })),
            })
            .collect();
        woken.lock().indexes.extend(0..children.len());
        Self { open: children.len(), children, woken }
    }

    /// Polls the woken futures, lowest first, until `take` has enough.
    fn poll_woken(&mut self, cx: &Context<'_>, mut take: impl FnMut(usize, F::Output) -> bool) {
        let woken = {
            let mut inner = self.woken.lock();
            inner.parent = Some(cx.waker().clone());
            std::mem::take(&mut inner.indexes)
        };
        for index in woken {
            let Some(child) = self.children.get_mut(index) else { continue };
            let Some(future) = &mut child.future else { continue };
            let polled = future.as_mut().poll(&mut Context::from_waker(&child.waker));
            let Poll::Ready(output) = polled else { continue };
            child.future = None;
            self.open -= 1;
            if !take(index, output) {
                return;
            }
        }
    }

    fn all_done(&self) -> Poll<()> {
        if self.open == 0 { Poll::Ready(()) } else { Poll::Pending }
    }
}
