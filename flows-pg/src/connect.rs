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
use tokio_postgres::{CancelToken, Client, Config, NoTls};

use crate::error::{HOW_TO_GET_ONE, PgError};
use open::Connector;
use settings::ConnectSettings;
use wire::Opens;

/// How long it may take to open a connection, where nothing says how long.
pub(crate) const OPEN: Duration = Duration::from_secs(10);
const CLIENTS: usize = 16;
const WAIT_TIMEOUT: Duration = Duration::from_secs(30);

/// The way that a connection string says, and the servers that it names, in words.
pub(crate) fn way(url: &str) -> Result<(Arc<dyn Opens>, String)> {
    let settings = ConnectSettings::read(url)?;
    let servers = named(&settings);
    Ok((Arc::new(Connector::new(settings)), servers))
}

/// A pool of connections that are opened in that way.
pub(crate) fn pool(opens: &Arc<dyn Opens>) -> Result<Pool> {
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

fn named(settings: &ConnectSettings) -> String {
    let servers = settings.servers.iter().map(ToString::to_string).collect::<Vec<_>>();
    format!(" at {}", servers.join("; "))
}

pub(crate) fn wrong(message: impl Into<String>) -> Error {
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
