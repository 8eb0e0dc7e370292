//! One set of PostgreSQL programs that the server's account can run, and its version.
//!
//! Must never be made for programs that were not run once: a wrong processor or a missing
//! library shows here, with the loader's own words. Made by `find` and `fetch`, used by
//! `template` and `server`.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::account::Account;
use super::command::run;
use super::error::DevError;

/// The oldest major version that the library supports.
const OLDEST: u32 = 15;

/// Programs of PostgreSQL in one directory.
#[derive(Debug, Clone)]
pub(crate) struct Binaries {
    directory: PathBuf,
    version: String,
    major: u32,
    origin: String,
}

impl Binaries {
    /// Runs `postgres` in `directory` once, as `account`, to learn its version.
    ///
    /// # Errors
    /// The program is missing, cannot be run by the account, or is older than PostgreSQL 15.
    pub(crate) fn inspect(
        directory: &Path,
        origin: impl Into<String>,
        account: &Account,
    ) -> Result<Self, DevError> {
        let postgres = directory.join("postgres");
        let doing = format!("{} --version{}", postgres.display(), account.note());
        let answer = run(&doing, account.command(&postgres).arg("--version"))?;
        let (version, major) =
            parse(&answer).ok_or_else(|| DevError::new(&doing, format!("answered {answer:?}")))?;
        if major < OLDEST {
            let reason = format!("version {version} is older than {OLDEST}");
            return Err(DevError::new(doing, reason));
        }
        Ok(Self { directory: directory.to_owned(), version, major, origin: origin.into() })
    }

    pub(crate) fn major(&self) -> u32 {
        self.major
    }

    /// For instance `18.6`.
    pub(crate) fn version(&self) -> &str {
        &self.version
    }

    pub(crate) fn directory(&self) -> &Path {
        &self.directory
    }

    /// For instance `private PostgreSQL 18.6 from pip`.
    pub(crate) fn describe(&self) -> String {
        format!("private PostgreSQL {} from {}", self.version, self.origin)
    }

    /// A command that runs one of the programs, for instance `initdb`, as `account`.
    pub(crate) fn command(&self, program: &str, account: &Account) -> Command {
        account.command(self.directory.join(program))
    }
}

/// Reads `postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)` or `… 19beta1`.
fn parse(answer: &str) -> Option<(String, u32)> {
    let version = answer.split_once("(PostgreSQL)")?.1.split_whitespace().next()?;
    let digits = version.split(|letter: char| !letter.is_ascii_digit()).next()?;
    Some((version.to_owned(), digits.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[track_caller]
    fn check(answer: &str, expected: Option<(&str, u32)>) {
        let expected = expected.map(|(version, major)| (version.to_owned(), major));
        assert_eq!(parse(answer), expected);
    }

    #[test]
    fn versions_are_read() {
        check("postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)\n", Some(("15.18", 15)));
        check("postgres (PostgreSQL) 18.6\n", Some(("18.6", 18)));
        check("postgres (PostgreSQL) 19beta1\n", Some(("19beta1", 19)));
        check("mysqld 8.0\n", None);
    }
}
