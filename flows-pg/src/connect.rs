//! Ways to a store: a connection string, the application's own pool, or both.
//!
//! What a connection string may say is read as libpq reads it, environment and files included.

mod keys;
mod open;
mod passfile;
mod settings;
mod text;
#[cfg(feature = "tls")]
mod tls;
#[cfg(not(feature = "tls"))]
#[path = "connect/untls.rs"]
mod tls;
#[cfg(feature = "tls")]
mod verify;
pub(crate) mod wire;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use deadpool_postgres::{Connect, Manager, ManagerConfig, Pool, RecyclingMethod, Runtime};
use flows_core::error::{Error, ErrorKind, Result};
use tokio::task::JoinHandle;
use tokio_postgres::tls::{MakeTlsConnect, TlsConnect};
use tokio_postgres::{CancelToken, Client, Config, NoTls, Socket};

use crate::error::{Fault, HOW_TO_GET_ONE, PgError};
use crate::names::Names;
use crate::source::Source;
use crate::store::PgStore;
use open::Connector;
use settings::Settings;
use wire::{Given, Opens};

/// How long it may take to open a connection, where nothing says how long.
pub(crate) const OPEN: Duration = Duration::from_secs(10);
const CLIENTS: usize = 16;
const WAIT_TIMEOUT: Duration = Duration::from_secs(30);

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
                let settings = Settings::read(url)?;
                let servers = named(&settings);
                (Some(Arc::new(Connector::new(settings)) as Arc<dyn Opens>), servers)
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

fn pool(opens: &Arc<dyn Opens>) -> Result<Pool> {
    let builder = Pool::builder(manager(opens)).max_size(CLIENTS).runtime(Runtime::Tokio1);
    let builder = builder.create_timeout(Some(opens.limit())); // accepting is not answering
    let pool = builder.wait_timeout(Some(WAIT_TIMEOUT)).build();
    pool.map_err(|error| wrong(error.to_string()))
}

/// A manager of connections that are opened in that way.
pub(crate) fn manager(opens: &Arc<dyn Opens>) -> Manager {
    let fast = ManagerConfig { recycling_method: RecyclingMethod::Fast };
    Manager::from_connect(Config::new(), Opener(Arc::clone(opens)), fast)
}

/// Opens connections for a pool, and moves them forward.
struct Opener(Arc<dyn Opens>);

type Connecting<'a> =
    Pin<Box<dyn Future<Output = Result<(Client, JoinHandle<()>), PgError>> + Send + 'a>>;

impl Connect for Opener {
    fn connect(&self, _: &Config) -> Connecting<'_> {
        Box::pin(async {
            let (client, mut wire) = self.0.open().await?;
            let moving = async move { while wire.next().await.is_some() {} };
            Ok((client, tokio::spawn(moving)))
        })
    }
}

fn named(settings: &Settings) -> String {
    let servers = settings.servers.iter().map(ToString::to_string).collect::<Vec<_>>();
    format!(" at {}", servers.join("; "))
}

/// Says which server it was.
fn said(servers: &str, fault: Fault) -> Error {
    let error = fault.at_first();
    let message = format!("cannot connect to PostgreSQL{servers}: {error}");
    error.with_message(message)
}

fn wrong(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::Configuration, message)
}

/// Asks a server to cancel what runs on a connection, encrypted where the connection must be.
pub(crate) async fn cancel(token: &CancelToken) -> Result<(), PgError> {
    match token.cancel_query(NoTls).await {
        Err(error) => tls::cancel(token).await.unwrap_or(Err(error)),
        done => done,
    }
}

/// The error for a string that is empty where the environment says nothing either.
fn nowhere() -> Error {
    wrong(format!("no database: the connection string is empty{HOW_TO_GET_ONE}"))
}
