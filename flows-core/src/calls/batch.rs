//! `ctx.batch`: thousands of small activities, each with a result of its own.

use crate::combinators::CollectAll;
use crate::context::WorkflowContext;
use crate::durable::Durable;

impl WorkflowContext {
    /// Calls `map` with each item and awaits what it returns, at most `n` at once; returns each output in the order of
    /// the items, whatever became of the others.
    ///
    /// An item is retried and fails by itself. What ends together is written in one row: about `n` results of small
    /// activities share a row and a commit. A worker that takes over repeats only what was not recorded. Items may be
    /// a lazy iterator: one is taken when there is room for it, and its input is not stored.
    #[cfg_attr(not(doctest), doc = include_str!("docs/batch.md"))]
    ///
    /// # Panics
    ///
    /// If `n` is zero.
    #[track_caller]
    pub fn batch<I, M, F>(&self, items: I, n: usize, map: M) -> CollectAll<I::IntoIter, M, F>
    where
        I: IntoIterator,
        M: FnMut(I::Item) -> F,
        F: Durable,
    {
        CollectAll::of(items, n, map, "batch")
    }
}
