//! Transactional activities: their writes and their record are one commit.
//!
//! The body runs in a transaction of the application's role, on a pooled connection. When it has
//! its result, the run's next journal row is added to the same transaction; the row's key is the
//! fence, so a result that comes too late takes the body's writes back with it.

use std::sync::Arc;

use deadpool_postgres::StatementCache;
use flows_core::Payload;
use flows_core::context::{ActivityContext, ExactlyOnce, Fate};
use flows_core::error::{Error, ErrorKind, Result};
use flows_core::store::Record;
use futures_util::future::{try_join, try_join3};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, Transaction};

use crate::PgStore;
use crate::error::{Fault, PgError};
use crate::link::{Link, Params};
use crate::sql::{APPEND_ONE, ENTER_WORKER, LEAVE_WORKER};

/// Runs the body of an activity, and records its result, in one transaction.
///
/// # Errors
/// The body's own error, after which nothing is kept; `Configuration` when the run is not kept in
/// PostgreSQL; `Unavailable` when the connection broke, and it cannot be told whether the transaction
/// was committed (the run then finds out) or it was not.
pub async fn in_transaction<T: Serialize + DeserializeOwned>(
    ctx: &ActivityContext,
    body: impl AsyncFnOnce(&Transaction<'_>) -> Result<T>,
) -> Result<T> {
    let (name, codec) = ctx.definition();
    let once = ctx.exactly_once().ok_or_else(|| needs_postgres(name))?;
    let store = once.store().as_any().downcast_ref::<PgStore>();
    let store = store.ok_or_else(|| needs_postgres(name))?;
    let mut client = store.0.pool.get().await.map_err(Fault::from)?;
    let cache = Arc::clone(&client.statement_cache);
    let tx = Client::transaction(&mut client).await.map_err(Fault::from)?;
    let output = body(&tx).await?; // an error drops the transaction, which rolls it back
    let record = once.seal(Payload::encode(codec, &output)?).await?;
    if let Err(error) = append_and_commit(&tx, &cache, &record, once).await {
        if error.code().is_some_and(|code| *code != SqlState::ADMIN_SHUTDOWN) {
            once.set(Fate::RolledBack); // the server has answered: it refused a part, and so all
        }
        return Err(Fault::from(error).into());
    }
    once.set(Fate::Committed);
    std::mem::forget(tx); // it has ended; dropped, it would send a ROLLBACK
    Ok(output)
}

/// Adds the record, as the role that may write for every tenant, and commits. Constraints that are
/// checked at the commit are the application's, so its role is given back before.
///
/// All of it goes out at once. Where the server refuses a part, it refuses what follows too, and its
/// COMMIT is a rollback. What cannot even be sent keeps the rest from being sent, because each part is
/// polled first after the one before.
async fn append_and_commit(
    tx: &Transaction<'_>,
    cache: &StatementCache,
    record: &Record,
    once: &ExactlyOnce,
) -> Result<(), PgError> {
    once.set(Fate::RolledBack); // so far: what breaks here breaks the transaction
    let link = Link::foreign(tx.client(), Some(cache));
    let enter = link.prepare(ENTER_WORKER).await?;
    let leave = link.prepare(LEAVE_WORKER).await?;
    let key = record.key;
    let row: Params<'_> = &[&key.shard, &key.tenant, &key.run, &record.position, &record.events];
    let add = async {
        let append = link.prepare(APPEND_ONE).await?; // as that role: others may not see the schema
        once.set(Fate::Unknown); // from here on, COMMIT may be on its way
        let add = link.send(&append, row);
        try_join3(add, link.send(&leave, &[]), link.command("COMMIT")).await
    };
    try_join(link.send(&enter, &[]), add).await?;
    Ok(())
}

fn needs_postgres(name: &str) -> Error {
    let message = format!(
        "activity `{name}` is transactional, and its run is not kept in PostgreSQL; in tests, mock \
         it or call `{name}::run` with a transaction"
    );
    Error::new(ErrorKind::Configuration, message)
}
