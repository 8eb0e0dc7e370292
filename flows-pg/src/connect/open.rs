//! Opens connections as a connection string says: one server after the other, encrypted as it asks,
//! until one is what is wanted.
//!
//! Every attempt has a deadline that covers all of it: name, socket, TLS, login.

use std::net::SocketAddr;
use std::pin::pin;
use std::time::Duration;

use flows_core::clock::uuid_v7;
use flows_core::error::{Error, ErrorKind};
use futures_util::future::{Either, select};
use tokio::time::{Instant, timeout_at};
use tokio_postgres::config::{LoadBalanceHosts, SslMode};
use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, NoTls, SimpleQueryMessage};

use super::settings::{ConnectSettings, Server, TlsMode, WantedServer};
use super::tls::{self, Trust};
use super::wire::{Opening, Opens, Wire, carry, open};
use crate::error::{Fault, PgError};

/// Opens connections to the servers of a connection string.
pub(super) struct Connector {
    pub(super) settings: ConnectSettings,
    trust: Trust,
}

/// What is left after the last attempt, whose error says more than that of whoever waits.
const SLACK: Duration = Duration::from_secs(1);

type Opened = Result<(Client, Wire), PgError>;

const STATE: &str = "SELECT pg_catalog.pg_is_in_recovery(), \
                     pg_catalog.current_setting('transaction_read_only')";

impl Connector {
    pub(super) fn new(settings: ConnectSettings) -> Self {
        Self { settings, trust: Trust::default() }
    }

    async fn open_first(&self) -> Opened {
        let servers = self.in_order();
        if self.settings.wanted == WantedServer::PreferStandby
            && let Ok(opened) = self.first_that_is(&servers, WantedServer::Standby).await
        {
            return Ok(opened);
        }
        let wanted = match self.settings.wanted {
            WantedServer::PreferStandby => WantedServer::Any,
            other => other,
        };
        self.first_that_is(&servers, wanted).await
    }

    fn in_order(&self) -> Vec<&Server> {
        let mut servers = self.settings.servers.iter().collect::<Vec<_>>();
        if self.settings.in_random_order {
            shuffle(&mut servers);
        }
        servers
    }

    async fn first_that_is(&self, servers: &[&Server], wanted: WantedServer) -> Opened {
        let mut failures = Vec::new();
        for server in servers {
            match self.open_in_time(server, wanted).await {
                Ok(opened) => return Ok(opened),
                Err(error) => failures.push((*server, error)),
            }
        }
        Err(all_of(failures).await)
    }

    /// One server, in time: each address of its name has an equal share of what is left.
    async fn open_in_time(&self, server: &Server, wanted: WantedServer) -> Opened {
        let end = Instant::now() + self.settings.timeout;
        let found = timeout_at(end, addresses(server)).await;
        let mut places = found.unwrap_or_default();
        if places.is_empty() {
            places.push(server.clone()); // the client library says what is wrong with its name
        }
        if self.settings.in_random_order {
            shuffle(&mut places);
        }
        self.first_place(&places, wanted, end).await
    }

    async fn first_place(&self, places: &[Server], wanted: WantedServer, end: Instant) -> Opened {
        let mut failure: Option<PgError> = None;
        for (at, place) in places.iter().enumerate() {
            let left = u32::try_from(places.len() - at).unwrap_or(u32::MAX);
            let share = end.saturating_duration_since(Instant::now()) / left;
            let opening = async {
                let (client, mut wire) = self.open_one(place).await?;
                check(&client, &mut wire, wanted).await?;
                Ok((client, wire))
            };
            let failed = match tokio::time::timeout(share, opening).await {
                Ok(Ok(opened)) => return Ok(opened),
                Ok(Err(error)) => error,
                Err(_) => self.too_late().await,
            };
            // what a server has answered says more than that another place has none
            failure = failure.filter(|error| error.as_db_error().is_some()).or(Some(failed));
        }
        match failure {
            Some(error) => Err(error),
            None => Err(self.too_late().await),
        }
    }

    async fn too_late(&self) -> PgError {
        let limit = self.settings.timeout;
        let message = format!(
            "the server did not answer in time: there is no session within {limit:?} \
             (`connect_timeout`)"
        );
        carry(Error::new(ErrorKind::Unavailable, message)).await
    }

    /// Encrypted or not, in the order in which libpq tries it.
    async fn open_one(&self, server: &Server) -> Opened {
        if server.is_socket() {
            return self.open_plain(server).await;
        }
        match self.settings.mode {
            TlsMode::Disable => self.open_plain(server).await,
            TlsMode::Allow => match self.open_plain(server).await {
                Err(error) if is_refused(&error) && tls::IS_BUILT_IN => {
                    self.open_encrypted(server, SslMode::Require).await
                }
                other => other,
            },
            TlsMode::Prefer if !tls::IS_BUILT_IN => self.open_plain(server).await,
            TlsMode::Prefer => match self.open_encrypted(server, SslMode::Prefer).await {
                Err(error) if is_refused(&error) || tls::is_at_fault(&error) => {
                    self.open_plain(server).await.or(Err(error))
                }
                other => other,
            },
            TlsMode::Require | TlsMode::VerifyCa | TlsMode::VerifyFull => {
                self.open_encrypted(server, SslMode::Require).await
            }
        }
    }

    async fn open_plain(&self, server: &Server) -> Opened {
        let mut config = self.config_for(server);
        open(config.ssl_mode(SslMode::Disable), NoTls).await
    }

    async fn open_encrypted(&self, server: &Server, mode: SslMode) -> Opened {
        let mut config = self.config_for(server);
        let opened = tls::open(config.ssl_mode(mode), &self.settings, &self.trust).await;
        match opened {
            Err(error) if self.settings.mode != TlsMode::Prefer => {
                match tls::explained(&error, &self.settings, server) {
                    Some(explained) => Err(carry(explained).await),
                    None => Err(error),
                }
            }
            other => other,
        }
    }

    fn config_for(&self, server: &Server) -> tokio_postgres::Config {
        let mut config = self.settings.config_for(server);
        if self.settings.in_random_order {
            config.load_balance_hosts(LoadBalanceHosts::Random);
        }
        config
    }
}

impl Opens for Connector {
    fn open(&self) -> Opening<'_> {
        Box::pin(self.open_first())
    }

    /// All servers one after the other, and once more where a standby is only preferred.
    fn limit(&self) -> Duration {
        let servers = u32::try_from(self.settings.servers.len()).unwrap_or(u32::MAX);
        let rounds = if self.settings.wanted == WantedServer::PreferStandby { 2 } else { 1 };
        self.settings.timeout.saturating_mul(servers).saturating_mul(rounds) + SLACK
    }
}

/// The server at each of the addresses that its name stands for; none, where it is not to be looked up.
async fn addresses(server: &Server) -> Vec<Server> {
    if server.is_socket() || server.address.is_some() {
        return Vec::new();
    }
    let found = tokio::net::lookup_host((server.host.as_str(), server.port)).await;
    let at = |place: SocketAddr| Server { address: Some(place.ip()), ..server.clone() };
    found.map_or_else(|_| Vec::new(), |found| found.map(at).collect())
}

fn shuffle<T>(items: &mut [T]) {
    items.sort_by_cached_key(|_| uuid_v7().as_u128() & u128::from(u64::MAX));
}

/// `pg_hba.conf` has no line for a connection like this.
fn is_refused(error: &PgError) -> bool {
    error.code() == Some(&SqlState::INVALID_AUTHORIZATION_SPECIFICATION)
}

/// Asks the server what it is, if that matters.
async fn check(client: &Client, wire: &mut Wire, wanted: WantedServer) -> Result<(), PgError> {
    if matches!(wanted, WantedServer::Any | WantedServer::PreferStandby) {
        return Ok(());
    }
    let asking = pin!(client.simple_query(STATE));
    let moving = pin!(async { while wire.next().await.is_some() {} });
    let Either::Left((answer, _)) = select(asking, moving).await else {
        let message = "the connection has ended before the server said whether it is a primary";
        return Err(carry(Error::new(ErrorKind::Unavailable, message)).await);
    };
    let answer = answer?;
    let row = answer.iter().find_map(|message| match message {
        SimpleQueryMessage::Row(row) => Some(row),
        _ => None,
    });
    let (recovering, read_only) = row
        .map_or((None, None), |row| (row.try_get(0).ok().flatten(), row.try_get(1).ok().flatten()));
    match misfit(wanted, recovering == Some("t"), read_only == Some("on")) {
        Some(message) => Err(carry(Error::new(ErrorKind::Unavailable, message)).await),
        None => Ok(()),
    }
}

/// Why a server is not what `target_session_attrs` asks for.
fn misfit(wanted: WantedServer, standby: bool, read_only: bool) -> Option<&'static str> {
    match wanted {
        WantedServer::ReadWrite if standby => {
            Some("a standby, and target_session_attrs=read-write")
        }
        WantedServer::ReadWrite if read_only => {
            Some("read-only, and target_session_attrs=read-write")
        }
        WantedServer::ReadOnly if !standby && !read_only => {
            Some("it takes writes, and target_session_attrs=read-only")
        }
        WantedServer::Primary if standby => Some("a standby, and target_session_attrs=primary"),
        WantedServer::Standby if !standby => Some("a primary, and target_session_attrs=standby"),
        _ => None,
    }
}

/// One error for all servers: one that may pass, if any of them may.
async fn all_of(failures: Vec<(&Server, PgError)>) -> PgError {
    let mut kind = ErrorKind::Configuration;
    let (mut messages, mut alone) = (Vec::new(), None);
    let single = failures.len() == 1;
    for (server, error) in failures {
        if single {
            alone = Some(error);
            continue;
        }
        let error = Error::from(Fault::from(error));
        if error.kind() != ErrorKind::Configuration {
            kind = error.kind();
        }
        messages.push(format!("{server}: {error}"));
    }
    match alone {
        Some(error) => error,
        None => carry(Error::new(kind, messages.join("; "))).await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::net::TcpListener;

    /// A name may stand for addresses where nobody answers.
    #[tokio::test]
    async fn every_address_of_a_server_has_its_share_of_the_time() {
        let one = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = one.local_addr().unwrap().port();
        let other = TcpListener::bind(("127.0.0.2", port)).await.unwrap();
        let url = format!("postgres://a@127.0.0.1:{port}/a?connect_timeout=2&sslmode=disable");
        let connector = Connector::new(ConnectSettings::read(&url).unwrap());
        let server = &connector.settings.servers[0];
        let places = ["127.0.0.1", "127.0.0.2"].map(|address| {
            let address = Some(address.parse().unwrap());
            Server { address, ..server.clone() }
        });
        let begun = Instant::now();
        let end = begun + connector.settings.timeout;
        let opening = async { connector.first_place(&places, WantedServer::Any, end).await.err() };
        let silent = async { (one.accept().await.unwrap(), other.accept().await.unwrap()) };
        let (error, _both) = tokio::join!(opening, silent);
        assert!(Error::from(Fault::from(error.unwrap())).message().contains("connect_timeout"));
        assert!(begun.elapsed() < Duration::from_secs(4), "{:?}", begun.elapsed());
    }

    #[tokio::test]
    async fn a_name_stands_for_its_addresses() {
        let settings = ConnectSettings::read("postgres://a@localhost/a").unwrap();
        let found = addresses(&settings.servers[0]).await;
        assert!(!found.is_empty() && found.iter().all(|place| place.host == "localhost"));
        let settings =
            ConnectSettings::read("postgres://a@localhost/a?hostaddr=127.0.0.1").unwrap();
        assert!(addresses(&settings.servers[0]).await.is_empty(), "it is given");
    }
}
