//! Signals that nobody has asked for: a run takes a share of them in, and leaves the others in the inbox.
//!
//! What is taken in is in memory, and in the journal that each replay reads. So a run that does not receive
//! takes in no more than that share, whatever is sent to it. A message that was left is read again when its
//! name is waited for, or when there is room; never before an earlier one of its name.

use std::collections::BTreeSet;
use std::hash::BuildHasher;

use rustc_hash::{FxBuildHasher, FxHashMap};

use super::{Code, Incoming, Phase, Run};
use crate::replay::channel;
use crate::store::{INBOX_BYTES, InboxMessage, MessageKind, Page};

/// The most bytes of signals that a run has taken in and nobody has received, but for the last of them.
const SHARE: usize = INBOX_BYTES;

/// The messages that a run has left in its inbox: their numbers, by a hash of their names.
#[derive(Default)]
#[cfg_attr(test, derive(Clone, Debug))]
pub(super) struct Backlog(FxHashMap<u64, BTreeSet<i64>>);

impl Backlog {
    fn first_of(&self, name: &str) -> Option<i64> {
        self.0.get(&hash(name))?.first().copied()
    }

    fn first(&self) -> Option<i64> {
        self.0.values().filter_map(BTreeSet::first).min().copied()
    }

    fn has(&self, message: &InboxMessage) -> bool {
        self.0.get(&hash(&queue_of(message))).is_some_and(|left| left.contains(&message.seq))
    }

    fn add(&mut self, message: &InboxMessage) {
        self.0.entry(hash(&queue_of(message))).or_default().insert(message.seq);
    }

    fn remove(&mut self, seq: i64) {
        self.0.values_mut().for_each(|left| _ = left.remove(&seq));
        self.0.retain(|_, left| !left.is_empty());
    }
}

/// The queue of the code that a message goes to.
fn queue_of(message: &InboxMessage) -> String {
    match message.kind {
        MessageKind::Update => channel(&message.name),
        _ => message.name.clone(),
    }
}

fn hash(name: &str) -> u64 {
    FxBuildHasher.hash_one(name)
}

impl<M: Code> Run<M> {
    /// Whether a message is taken in now; if not, it is left in the inbox. `is_left`: it was left before.
    pub(super) fn takes(&mut self, message: &InboxMessage, is_left: bool) -> bool {
        let Phase::Live(machine) = &self.phase else { return true };
        let backlog = &mut self.inbox.backlog;
        let may_wait = matches!(message.kind, MessageKind::Signal | MessageKind::Update);
        if !may_wait || (backlog.is_none() && has_room(machine, message)) {
            return true;
        }
        let left = backlog.get_or_insert_default();
        if is_left && !left.has(message) {
            return false; // it was read twice
        }
        let is_next = left.first_of(&queue_of(message)).is_none_or(|first| message.seq <= first);
        let takes = is_next && has_room(machine, message);
        match takes {
            true => left.remove(message.seq),
            false => left.add(message),
        }
        backlog.take_if(|left| left.0.is_empty());
        takes
    }

    /// The message behind which it reads again, because its code waits for one that was left there or has
    /// received most of those that it had.
    pub(super) fn reads_again(&self) -> Option<i64> {
        let backlog = self.inbox.backlog.as_ref()?;
        let Phase::Live(machine) = &self.phase else { return None };
        let wanted = machine.awaited_signals();
        let wanted = wanted.iter().filter_map(|name| backlog.first_of(name)).min();
        let has_room = machine.unreceived_bytes() < SHARE / 2;
        wanted.or_else(|| backlog.first().filter(|_| has_room)).map(|first| first - 1)
    }

    /// A page was read again, behind a message. What came after all that was ever read is not among it: that
    /// is read in its turn.
    pub(super) fn read_left(&mut self, behind: i64, page: Page) {
        let Some(backlog) = &mut self.inbox.backlog else { return };
        if page.messages.first().is_none_or(|first| first.seq > behind + 1) {
            backlog.remove(behind + 1); // it is not there any more
        }
        let left = page.messages.into_iter().filter(|message| backlog.has(message));
        for message in left.collect::<Vec<_>>() {
            self.take_in(Incoming::Left(message));
        }
    }
}

fn has_room(machine: &impl Code, message: &InboxMessage) -> bool {
    machine.unreceived_bytes() < SHARE || machine.awaited_signals().contains(&queue_of(message))
}
