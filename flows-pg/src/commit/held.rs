//! Records that somebody's open transaction holds up: which they are, and what is written without them.
//!
//! A batch has waited as long as a commit of others may take. From then on, nobody waits: the rows that
//! its records must lock are looked at, and what is not free is left out.

use std::collections::HashSet;

use flows_core::store::{Committed, Next, Record};

use super::CommitPart;
use super::batch::Batch;
use crate::error::{Fault, Remedy};
use crate::link::Link;
use crate::rows::Keys;
use crate::sql::{LOCKED, LOCKED_MESSAGES};

impl Batch<'_> {
    /// The records, by number, that somebody holds up. All, where a whole table is held.
    pub(super) async fn held(&self, link: Link<'_>) -> Result<HashSet<usize>, Fault> {
        match self.look_for_held(link).await {
            Err(fault) if fault.remedy() == Remedy::Blocked => {
                Ok(self.numbers.iter().copied().collect())
            }
            held => held,
        }
    }

    async fn look_for_held(&self, link: Link<'_>) -> Result<HashSet<usize>, Fault> {
        let records = || self.numbers.iter().map(|number| &self.records[*number]);
        let Keys { shards, tenants, runs } = records().map(|record| record.key).collect::<Keys>();
        let refuses =
            |record: &Record| record.answers.iter().any(|answer| answer.refuses.is_some());
        let moves = records().map(|record| !matches!(record.next, Next::Stay) || refuses(record));
        let moves = moves.collect::<Vec<_>>();
        let rows = link.query(LOCKED, &[&shards, &tenants, &runs, &moves]).await?;
        let mut held =
            rows.iter().map(|row| self.numbers[ordinal(row, "record")]).collect::<HashSet<_>>();
        let messages = self.numbers.iter().flat_map(|number| {
            self.records[*number].messages.iter().map(move |message| (*number, message.to))
        });
        let messages = messages.collect::<Vec<_>>();
        if !messages.is_empty() {
            let Keys { shards, tenants, runs } =
                messages.iter().map(|(_, to)| *to).collect::<Keys>();
            let rows = link.query(LOCKED_MESSAGES, &[&shards, &tenants, &runs]).await?;
            held.extend(rows.iter().map(|row| messages[ordinal(row, "message")].0));
        }
        Ok(held)
    }
}

/// From 0.
fn ordinal(row: &tokio_postgres::Row, column: &str) -> usize {
    usize::try_from(row.get::<_, i64>(column) - 1).unwrap_or(0)
}

/// Leaves out what is held. A run that was to be parked is not: what it has done is written without
/// that. Whether anything was found.
pub(super) fn leave_out(
    part: &mut CommitPart,
    held: HashSet<usize>,
    records: &[Record],
    stays: &mut HashSet<usize>,
    answers: &mut [Committed],
) -> bool {
    let mut found = false;
    part.numbers.retain(|number| {
        if !held.contains(number) {
            return true;
        }
        if matches!(records[*number].next, Next::Park(_)) && stays.insert(*number) {
            found = true;
            return true;
        }
        found = true;
        answers[*number] = Committed::Held;
        false
    });
    found
}

/// What to write after a batch has waited in vain. Where nobody was found to hold anything, it may have
/// been given free; else the parts are written, and one that has waited alone is held.
pub(super) fn after_wait(
    part: CommitPart,
    found: bool,
    answers: &mut [Committed],
) -> Vec<CommitPart> {
    let CommitPart { mut numbers, tries } = part;
    if found || tries == 0 {
        return vec![CommitPart { numbers, tries: tries + 1 }];
    }
    if let [number] = numbers[..] {
        answers[number] = Committed::Held;
        return Vec::new();
    }
    let second = numbers.split_off(numbers.len() / 2);
    vec![CommitPart { numbers: second, tries }, CommitPart { numbers, tries }]
}
