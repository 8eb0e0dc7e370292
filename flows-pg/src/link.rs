//! One connection as the verbs use it: prepared statements, sent and counted.
//!
//! A statement is prepared before it is sent, in two steps, because several can then be put on the
//! wire at once, in order, without waiting for answers in between. It never begins or ends a
//! transaction by itself.
//!
//! Nothing waits for ever: a request that is not answered in time is a fault, and whoever has the
//! connection closes it.

use std::future::{Future, ready};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use deadpool_postgres::{ClientWrapper, StatementCache};
use futures_util::TryStreamExt;
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Client, Row, Statement};

use crate::counters::Counters;
use crate::error::{Fault, PgError};
use crate::names::Names;
use crate::pooler::Types;
use crate::sql::Sql;

/// Parameters of a statement.
pub(crate) type Params<'a> = &'a [&'a (dyn ToSql + Sync)];

/// A connection, borrowed.
#[derive(Clone, Copy)]
pub(crate) struct Link<'a> {
    client: &'a Client,
    cache: Option<&'a StatementCache>,
    names: Names,
    /// Where nothing can be prepared: the types of parameters, which are sent along.
    types: Option<&'a Types>,
    counters: Option<&'a Counters>,
    /// How long an answer may take.
    limit: Option<Duration>,
}

/// How long a server may take to answer what it need not work for: it begins a transaction, or says
/// that it cannot.
pub(crate) const PROMPTLY: Duration = Duration::from_secs(3);
/// How long it may take to read a statement, which waits for those who change the schema.
const PREPARE: Duration = Duration::from_secs(5);

/// A prepared statement and the name it is counted under.
pub(crate) struct Prepared {
    name: &'static str,
    statement: Form,
}

enum Form {
    /// The session knows it by a name.
    Named(Statement),
    /// It is sent whole.
    Whole(&'static str, Arc<[Type]>),
}

impl<'a> Link<'a> {
    /// A connection of this store's, whose answers may take so long.
    pub(crate) fn new(
        client: &'a ClientWrapper,
        names: Names,
        counters: &'a Counters,
        limit: Duration,
    ) -> Self {
        let cache = Some(&*client.statement_cache);
        Self { client, cache, names, types: None, counters: Some(counters), limit: Some(limit) }
    }

    /// The connection of a transaction of the application's, which limits it as it likes.
    pub(crate) fn foreign(
        client: &'a Client,
        names: Names,
        cache: Option<&'a StatementCache>,
    ) -> Self {
        Self { client, cache, names, types: None, counters: None, limit: None }
    }

    /// Prepares nothing where types are given, because the session is another one every time.
    pub(crate) fn with_types(self, types: Option<&'a Types>) -> Self {
        Self { types, ..self }
    }

    /// The names of the schema that it works on.
    pub(crate) fn names(self) -> Names {
        self.names
    }

    /// Prepares a statement, once per connection.
    pub(crate) async fn prepare(self, sql: Sql) -> Result<Prepared, Fault> {
        let text = self.names.statement(sql);
        if let Some(types) = self.types {
            let statement = Form::Whole(text, types.of(sql.name));
            return Ok(Prepared { name: sql.name, statement });
        }
        let prepare = async {
            match self.cache {
                Some(cache) => cache.prepare(self.client, text).await,
                None => self.client.prepare(text).await,
            }
        };
        let limit = self.limit.map(|limit| limit.min(PREPARE));
        let statement = Form::Named(self.within(limit, prepare).await?);
        Ok(Prepared { name: sql.name, statement })
    }

    /// Sends a prepared statement: on the wire when this is first polled.
    pub(crate) async fn send(
        self,
        prepared: &Prepared,
        params: Params<'_>,
    ) -> Result<Vec<Row>, Fault> {
        self.count(prepared.name, 1);
        let rows = match &prepared.statement {
            Form::Named(statement) => {
                self.within(self.limit, self.client.query(statement, params)).await?
            }
            Form::Whole(text, types) => {
                let params = params.iter().copied().zip(types.iter().cloned()).collect::<Vec<_>>();
                self.within(self.limit, self.client.query_typed(text, &params)).await?
            }
        };
        self.count("rows", rows.len());
        Ok(rows)
    }

    /// Prepares and sends.
    pub(crate) async fn query(self, sql: Sql, params: Params<'_>) -> Result<Vec<Row>, Fault> {
        let prepared = self.prepare(sql).await?;
        self.send(&prepared, params).await
    }

    /// Sends a command without parameters or answer, such as COMMIT.
    pub(crate) async fn command(self, text: &'static str) -> Result<(), Fault> {
        if text == "COMMIT" {
            self.count("commit", 1);
        }
        self.within(self.limit, self.client.batch_execute(text)).await
    }

    /// Sends COMMIT with commands behind it, in one message. What becomes of these changes nothing about what
    /// is committed by then: it says whether they were done.
    pub(crate) async fn commit_and(self, text: &'static str) -> Result<bool, Fault> {
        let answers = async {
            let mut answers = pin!(self.client.simple_query_raw(text).await?);
            answers.try_next().await?; // of the COMMIT
            Ok(answers.try_for_each(|_| ready(Ok(()))).await.is_ok())
        };
        self.within(self.limit, answers).await
    }

    /// Sends the command that begins a transaction. No lock and no disk keeps a server from answering
    /// it: one that does not is gone.
    pub(crate) async fn begin(self, text: &'static str) -> Result<(), Fault> {
        self.within(Some(PROMPTLY), self.client.batch_execute(text)).await
    }

    pub(crate) fn count(self, name: &'static str, number: usize) {
        if let Some(counters) = self.counters {
            counters.add(name, number);
        }
    }
    /// An answer, if it comes in time.
    async fn within<T>(
        self,
        limit: Option<Duration>,
        answer: impl Future<Output = Result<T, PgError>>,
    ) -> Result<T, Fault> {
        let answer = match limit {
            None => answer.await,
            Some(limit) => match tokio::time::timeout(limit, answer).await {
                Ok(answer) => answer,
                Err(_) => return Err(Fault::Silent(limit)),
            },
        };
        answer.map_err(|error| Fault::Pg(error, self.names))
    }
}
