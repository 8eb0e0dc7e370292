//! How a store connects: by a connection string, a connector or a pool of the application's, or both.

use std::sync::Arc;

use deadpool_postgres::Pool;
use flows_core::error::{Error, Result};
use tokio_postgres::tls::{MakeTlsConnect, TlsConnect};
use tokio_postgres::{Config, Socket};

use crate::connect::wire::{Given, Opens};
use crate::connect::{pool, way, wrong};
use crate::error::Fault;
use crate::names::Names;
use crate::source::Source;
use crate::store::PgStore;

/// How a store connects.
#[derive(Default)]
pub(crate) struct Ways {
    url: Option<String>,
    given: Option<Arc<dyn Opens>>,
    pool: Option<Pool>,
    schema: Option<String>,
}

impl Ways {
    pub(crate) fn url(&mut self, url: &str) {
        self.url = Some(url.to_owned());
    }

    pub(crate) fn pool(&mut self, pool: Pool) {
        self.pool = Some(pool);
    }

    pub(crate) fn schema(&mut self, schema: &str) {
        self.schema = Some(schema.to_owned());
    }

    pub(crate) fn connector<T>(&mut self, config: Config, tls: T)
    where
        T: MakeTlsConnect<Socket> + Clone + Send + Sync + 'static,
        T::Stream: Send,
        T::TlsConnect: Send,
        <T::TlsConnect as TlsConnect<Socket>>::Future: Send,
    {
        self.given = Some(Arc::new(Given { config, tls }));
    }

    /// Opens a first connection of each kind, so that what is wrong is said now.
    pub(crate) async fn connect(self) -> Result<Arc<Source>> {
        let names = self.schema.as_deref().map_or(Ok(Names::default()), Names::of)?;
        let (opens, servers) = match (self.given, &self.url) {
            (Some(_), Some(_)) => {
                return Err(wrong("an engine has a URL or a connector, not both"));
            }
            (Some(given), None) => (Some(given), String::new()),
            (None, Some(url)) => {
                let (opens, servers) = way(url)?;
                (Some(opens), servers)
            }
            (None, None) => (None, String::new()),
        };
        let source = match (self.pool, opens) {
            (Some(pool), Some(opens)) => Source::beside_pool(pool, opens, names),
            (Some(pool), None) => Source::new(pool, None, names),
            (None, Some(opens)) => Source::new(pool(&opens)?, Some(opens), names),
            (None, None) => {
                return Err(wrong("an engine needs a URL, a pool or a connector"));
            }
        };
        source.try_out().await.map_err(|fault| said(&servers, fault))?;
        Ok(source)
    }
}

impl PgStore {
    /// Connects to `postgres://user:password@host:port/database`, or to a `key=value` string, and
    /// fails at once if there is no server.
    pub async fn connect(url: &str) -> Result<Self> {
        let mut ways = Ways::default();
        ways.url(url);
        Ok(Self::new(ways.connect().await?))
    }

    /// Uses the application's pool. A process that runs workers opens six connections beside it, as
    /// its manager makes them, without its hooks; it does not listen to other processes, so that
    /// workers and waiters poll for what those do.
    pub fn from_pool(pool: Pool) -> Self {
        Self::new(Source::new(pool, None, Names::default()))
    }
}

/// Says which server it was.
fn said(servers: &str, fault: Fault) -> Error {
    let error = fault.at_first();
    let message = format!("cannot connect to PostgreSQL{servers}: {error}");
    error.with_message(message)
}
