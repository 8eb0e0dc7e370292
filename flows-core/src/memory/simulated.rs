//! What a simulation asks of the memory store beside the contract: to make good what a lost answer
//! has done, as a database's client does, and to look at everything at once.

use std::collections::BTreeMap;
#[cfg(test)]
use std::sync::{Arc, Mutex};

use uuid::Uuid;

#[cfg(test)]
use super::MemoryShared;
use super::MemoryStore;
#[cfg(test)]
use super::hints::HintSubscribers;
use super::run::{PlacementRow, StoredRun};
use super::state::MemoryState;
use crate::ids::RunKey;
use crate::store::{Activation, Park, RunStatus};

/// An answer that never reached the worker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Lost {
    /// These runs are owned by it, and it does not know.
    Claim(Vec<RunKey>),
    /// These were started as its own, and it does not know.
    Start(Vec<RunKey>),
    /// The flags of these are down, and it has not read their messages.
    Collect(Vec<RunKey>),
    /// It has claimed these attempts, and does not know: run, operation, attempt.
    Tasks(Vec<(RunKey, u32, u32)>),
}

/// What the open runs do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stir {
    /// There are none, or all of them wait for messages that nobody has sent.
    Quiet,
    /// Some are to go on by themselves.
    Restless,
}

impl MemoryStore {
    /// Before the worker's next claim or look: what it never heard of did not happen.
    pub(crate) fn make_good(&self, worker: Uuid, lost: &[Lost]) {
        self.locked(|state| lost.iter().for_each(|lost| state.make_good(worker, lost)));
    }

    /// Forgets the messages that its owner does not know of, as a park that does not look would.
    pub(crate) fn deafen(&self, run: RunKey, park: &Park) {
        self.locked(|state| {
            let placement = state.runs.get_mut(&run).and_then(|run| run.placement.as_mut());
            if let Some(PlacementRow::Owned { messages, sent, .. }) = placement {
                (*messages, *sent) = (false, park.sent);
            }
        });
    }

    pub(crate) fn stir(&self) -> Stir {
        let restless = |run: &StoredRun| match &run.placement {
            Some(PlacementRow::Parked { park, unborn }) => {
                let is_due = park.wake_at.is_some();
                match park.stuck {
                    None => *unborn || is_due || run.has_messages(),
                    Some(_) => park.setbacks < 0,
                }
            }
            Some(_) => true,
            None => false,
        };
        let any = self.locked(|state| !state.tasks.is_empty() || state.runs.values().any(restless));
        if any { Stir::Restless } else { Stir::Quiet }
    }

    /// What a run has published for queries, by name; its search attributes, and the items of its stream.
    pub(crate) fn published(&self, run: RunKey) -> BTreeMap<String, String> {
        let values = |run: &StoredRun| {
            let queries =
                run.queries.iter().map(|(name, (_, value))| (name.clone(), value.clone()));
            let stream = run.stream.iter().map(|stream| ("(stream)".to_owned(), stream.in_words()));
            let attributes = run.attributes.iter();
            let attributes = attributes
                .map(|(name, (_, value))| (format!("attribute {name}"), format!("{value:?}")));
            queries.chain(attributes).chain(stream).collect()
        };
        self.locked(|state| state.runs.get(&run).map(values).unwrap_or_default())
    }

    /// The runs that are held to end their workers.
    pub(crate) fn convicted(&self) -> Vec<RunKey> {
        let is_so = |run: &&StoredRun| match &run.placement {
            Some(PlacementRow::Parked { park, .. }) => park.setbacks < 0 && park.wake_at.is_none(),
            _ => false,
        };
        self.locked(|state| state.runs.values().filter(is_so).map(|run| run.key).collect())
    }

    /// A run as it is stored, with its journal and its inbox.
    pub(crate) fn stored(&self, key: RunKey) -> Option<(Activation, RunStatus)> {
        self.locked(|state| state.runs.get(&key).map(|run| (run.activation(), run.status())))
    }

    /// Who owns a run.
    pub(crate) fn owner_of(&self, key: RunKey) -> Option<Uuid> {
        self.locked(|state| state.runs.get(&key).and_then(StoredRun::owner))
    }

    /// All runs, in the order of their keys.
    pub(crate) fn all(&self) -> Vec<(Activation, RunStatus)> {
        let stored = |run: &StoredRun| (run.activation(), run.status());
        self.locked(|state| state.runs.values().map(stored).collect())
    }
}

impl MemoryState {
    fn make_good(&mut self, worker: Uuid, lost: &Lost) {
        let keys = match lost {
            Lost::Claim(keys) | Lost::Start(keys) | Lost::Collect(keys) => keys,
            Lost::Tasks(names) => return self.give_back(worker, names),
        };
        for key in keys {
            let Some(run) = self.runs.get_mut(key).filter(|run| run.owner() == Some(worker)) else {
                continue;
            };
            match (lost, &mut run.placement) {
                (Lost::Claim(_) | Lost::Start(_), _) => self.let_go(*key, false),
                (Lost::Collect(_), Some(PlacementRow::Owned { messages, .. })) => *messages = true,
                _ => {}
            }
        }
    }

    fn give_back(&mut self, worker: Uuid, attempts: &[(RunKey, u32, u32)]) {
        for name in attempts {
            let claimed = self.tasks.get_mut(name).filter(|task| task.worker == Some(worker));
            if let Some(task) = claimed {
                task.worker = None;
            }
        }
    }
}

impl StoredRun {
    fn has_messages(&self) -> bool {
        !self.inbox.is_empty()
    }
}

/// What an exploration of all interleavings asks of it.
#[cfg(test)]
impl MemoryStore {
    /// Another store that has come as far as this one.
    pub(crate) fn snapshot(&self) -> Self {
        let (state, clock) = (self.locked(|state| state.clone()), self.0.clock.clone());
        Self(Arc::new(MemoryShared {
            clock,
            state: Mutex::new(state),
            hints: HintSubscribers::default(),
        }))
    }

    /// All that it holds, in words.
    pub(crate) fn print(&self, out: &mut impl std::fmt::Write) -> std::fmt::Result {
        self.locked(|state| write!(out, "{state:?}"))
    }

    /// Where a run is.
    pub(crate) fn peek(&self, run: RunKey) -> Peek {
        self.locked(|state| match state.runs.get(&run).and_then(|run| run.placement.as_ref()) {
            None => Peek::default(),
            Some(PlacementRow::Ready(_)) => {
                Peek { is_open: true, is_ready: true, ..Peek::default() }
            }
            Some(PlacementRow::Owned { worker, messages, sent, .. }) => {
                let (owner, flag, sent) = (Some(*worker), *messages, *sent);
                Peek { is_open: true, owner, flag, sent, ..Peek::default() }
            }
            Some(PlacementRow::Parked { .. }) => Peek { is_open: true, ..Peek::default() },
        })
    }

    pub(crate) fn journal_of(&self, run: RunKey) -> Vec<Vec<u8>> {
        let rows = |run: &StoredRun| run.journal.iter().map(|row| row.events.clone()).collect();
        self.locked(|state| state.runs.get(&run).map(rows).unwrap_or_default())
    }
}

/// Where a run is, at a glance.
#[cfg(test)]
#[derive(Debug, Default)]
pub(crate) struct Peek {
    pub(crate) is_open: bool,
    pub(crate) is_ready: bool,
    pub(crate) owner: Option<Uuid>,
    /// The owner has messages to collect.
    pub(crate) flag: bool,
    pub(crate) sent: i64,
}
