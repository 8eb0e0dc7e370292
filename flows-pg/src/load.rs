//! Journals and inboxes of runs that a worker owns, on their way into its memory.
//!
//! Always behind the statement that says which runs these are: what made a run ready may have been
//! committed after that statement began to look. Journal and inbox are read by one statement, so
//! from one snapshot: a record that moves a letter from one to the other is seen whole or not at
//! all.

use std::collections::HashMap;

use flows_core::error::Result;
use flows_core::ids::RunKey;
use flows_core::store::{Activation, Letter};
use tokio_postgres::Row;
use uuid::Uuid;

use crate::error::Fault;
use crate::link::Link;
use crate::rows::{Keys, letter};
use crate::sql::{LOAD, LOAD_INBOXES};

/// Journals and inboxes as they were read, of these runs.
pub(crate) struct Contents {
    keys: Vec<RunKey>,
    rows: Vec<Row>,
}

/// Reads journal and inbox of those runs that have any and do not have them yet.
pub(crate) async fn load(
    link: Link<'_>,
    mut runs: Vec<(Activation, bool)>,
) -> Result<Vec<Activation>, Fault> {
    let missing = runs.iter().filter(|(_, load)| *load).map(|(run, _)| run.key);
    read(link, &missing.collect::<Vec<_>>(), None).await?.fill(&mut runs);
    Ok(runs.into_iter().map(|(run, _)| run).collect())
}

/// Reads the journals and inboxes of runs, if there are any runs; of those that this worker
/// owns by this claim.
pub(crate) async fn read(
    link: Link<'_>,
    runs: &[RunKey],
    won: Option<(Uuid, i64)>,
) -> Result<Contents, Fault> {
    let mut rows = Vec::new();
    if !runs.is_empty() {
        let (worker, claim) = won.unzip();
        let Keys { shards, tenants, runs } = runs.iter().copied().collect();
        rows = link.query(LOAD, &[&shards, &tenants, &runs, &worker, &claim]).await?;
    }
    Ok(Contents { keys: runs.to_vec(), rows })
}

impl Contents {
    /// Gives those of the runs that are to be loaded what was read of them, and says how many got any.
    /// Of which nothing was read, may have been owned no more.
    pub(crate) fn fill(&self, runs: &mut [(Activation, bool)]) -> usize {
        let to_load = runs.iter_mut().filter(|(_, load)| *load);
        let mut to_load = to_load.map(|run| (run.0.key, run)).collect::<HashMap<_, _>>();
        let mut found = self.keys.iter().map(|key| to_load.remove(key)).collect::<Vec<_>>();
        for row in &self.rows {
            let Some((run, load)) = &mut found[run_of(row)] else { continue };
            *load = false;
            match row.get::<_, Option<i32>>("position") {
                Some(position) => append(&mut run.journal, position, row),
                None => run.inbox.extend(readable(row)),
            }
        }
        found.iter().flatten().filter(|(_, load)| !load).count()
    }
}

/// Reads the inboxes of runs, in the order of the keys.
pub(crate) async fn inboxes(link: Link<'_>, keys: &Keys) -> Result<Vec<Vec<Letter>>, Fault> {
    let rows = link.query(LOAD_INBOXES, &[&keys.shards, &keys.tenants, &keys.runs]).await?;
    let mut inboxes = vec![Vec::new(); keys.runs.len()];
    for row in &rows {
        inboxes[run_of(row)].extend(readable(row));
    }
    Ok(inboxes)
}

/// Which of the keys a row is of; the server counts from 1.
fn run_of(row: &Row) -> usize {
    usize::try_from(row.get::<_, i64>("run") - 1).unwrap_or(0)
}

/// Appends a journal row. A gap becomes an empty row, which no machine can read: that run stops
/// with an error, and the others go on.
fn append(journal: &mut Vec<Vec<u8>>, position: i32, row: &Row) {
    if usize::try_from(position) != Ok(journal.len()) {
        journal.push(Vec::new());
    }
    journal.push(row.get("events"));
}

/// A letter that this build cannot read stays in the inbox for one that can.
fn readable(row: &Row) -> Option<Letter> {
    let letter = letter(row);
    if let Err(error) = &letter {
        tracing::error!(%error, "left a letter in an inbox");
    }
    letter.ok()
}
