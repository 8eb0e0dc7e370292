//! `map_concurrent` and `stream_concurrent`: one future for each item, at most `n` at once.
//!
//! An item is taken, and its future made, when there is room for it: in the turn in which another
//! future ends. So the order of all calls is that of the journal, and a replay makes the same.

use std::collections::VecDeque;
use std::iter::Fuse;
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll};

use super::ready;
use super::set::Set;
use crate::durable::{Durable, sealed::Sealed};
use crate::replay::watch;

/// Calls `map` with each item and awaits what it returns, at most `n` futures at once; returns the
/// values in the order of the items.
///
/// The first error ends it: no further item is taken, and the other futures are dropped, which cancels
/// them. To have the outputs of all, whatever they are, write
/// [`.collect_all()`](MapConcurrent::collect_all).
#[cfg_attr(not(doctest), doc = include_str!("docs/map_concurrent.md"))]
///
/// # Panics
///
/// If `n` is zero.
#[track_caller]
pub fn map_concurrent<I, M, F>(items: I, n: usize, map: M) -> MapConcurrent<I::IntoIter, M, F>
where
    I: IntoIterator,
    M: FnMut(I::Item) -> F,
    F: Durable,
{
    MapConcurrent { all: CollectAll::of(items, n, map, "map_concurrent") }
}

/// Calls `map` with each item, at most `n` futures at once; [`next`](StreamConcurrent::next) returns
/// their outputs in the order in which they end.
///
/// Activities that were called go on while the workflow does something else; further ones are called
/// only in `next`. Dropping the stream cancels them.
#[cfg_attr(not(doctest), doc = include_str!("docs/stream_concurrent.md"))]
///
/// # Panics
///
/// If `n` is zero.
#[track_caller]
pub fn stream_concurrent<I, M, F>(items: I, n: usize, map: M) -> StreamConcurrent<I::IntoIter, M, F>
where
    I: IntoIterator,
    M: FnMut(I::Item) -> F,
    F: Durable,
{
    let pool = Pool::new(items, n, map, "stream_concurrent");
    StreamConcurrent { pool, ended: VecDeque::new() }
}

/// The future of [`map_concurrent`].
#[must_use = "without `.await` nothing is done: write `.await` behind it"]
pub struct MapConcurrent<I, M, F: Future> {
    all: CollectAll<I, M, F>,
}

/// The future of [`MapConcurrent::collect_all`] and of `ctx.batch`.
#[must_use = "without `.await` nothing is done: write `.await` behind it"]
pub struct CollectAll<I, M, F: Future> {
    pool: Pool<I, M, F>,
    outputs: Vec<Option<F::Output>>,
}

/// What [`stream_concurrent`] returns.
#[must_use = "nothing is done until `next` is awaited"]
pub struct StreamConcurrent<I, M, F: Future> {
    pool: Pool<I, M, F>,
    /// Outputs that nobody has asked for yet.
    ended: VecDeque<F::Output>,
}

/// The future of [`StreamConcurrent::next`].
#[must_use = "without `.await` nothing is done: write `.await` behind it"]
pub struct NextOutput<'a, I, M, F: Future> {
    stream: &'a mut StreamConcurrent<I, M, F>,
}

impl<I, M, F: Future> Unpin for MapConcurrent<I, M, F> {}
impl<I, M, F: Future> Unpin for CollectAll<I, M, F> {}
impl<I, M, F: Future> Unpin for StreamConcurrent<I, M, F> {}

impl<I, M, F: Future> MapConcurrent<I, M, F> {
    /// Goes on after an error: returns the outputs of all futures, in the order of the items.
    pub fn collect_all(self) -> CollectAll<I, M, F> {
        self.all
    }
}

impl<I, M, F> StreamConcurrent<I, M, F>
where
    I: Iterator,
    M: FnMut(I::Item) -> F,
    F: Future,
{
    /// The output of the future that ends next; `None` after the last.
    ///
    /// Dropping what this returns loses nothing, as in an arm of a `select!`.
    #[expect(clippy::should_implement_trait, reason = "it is awaited, as `next` of streams is")]
    pub fn next(&mut self) -> NextOutput<'_, I, M, F> {
        NextOutput { stream: self }
    }
}

impl<I, M, F> CollectAll<I, M, F>
where
    I: Iterator,
    M: FnMut(I::Item) -> F,
    F: Future,
{
    /// For each item; the name is that of what the user calls.
    #[track_caller]
    pub(crate) fn of<C>(items: C, n: usize, map: M, name: &'static str) -> Self
    where
        C: IntoIterator<IntoIter = I, Item = I::Item>,
        F: Durable,
    {
        Self { pool: Pool::new(items, n, map, name), outputs: Vec::new() }
    }

    /// Goes on until `is_enough` of an output.
    fn advance(&mut self, mut is_enough: impl FnMut(&F::Output) -> bool) -> Advance {
        loop {
            self.pool.fill(0);
            self.outputs.resize_with(self.pool.taken, || None);
            let (outputs, mut last, mut some) = (&mut self.outputs, None, false);
            self.pool.poll_woken(|item, output| {
                some = true;
                last = is_enough(&output).then_some(item);
                outputs[item] = Some(output);
                last.is_none()
            });
            if let Some(item) = last {
                return Advance::Enough(item);
            } else if !some {
                return Advance::Waits;
            }
        }
    }

    fn take_outputs(&mut self) -> impl Iterator<Item = F::Output> {
        std::mem::take(&mut self.outputs).into_iter().flatten()
    }
}

/// How far a call for all items has come.
enum Advance {
    Waits,
    /// With the output of this item.
    Enough(usize),
}

impl<I, M, F> Future for CollectAll<I, M, F>
where
    I: Iterator,
    M: FnMut(I::Item) -> F,
    F: Future,
{
    type Output = Vec<F::Output>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        this.advance(|_| false);
        this.pool.set.all_done(cx).map(|()| this.take_outputs().collect())
    }
}

impl<I, M, F, T, E> Future for MapConcurrent<I, M, F>
where
    I: Iterator,
    M: FnMut(I::Item) -> F,
    F: Future<Output = Result<T, E>>,
{
    type Output = Result<Vec<T>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let all = &mut self.get_mut().all;
        if let Advance::Enough(item) = all.advance(Result::is_err) {
            all.pool.set.clear();
            let failed = all.outputs.swap_remove(item);
            return failed.map_or(Poll::Pending, |failed| ready(failed.map(|_| Vec::new())));
        }
        all.pool.set.all_done(cx).map(|()| all.take_outputs().collect())
    }
}

impl<I, M, F> Future for NextOutput<'_, I, M, F>
where
    I: Iterator,
    M: FnMut(I::Item) -> F,
    F: Future,
{
    type Output = Option<F::Output>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let StreamConcurrent { pool, ended } = &mut *self.get_mut().stream;
        pool.fill(ended.len());
        pool.poll_woken(|_, output| {
            ended.push_back(output);
            true
        });
        let Some(output) = ended.pop_front() else {
            return pool.set.all_done(cx).map(|()| None);
        };
        // what has room now begins before the caller does something else
        pool.fill(ended.len());
        pool.poll_woken(|_, output| {
            ended.push_back(output);
            true
        });
        ready(Some(output))
    }
}

impl<I, M, F, T, E> Sealed for MapConcurrent<I, M, F>
where
    I: Iterator,
    M: FnMut(I::Item) -> F,
    F: Future<Output = Result<T, E>>,
{
}
impl<I, M, F: Future> Sealed for CollectAll<I, M, F> {}
impl<I, M, F: Future> Sealed for NextOutput<'_, I, M, F> {}

/// Items, and the futures of those that were taken.
struct Pool<I, M, F> {
    items: Fuse<I>,
    map: M,
    limit: usize,
    set: Set<F>,
    /// See [`Sealed::is_awaited`].
    is_awaited: fn(&F),
    /// The number of items that were taken.
    taken: usize,
    /// The item that each slot of the set has.
    slots: Vec<usize>,
    /// Slots whose future is done.
    free: Vec<usize>,
}

impl<I, M, F> Pool<I, M, F>
where
    I: Iterator,
    M: FnMut(I::Item) -> F,
    F: Future,
{
    #[track_caller]
    fn new<C>(items: C, limit: usize, map: M, name: &'static str) -> Self
    where
        C: IntoIterator<IntoIter = I, Item = I::Item>,
        F: Durable,
    {
        assert!(
            limit > 0,
            "`{name}` with at most 0 futures at once would never end; allow 1 or more"
        );
        let (items, set) = (items.into_iter().fuse(), Set::new(name, Location::caller()));
        let (slots, free) = (Vec::new(), Vec::new());
        Self { items, map, limit, set, is_awaited: F::is_awaited, taken: 0, slots, free }
    }

    /// Takes items while there is room, also for so many outputs that wait.
    fn fill(&mut self, waiting: usize) {
        while self.set.open() + waiting < self.limit {
            let Some(item) = self.items.next() else { return };
            watch::awaits(self.set.site());
            let slot = self.free.pop().unwrap_or(self.set.len());
            let future = (self.map)(item);
            (self.is_awaited)(&future);
            self.set.put(slot, future);
            match self.slots.get_mut(slot) {
                Some(of) => *of = self.taken,
                None => self.slots.push(self.taken),
            }
            self.taken += 1;
        }
    }

    fn poll_woken(&mut self, mut take: impl FnMut(usize, F::Output) -> bool) {
        let (slots, free) = (&self.slots, &mut self.free);
        self.set.poll_in_turn(|slot, output| {
            free.push(slot);
            take(slots[slot], output)
        });
    }
}
