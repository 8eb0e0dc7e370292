//! Streams of items: the newest are kept.

use std::collections::VecDeque;

use super::state::MemoryState;
use crate::error::Result;
use crate::ids::RunKey;
use crate::store::{ItemPage, NewItem, STREAM_BYTES, STREAM_ITEMS, STREAM_PAGE, StoredItem};

/// A run's stream.
#[derive(Default)]
#[cfg_attr(test, derive(Clone, Debug))]
pub(super) struct Stream {
    next: i64,
    /// The number of the last item of the workflow's own.
    published: Option<i64>,
    items: VecDeque<StoredItem>,
    bytes: usize,
}

impl Stream {
    /// Adds items, unless they have been added before, and drops the oldest.
    pub(super) fn add<'a>(&mut self, items: impl IntoIterator<Item = &'a NewItem>) {
        for NewItem { number, item } in items {
            if number.is_some() && *number <= self.published {
                continue;
            }
            self.published = number.or(self.published);
            self.bytes += item.len();
            self.items.push_back(StoredItem { position: self.next, item: item.clone() });
            self.next += 1;
        }
        let (most, largest) = (STREAM_ITEMS as usize, STREAM_BYTES as usize);
        while self.items.len() > most || self.bytes > largest {
            let Some(oldest) = self.items.pop_front() else { return };
            self.bytes -= oldest.item.len();
        }
    }

    fn page(&self, from: i64) -> Vec<StoredItem> {
        let first = self.items.partition_point(|item| item.position < from);
        self.items.iter().skip(first).take(STREAM_PAGE).cloned().collect()
    }

    /// All that it has kept.
    #[cfg(feature = "testing")]
    pub(super) fn in_words(&self) -> String {
        self.items.iter().map(|item| &*item.item).collect::<Vec<_>>().join(" ")
    }
}

impl MemoryState {
    /// [`WorkerStore::publish_items`](crate::store::WorkerStore::publish_items).
    pub(super) fn publish_items(&mut self, items: &[(RunKey, NewItem)]) -> Vec<Result<()>> {
        for (key, item) in items {
            if let Some(run) = self.runs.get_mut(key).filter(|run| run.is_open()) {
                run.stream.get_or_insert_default().add([item]);
            }
        }
        items.iter().map(|_| Ok(())).collect()
    }

    /// [`Inspect::read_items`](crate::store::Inspect::read_items).
    pub(super) fn read_items(&self, run: RunKey, from: i64) -> Option<ItemPage> {
        let run = self.runs.get(&run)?;
        let items = run.stream.as_ref().map(|stream| stream.page(from)).unwrap_or_default();
        Some(ItemPage { items, status: run.status(), successor: run.successor() })
    }
}
