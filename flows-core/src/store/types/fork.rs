//! A run that begins as another one did.

use uuid::Uuid;

use super::{Close, NewRun, OutgoingMessage};
use crate::ids::RunKey;

/// A run to start, with a journal that begins as another run's.
#[derive(Debug, Clone)]
pub struct ForkedRun {
    /// The other run, of the same tenant.
    pub from: RunKey,
    /// How many events of its history it is forked behind, for people.
    pub position: u32,
    /// The new run.
    pub run: NewRun,
    /// How many rows of the other journal are copied, from the first on.
    pub copied: i32,
    /// Rows that are written instead of, or behind, what is copied, by position.
    pub rewritten: Vec<(i32, Vec<u8>)>,
    /// What becomes of the other run.
    pub takes: Takes,
    /// Messages that the new run gets.
    pub messages: Vec<OutgoingMessage>,
    /// Signals that the other run has not read go over to the new one, behind those messages.
    pub takes_inbox: bool,
}

/// What a forked run takes from the run that it is forked from.
#[derive(Debug, Clone)]
pub enum Takes {
    /// Nothing: that run stays what it is.
    Nothing,
    /// Its place, once: it is a dead letter, and is none any more.
    DeadLetter,
    /// Its place, once: it ends with this journal row, if it is open.
    Place(Vec<u8>, Close),
}

impl Takes {
    /// Whether the new run goes on in place of the other one.
    pub fn place(&self) -> bool {
        !matches!(self, Self::Nothing)
    }
}

/// Where a run was forked from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Origin {
    /// The other run.
    pub run: Uuid,
    /// How many events of its history it was forked behind.
    pub position: u32,
}
