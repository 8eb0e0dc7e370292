//! Patches: which changes of the code a run takes part in.
//!
//! Decided where a run first asks, and then for the whole run. A run that may have come past the
//! change before it was made does not take part: what an earlier build has done there may have
//! reached the world without a trace in the journal.

use std::collections::BTreeMap;

use super::state::State;
use super::stuck::Stuck;
use crate::journal::Event;

/// The decisions of a run, by the patch's id.
#[derive(Debug, Default)]
pub(crate) struct Patches {
    decided: BTreeMap<String, bool>,
}

impl Patches {
    /// The journal has the mark. Nobody need ask for it: that is how a patch is retired.
    pub(crate) fn expect(&mut self, id: String) -> Result<(), Stuck> {
        match self.decided.insert(id, true) {
            None => Ok(()),
            Some(_) => Err(Stuck::new("the journal has two records of one patch")),
        }
    }
}

impl State {
    /// Whether the run takes part in the change `id`; a first time that it does is recorded.
    pub(crate) fn patched(&mut self, id: &str) -> bool {
        if let Some(decided) = self.patches.decided.get(id) {
            return *decided;
        }
        let takes_part = !self.replaying;
        self.patches.decided.insert(id.to_owned(), takes_part);
        if takes_part {
            self.mark(Event::Patched { id: id.to_owned() });
        }
        takes_part
    }
}
