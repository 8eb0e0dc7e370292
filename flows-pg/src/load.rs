//! Journals and inboxes of runs that a worker owns, on their way into its memory.
//!
//! Always behind the statement that says which runs these are: what made a run ready may have been
//! committed after that statement began to look. Journal and inbox are read by one statement, so
//! from one snapshot: a record that moves a letter from one to the other is seen whole or not at
//! all.

use flows_core::error::Result;
use flows_core::store::{Activation, Letter};
use tokio_postgres::Row;

use crate::error::Fault;
use crate::link::Link;
use crate::rows::{Keys, letter};
use crate::sql::{LOAD, LOAD_INBOXES};

/// Reads journal and inbox of those runs that have any.
pub(crate) async fn load(
    link: Link<'_>,
    runs: Vec<(Activation, bool)>,
) -> Result<Vec<Activation>, Fault> {
    let keys = runs.iter().filter(|(_, load)| *load).map(|(run, _)| run.key).collect::<Keys>();
    if keys.runs.is_empty() {
        return Ok(runs.into_iter().map(|(run, _)| run).collect());
    }
    let rows = link.query(LOAD, &[&keys.shards, &keys.tenants, &keys.runs]).await?;
    let (mut to_load, mut all) = (Vec::new(), runs);
    to_load.extend(all.iter_mut().filter(|(_, load)| *load).map(|(run, _)| run));
    for row in &rows {
        let run = &mut to_load[run_of(row)];
        match row.get::<_, Option<i32>>("position") {
            Some(position) => append(&mut run.journal, position, row),
            None => run.inbox.extend(readable(row)),
        }
    }
    Ok(all.into_iter().map(|(run, _)| run).collect())
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
