//! Signals that nobody has asked for: a run takes a share of them in, and leaves the others in the inbox.
//!
//! What is taken in is in memory, and in the journal that each replay reads. So a run that does not receive
//! takes in no more than that share, whatever is sent to it. A letter that was left is read again when its
//! name is waited for, or when there is room; never before an earlier one of its name.

use std::collections::BTreeSet;
use std::hash::BuildHasher;

use rustc_hash::{FxBuildHasher, FxHashMap};

use super::executor::Executor;
use super::resident::Resident;
use super::work::Work;
use crate::ids::RunKey;
use crate::replay::Machine;
use crate::store::{INBOX_BYTES, InboxMessage, MessageKind, Page};

/// The most bytes of signals that a run has taken in and nobody has received, but for the last of them.
const SHARE: usize = INBOX_BYTES;

/// The letters that a run has left in its inbox: their numbers, by a hash of their names.
#[derive(Default)]
pub(crate) struct Backlog(FxHashMap<u64, BTreeSet<i64>>);

impl Backlog {
    fn first_of(&self, name: &str) -> Option<i64> {
        self.0.get(&hash(name))?.first().copied()
    }

    fn first(&self) -> Option<i64> {
        self.0.values().filter_map(BTreeSet::first).min().copied()
    }

    fn has(&self, letter: &InboxMessage) -> bool {
        self.0.get(&hash(&letter.name)).is_some_and(|left| left.contains(&letter.seq))
    }

    fn add(&mut self, letter: &InboxMessage) {
        self.0.entry(hash(&letter.name)).or_default().insert(letter.seq);
    }

    fn remove(&mut self, seq: i64) {
        self.0.values_mut().for_each(|left| _ = left.remove(&seq));
        self.0.retain(|_, left| !left.is_empty());
    }
}

fn hash(name: &str) -> u64 {
    FxBuildHasher.hash_one(name)
}

impl Resident {
    /// Whether a letter is taken in now; if not, it is left in the inbox.
    pub(super) fn takes(&mut self, letter: &InboxMessage, again: bool) -> bool {
        let Some(machine) = &self.machine else { return true };
        if letter.kind != MessageKind::Signal
            || (self.backlog.is_none() && has_room(machine, letter))
        {
            return true;
        }
        let backlog = self.backlog.get_or_insert_default();
        if again && !backlog.has(letter) {
            return false; // it was read twice
        }
        let is_next = backlog.first_of(&letter.name).is_none_or(|first| letter.seq <= first);
        let takes = is_next && has_room(machine, letter);
        match takes {
            true => backlog.remove(letter.seq),
            false => backlog.add(letter),
        }
        self.backlog.take_if(|backlog| backlog.0.is_empty());
        takes
    }

    /// The letter behind which it reads again, because its code waits for one that was left there or has
    /// received most of those that it had.
    pub(super) fn reads_again(&self) -> Option<i64> {
        let backlog = self.backlog.as_ref()?;
        let machine = self.machine.as_ref()?;
        let wanted = machine.awaited_signals();
        let wanted = wanted.iter().filter_map(|name| backlog.first_of(name)).min();
        let has_room = machine.unreceived_bytes() < SHARE / 2;
        wanted.or_else(|| backlog.first().filter(|_| has_room)).map(|first| first - 1)
    }
}

impl Executor {
    /// A page was read again, behind a letter. What came after all that was ever read is not among it: that is
    /// read in its turn.
    pub(super) fn read_left(&mut self, key: RunKey, behind: i64, page: Page) {
        let Some(run) = self.runs.get_mut(&key) else { return };
        let Some(backlog) = &mut run.backlog else { return };
        if page.messages.first().is_none_or(|first| first.seq > behind + 1) {
            backlog.remove(behind + 1); // it is not there any more
        }
        let left = page.messages.into_iter().filter(|letter| backlog.has(letter));
        for letter in left.collect::<Vec<_>>() {
            self.take_in(key, Work::Again(letter));
        }
    }
}

fn has_room(machine: &Machine, letter: &InboxMessage) -> bool {
    machine.unreceived_bytes() < SHARE || machine.awaited_signals().contains(&letter.name)
}
