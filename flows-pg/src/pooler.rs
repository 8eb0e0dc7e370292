//! Poolers between this process and the server, found out before anything is set on a session.
//!
//! A pooler in transaction mode gives each transaction whatever session is free. What a worker sets on
//! its connections for good would be left on sessions of others, so workers are refused. Clients set
//! nothing outside of a transaction; behind such a pooler they also do without prepared statements,
//! which belong to one session.
//!
//! A server tells each connection which process serves it, so that it can be cancelled, and a pooler
//! tells something that it has made up itself. Where the two differ, two connections are compared.
//!
//! A pooler in session mode gives a session to the next client when the one before has gone. If it does not
//! reset it first, what was set is left there too.

use std::collections::HashMap;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use deadpool::managed::Manager as _;
use deadpool_postgres::{ClientWrapper, Manager};
use flows_core::clock::uuid_v7;
use flows_core::error::{Error, ErrorKind};
use futures_util::FutureExt;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_postgres::tls::{ChannelBinding, TlsConnect, TlsStream};
use tokio_postgres::types::Type;
use tokio_postgres::{Client, SimpleQueryMessage};

use crate::error::{Fault, PgError};
use crate::names::Names;
use crate::sql::{ALL, BEGIN_APART, BEGIN_UNHURRIED};

/// How often two connections are compared: others use the pooler too, and may come between.
const ROUNDS: usize = 3;
/// How long a pooler may take to reset a session, at first.
const RESET: Duration = Duration::from_millis(20);
/// How long a pooler may take to give a second connection a session.
const PATIENCE: Duration = Duration::from_secs(10);
/// No process of a server has a higher number, where it runs on Linux.
const PROCESSES: i32 = 1 << 22;

/// What a connection keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PoolMode {
    /// Its session: there is no pooler, or one in session mode.
    Session,
    /// Its session, which the next client gets as it was left.
    Unreset,
    /// Its session until the transaction ends.
    Transaction,
}

/// The types of the statements' parameters, which are asked for once where nothing can be prepared.
#[derive(Debug, Default)]
pub(crate) struct Types(HashMap<&'static str, Arc<[Type]>>);

impl Types {
    pub(crate) fn of(&self, name: &str) -> Arc<[Type]> {
        self.0.get(name).cloned().unwrap_or_default()
    }
}

/// What a connection keeps, which such a manager has made.
pub(crate) async fn mode(client: &Client, manager: &Manager) -> Result<PoolMode, Fault> {
    if told(client) == Some(serves(client).await?) {
        return Ok(PoolMode::Session);
    }
    match tokio::time::timeout(PATIENCE, compare(client, manager)).await {
        Ok(mode) => mode,
        Err(_) => Err(Fault::Final(Error::new(
            ErrorKind::Unavailable,
            format!(
                "the pooler in front of PostgreSQL has not given a second connection a session within \
                 {PATIENCE:?}: its pool is used up, or too small"
            ),
        ))),
    }
}

/// Whether this may be a connection to the server itself, as far as can be told without asking.
pub(crate) fn may_be_direct(client: &Client) -> bool {
    told(client).is_some_and(|process| (1..=PROCESSES).contains(&process))
}

/// Whatever another connection does meanwhile, this one is served by the session that it had before,
/// unless it keeps none. Which one it has then, depends on how the pooler chooses.
async fn compare(one: &Client, manager: &Manager) -> Result<PoolMode, Fault> {
    let other = connect(manager).await?;
    for _ in 0..ROUNDS {
        if is_lent(one, &other).await? || is_exchanged(one, &other).await? {
            return Ok(PoolMode::Transaction);
        }
    }
    drop(other);
    leaves(manager).await
}

/// Whether what a client sets is gone when the next one has its session.
async fn leaves(manager: &Manager) -> Result<PoolMode, Fault> {
    let mut marked: HashMap<i32, String> = HashMap::new();
    for round in 1..=ROUNDS {
        tokio::time::sleep(RESET * u32::try_from(round).unwrap_or(u32::MAX)).await;
        let client = connect(manager).await?;
        let (process, found) = (serves(&client).await?, first(&client, FIND_MARK).await?);
        match marked.insert(process, found.clone()) {
            Some(before) if before == found => return Ok(PoolMode::Session),
            Some(_) => {
                client.batch_execute(UNMARK).await?;
                return Ok(PoolMode::Unreset);
            }
            None => drop(first(&client, &mark()).await?),
        }
    }
    Ok(PoolMode::Session) // there was another one every time
}

/// A role and a setting that change nothing, apart from being there: not every way to reset resets both.
fn mark() -> String {
    let unique = uuid_v7();
    format!(
        "SELECT pg_catalog.set_config('flows.mark', '{unique}', false) \
         || pg_catalog.set_config('role', session_user, false)"
    )
}

const FIND_MARK: &str = "SELECT pg_catalog.concat(pg_catalog.current_setting('role'), \
                         pg_catalog.current_setting('flows.mark', true))";
const UNMARK: &str = "RESET ROLE; RESET flows.mark";

/// Whether the session that was free last is given away first; or those that are free in turn, of more
/// than two.
async fn is_lent(one: &Client, other: &Client) -> Result<bool, Fault> {
    let before = serves(one).await?;
    other.batch_execute(BEGIN_UNHURRIED).await.map_err(no_transactions)?;
    let beside = serves(other).await.map_err(no_transactions)?;
    let lent = beside == before || serves(one).await? != before;
    other.batch_execute("ROLLBACK").await?;
    Ok(lent)
}

/// Whether the session is given away first that has been free for longest. There is more than one.
async fn is_exchanged(one: &Client, other: &Client) -> Result<bool, Fault> {
    one.batch_execute(BEGIN_UNHURRIED).await?;
    let before = serves(one).await?;
    serves(other).await?;
    one.batch_execute("ROLLBACK").await?;
    Ok(serves(one).await? != before)
}

async fn connect(manager: &Manager) -> Result<ClientWrapper, PgError> {
    let mut client = manager.create().await?;
    manager.detach(&mut client);
    Ok(client)
}

fn no_transactions(error: PgError) -> Fault {
    let refused = error.as_db_error().map_or("", |refused| refused.message());
    if !refused.contains("statement pooling") {
        return error.into();
    }
    Fault::Final(Error::new(
        ErrorKind::Configuration,
        "the pooler in front of PostgreSQL is in statement mode, which has no transactions: set its \
         pool_mode to transaction, or for workers to session",
    ))
}

/// A worker's connections must keep their sessions, and take along what they have set.
pub(crate) fn check_place_of_worker(mode: PoolMode) -> Result<(), Error> {
    match mode {
        PoolMode::Session => Ok(()),
        PoolMode::Transaction => Err(no_place_for_workers("a pooler in transaction mode")),
        PoolMode::Unreset => Err(no_place_for_workers(
            "a pooler in session mode that does not reset its sessions (set server_reset_query to \
             DISCARD ALL, its default)",
        )),
    }
}

fn no_place_for_workers(pooler: &str) -> Error {
    Error::new(
        ErrorKind::Configuration,
        format!(
            "a worker cannot work through {pooler}, where its settings would be left on sessions of \
             others: give its engine a connection to PostgreSQL itself, or to a pooler in session mode \
             that resets its sessions (Engine::connect with that URL; or beside the pool, \
             Engine::builder().pool(..).url(..)). Engines that only start, signal and look may go through \
             this pooler"
        ),
    )
}

/// Asks for the types of all parameters, in a transaction that leaves nothing behind.
pub(crate) async fn types(client: &Client, names: Names) -> Result<Types, Fault> {
    client.batch_execute(BEGIN_APART).await?;
    let mut types = Types::default();
    let mut failed = None;
    for sql in ALL {
        match client.prepare(names.statement(*sql)).await {
            Ok(statement) => drop(types.0.insert(sql.name, statement.params().into())),
            Err(error) => {
                failed = Some(error);
                break;
            }
        }
    }
    client.batch_execute("ROLLBACK").await?;
    failed.map_or(Ok(types), |error| Err(error.into()))
}

/// The process that serves a connection at the moment.
async fn serves(client: &Client) -> Result<i32, PgError> {
    let process = first(client, "SELECT pg_catalog.pg_backend_pid()").await?;
    Ok(process.parse().unwrap_or(0))
}

/// The only value that a query gives, as text.
async fn first(client: &Client, query: &str) -> Result<String, PgError> {
    let answer = client.simple_query(query).await?;
    let value = answer.iter().find_map(|message| match message {
        SimpleQueryMessage::Row(row) => row.get(0),
        _ => None,
    });
    Ok(value.unwrap_or_default().to_owned())
}

/// The process that a connection was told it is served by: read from what a request to cancel would
/// send.
fn told(client: &Client) -> Option<i32> {
    let record = Record::default();
    let request = client.cancel_token();
    request.cancel_query_raw(record.clone(), Pretended).now_or_never()?.ok()?;
    let sent = record.0.lock().unwrap_or_else(PoisonError::into_inner);
    let (_, end) = sent.split_at_checked(sent.len().checked_sub(8)?)?;
    Some(i32::from_be_bytes(end[..4].try_into().ok()?))
}

/// Keeps what is sent, and answers that TLS may begin.
#[derive(Clone, Default)]
struct Record(Arc<Mutex<Vec<u8>>>);

impl AsyncRead for Record {
    fn poll_read(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        into.put_slice(b"S");
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Record {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        sent: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(sent);
        Poll::Ready(Ok(sent.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

impl TlsStream for Record {
    fn channel_binding(&self) -> ChannelBinding {
        ChannelBinding::none()
    }
}

/// TLS that changes nothing.
struct Pretended;

impl TlsConnect<Record> for Pretended {
    type Stream = Record;
    type Error = io::Error;
    type Future = std::future::Ready<io::Result<Record>>;

    fn connect(self, stream: Record) -> Self::Future {
        std::future::ready(Ok(stream))
    }
}
