//! Runs that are read again, because their state here may be wrong, or because nothing was known of them.

use std::collections::{BTreeSet, HashMap};

use super::budget::Loaded;
use super::executor::Executor;
use super::run::Input;
use crate::ids::RunKey;
use crate::store::Activation;

impl Executor {
    pub(super) fn reloaded(&mut self, asked: &[RunKey], found: Vec<Loaded>) {
        let mut found: HashMap<_, _> =
            found.into_iter().map(|found| (found.run.key, found)).collect();
        for key in asked.iter().collect::<BTreeSet<_>>() {
            match found.remove(key) {
                Some(stored) if self.runs.contains_key(key) => {
                    // Its journal waits no more, or it waits as that of a run that starts over.
                    self.step(*key, Input::Reloaded(Box::new(stored.run)));
                    let resident = self.runs.get_mut(key);
                    if let Some(resident) = resident.filter(|it| it.run.is_activating()) {
                        resident.weight = stored.weight;
                    }
                }
                Some(found) => self.adopt(found),
                None => self.gone(*key),
            }
        }
    }

    /// The run is not ours any more; whoever waits for it here should look.
    fn gone(&mut self, key: RunKey) {
        self.step(key, Input::Gone);
        self.expected.remove(&key);
        self.session().hints.waiters.wake(&[key.run]);
    }

    /// Starts over from what is stored. The place is the same, and so is its count of messages.
    pub(super) fn start_over(&mut self, stored: Activation) {
        let key = stored.key;
        let Some(mut old) = self.runs.remove(&key) else { return };
        let (sent, unanswered) = (old.run.sent(), old.unanswered.take());
        drop(old); // with it, its trial ends
        self.activate(Loaded { run: stored, weight: None }, sent);
        if let Some(resident) = self.runs.get_mut(&key) {
            resident.run.admit();
            resident.unanswered = unanswered;
        }
    }
}
