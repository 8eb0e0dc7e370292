//! What becomes of runs when their batch has come back.

use super::executor::Executor;
use super::resident::Flying;
use super::submit::Landed;
use crate::ids::RunKey;
use crate::store::{Committed, Outcome, Record};

impl Executor {
    pub(super) fn settle(&mut self, landed: Landed) {
        let Landed { records, outcome } = landed;
        self.company.begin();
        match outcome {
            Ok(answers) => {
                self.commits.succeeded();
                self.settle_each(records, answers);
            }
            Err(error) => {
                if let Some(unsaid) = self.session.complaints.due("commit") {
                    let runs = records.len();
                    tracing::warn!(%error, runs, unsaid, "the outcome of a commit is unknown");
                }
                self.commits.failed();
                self.recheck(records);
            }
        }
    }

    fn settle_each(&mut self, records: Vec<Record>, answers: Vec<Committed>) {
        let (mut closed, mut lost) = (Vec::new(), Vec::new());
        for (record, answer) in records.into_iter().zip(answers) {
            let key = record.key;
            match answer {
                Committed::Done => closed.extend(self.settled(key, true)),
                Committed::NotParked => {
                    closed.extend(self.settled(key, false));
                    self.not_parked(key);
                    self.session.request_collect();
                }
                Committed::Held => self.held(record),
                Committed::Lost => lost.push(key),
                Committed::Refused(why) => self.refused(key, &why),
            }
        }
        if !closed.is_empty() {
            self.session.hints.closed(closed);
        }
        self.lost(lost);
    }

    /// A record is durable: what it waited for may start. Gives the run's outcome if it has ended.
    pub(super) fn settled(&mut self, key: RunKey, parked: bool) -> Option<(RunKey, Outcome)> {
        let run = self.runs.get_mut(&key)?;
        let Flying { launches, wrote_row, closes, parks, clears, record: _ } = run.flying.take()?;
        run.position += i32::from(wrote_row);
        if clears {
            run.suspicion = None;
        }
        if let Some(outcome) = closes {
            self.forget(key);
            return Some((key, *outcome));
        }
        if parks.is_some() && (parked || self.draining) {
            self.forget(key); // what could not be parked while draining is handed back at the end
            return None;
        }
        // A run that was refused for mail it has not read yet goes on when the mail is here.
        let waits_for_mail = parks.is_some_and(|known| run.sent <= known);
        for start in launches {
            self.launch(key, start);
        }
        self.grant_seal(key);
        self.mark_dirty(key);
        if !waits_for_mail {
            self.consider(key);
        }
        None
    }

    /// The store will not take what a record contains: the run is stuck with what it has.
    fn refused(&mut self, key: RunKey, why: &str) {
        let Some(run) = self.runs.get_mut(&key) else { return };
        run.flying = None;
        run.pending = super::pending::Pending::default();
        self.get_stuck(key, &format!("the store refused to record the run's progress: {why}"));
    }

    /// Lets a run go from memory.
    pub(super) fn forget(&mut self, key: RunKey) {
        if let Some(mut run) = self.runs.remove(&key) {
            self.alarms.remove(key, run.alarms.iter());
            self.discarded.extend(run.let_go());
            self.session.release_slots(1);
        }
    }
}
