//! What is paused.

use super::state::MemoryState;
use crate::store::{NewPause, PauseRow, PauseScope};

/// What is paused, and how often that has changed.
#[derive(Default)]
#[cfg_attr(test, derive(Clone, Debug))]
pub(super) struct Pauses {
    rows: Vec<PauseRow>,
    changes: i64,
}

impl Pauses {
    /// Another number after each change; 0 where nothing is paused.
    pub(super) fn stamp(&self) -> i64 {
        if self.rows.is_empty() { 0 } else { self.changes }
    }

    pub(super) fn rows(&self) -> &[PauseRow] {
        &self.rows
    }
}

impl MemoryState {
    /// [`Operate::pause`](crate::store::Operate::pause).
    pub(super) fn pause(&mut self, pause: &NewPause) -> bool {
        let NewPause { scope, reason, author } = pause.clone();
        if let Some(row) = self.pauses.rows.iter_mut().find(|row| row.scope == scope) {
            (row.reason, row.author) = (reason, author);
            return false;
        }
        self.pauses.changes += 1;
        self.pauses.rows.push(PauseRow { scope, reason, author, since: self.now });
        true
    }

    /// [`Operate::resume`](crate::store::Operate::resume).
    pub(super) fn resume(&mut self, scope: &PauseScope) -> bool {
        let before = self.pauses.rows.len();
        self.pauses.rows.retain(|row| row.scope != *scope);
        let was_paused = self.pauses.rows.len() < before;
        self.pauses.changes += i64::from(was_paused);
        was_paused
    }

    /// [`Operate::pauses`](crate::store::Operate::pauses).
    pub(super) fn pauses(&self) -> Vec<PauseRow> {
        self.pauses.rows.clone()
    }
}
