//! Transactional activities: their writes and their record are one commit.
//!
//! The body runs in a transaction of the application's role, on a pooled connection. When it has
//! its result, the run's next journal row is added to the same transaction; the row's key is the
//! fence, so a result that comes too late takes the body's writes back with it.
//!
//! Wherever the attempt is stopped, its transaction is stopped too, so that the next one does not wait
//! for its locks. It carries the limits of the attempt and a lock that tells its worker, for a worker that
//! vanishes: the server ends it, or whoever takes over the worker's runs.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use flows_core::Payload;
use flows_core::context::{ActivityContext, ExactlyOnce};
use flows_core::error::{Error, ErrorKind, Result};
use flows_core::store::{Record, TransactionOutcome};
use futures_util::future::{join, try_join};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio_postgres::{Client, Transaction};
use uuid::Uuid;

use crate::PgStore;
use crate::error::{Fault, USED_UP};
use crate::link::{Link, Params};
use crate::relay::Taken;
use crate::settings::Limits;
use crate::sql::{APPEND_ONE, ENTER_ACTIVITY, ENTER_HANDED};

/// What an attempt may take longer on the server than here, where its error is clearer.
const LATER: Duration = Duration::from_secs(1);
/// Takes back what the body has set on its session, but for advisory locks and the statements that are prepared.
macro_rules! reset {
    () => {
        "CLOSE ALL; SET SESSION AUTHORIZATION DEFAULT; RESET ALL; UNLISTEN *; DISCARD TEMP; DISCARD SEQUENCES"
    };
}
/// Releases advisory locks. It needs a snapshot, which others wait for, and is planned: it costs as much as the rest.
macro_rules! unlock {
    () => {
        "SELECT pg_catalog.pg_advisory_unlock_all()"
    };
}
/// In one message, which costs hardly more than the first command alone.
const COMMIT: &str = concat!("COMMIT; ", reset!(), "; ", unlock!());
/// The same, where the connection is to be handed over, if it can be; and otherwise behind that.
const COMMIT_LOCKED: &str = concat!("COMMIT; ", reset!());
const UNLOCK: &str = unlock!();
/// The whole, behind a rollback.
const RESET: &str = concat!(reset!(), "; ", unlock!());

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
    // dropped half-way, it is thrown away
    let taken = store.0.for_activity().await.map_err(|fault| no_connection(name, fault))?;
    let Taken { mut client, is_handed } = taken;
    let cache = Arc::clone(&client.statement_cache);
    let types = store.0.types();
    let settings = match types {
        Some(_) => Arc::default(), // a pooler lends another session every time
        None => store.0.sessions.of(&client, || store.0.next_request()).await?,
    };
    let tx = Client::transaction(&mut client).await.map_err(Fault::from)?;
    let done = async {
        let link =
            Link::foreign(tx.client(), store.0.source.names(), Some(&cache)).with_types(types);
        let limits = match types {
            Some(_) => Limits::of(link).await?,
            None => settings.limits,
        };
        let enter = link.prepare(if is_handed { ENTER_HANDED } else { ENTER_ACTIVITY }).await?;
        let [statement, idle, looks] = limits.at_most(once.limit() + LATER);
        let session: Params<'_> = &[&lock_key(once.worker()), &statement, &idle, &looks];
        // on its way before the first statement of the body, which does not wait for the answer
        let (entered, output) = join(link.send(&enter, session), body(&tx)).await;
        let begun = entered?.first().map(|row| row.get("begun"));
        let output = output.map_err(legible)?;
        let record = once.record(Payload::encode(codec, &output)?).await?;
        // a session that is older than the claim has not broken since
        let is_older = |claim| types.is_none() && settings.since <= claim;
        let doubtful = !record.claim.is_some_and(is_older);
        let relays =
            types.is_none() && settings.is_empty() && store.0.relay.is_wanted(&store.0.pool);
        let given = Given { doubtful, begun, end: if relays { COMMIT_LOCKED } else { COMMIT } };
        let is_reset = commit(link, &record, given, once).await?;
        Ok((output, is_reset.then_some(relays)))
    }
    .await;
    match done {
        Ok(_) => std::mem::forget(tx), // it has ended; dropped, it would send a ROLLBACK
        Err(_) => {
            drop(tx); // which rolls it back
            cache.clear(); // perhaps the session has forgotten them (`DEALLOCATE ALL`)
        }
    }
    match done.as_ref().ok().and_then(|(_, relays)| *relays) {
        Some(true) => {
            if let Some(client) = store.0.relay.hand_over(client) {
                client.give_back_reset(UNLOCK, settings);
            }
        }
        Some(false) if settings.is_empty() => client.give_back(),
        is_reset => {
            let reset_or_lent = is_reset.is_some() || types.is_some();
            client.give_back_reset(if reset_or_lent { "" } else { RESET }, settings);
        }
    }
    done.map(|(output, _)| output)
}

/// The transaction that a body was given.
struct Given {
    /// The journal row before may be missing.
    doubtful: bool,
    /// When it began. One that began later is another.
    begun: Option<SystemTime>,
    /// What ends it.
    end: &'static str,
}

/// An error of the client's library shows only of what kind it is: what the server has said is its cause.
fn legible(error: Error) -> Error {
    let failed = error.downcast_ref::<tokio_postgres::Error>();
    let failed = failed.filter(|failed| failed.to_string() == error.message());
    match failed.and_then(tokio_postgres::Error::as_db_error) {
        Some(refused) => {
            let message = format!("{} ({})", refused.message(), refused.code().code());
            error.with_message(message)
        }
        None => error,
    }
}

/// What the transactions of a worker's activities lock: the half of its id that is random.
pub(crate) fn lock_key(worker: Uuid) -> i64 {
    worker.as_u64_pair().1.cast_signed()
}

/// Adds the record and commits, and notes what became of it. Says whether the session was reset behind it.
async fn commit(link: Link<'_>, record: &Record, given: Given, once: &ExactlyOnce) -> Result<bool> {
    let committed = append_and_commit(link, record, given, once).await;
    match &committed {
        Ok(_) => once.set(TransactionOutcome::Committed),
        // the server has answered: it refused a part, and so all
        Err(fault) if fault.code().is_some_and(|code| code != "57P01") => {
            once.set(TransactionOutcome::RolledBack);
        }
        Err(_) => {}
    }
    Ok(committed?)
}

/// Adds the record and commits, in two messages that are sent at once; where the row before may be
/// missing, looks for it. Where the server refuses the first, its COMMIT is a rollback. What cannot even
/// be sent keeps the rest from being sent, because each part is polled first after the one before.
async fn append_and_commit(
    link: Link<'_>,
    record: &Record,
    given: Given,
    once: &ExactlyOnce,
) -> Result<bool, Fault> {
    once.set(TransactionOutcome::RolledBack); // so far: what breaks here breaks the transaction
    let append = link.prepare(APPEND_ONE).await?;
    let Record { key, position, events, .. } = record;
    let Given { doubtful, begun, end } = given;
    let row: Params<'_> = &[&key.shard, &key.tenant, &key.run, position, events, &doubtful, &begun];
    once.set(TransactionOutcome::Unknown); // from here on, COMMIT may be on its way
    let (_, is_reset) = try_join(link.send(&append, row), link.commit_and(end)).await?;
    Ok(is_reset)
}

/// Says what to do where the pool is used up.
fn no_connection(name: &str, fault: Fault) -> Error {
    let error = Error::from(fault);
    if !error.message().starts_with(USED_UP) {
        return error;
    }
    let message = format!(
        "{error}; activity `{name}` is transactional and needs one of its own: give the worker fewer \
         activities at once, `.max_activities(..)`, or the engine a larger pool, and do not wait in a \
         transactional activity for what needs another one"
    );
    error.with_message(message)
}

fn needs_postgres(name: &str) -> Error {
    let message = format!(
        "activity `{name}` is transactional, and its run is not kept in PostgreSQL; in tests, mock \
         it or call `{name}::run` with a transaction"
    );
    Error::new(ErrorKind::Configuration, message)
}
