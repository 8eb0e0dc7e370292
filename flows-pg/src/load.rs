//! Journals and inboxes of runs that a worker owns, on their way into its memory.
//!
//! Always behind the statement that says which runs these are: what made a run ready may have been
//! committed after that statement began to look. Journal and inbox are read by one statement, so
//! from one snapshot: a record that moves a message from one to the other is seen whole or not at
//! all.

use std::collections::HashMap;

use flows_core::error::Result;
use flows_core::ids::RunKey;
use flows_core::store::{Activation, INBOX_BYTES, InboxMessage, PAGE_MESSAGES, Page, READ_BYTES};
use tokio_postgres::Row;
use uuid::Uuid;

use crate::error::Fault;
use crate::link::{Link, Params};
use crate::rows::{Keys, message};
use crate::sql::{LOAD, LOAD_INBOXES};

/// How much is read of each run.
#[derive(Clone, Copy)]
pub(crate) struct Share {
    /// Bytes of its journal.
    journal: i64,
    /// Bytes of its inbox, and messages.
    page: i64,
    messages: i64,
}

impl Share {
    /// No limit.
    pub(crate) const ALL: Self = Self { journal: MOST, page: MOST, messages: MOST };
    /// A whole journal, and a page of its inbox.
    pub(crate) const WHOLE: Self =
        Self { journal: MOST, page: INBOX_BYTES as i64, messages: PAGE_MESSAGES as i64 };

    /// What each of so many runs may have.
    pub(crate) fn of(runs: usize) -> Self {
        let bytes = (READ_BYTES / runs.max(1)) as i64;
        Self { journal: bytes, page: bytes.min(Self::WHOLE.page), ..Self::WHOLE }
    }
}

/// The most bytes of inputs that are read together.
pub(crate) const INPUTS: i64 = READ_BYTES as i64;

/// More than there is; one can be added to it.
const MOST: i64 = i64::MAX >> 3;

/// Journals and inboxes as they were read, of these runs.
pub(crate) struct Contents {
    keys: Vec<RunKey>,
    rows: Vec<Row>,
}

/// Reads journal and inbox of those runs that have any and do not have them yet.
pub(crate) async fn load(
    link: Link<'_>,
    mut runs: Vec<(Activation, bool)>,
    share: Share,
) -> Result<Vec<Activation>, Fault> {
    let missing = runs.iter().filter(|(run, load)| *load && !run.unread).map(|(run, _)| run.key);
    read(link, &missing.collect::<Vec<_>>(), share, None).await?.fill(&mut runs);
    Ok(runs.into_iter().map(|(run, _)| run).collect())
}

/// Reads the journals and inboxes of runs, if there are any runs; of those that this worker
/// owns by this claim.
pub(crate) async fn read(
    link: Link<'_>,
    runs: &[RunKey],
    share: Share,
    won: Option<(Uuid, i64)>,
) -> Result<Contents, Fault> {
    let mut rows = Vec::new();
    if !runs.is_empty() {
        let (worker, claim) = won.unzip();
        let Keys { shards, tenants, runs } = runs.iter().copied().collect();
        let Share { journal, page, messages } = share;
        let params: Params<'_> =
            &[&shards, &tenants, &runs, &worker, &claim, &journal, &page, &messages];
        rows = link.query(LOAD, params).await?;
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
                Some(position) => append(run, position, row),
                None => run.more = add(&mut run.inbox, row),
            }
        }
        found.iter_mut().flatten().filter(|(run, _)| run.unread).for_each(|(run, _)| {
            (run.journal, run.inbox, run.more) = Default::default(); // it will be read alone
        });
        found.iter().flatten().filter(|(_, load)| !load).count()
    }
}

/// Reads a page of each inbox, behind these messages, in the order of the keys. Alone, a page has at least
/// one message.
pub(crate) async fn pages(
    link: Link<'_>,
    keys: &Keys,
    behind: &[i64],
    alone: bool,
) -> Result<Vec<Page>, Fault> {
    let Share { page, messages, .. } = Share::of(keys.len());
    let params: Params<'_> =
        &[&keys.shards, &keys.tenants, &keys.runs, &behind, &page, &messages, &alone];
    let rows = link.query(LOAD_INBOXES, params).await?;
    let mut pages = vec![Page::default(); keys.len()];
    for row in &rows {
        let page = &mut pages[run_of(row)];
        page.more = add(&mut page.messages, row);
    }
    Ok(pages)
}

/// Adds a message to a page; says what follows, if this one did not fit any more.
fn add(messages: &mut Vec<InboxMessage>, row: &Row) -> Option<i64> {
    if row.get::<_, Option<&[u8]>>("payload").is_none() {
        return Some(row.get::<_, i64>("seq") - 1);
    }
    messages.extend(readable(row));
    None
}

/// Which of the keys a row is of; the server counts from 1.
fn run_of(row: &Row) -> usize {
    usize::try_from(row.get::<_, i64>("run") - 1).unwrap_or(0)
}

/// Appends a journal row. A gap becomes an empty row, which no machine can read: that run stops
/// with an error, and the others go on.
fn append(run: &mut Activation, position: i32, row: &Row) {
    let Some(events) = row.get::<_, Option<Vec<u8>>>("events") else {
        run.unread = true; // there is more of it than its share
        return;
    };
    if usize::try_from(position) != Ok(run.journal.len()) {
        run.journal.push(Vec::new());
    }
    run.journal.push(events);
}

/// A message that this build cannot read stays in the inbox for one that can.
fn readable(row: &Row) -> Option<InboxMessage> {
    let message = message(row);
    if let Err(error) = &message {
        tracing::error!(%error, "left a message in an inbox");
    }
    message.ok()
}
