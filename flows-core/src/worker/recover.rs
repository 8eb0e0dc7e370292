//! Runs whose state here may be wrong: read again, and compared.

use std::collections::{BTreeSet, HashMap};

use super::budget::Loaded;
use super::executor::Executor;
use super::pending::Pending;
use super::resident::Resident;
use crate::ids::RunKey;
use crate::store::Record;

impl Executor {
    /// Somebody else has written these runs' journals. They are dropped here, and taken up again
    /// if they are still ours.
    pub(super) fn lost(&mut self, keys: Vec<RunKey>) {
        if keys.is_empty() {
            return;
        }
        tracing::info!(runs = keys.len(), "another worker has gone on with runs; dropping them");
        for key in &keys {
            self.clear_alarms(*key);
            if let Some(run) = self.runs.get_mut(key) {
                self.discarded.extend(run.let_go());
                run.lost = true;
                (run.flying, run.pending) = (None, Pending::default());
                (run.sealed, run.seals) = (None, Default::default());
            }
        }
        self.read_again(keys);
    }

    /// Somebody has ended a run from outside. If we hold it, its activities stop here.
    pub(super) fn terminated(&mut self, key: RunKey) {
        if self.runs.contains_key(&key) {
            self.lost(vec![key]);
        } else {
            self.terminated_early(key);
        }
    }

    /// It is unknown whether these records are durable. They are kept until the store says.
    pub(super) fn recheck(&mut self, records: Vec<Record>) {
        let keys: Vec<_> = records.iter().map(|record| record.key).collect();
        for record in records {
            let run = self.runs.get_mut(&record.key);
            if let Some(flying) = run.and_then(|run| run.flying.as_mut()) {
                flying.record = Some(Box::new(record));
            }
        }
        self.read_again(keys);
    }

    /// Asks for what is stored; while draining, lets go instead: the end hands back what is ours.
    fn read_again(&mut self, keys: Vec<RunKey>) {
        if self.draining {
            keys.into_iter().for_each(|key| self.forget(key));
        } else {
            self.session.request_reload(keys);
        }
    }

    pub(super) fn reloaded(&mut self, asked: &[RunKey], found: Vec<Loaded>) {
        let mut found: HashMap<_, _> =
            found.into_iter().map(|found| (found.run.key, found)).collect();
        for key in asked.iter().collect::<BTreeSet<_>>() {
            match found.remove(key) {
                Some(run) if self.awaits_reading(key) => self.compare(run),
                Some(run) if !self.runs.contains_key(key) => self.adopt(run),
                Some(_) => {} // it was asked for twice, or is as it should be
                None => self.gone(*key),
            }
        }
    }

    pub(super) fn awaits_reading(&self, key: &RunKey) -> bool {
        self.runs.get(key).is_some_and(Resident::awaits_reading)
    }

    /// The run is not ours any more; whoever waits for it here should look.
    fn gone(&mut self, key: RunKey) {
        self.forget(key);
        self.expected.remove(&key);
        self.session.hints.waiters.wake(&[key.run]);
    }

    /// What the store has decides what became of an unknown record.
    fn compare(&mut self, found: Loaded) {
        let stored = &found.run;
        let key = stored.key;
        let Some(run) = self.runs.get_mut(&key) else { return };
        let record =
            run.flying.as_mut().and_then(|flying| flying.record.take()).map(|record| *record);
        let position = usize::try_from(run.position).unwrap_or(0);
        match (record, stored.journal.len().checked_sub(position)) {
            (Some(record), Some(0)) => self.submit_again(record),
            (Some(record), Some(1)) if stored.journal.last() == Some(&record.events) => {
                let ended = self.settled(key, false);
                debug_assert!(ended.is_none(), "a run that ended is not ours any more");
            }
            _ => self.replace(found),
        }
    }

    /// The record was not kept: it goes out again, as it was.
    fn submit_again(&mut self, record: Record) {
        let key = record.key;
        let Some(run) = self.runs.get_mut(&key) else { return };
        if let Some(flying) = run.flying.as_mut() {
            flying.record = Some(Box::new(record));
            run.queued = true;
            self.dirty.push_back(key);
        }
    }

    /// Starts over from what is stored.
    fn replace(&mut self, found: Loaded) {
        let key = found.run.key;
        let mut old = self.runs.remove(&key);
        let sent = old.as_ref().map_or(0, |run| run.sent);
        let unanswered = old.as_mut().and_then(|run| run.unanswered.take());
        if let Some(mut run) = old {
            self.alarms.remove(key, run.alarms.iter());
            self.discarded.extend(run.let_go());
        }
        self.take_up(found, sent); // the place is the same, and so is its count
        let Some(run) = self.runs.get_mut(&key) else { return };
        run.unanswered = unanswered;
        if let Some(suspicion) = &mut run.suspicion {
            suspicion.judged = true;
        }
    }
}
