//! Ways to a store: a URL, or the application's own pool.

use std::time::Duration;

use deadpool_postgres::{Manager, ManagerConfig, Pool, RecyclingMethod, Runtime};
use flows_core::error::{Error, ErrorKind, Result};
use tokio_postgres::config::SslMode;
use tokio_postgres::{Config, NoTls};

use crate::error::{Fault, HOW_TO_GET_ONE};
use crate::store::PgStore;

const CLIENTS: usize = 16;
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
const WAIT_TIMEOUT: Duration = Duration::from_secs(30);
/// How long a server that has vanished goes unnoticed.
const SILENCE: Duration = Duration::from_secs(30);

impl PgStore {
    /// Connects to `postgres://user:password@host:port/database`, or to a `key=value` string, and
    /// fails at once if there is no server. Without TLS: where that is needed, give
    /// [`PgStore::from_pool`] a pool that has it.
    pub async fn connect(url: &str) -> Result<Self> {
        let config = parse(url)?;
        let pool = pool(&config)?;
        let client = pool.get().await.map_err(|error| named(&config, error.into()))?;
        client.check_connection().await.map_err(|error| named(&config, error.into()))?;
        Ok(Self::new(pool, Some(config)))
    }

    /// Uses the application's pool. A process that runs workers opens six connections beside it, as
    /// its manager makes them, without its hooks; it does not listen to other processes, so that
    /// workers and waiters poll for what those do.
    pub fn from_pool(pool: Pool) -> Self {
        Self::new(pool, None)
    }
}

fn parse(url: &str) -> Result<Config> {
    if url.trim().is_empty() {
        let message = format!("no database: the connection string is empty{HOW_TO_GET_ONE}");
        return Err(Error::new(ErrorKind::Configuration, message));
    }
    let mut config: Config = url.parse().map_err(|error| unreadable(&error))?;
    if config.get_ssl_mode() == SslMode::Require {
        return Err(Error::new(
            ErrorKind::Configuration,
            "sslmode=require: `connect` speaks without TLS; make a deadpool_postgres pool with the \
             TLS connector of your choice and give it to `from_pool`",
        ));
    }
    if config.get_connect_timeout().is_none() {
        config.connect_timeout(CONNECT_TIMEOUT);
    }
    if config.get_application_name().is_none() {
        config.application_name("flows");
    }
    if config.get_tcp_user_timeout().is_none() {
        config.tcp_user_timeout(SILENCE);
    }
    if config.get_keepalives_idle() > SILENCE {
        config.keepalives_idle(SILENCE);
    }
    Ok(config)
}

fn pool(config: &Config) -> Result<Pool> {
    let fast = ManagerConfig { recycling_method: RecyclingMethod::Fast };
    let manager = Manager::from_config(config.clone(), NoTls, fast);
    let builder = Pool::builder(manager).max_size(CLIENTS).runtime(Runtime::Tokio1);
    let builder = builder.create_timeout(Some(CONNECT_TIMEOUT)); // accepting is not answering
    let pool = builder.wait_timeout(Some(WAIT_TIMEOUT)).build();
    pool.map_err(|error| Error::new(ErrorKind::Configuration, error.to_string()))
}

/// Says what is wrong with a connection string without repeating it: it may hold a password.
fn unreadable(error: &tokio_postgres::Error) -> Error {
    let cause = std::error::Error::source(error).map(ToString::to_string).unwrap_or_default();
    let message = format!(
        "cannot read the connection string ({cause}); it looks like \
         postgres://user:password@host:5432/database{HOW_TO_GET_ONE}"
    );
    Error::new(ErrorKind::Configuration, message)
}

/// Says which server it was.
fn named(config: &Config, fault: Fault) -> Error {
    let error = Error::from(fault);
    let hosts = config.get_hosts().iter().map(host).collect::<Vec<_>>().join(", ");
    let port = config.get_ports().first().copied().unwrap_or(5432);
    let message = format!("cannot connect to PostgreSQL at {hosts}, port {port}: {error}");
    error.with_message(message)
}

fn host(host: &tokio_postgres::config::Host) -> String {
    match host {
        tokio_postgres::config::Host::Tcp(name) => name.clone(),
        #[cfg(unix)]
        tokio_postgres::config::Host::Unix(path) => path.display().to_string(),
    }
}
