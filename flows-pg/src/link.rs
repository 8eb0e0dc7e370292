//! One connection as the verbs use it: prepared statements, sent and counted.
//!
//! A statement is prepared before it is sent, in two steps, because several can then be put on the
//! wire at once, in order, without waiting for answers in between. It never begins or ends a
//! transaction by itself.

use deadpool_postgres::{ClientWrapper, StatementCache};
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Row, Statement};

use crate::counters::Counters;
use crate::error::PgError;
use crate::sql::Sql;

/// Parameters of a statement.
pub(crate) type Params<'a> = &'a [&'a (dyn ToSql + Sync)];

/// A connection, borrowed.
#[derive(Clone, Copy)]
pub(crate) struct Link<'a> {
    client: &'a Client,
    cache: Option<&'a StatementCache>,
    counters: Option<&'a Counters>,
}

/// A prepared statement and the name it is counted under.
pub(crate) struct Prepared {
    name: &'static str,
    statement: Statement,
}

impl<'a> Link<'a> {
    /// A connection of this store's.
    pub(crate) fn new(client: &'a ClientWrapper, counters: &'a Counters) -> Self {
        Self { client, cache: Some(&client.statement_cache), counters: Some(counters) }
    }

    /// The connection of a transaction of the application's.
    pub(crate) fn foreign(client: &'a Client, cache: Option<&'a StatementCache>) -> Self {
        Self { client, cache, counters: None }
    }

    /// Prepares a statement, once per connection.
    pub(crate) async fn prepare(self, sql: Sql) -> Result<Prepared, PgError> {
        let statement = match self.cache {
            Some(cache) => cache.prepare(self.client, sql.text).await?,
            None => self.client.prepare(sql.text).await?,
        };
        Ok(Prepared { name: sql.name, statement })
    }

    /// Sends a prepared statement: on the wire when this is first polled.
    pub(crate) async fn send(
        self,
        prepared: &Prepared,
        params: Params<'_>,
    ) -> Result<Vec<Row>, PgError> {
        self.count(prepared.name, 1);
        let rows = self.client.query(&prepared.statement, params).await?;
        self.count("rows", rows.len());
        Ok(rows)
    }

    /// Prepares and sends.
    pub(crate) async fn query(self, sql: Sql, params: Params<'_>) -> Result<Vec<Row>, PgError> {
        let prepared = self.prepare(sql).await?;
        self.send(&prepared, params).await
    }

    /// Sends a command without parameters or answer, such as BEGIN.
    pub(crate) async fn command(self, text: &'static str) -> Result<(), PgError> {
        if text == "COMMIT" {
            self.count("commit", 1);
        }
        self.client.batch_execute(text).await
    }

    pub(crate) fn count(self, name: &'static str, number: usize) {
        if let Some(counters) = self.counters {
            counters.add(name, number);
        }
    }
}
