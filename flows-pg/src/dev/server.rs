//! A private PostgreSQL server: its start, its restart, and its certain end.
//!
//! Must never outlive the process that started it, and never leave files behind. A small shell
//! script is the server's parent and reads a pipe that this process holds; when this process
//! ends, in whatever way, the pipe closes and the script stops the server (see `supervisor.sh`).
//! Called by `start` and by users who disturb a server in tests.

mod supervisor;

use std::fmt;
use std::fs;
#[cfg(test)]
use std::path::Path;
use std::sync::Arc;

use super::Database;
use super::account::Account;
use super::binaries::Binaries;
use super::cluster::Cluster;
use super::error::DevError;
use super::fresh;
use super::start;
use super::surroundings::Surroundings;
use supervisor::Supervisor;

/// A PostgreSQL server of this process's own, on a loopback port and a directory of its own.
///
/// Clones are handles of one server. It is stopped, and its data deleted, when the last handle is
/// dropped or when the process ends in any way.
#[derive(Clone)]
pub struct PrivateServer(Arc<Inner>);

struct Inner {
    supervisor: Supervisor,
    cluster: Cluster,
    description: String,
}

/// How [`PrivateServer::restart`] stops the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Sessions are cut off and their transactions rolled back; everything is written to disk.
    Fast,
    /// The server drops everything where it stands, as in a crash, and recovers at the start.
    Immediate,
}

impl PrivateServer {
    /// Starts a server that nothing else in this process uses, from the same programs as
    /// [`database`](super::database) would. `DATABASE_URL` is not looked at.
    ///
    /// # Errors
    /// No programs were found or fetched, or no server could be started with them.
    pub async fn start() -> Result<Self, DevError> {
        Self::start_with(&[]).await
    }

    /// Like [`start`](Self::start), with settings of PostgreSQL, for instance
    /// `[("max_connections", "20")]`.
    ///
    /// # Errors
    /// As [`start`](Self::start); also when the server refuses a setting.
    pub async fn start_with(settings: &[(&str, &str)]) -> Result<Self, DevError> {
        let settings: Vec<String> =
            settings.iter().map(|(name, value)| format!("{name}={value}")).collect();
        super::blocking(move || start::private(&Surroundings::of_this_process(), &settings)).await
    }

    /// The URL of the database `app`, as the role `app`, which owns it: not a superuser, but it
    /// may create databases and roles, read all statistics and end other roles' sessions.
    pub fn url(&self) -> String {
        self.url_of("app")
    }

    /// The URL of the database `app`, as the superuser `postgres`.
    pub fn superuser_url(&self) -> String {
        self.superuser_url_of("app")
    }

    /// For people, for instance `private PostgreSQL 18.6 from pip wheel`.
    pub fn describe(&self) -> &str {
        &self.0.description
    }

    /// The TCP port on `127.0.0.1`; it stays the same over restarts.
    pub fn port(&self) -> u16 {
        self.0.supervisor.port()
    }

    /// What the server has logged since its first start.
    ///
    /// # Errors
    /// The server is gone, and its files with it.
    pub fn log(&self) -> Result<String, DevError> {
        let path = self.0.supervisor.directory().join("log");
        fs::read_to_string(path).map_err(|error| DevError::caused("read the server's log", &error))
    }

    /// Stops the server in the given way and starts it again with the same data and port.
    /// Gives back control when it accepts connections; every earlier connection is broken then.
    ///
    /// # Errors
    /// The server did not come back, with the end of its log.
    pub async fn restart(&self, mode: Mode) -> Result<(), DevError> {
        let inner = Arc::clone(&self.0);
        super::blocking(move || inner.supervisor.restart(mode)).await
    }

    /// A new, empty database on this server, dropped with its handle.
    ///
    /// # Errors
    /// The server is not reachable.
    pub async fn fresh_database(&self) -> Result<Database, DevError> {
        fresh::on_private(self).await
    }

    /// The directory of its data and log, for tests.
    #[cfg(test)]
    pub(crate) fn directory(&self) -> &Path {
        self.0.supervisor.directory()
    }

    pub(crate) fn url_of(&self, database: &str) -> String {
        self.login("app", &self.0.cluster.app_password, database)
    }

    pub(crate) fn superuser_url_of(&self, database: &str) -> String {
        self.login("postgres", &self.0.cluster.superuser_password, database)
    }

    fn login(&self, role: &str, password: &str, database: &str) -> String {
        format!("postgres://{role}:{password}@127.0.0.1:{}/{database}", self.port())
    }

    /// Starts `binaries` on a copy of `cluster`.
    pub(crate) fn launch(
        binaries: &Binaries,
        cluster: Cluster,
        settings: &[String],
        account: &Account,
    ) -> Result<Self, DevError> {
        let supervisor = Supervisor::start(binaries, &cluster.data, settings, account)?;
        Ok(Self(Arc::new(Inner { supervisor, cluster, description: binaries.describe() })))
    }
}

/// Without the passwords.
impl fmt::Debug for PrivateServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PrivateServer({} on port {})", self.describe(), self.port())
    }
}
