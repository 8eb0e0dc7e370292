//! Mail: everything that reaches a run from outside, through its inbox.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::ids::RunKey;
use crate::payload::Payload;

/// What a letter is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum MailKind {
    /// A signal: `name` and payload.
    Signal,
    /// A request to cancel; the payload is the reason.
    Cancel,
    /// A child ended: `name` is the waiting operation's number, the payload its outcome.
    ChildClosed,
}

impl MailKind {
    const ALL: [(Self, i16); 3] = [(Self::Signal, 0), (Self::Cancel, 1), (Self::ChildClosed, 2)];

    /// The number it is stored as.
    pub fn code(self) -> i16 {
        Self::ALL.iter().find(|(kind, _)| *kind == self).map_or(0, |(_, code)| *code)
    }

    /// The kind stored as a number.
    pub fn from_code(code: i16) -> Option<Self> {
        Self::ALL.iter().find(|(_, c)| *c == code).map(|(kind, _)| *kind)
    }
}

/// A letter to send.
#[derive(Debug, Clone)]
pub struct Mail {
    /// The run it is for.
    pub to: RunKey,
    /// What it is.
    pub kind: MailKind,
    /// Signal name, or what the kind says.
    pub name: String,
    /// Content.
    pub payload: Payload,
    /// A letter with a key that this run has received before is acknowledged and dropped.
    pub dedup: Option<String>,
}

/// The answer to one letter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sent {
    /// In the inbox of a run that a worker holds: that worker should be told.
    ToOwner(Uuid),
    /// In the inbox of a run that is now ready.
    ToReady,
    /// In the inbox of a run that mail does not wake: it is stuck, or its start is delayed. Nobody
    /// need be told.
    Kept,
    /// The run had received a letter with this key.
    Duplicate,
    /// Nothing was written: somebody's open transaction holds the run.
    /// [`send_held`](super::Store::send_held) waits for its end.
    Held,
}

/// A letter in an inbox.
#[derive(Debug, Clone, PartialEq)]
pub struct Letter {
    /// Its number: rises in commit order within a run.
    pub seq: i64,
    /// What it is.
    pub kind: MailKind,
    /// Signal name, or what the kind says.
    pub name: String,
    /// Content.
    pub payload: Payload,
}

/// The most letters of a page.
pub const PAGE_LETTERS: usize = 1000;
/// The most bytes of a page, unless its only letter has more.
pub const MAIL_BYTES: usize = 4 << 20;

/// The beginning of an inbox, or of what is behind a letter.
#[derive(Debug, Clone, Default)]
pub struct Page {
    /// Letters, in order and without gaps.
    pub letters: Vec<Letter>,
    /// There are more, and all of them behind this number: to be [read](super::Store::read_mail) when
    /// these are taken in, or left for later. Until then, their run must not be parked.
    pub more: Option<i64>,
}

/// The inbox of an owned run whose mail flag was up.
#[derive(Debug, Clone)]
pub struct Collected {
    /// The run.
    pub run: RunKey,
    /// How many letters were sent to it since the worker owns it.
    pub sent: i64,
    /// Its inbox, in order, or the first [`Page`] of it.
    pub inbox: Vec<Letter>,
    /// As of a [`Page`].
    pub more: Option<i64>,
}
