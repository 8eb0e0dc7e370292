//! `commit`: turns of many runs in one transaction, written in the hope that nobody interferes.
//!
//! There is one form of the writes, and it is the fast one. Whatever goes wrong aborts the batch,
//! so nothing of it was kept; then the records that lost their run, or whose run somebody holds, are
//! looked up and left out, a record that cannot be stored is found by halving, and the rest is written
//! again.
//!
//! Never retries when it cannot tell whether a transaction was committed: then the caller reads
//! its runs again.

mod batch;
mod columns;
mod fenced;
mod held;

use std::collections::HashSet;

use flows_core::error::{Error, Result};
use flows_core::store::{Committed, Record};
use uuid::Uuid;

use self::batch::Batch;
use self::held::{after_wait, leave_out};
use crate::error::{Fault, Remedy};
use crate::link::Link;
use crate::parts::cut;
use crate::rows::Keys;
use crate::sql::BEREFT;
use crate::store::Shared;

/// How often a batch is written again that meets others.
const TRIES: u32 = 10;

/// A part of the call's records, by number, to be written together.
struct CommitPart {
    numbers: Vec<usize>,
    tries: u32,
}

impl Shared {
    pub(crate) async fn commit(
        &self,
        writer: usize,
        worker: Uuid,
        records: &[Record],
    ) -> Result<Vec<Committed>> {
        let mut answers = vec![Committed::Done; records.len()];
        let lent = self.writer(writer).await?;
        let since = self.read_since(writer, lent.opened);
        let known = bereft(lent.link(), records, since).await?;
        known.iter().for_each(|number| answers[*number] = Committed::Lost);
        let mut parts = parts(records, &mut answers);
        let mut stays = HashSet::new();
        while let Some(mut part) = parts.pop() {
            if part.tries == 0 && part.numbers.iter().any(|number| records[*number].held > 0) {
                let batch = Batch::new(worker, records, &part.numbers, &stays);
                let held = batch.held(lent.link()).await?;
                leave_out(&mut part, held, records, &mut stays, &mut answers);
            }
            let batch = Batch::new(worker, records, &part.numbers, &stays);
            match batch.write(lent.link()).await {
                Ok(written) => {
                    let stayed = |number: &&usize| {
                        stays.contains(*number)
                            || written.not_parked.contains(&records[**number].key)
                    };
                    let stayed = part.numbers.iter().filter(stayed);
                    stayed.for_each(|number| answers[*number] = Committed::NotParked);
                    self.hints.after_commit(written.hints);
                }
                Err(fault) if fault.remedy() == Remedy::Blocked => {
                    let held = batch.held(lent.link()).await?;
                    let found = leave_out(&mut part, held, records, &mut stays, &mut answers);
                    parts.extend(after_wait(part, found, &mut answers));
                }
                Err(fault) => {
                    let lost = fenced_if(&batch, lent.link(), &fault).await?;
                    parts.extend(mend(part, lost, fault, &mut answers)?);
                }
            }
        }
        lent.give_back();
        Ok(answers)
    }
}

/// Sorts the records by key, so that two batches cannot lock each other, and cuts them into parts.
fn parts(records: &[Record], answers: &mut [Committed]) -> Vec<CommitPart> {
    let mut numbers = (0..records.len()).collect::<Vec<_>>();
    numbers.sort_by_key(|number| (records[*number].key, records[*number].position));
    numbers.retain(|number| match records[*number].too_large() {
        _ if answers[*number] == Committed::Lost => false,
        Some(why) => {
            answers[*number] = Committed::Refused(why);
            false
        }
        None => true,
    });
    let parts = cut(numbers, |number| records[*number].size());
    parts.into_iter().rev().map(|numbers| CommitPart { numbers, tries: 0 }).collect()
}

/// The records, by number, in front of whose row one is missing. That can only be so if the server has
/// lost what it had acknowledged, and then the connection has broken. So those are looked at whose run
/// was claimed before the connection was opened (again), and no others.
async fn bereft(link: Link<'_>, records: &[Record], since: i64) -> Result<Vec<usize>, Fault> {
    let doubtful = |record: &Record| {
        let old = record.claim.is_none_or(|claim| claim < since);
        old && record.position > 0 && !record.events.is_empty()
    };
    let doubtful = records.iter().enumerate().filter(|(_, record)| doubtful(record));
    let (numbers, records): (Vec<_>, Vec<_>) = doubtful.unzip();
    if numbers.is_empty() {
        return Ok(numbers);
    }
    let positions = records.iter().map(|record| record.position).collect::<Vec<_>>();
    let Keys { shards, tenants, runs } = records.iter().map(|record| record.key).collect();
    let rows = link.query(BEREFT, &[&shards, &tenants, &runs, &positions]).await?;
    let at = |row: &tokio_postgres::Row| usize::try_from(row.get::<_, i64>("record") - 1).ok();
    Ok(rows.iter().filter_map(at).map(|at| numbers[at]).collect())
}

/// The records that have lost their run, if that is why the batch was aborted.
async fn fenced_if(batch: &Batch<'_>, link: Link<'_>, fault: &Fault) -> Result<Vec<usize>, Fault> {
    match fault.remedy() {
        Remedy::Contended => batch.fenced(link).await,
        _ => Ok(Vec::new()),
    }
}

/// What to write instead of a part that was aborted.
fn mend(
    part: CommitPart,
    lost: Vec<usize>,
    fault: Fault,
    answers: &mut [Committed],
) -> Result<Vec<CommitPart>, Fault> {
    let CommitPart { mut numbers, tries } = part;
    lost.iter().for_each(|number| answers[*number] = Committed::Lost);
    numbers.retain(|number| !lost.contains(number));
    let again = !lost.is_empty() || tries < TRIES;
    match fault.remedy() {
        Remedy::Repeat | Remedy::Contended if again => {
            Ok(vec![CommitPart { numbers, tries: tries + 1 }])
        }
        Remedy::Data | Remedy::Contended => divide(numbers, fault, answers),
        Remedy::Repeat | Remedy::Blocked | Remedy::None => Err(fault),
    }
}

/// Two halves, of which one does not have the record that cannot be stored; or that record.
fn divide(
    mut numbers: Vec<usize>,
    fault: Fault,
    answers: &mut [Committed],
) -> Result<Vec<CommitPart>, Fault> {
    if let [number] = numbers[..] {
        answers[number] = Committed::Refused(Error::from(fault).message().to_owned());
        return Ok(Vec::new());
    }
    let second = numbers.split_off(numbers.len() / 2);
    Ok(vec![CommitPart { numbers: second, tries: 0 }, CommitPart { numbers, tries: 0 }])
}
