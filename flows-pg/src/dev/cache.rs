//! A directory that keeps what is costly to make: fetched binaries and an initialised cluster.
//!
//! Must never show a half-made entry: an entry is made beside its place and renamed into it, so
//! processes may race and any of them may be killed. Called by `fetch` and `template`.

use std::fs::{self, Permissions};
use std::io::ErrorKind;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use super::account::Account;
use super::error::DevError;
use super::random;
use super::surroundings::Surroundings;

/// The cache directory of the current user.
#[derive(Debug, Clone)]
pub(crate) struct Cache {
    root: PathBuf,
}

impl Cache {
    /// Opens the first of the user's cache, or the system's for root, and a directory of the
    /// user's own among the temporary files.
    ///
    /// Root does not use its home directory: the account that runs the server could not read it.
    pub(crate) fn open(from: &Surroundings, account: &Account) -> Result<Self, DevError> {
        let own =
            if account.is_root() { Some(&from.system_cache) } else { from.user_cache.as_ref() };
        let temporary = std::env::temp_dir().join(format!("flows-cache-{}", account.own_id()));
        let places = own.map(|place| place.join("flows")).into_iter().chain([temporary]);
        let mut refused = Vec::new();
        for root in places {
            match claim(&root, account) {
                Ok(()) => return Ok(Self { root }),
                Err(error) => refused.push(error.to_string()),
            }
        }
        Err(DevError::new("open a cache directory", refused.join("; ")))
    }

    /// The entry called `name`, if it is there.
    pub(crate) fn get(&self, name: &str) -> Option<PathBuf> {
        Some(self.root.join(name)).filter(|path| path.is_dir())
    }

    /// The entry called `name`; `build` fills a new directory with it if it is not there yet.
    pub(crate) fn get_or_build(
        &self,
        name: &str,
        build: impl FnOnce(&Path) -> Result<(), DevError>,
    ) -> Result<PathBuf, DevError> {
        if let Some(path) = self.get(name) {
            return Ok(path);
        }
        let unfinished = self.root.join(format!(".{name}-{}", random::hex()?));
        make_directory(&unfinished, 0o755)?;
        let built = build(&unfinished).and_then(|()| self.publish(&unfinished, name));
        let _ = fs::remove_dir_all(&unfinished);
        built
    }

    /// Renames a finished entry into its place. Losing a race is fine: the winner's entry is the
    /// same.
    fn publish(&self, finished: &Path, name: &str) -> Result<PathBuf, DevError> {
        let place = self.root.join(name);
        let renamed = fs::rename(finished, &place);
        match renamed {
            Err(error) if !place.is_dir() => {
                Err(DevError::caused(format!("rename to {}", place.display()), &error))
            }
            _ => Ok(place),
        }
    }
}

/// Makes sure that `root` exists, is ours alone to write, and can be read by the server's account.
fn claim(root: &Path, account: &Account) -> Result<(), DevError> {
    make_directory(root, 0o755)?;
    let found = fs::symlink_metadata(root)
        .map_err(|error| DevError::caused(root.display().to_string(), &error))?;
    let ours = found.is_dir() && found.uid() == account.own_id() && found.mode() & 0o022 == 0;
    if !ours {
        return Err(DevError::new(root.display().to_string(), "somebody else can write there"));
    }
    probe(root)
}

/// A directory of ours can still be on a read-only file system.
fn probe(root: &Path) -> Result<(), DevError> {
    let trial = root.join(format!(".trial-{}", random::hex()?));
    make_directory(&trial, 0o700)?;
    let _ = fs::remove_dir(&trial);
    Ok(())
}

/// Creates a directory with exactly this mode, whatever the caller's umask is.
fn make_directory(path: &Path, mode: u32) -> Result<(), DevError> {
    if let Some(parent) = path.parent() {
        let _ = fs::DirBuilder::new().recursive(true).create(parent);
    }
    let made = fs::DirBuilder::new().mode(0o700).create(path);
    let made = made.and_then(|()| fs::set_permissions(path, Permissions::from_mode(mode)));
    match made {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => {
            Err(DevError::caused(format!("create {}", path.display()), &error))
        }
        _ => Ok(()),
    }
}
