//! The operating system account that the private server runs as.
//!
//! PostgreSQL refuses to run as root, so a caller who is root hands the server to the account
//! `postgres`, or else to `nobody`. Must never give the server more rights than the caller has.
//! Called by everything in `dev` that runs a PostgreSQL program or makes files for one.

use std::ffi::OsStr;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};

use super::command::run;
use super::error::DevError;

/// Accounts that take the server over when the caller is root, in order of preference.
const UNPRIVILEGED: [&str; 2] = ["postgres", "nobody"];

/// The caller's own account, or the one that replaces root.
#[derive(Debug, Clone)]
pub(crate) struct Account {
    replacement: Option<Replacement>,
    own_id: u32,
}

#[derive(Debug, Clone)]
struct Replacement {
    name: &'static str,
    uid: u32,
    gid: u32,
}

impl Account {
    /// The account to use for a server that the current process starts.
    pub(crate) fn current() -> Result<Self, DevError> {
        let own_id = run("id -u", Command::new("id").arg("-u"))?;
        let own_id = own_id.trim().parse().map_err(|error| DevError::caused("id -u", &error))?;
        let replacement = (own_id == 0).then(Replacement::find).transpose()?;
        Ok(Self { replacement, own_id })
    }

    pub(crate) fn is_root(&self) -> bool {
        self.own_id == 0
    }

    /// The user id of the calling process, not of the server.
    pub(crate) fn own_id(&self) -> u32 {
        self.own_id
    }

    /// A word that tells the server's accounts of one cache apart.
    pub(crate) fn name(&self) -> &'static str {
        self.replacement.as_ref().map_or("own", |replacement| replacement.name)
    }

    /// What an error adds to a command that ran as another account than the caller's.
    pub(crate) fn note(&self) -> String {
        let name = self.replacement.as_ref().map(|replacement| replacement.name);
        name.map(|name| format!(" (as the account {name})")).unwrap_or_default()
    }

    /// A command that runs as this account, with none of the caller's environment but `PATH`.
    ///
    /// An inherited `PGDATA`, `PGPORT` or locale would change what the server does.
    pub(crate) fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.env("LC_ALL", "C").env("TZ", "UTC").current_dir("/").stdin(Stdio::null());
        if let Some(Replacement { uid, gid, .. }) = self.replacement {
            command.uid(uid).gid(gid);
        }
        command
    }

    /// Gives a directory made by the caller to this account.
    pub(crate) fn take(&self, directory: &Path) -> Result<(), DevError> {
        let Some(Replacement { uid, gid, .. }) = self.replacement else { return Ok(()) };
        std::os::unix::fs::chown(directory, Some(uid), Some(gid))
            .map_err(|error| DevError::caused(format!("chown {}", directory.display()), &error))
    }

    /// Whether this account may make files in `directory`.
    pub(crate) fn can_write(&self, directory: &Path) -> bool {
        let test = self.command("test").arg("-w").arg(directory).status();
        test.is_ok_and(|status| status.success())
    }
}

impl Replacement {
    fn find() -> Result<Self, DevError> {
        UNPRIVILEGED.into_iter().find_map(Self::named).ok_or_else(|| {
            let reason = "PostgreSQL does not run as root, and there is no such account";
            DevError::new(format!("run the server as one of {UNPRIVILEGED:?}"), reason)
        })
    }

    /// Asks the system, which answers like `uid=101(postgres) gid=104(postgres) groups=…`.
    fn named(name: &'static str) -> Option<Self> {
        let answer = run("id", Command::new("id").arg(name)).ok()?;
        let number = |key: &str| {
            let rest = answer.split_once(key)?.1;
            rest.split(|letter: char| !letter.is_ascii_digit()).next()?.parse().ok()
        };
        Some(Self { name, uid: number("uid=")?, gid: number("gid=")? })
    }
}
