//! The world that activities act on: a ledger of what they did, and gates at which they wait.

use std::collections::BTreeSet;

use tokio::sync::watch;

/// The state of every worker here.
#[derive(Clone, Default)]
pub(crate) struct World {
    notes: watch::Sender<Vec<String>>,
    gates: watch::Sender<BTreeSet<String>>,
}

impl World {
    /// Writes into the ledger.
    pub(crate) fn note(&self, what: impl Into<String>) {
        self.notes.send_modify(|notes| notes.push(what.into()));
    }

    /// The ledger.
    pub(crate) fn notes(&self) -> Vec<String> {
        self.notes.borrow().clone()
    }

    /// How often something stands in the ledger.
    pub(crate) fn count(&self, what: &str) -> usize {
        count(&self.notes.borrow(), what)
    }

    /// Waits until something stands in the ledger so often.
    pub(crate) async fn noted(&self, what: &str, times: usize) {
        let mut notes = self.notes.subscribe();
        let noted = notes.wait_for(|notes| count(notes, what) >= times).await;
        assert!(noted.is_ok(), "the world has ended");
    }

    /// Waits until the ledger is longer.
    pub(crate) async fn more_notes_than(&self, count: usize) {
        let mut notes = self.notes.subscribe();
        let noted = notes.wait_for(|notes| notes.len() > count).await;
        assert!(noted.is_ok(), "the world has ended");
    }

    /// Opens a gate, for ever.
    pub(crate) fn open(&self, gate: &str) {
        self.gates.send_modify(|gates| gates.extend([gate.to_owned()]));
    }

    /// Waits until a gate is open.
    pub(crate) async fn pass(&self, gate: &str) {
        let mut gates = self.gates.subscribe();
        assert!(gates.wait_for(|gates| gates.contains(gate)).await.is_ok(), "the world has ended");
    }
}

fn count(notes: &[String], what: &str) -> usize {
    notes.iter().filter(|note| *note == what).count()
}
