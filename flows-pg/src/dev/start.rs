//! Starts a private server in the first way that works.
//!
//! Must never give up before every way was tried, nor forget why one failed. Called by `dev` and
//! `server`.

use super::account::Account;
use super::binaries::Binaries;
use super::cache::Cache;
use super::cluster::Cluster;
use super::error::{Attempt, DevError};
use super::fetch::fetched;
use super::find::installed;
use super::server::PrivateServer;
use super::surroundings::Surroundings;

/// A server from installed programs, newest first, or else from fetched ones.
///
/// # Errors
/// Every way that was tried.
pub(crate) fn private(from: &Surroundings, settings: &[String]) -> Result<PrivateServer, DevError> {
    let (account, cache) = prepare(from)
        .map_err(|error| DevError::nothing_worked(vec![Attempt::new("a private server", error)]))?;
    let attempt = |binaries: Binaries| {
        launch(&binaries, settings, &cache, &account)
            .map_err(|error| Attempt::new(binaries.describe(), error))
    };
    let found = installed(from, &account);
    let mut tried = found.refused;
    for binaries in found.usable {
        match attempt(binaries) {
            Ok(server) => return Ok(server),
            Err(failed) => tried.push(failed),
        }
        // A wrong setting is wrong for the next server too, and no reason to download one.
        if !settings.is_empty() {
            return Err(DevError::nothing_worked(tried));
        }
    }
    let download = fetched(from, &cache, &account);
    match download.and_then(|binaries| attempt(binaries).map_err(|failed| vec![failed])) {
        Ok(server) => Ok(server),
        Err(failed) => Err(DevError::nothing_worked([tried, failed].concat())),
    }
}

fn prepare(from: &Surroundings) -> Result<(Account, Cache), DevError> {
    let account = Account::current()?;
    let cache = Cache::open(from, &account)?;
    Ok((account, cache))
}

fn launch(
    binaries: &Binaries,
    settings: &[String],
    cache: &Cache,
    account: &Account,
) -> Result<PrivateServer, DevError> {
    let cluster = Cluster::cached(binaries, cache, account)?;
    PrivateServer::launch(binaries, cluster, settings, account)
}
