//! What becomes of runs when their batch has come back.

use super::executor::Executor;
use super::held::SAID;
use super::run::Input;
use super::submit::Landed;
use crate::ids::RunKey;
use crate::store::{Committed, Record};

impl Executor {
    pub(super) fn settle(&mut self, landed: Landed) {
        let Landed { records, outcome } = landed;
        self.outside.commit_delay.begin();
        match outcome {
            Ok(answers) => {
                self.commits.succeeded();
                self.tell_readers(&records, &answers);
                for (record, answer) in records.into_iter().zip(answers) {
                    self.settle_one(record, answer);
                }
            }
            Err(error) => {
                if let Some(unsaid) = self.session().complaints.due("commit") {
                    let runs = records.len();
                    tracing::warn!(%error, runs, unsaid, "the outcome of a commit is unknown");
                }
                self.commits.failed();
                self.recheck(records);
            }
        }
    }

    /// Those who read the streams of these runs find something new.
    fn tell_readers(&self, records: &[Record], answers: &[Committed]) {
        let has_items = |(record, answer): &(&Record, &Committed)| {
            !record.items.is_empty() && matches!(answer, Committed::Done | Committed::NotParked)
        };
        let published = records.iter().zip(answers).filter(has_items);
        let runs: Vec<_> = published.map(|(record, _)| record.key.run).collect();
        if !runs.is_empty() {
            self.session().hints.published(runs);
        }
    }

    fn settle_one(&mut self, record: Record, answer: Committed) {
        let key = record.key;
        let input = match answer {
            Committed::Done => Input::Committed { parked: true },
            Committed::NotParked => Input::Committed { parked: false },
            Committed::Held => Input::Held(Box::new(held_again(record))),
            Committed::Lost => Input::Lost,
            Committed::Refused(why) => Input::Refused(why),
        };
        self.step(key, input);
    }

    /// It is unknown whether these records are durable.
    fn recheck(&mut self, records: Vec<Record>) {
        for record in records {
            let key = record.key;
            if self.runs.contains_key(&key) {
                self.step(key, Input::Unsure(Box::new(record)));
            } else if !self.is_draining() {
                self.session().request_reload(vec![key]); // who waits for it here should look
            }
        }
    }
}

/// A record was not kept because somebody holds its run, or one that it sends a message to.
fn held_again(mut record: Record) -> Record {
    record.held += 1;
    if record.held % SAID == 1 {
        let RunKey { run, .. } = record.key;
        tracing::warn!(
            %run,
            "an open transaction holds the run, or one that it sends a message to; what it has \
             done is kept and written when that transaction has ended"
        );
    }
    record
}
