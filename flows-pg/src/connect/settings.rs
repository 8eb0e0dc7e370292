//! A connection string as what a connection needs: hosts, a login, and how far the server is trusted.
//!
//! Follows libpq in names, values and defaults, so that what psql connects to can be given to an
//! engine. `docs/src/connecting.md` has the table.

use std::path::PathBuf;
use std::time::Duration;

use flows_core::error::Result;
use tokio_postgres::Config;
use tokio_postgres::config::{ChannelBinding, SslNegotiation};

use super::keys::{KeySources, KeyValues, wrong};
use super::passfile;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a server that has vanished goes unnoticed.
const SILENCE: Duration = Duration::from_secs(30);
const PORT: u16 = 5432;
/// Where servers keep their sockets.
const SOCKETS: [&str; 3] = ["/var/run/postgresql", "/run/postgresql", "/tmp"];

/// Whether a connection is encrypted, and what of the server is verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd)]
pub(super) enum TlsMode {
    Disable,
    Allow,
    Prefer,
    Require,
    VerifyCa,
    VerifyFull,
}

/// Who vouches for the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Roots {
    /// A file of certificates; the default one need not exist.
    File(PathBuf),
    /// What the operating system trusts.
    System,
    /// Nobody: there is no home directory to look into.
    Nobody,
}

/// Which of several servers is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum WantedServer {
    Any,
    ReadWrite,
    ReadOnly,
    Primary,
    Standby,
    PreferStandby,
}

/// A server to try.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Server {
    /// A name, an address, or the directory of a socket.
    pub(super) host: String,
    /// Where the name leads, if that need not be looked up.
    pub(super) address: Option<std::net::IpAddr>,
    pub(super) port: u16,
}

/// What a connection needs.
#[derive(Debug, Clone)]
pub(super) struct ConnectSettings {
    /// Everything but the server, with the password unless that is in a file.
    pub(super) config: Config,
    pub(super) servers: Vec<Server>,
    pub(super) in_random_order: bool,
    pub(super) wanted: WantedServer,
    pub(super) timeout: Duration,
    pub(super) mode: TlsMode,
    #[cfg_attr(not(feature = "tls"), allow(dead_code, reason = "only TLS reads it"))]
    pub(super) roots: Roots,
    /// The files of the client's certificate and key, and whether they were asked for.
    #[cfg_attr(not(feature = "tls"), allow(dead_code, reason = "only TLS reads it"))]
    pub(super) identity: Option<(PathBuf, PathBuf, bool)>,
    passfile: Option<PathBuf>,
}

impl ConnectSettings {
    /// What the string says, and where it is silent, this process's environment.
    pub(super) fn read(text: &str) -> Result<Self> {
        let variable = |name: &str| std::env::var(name).ok();
        let given = |name: &&str| variable(name).is_some_and(|value| !value.is_empty());
        if text.trim().is_empty()
            && !["PGHOST", "PGHOSTADDR", "PGSERVICE", "PGDATABASE"].iter().any(given)
        {
            return Err(super::nowhere());
        }
        Self::read_in(text, &KeySources { variable: &variable, home: std::env::home_dir() })
    }

    fn read_in(text: &str, from: &KeySources<'_>) -> Result<Self> {
        let values = KeyValues::read(text, from)?;
        let of_user =
            |file: &str| from.home.as_ref().map(|home| home.join(".postgresql").join(file));
        let (mode, roots) = trust(&values, of_user("root.crt"))?;
        let passfile = values.get("passfile").map(PathBuf::from);
        let mut settings = Self {
            config: login(&values, from)?,
            servers: servers(&values)?,
            in_random_order: values
                .one_of("load_balance_hosts", &[("disable", false), ("random", true)])?
                .unwrap_or(false),
            wanted: values.one_of("target_session_attrs", &WANTED)?.unwrap_or(WantedServer::Any),
            timeout: seconds(&values, "connect_timeout")?.unwrap_or(CONNECT_TIMEOUT),
            mode,
            roots,
            identity: identity(&values, of_user("postgresql.crt"), of_user("postgresql.key")),
            passfile: passfile.or_else(|| from.home.as_ref().map(|home| home.join(".pgpass"))),
        };
        security(&values, &mut settings)?;
        keepalives(&values, &mut settings.config)?;
        Ok(settings)
    }

    /// What is sent to one of the servers.
    pub(super) fn config_for(&self, server: &Server) -> Config {
        let mut config = self.config.clone();
        config.host(&server.host).port(server.port).connect_timeout(self.timeout);
        if let Some(address) = server.address {
            config.hostaddr(address);
        }
        if config.get_password().is_none()
            && let Some(password) = self.password_for(server)
        {
            config.password(password);
        }
        config
    }

    fn password_for(&self, server: &Server) -> Option<String> {
        let user = self.config.get_user()?;
        let is_default = SOCKETS.contains(&server.host.as_str());
        let host = if is_default { "localhost" } else { &server.host };
        let database = self.config.get_dbname().unwrap_or(user);
        let login = passfile::Login { host, port: server.port, database, user };
        passfile::password(self.passfile.as_ref()?, &login)
    }
}

impl Server {
    pub(super) fn is_socket(&self) -> bool {
        self.host.starts_with('/') && self.address.is_none()
    }
}

impl std::fmt::Display for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}, port {}", self.host, self.port)
    }
}

const MODES: [(&str, TlsMode); 6] = [
    ("disable", TlsMode::Disable),
    ("allow", TlsMode::Allow),
    ("prefer", TlsMode::Prefer),
    ("require", TlsMode::Require),
    ("verify-ca", TlsMode::VerifyCa),
    ("verify-full", TlsMode::VerifyFull),
];

const WANTED: [(&str, WantedServer); 6] = [
    ("any", WantedServer::Any),
    ("read-write", WantedServer::ReadWrite),
    ("read-only", WantedServer::ReadOnly),
    ("primary", WantedServer::Primary),
    ("standby", WantedServer::Standby),
    ("prefer-standby", WantedServer::PreferStandby),
];

fn trust(values: &KeyValues, default: Option<PathBuf>) -> Result<(TlsMode, Roots)> {
    let mode = values.one_of("sslmode", &MODES)?;
    if values.get("sslrootcert") == Some("system") {
        return match mode {
            None | Some(TlsMode::VerifyFull) => Ok((TlsMode::VerifyFull, Roots::System)),
            Some(_) => Err(wrong(
                "`sslrootcert=system` needs `sslmode=verify-full`: anybody can get a certificate that \
                 the system trusts, for another host"
                    .into(),
            )),
        };
    }
    let file = values.get("sslrootcert").map(PathBuf::from).or(default);
    Ok((mode.unwrap_or(TlsMode::Prefer), file.map_or(Roots::Nobody, Roots::File)))
}

fn identity(
    values: &KeyValues,
    certificate: Option<PathBuf>,
    key: Option<PathBuf>,
) -> Option<(PathBuf, PathBuf, bool)> {
    let given = values.get("sslcert").map(PathBuf::from);
    let asked = given.is_some();
    let key = values.get("sslkey").map(PathBuf::from).or(key)?;
    Some((given.or(certificate)?, key, asked))
}

fn login(values: &KeyValues, from: &KeySources<'_>) -> Result<Config> {
    let mut config = Config::new();
    let variable = |name| (from.variable)(name).filter(|name| !name.is_empty());
    let user = values.get("user").map(str::to_owned);
    if let Some(user) = user.or_else(|| variable("USER")).or_else(|| variable("LOGNAME")) {
        config.user(user);
    }
    if let Some(password) = values.get("password") {
        config.password(password);
    }
    if let Some(database) = values.get("dbname") {
        if database.contains("://") || database.contains('=') {
            return Err(wrong("`dbname` is itself a connection string: give that instead".into()));
        }
        config.dbname(database);
    }
    if let Some(options) = values.get("options") {
        config.options(options);
    }
    let name = values.get("application_name").or(values.get("fallback_application_name"));
    config.application_name(name.unwrap_or("flows"));
    Ok(config)
}

fn servers(values: &KeyValues) -> Result<Vec<Server>> {
    let list = |key| values.get(key).map(|text| text.split(',').map(str::trim).collect::<Vec<_>>());
    let (hosts, addresses) =
        (list("host").unwrap_or_default(), list("hostaddr").unwrap_or_default());
    let ports = list("port").unwrap_or_default();
    let count = hosts.len().max(addresses.len()).max(1);
    let fits = |number: usize| number <= 1 || number == count;
    if !fits(ports.len())
        || (!hosts.is_empty() && !addresses.is_empty() && hosts.len() != addresses.len())
    {
        return Err(wrong(format!(
            "{} hosts, {} addresses (`hostaddr`) and {} ports are given: one port for all, or as many \
             of each",
            hosts.len(),
            addresses.len(),
            ports.len()
        )));
    }
    (0..count).map(|number| server(number, &hosts, &addresses, &ports)).collect()
}

fn server(number: usize, hosts: &[&str], addresses: &[&str], ports: &[&str]) -> Result<Server> {
    let port = ports.get(number).or(ports.first()).filter(|port| !port.is_empty());
    let port = port.map_or(Ok(PORT), |port| port.parse());
    let port = port.map_err(|_| wrong("`port` is not a port number".into()))?;
    let address = addresses.get(number).filter(|address| !address.is_empty());
    let address = address.map(|address| address.parse::<std::net::IpAddr>()).transpose();
    let address = address.map_err(|_| wrong("`hostaddr` is not an IP address".into()))?;
    let host = match (hosts.get(number).filter(|host| !host.is_empty()), address) {
        (Some(host), _) => (*host).to_owned(),
        (None, Some(address)) => address.to_string(),
        (None, None) => default_host(port),
    };
    Ok(Server { host, address, port })
}

/// The directory of a socket, where there is one, as with libpq.
fn default_host(port: u16) -> String {
    let socket =
        |directory: &&str| PathBuf::from(directory).join(format!(".s.PGSQL.{port}")).exists();
    let found = if cfg!(unix) { SOCKETS.iter().copied().find(|path| socket(path)) } else { None };
    found.unwrap_or("localhost").to_owned()
}

fn security(values: &KeyValues, settings: &mut ConnectSettings) -> Result<()> {
    let binding = [
        ("disable", ChannelBinding::Disable),
        ("prefer", ChannelBinding::Prefer),
        ("require", ChannelBinding::Require),
    ];
    if let Some(binding) = values.one_of("channel_binding", &binding)? {
        settings.config.channel_binding(binding);
    }
    let negotiation = [("postgres", SslNegotiation::Postgres), ("direct", SslNegotiation::Direct)];
    if let Some(negotiation) = values.one_of("sslnegotiation", &negotiation)? {
        if negotiation == SslNegotiation::Direct && settings.mode < TlsMode::Require {
            return Err(wrong(
                "`sslnegotiation=direct` needs `sslmode=require` or stronger".into(),
            ));
        }
        settings.config.ssl_negotiation(negotiation);
    }
    Ok(())
}

fn keepalives(values: &KeyValues, config: &mut Config) -> Result<()> {
    let milliseconds =
        values.number("tcp_user_timeout")?.and_then(|number| u64::try_from(number).ok());
    let given = milliseconds.filter(|number| *number > 0).map(Duration::from_millis);
    config.tcp_user_timeout(given.unwrap_or(SILENCE));
    config.keepalives(values.number("keepalives")? != Some(0));
    config.keepalives_idle(seconds(values, "keepalives_idle")?.unwrap_or(SILENCE));
    if let Some(interval) = seconds(values, "keepalives_interval")? {
        config.keepalives_interval(interval);
    }
    let count = values.number("keepalives_count")?.and_then(|number| u32::try_from(number).ok());
    if let Some(count) = count.filter(|count| *count > 0) {
        config.keepalives_retries(count);
    }
    Ok(())
}

/// A time that is more than nothing.
fn seconds(values: &KeyValues, key: &str) -> Result<Option<Duration>> {
    let number = values.number(key)?.and_then(|number| u64::try_from(number).ok());
    Ok(number.filter(|number| *number > 0).map(Duration::from_secs))
}

#[cfg(test)]
mod tests;
