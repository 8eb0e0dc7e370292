//! `terminate`: an open run ends from outside, whatever it is doing.
//!
//! The record goes behind the journal's last row, where the owner's next append loses against it;
//! then the run's row, then its place, in the order in which owners lock them.

use flows_core::error::{Error, ErrorKind, Result};
use flows_core::ids::RunKey;
use flows_core::store::{Close, Hint, Outcome, OutgoingMessage, PATIENCE, held, no_such_run};
use tokio_postgres::Row;

use crate::error::Fault;
use crate::held::Verb;
use crate::rows::Keys;
use crate::scope::Scope;
use crate::send::{deliver, hints};
use crate::sql::{APPEND_LAST, END_RUN, REMOVE_PLACEMENT, STATUSES};
use crate::store::Shared;
use crate::tell_children::tell_children;

/// How often the next position is tried, against an owner that keeps appending.
const TRIES: usize = 200;

impl Shared {
    pub(crate) async fn terminate(
        &self,
        run: RunKey,
        record: &[u8],
        close: &Close,
        messages: &[OutgoingMessage],
    ) -> Result<bool> {
        let end = Terminate { run, record, close, messages };
        let hints = self.patient(run.tenant, PATIENCE, end).await?;
        let hints = hints.ok_or_else(|| held(&format!("run {} (or its parent)", run.run)))?;
        let ended = hints.is_some();
        self.hints.after_commit(hints.unwrap_or_default());
        Ok(ended)
    }
}

struct Terminate<'a> {
    run: RunKey,
    record: &'a [u8],
    close: &'a Close,
    messages: &'a [OutgoingMessage],
}

impl Verb for Terminate<'_> {
    type Done = Option<Vec<Hint>>;

    async fn run(&self, scope: Scope<'_>) -> Result<Option<Vec<Hint>>, Fault> {
        terminate(scope, self.run, self.record, self.close, self.messages).await
    }
}

/// Ends a run inside a transaction, and sends the messages that go with its end. Answers what is to
/// be passed on behind the commit; nothing if the run had ended.
pub(crate) async fn terminate(
    scope: Scope<'_>,
    run: RunKey,
    record: &[u8],
    close: &Close,
    messages: &[OutgoingMessage],
) -> Result<Option<Vec<Hint>>, Fault> {
    for _ in 0..TRIES {
        scope.savepoint().await?;
        if append_last(scope, run, record).await?
            && let Some(row) = end_run(scope, run, close).await?
        {
            remove_placement(scope, run, &row, close.outcome.is_dead_letter()).await?;
            let sent = deliver(scope, messages.iter().enumerate().collect()).await?;
            let mut passed_on = hints(sent, messages);
            passed_on.extend(tell_children(scope, run, close).await?);
            scope.keep().await?;
            return Ok(Some(passed_on));
        }
        scope.take_back().await?;
        if !is_open(scope, run).await? {
            return Ok(None);
        }
    }
    let message = format!("run {} keeps writing faster than it can be ended; try again", run.run);
    Err(Error::new(ErrorKind::Unavailable, message).into())
}

async fn append_last(scope: Scope<'_>, run: RunKey, record: &[u8]) -> Result<bool, Fault> {
    let rows = scope.query(APPEND_LAST, &[&run.shard, &run.tenant, &run.run, &record]).await?;
    Ok(!rows.is_empty())
}

async fn end_run(scope: Scope<'_>, run: RunKey, close: &Close) -> Result<Option<Row>, Fault> {
    let Outcome { status, output, error, successor } = &close.outcome;
    let status = status.code();
    let params: crate::link::Params<'_> =
        &[&run.shard, &run.tenant, &run.run, &status, output, error, successor];
    Ok(scope.query(END_RUN, params).await?.pop())
}

/// Removes the run's place. It may be on its way from one to another, so this looks again until it
/// has found it; with the run's row locked and ended, it does not go far.
async fn remove_placement(
    scope: Scope<'_>,
    run: RunKey,
    ended: &Row,
    is_dead: bool,
) -> Result<(), Fault> {
    let (lane, priority): (i64, i16) = (ended.get("lane"), ended.get("priority"));
    let params: crate::link::Params<'_> =
        &[&run.shard, &run.tenant, &run.run, &lane, &priority, &is_dead];
    for _ in 0..TRIES {
        let rows = scope.query(REMOVE_PLACEMENT, params).await?;
        if rows.first().is_some_and(|row| row.get::<_, i64>("removed") > 0) {
            return Ok(());
        }
    }
    tracing::error!(run = %run.run, "an open run had no place; it has ended all the same");
    Ok(())
}

async fn is_open(scope: Scope<'_>, run: RunKey) -> Result<bool, Fault> {
    let keys = Keys::from_iter([run]);
    let rows = scope.query(STATUSES, &[&keys.shards, &keys.tenants, &keys.runs]).await?;
    match rows.first() {
        Some(row) => Ok(row.get::<_, i16>("status") == 0),
        None => Err(no_such_run(&run.run.to_string()).into()),
    }
}
