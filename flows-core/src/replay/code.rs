//! What can be asked of a run's code between two turns.

use super::{ActivityStart, Turn};
use crate::journal::Event;
use crate::payload::Payload;
use crate::policy::CloseChildren;
use crate::time::Timestamp;

/// What a run asks its code while that is here.
pub trait Code {
    /// Whether it waits for this event. A live event that is not wanted (the result of an activity that lost a
    /// `select!`) is dropped, not recorded.
    fn wants(&self, event: &Event) -> bool;
    /// The time of its last event.
    fn now(&self) -> Timestamp;
    /// Whether what it did may depend on the time of an event.
    fn has_read_clock(&self) -> bool;
    /// Whether it was asked to cancel.
    fn was_cancelled(&self) -> bool;
    /// The reason of a request to cancel that it has not been told of.
    fn unnoticed_cancellation(&self) -> Option<String>;
    /// Takes the signals that it was given and has not received.
    fn unreceived_signals(&self) -> Vec<(String, Payload)>;
    /// The size of these.
    fn unreceived_bytes(&self) -> usize;
    /// The names of signals that it waits for.
    fn awaited_signals(&self) -> Vec<String>;
    /// The attempt of an activity that it waits for.
    fn open_attempt(&self, op: u32) -> Option<ActivityStart>;
    /// That attempt was given to the workers of a queue.
    fn scheduled(&self, op: u32);
    /// Whether it waits for an update of this name.
    fn awaits_update(&self, name: &str) -> bool;
    /// An update has arrived that it does not wait for: it may take it later.
    fn offer(&self, seq: i64, name: String, payload: Payload);
    /// Whether a message could move it.
    fn expects_messages(&self) -> bool;
    /// What it waits for, in words.
    fn waiting_for(&self) -> String;
    /// How many operations it had called when it was told last that one has failed; 0 if it never was.
    fn called_before_failure(&self) -> u32;
    /// Which of its children are not told by it that it ends.
    fn close_children(&self) -> CloseChildren;

    /// It ends while it still waits: its children are asked to cancel.
    fn cancel_children(&self) -> Turn;
}
