//! `join_all`, `try_join_all` and `race`: over any number of futures of one type.
//!
//! All are in one set from the beginning, and polled lowest first.

use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll};

use super::ready;
use super::set::Set;
use crate::durable::{Durable, sealed::Sealed};

/// Awaits all futures, and returns their outputs in the order of the futures.
#[cfg_attr(not(doctest), doc = include_str!("docs/join_all.md"))]
#[track_caller]
pub fn join_all<I>(futures: I) -> JoinAll<I::Item>
where
    I: IntoIterator,
    I::Item: Durable,
{
    JoinAll { set: Set::of(futures, "join_all", Location::caller()), outputs: Vec::new() }
}

/// Awaits all futures, or the first error: then it drops the others, which cancels them.
#[track_caller]
pub fn try_join_all<I, T, E>(futures: I) -> TryJoinAll<I::Item, T>
where
    I: IntoIterator,
    I::Item: Durable<Output = Result<T, E>>,
{
    TryJoinAll { set: Set::of(futures, "try_join_all", Location::caller()), outputs: Vec::new() }
}

/// Awaits the first future, and drops the others, which cancels them. Without futures it never ends.
#[track_caller]
pub fn race<I>(futures: I) -> Race<I::Item>
where
    I: IntoIterator,
    I::Item: Durable,
{
    Race { set: Set::of(futures, "race", Location::caller()) }
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
        this.outputs.resize_with(this.set.len(), || None);
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
        this.outputs.resize_with(this.set.len(), || None);
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
            this.set.clear();
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
            this.set.clear();
        }
        won.map_or_else(|| this.set.pending(cx), ready)
    }
}

impl<F: Future> Sealed for JoinAll<F> {}
impl<T, E, F: Future<Output = Result<T, E>>> Sealed for TryJoinAll<F, T> {}
impl<F: Future> Sealed for Race<F> {}
