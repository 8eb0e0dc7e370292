//! Errors of the client library, as errors of this one: by what the caller does next.

use std::time::Duration;

use deadpool_postgres::{PoolError, TimeoutType};
use flows_core::error::{Error, ErrorKind};
use tokio_postgres::error::{DbError, SqlState};

use crate::connect::wire::carried;

pub(crate) use tokio_postgres::Error as PgError;

/// What a statement ends with that did not work.
#[derive(Debug)]
pub(crate) enum Fault {
    /// The client library's word.
    Pg(PgError),
    /// No answer came in this time. The server may do what it was asked all the same, later.
    Silent(Duration),
    /// An error that is ready for the caller.
    Final(Error),
}

/// What to do about a fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Remedy {
    /// Nothing was written, and the same may work now: deadlock, serialisation.
    Repeat,
    /// Nothing was written: somebody else has one of the runs.
    Contended,
    /// Nothing was written: somebody holds one of the rows for long.
    Blocked,
    /// Nothing was written: a value is one that PostgreSQL cannot store.
    Data,
    /// It is not known what was written.
    None,
}

impl From<PgError> for Fault {
    fn from(error: PgError) -> Self {
        Self::Pg(error)
    }
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        Self::Final(error)
    }
}

impl From<PoolError> for Fault {
    fn from(error: PoolError) -> Self {
        match error {
            PoolError::Backend(error) => Self::Pg(error),
            PoolError::Timeout(TimeoutType::Create) => Self::Final(Error::new(
                ErrorKind::Unavailable,
                "the server did not answer in time: it accepts connections and begins no session, or \
                 a network between swallows what is sent; see whether PostgreSQL itself listens there",
            )),
            other => Self::Final(Error::new(
                ErrorKind::Unavailable,
                format!("no connection from the pool: {other}"),
            )),
        }
    }
}

impl Fault {
    /// The server's code, if it has answered.
    pub(crate) fn code(&self) -> Option<&str> {
        match self {
            Self::Pg(error) => error.code().map(SqlState::code),
            Self::Silent(_) | Self::Final(_) => None,
        }
    }

    /// Whether the connection is to blame, and another may do better: nobody answers on it, or a
    /// server that is ending, cannot write, or knows the tables as they were.
    pub(crate) fn is_of_connection(&self) -> bool {
        match self.code() {
            Some(code) => {
                matches!(&code[..2], "08") || code.starts_with("57P") || self.wrote_nothing()
            }
            None => !matches!(self, Self::Final(_)),
        }
    }

    /// Whether the server has refused to work at all: it is a standby, is starting, or knows the tables
    /// as they were.
    pub(crate) fn wrote_nothing(&self) -> bool {
        matches!(self.code(), Some("25006" | "0A000" | "57P03"))
    }

    pub(crate) fn remedy(&self) -> Remedy {
        match self.code() {
            Some("40001" | "40P01") => Remedy::Repeat,
            Some("23505" | "FL001") => Remedy::Contended,
            Some("55P03") => Remedy::Blocked,
            Some(code) if matches!(&code[..2], "22" | "23" | "54") => Remedy::Data,
            _ => Remedy::None,
        }
    }
}

impl From<Fault> for Error {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Final(error) => error,
            Fault::Silent(limit) => Error::new(
                ErrorKind::Unavailable,
                format!(
                    "PostgreSQL has not answered within {limit:?}, so its connection was closed; \
                     whether it still does what it was asked is not known"
                ),
            ),
            Fault::Pg(error) => match error.as_db_error() {
                Some(refused) => from_server(refused),
                None => carried(&error).cloned().unwrap_or_else(|| unreachable(&error)),
            },
        }
    }
}

/// The server answered, and the answer was no.
fn from_server(error: &DbError) -> Error {
    let (kind, advice) = match error.code().code() {
        "42P01" | "3F000" | "42883" | "42703" => (
            ErrorKind::Configuration,
            ": this database has no flows schema, or an older one; run `engine.migrate()`".into(),
        ),
        "42501" | "FL002" => (ErrorKind::Configuration, permission_advice(error)),
        code if matches!(&code[..2], "22" | "23" | "54") => {
            (ErrorKind::InvalidInput, String::new())
        }
        _ => (ErrorKind::Unavailable, String::new()),
    };
    let message = format!("{} ({}){advice}", error.message(), error.code().code());
    Error::new(kind, message)
}

fn permission_advice(error: &DbError) -> String {
    match error.hint() {
        Some(hint) => format!("; an administrator can run: {hint}"),
        None => "; an administrator can run: GRANT flows_tenant, flows_worker TO the role that \
                 connects"
            .into(),
    }
}

/// There was no answer.
fn unreachable(error: &PgError) -> Error {
    let causes = std::iter::successors(std::error::Error::source(error), |e| e.source());
    let causes = causes.map(|cause| format!(": {cause}")).collect::<String>();
    Error::new(ErrorKind::Unavailable, format!("PostgreSQL: {error}{causes}{}", advice(&causes)))
}

fn advice(causes: &str) -> &'static str {
    let absent = ["refused", "No such file", "lookup", "timed out"];
    if absent.iter().any(|word| causes.contains(word)) { HOW_TO_GET_ONE } else { "" }
}

/// What to do without a database.
pub(crate) const HOW_TO_GET_ONE: &str = "\n\
    flows needs a PostgreSQL server, 15 or later. To provide one:\n\
    - set DATABASE_URL, for example postgres://postgres:password@localhost:5432/postgres\n\
    - install it: `apt-get install postgresql`, `brew install postgresql@18`\n\
    - or run it: `docker run -e POSTGRES_PASSWORD=password -p 5432:5432 postgres:18`";
