//! Messages: everything that reaches a run from outside, through its inbox.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::ids::RunKey;
use crate::payload::Payload;

/// What a message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum MessageKind {
    /// A signal: `name` and payload.
    Signal,
    /// A request to cancel; the payload is the reason.
    Cancel,
    /// A child ended: `name` is the waiting operation's number, the payload its outcome.
    ChildClosed,
    /// An attempt of an activity was completed outside of its worker: `name` is the operation's number and the
    /// attempt's, the payload the output.
    ActivityCompleted,
    /// The same of one that has failed; the payload is the error.
    ActivityFailed,
    /// An attempt of an activity that ends outside of its worker goes on; the payload is what it says of that.
    ActivityHeartbeat,
    /// An update: `name`; its id and the request are the payload.
    Update,
    /// A request to end at once, without running any code: the parent has ended; the payload is the reason.
    Terminate,
    /// The body of an attempt has returned in another worker, and the attempt ends outside.
    ActivityPending,
}

impl MessageKind {
    const ALL: [(Self, i16); 9] = [
        (Self::Signal, 0),
        (Self::Cancel, 1),
        (Self::ChildClosed, 2),
        (Self::ActivityCompleted, 3),
        (Self::ActivityFailed, 4),
        (Self::ActivityHeartbeat, 5),
        (Self::Update, 6),
        (Self::Terminate, 7),
        (Self::ActivityPending, 8),
    ];

    /// The number it is stored as.
    pub fn code(self) -> i16 {
        Self::ALL.iter().find(|(kind, _)| *kind == self).map_or(0, |(_, code)| *code)
    }

    /// The kind stored as a number.
    pub fn from_code(code: i16) -> Option<Self> {
        Self::ALL.iter().find(|(_, c)| *c == code).map(|(kind, _)| *kind)
    }
}

/// A message to send.
#[derive(Debug, Clone)]
pub struct OutgoingMessage {
    /// The run it is for.
    pub to: RunKey,
    /// What it is.
    pub kind: MessageKind,
    /// Signal name, or what the kind says.
    pub name: String,
    /// Content.
    pub payload: Payload,
    /// A message with a key that this run has received before is acknowledged and dropped.
    pub dedup: Option<String>,
}

/// The answer to one message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sent {
    /// In the inbox of a run that a worker holds: that worker should be told.
    ToOwner(Uuid),
    /// In the inbox of a run that is now ready.
    ToReady,
    /// In the inbox of a run that messages do not wake: it is stuck, or its start is delayed. Nobody
    /// need be told.
    Kept,
    /// The run had received a message with this key.
    Duplicate,
    /// Nothing was written: somebody's open transaction holds the run.
    /// [`send_held`](crate::store::ClientStore::send_held) waits for its end.
    Held,
}

/// A message in an inbox.
#[derive(Debug, Clone, PartialEq)]
pub struct InboxMessage {
    /// Its number: rises in commit order within a run.
    pub seq: i64,
    /// What it is.
    pub kind: MessageKind,
    /// Signal name, or what the kind says.
    pub name: String,
    /// Content.
    pub payload: Payload,
}

/// The most messages of a page.
pub const PAGE_MESSAGES: usize = 1000;
/// The most bytes of a page, unless its only message has more.
pub const INBOX_BYTES: usize = 4 << 20;

/// The beginning of an inbox, or of what is behind a message.
#[derive(Debug, Clone, Default)]
pub struct Page {
    /// Messages, in order and without gaps.
    pub messages: Vec<InboxMessage>,
    /// There are more, and all of them behind this number: to be [read](crate::store::WorkerStore::read_inboxes) when
    /// these are taken in, or left for later. Until then, their run must not be parked.
    pub more: Option<i64>,
}

/// The inbox of an owned run whose message flag was up.
#[derive(Debug, Clone)]
pub struct Collected {
    /// The run.
    pub run: RunKey,
    /// How many messages were sent to it since the worker owns it.
    pub sent: i64,
    /// Its inbox, in order, or the first [`Page`] of it.
    pub inbox: Vec<InboxMessage>,
    /// As of a [`Page`].
    pub more: Option<i64>,
}
