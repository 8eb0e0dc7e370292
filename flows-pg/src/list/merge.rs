//! Streams of runs, each newest first, and what they are together. Pure.

use std::collections::VecDeque;

use flows_core::store::{ListCursor, RunView};

/// Which runs a stream has.
pub(super) enum RunSource {
    /// Those of a version of a workflow.
    Group(String, i64),
    /// Those with a value of an attribute.
    Value(Vec<u8>),
}

/// Runs, newest first, that are read bit by bit.
pub(super) struct Stream {
    pub(super) source: RunSource,
    /// Everything before this has been read; what is behind it has not.
    pub(super) at: ListCursor,
    pub(super) is_done: bool,
    runs: VecDeque<RunView>,
}

/// All streams of a list.
pub(super) struct Merge {
    pub(super) streams: Vec<Stream>,
    /// Runs that were read whole.
    gathered: VecDeque<RunView>,
    /// Whether every run of a stream passes the filter.
    pub(super) is_told: bool,
    /// Whether runs that ended late are among those that were gathered.
    pub(super) is_late_apart: bool,
}

impl Stream {
    pub(super) fn new(source: RunSource, at: ListCursor) -> Self {
        Self { source, at, is_done: false, runs: VecDeque::new() }
    }

    pub(super) fn push(&mut self, run: RunView) {
        self.runs.push_back(run);
    }

    /// It has to be read on before anything older is taken.
    fn is_waited_for(&self) -> bool {
        !self.is_done && self.runs.is_empty()
    }
}

impl Merge {
    /// Runs that have been read, and nothing else.
    pub(super) fn of(runs: impl Iterator<Item = RunView>) -> Self {
        let mut gathered = runs.collect::<Vec<_>>();
        gathered.sort_by_key(|run| std::cmp::Reverse(ListCursor::of(run)));
        let gathered = gathered.into();
        Self { streams: Vec::new(), gathered, is_told: true, is_late_apart: false }
    }

    /// Takes the newest runs, up to the limit, as far as is known that they are the newest.
    pub(super) fn take(&mut self, runs: &mut Vec<RunView>, limit: usize) {
        while runs.len() < limit {
            let reached = self.reached();
            let streams = self.streams.iter_mut().map(|stream| &mut stream.runs);
            let queues = streams.chain([&mut self.gathered]);
            let newest =
                queues.filter_map(|queue| Some((queue.front().map(ListCursor::of)?, queue)));
            let Some((at, queue)) = newest.max_by_key(|(at, _)| *at) else { return };
            if reached.is_some_and(|reached| at < reached) {
                return;
            }
            runs.extend(queue.pop_front());
        }
    }

    /// Up to where all streams have been read; `None` if none has to be read on.
    pub(super) fn reached(&self) -> Option<ListCursor> {
        self.streams.iter().filter(|s| s.is_waited_for()).map(|s| s.at).max()
    }

    /// The streams to read on next: those that are waited for, the furthest behind first.
    pub(super) fn next(&self, most: usize) -> Vec<usize> {
        let mut next = (0..self.streams.len())
            .filter(|n| self.streams[*n].is_waited_for())
            .collect::<Vec<_>>();
        next.sort_by_key(|n| std::cmp::Reverse(self.streams[*n].at));
        next.truncate(most);
        next
    }

    pub(super) fn is_done(&self) -> bool {
        self.gathered.is_empty() && self.streams.iter().all(|s| s.is_done && s.runs.is_empty())
    }

    /// Where a full page ends, unless nothing comes behind it.
    pub(super) fn behind(&self, last: Option<&RunView>) -> Option<ListCursor> {
        last.filter(|_| !self.is_done()).map(ListCursor::of)
    }

    /// How many runs have been read and not taken.
    pub(super) fn waiting(&self) -> u64 {
        let runs = self.streams.iter().map(|s| s.runs.len()).sum::<usize>() + self.gathered.len();
        runs as u64
    }
}
