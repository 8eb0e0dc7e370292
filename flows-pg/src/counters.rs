//! How often each statement was sent: the cost model of the library, asserted by tests.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// Counts by statement name; `commit` counts transactions of several statements, `rows` the rows
/// that were read, `loaded with its claim` runs that no statement of their own was needed to read.
#[derive(Debug, Default)]
pub(crate) struct Counters(Mutex<BTreeMap<&'static str, u64>>);

impl Counters {
    pub(crate) fn add(&self, name: &'static str, number: usize) {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *counts.entry(name).or_default() += number as u64;
    }

    pub(crate) fn snapshot(&self) -> BTreeMap<&'static str, u64> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
