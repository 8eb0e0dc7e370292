//! Errors of the client library, as errors of this one: by what the caller does next.

use deadpool_postgres::PoolError;
use flows_core::error::{Error, ErrorKind};
use tokio_postgres::error::{DbError, SqlState};

pub(crate) use tokio_postgres::Error as PgError;

/// What a statement ends with that did not work.
#[derive(Debug)]
pub(crate) enum Fault {
    /// The client library's word.
    Pg(PgError),
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
            other => Self::Final(Error::new(
                ErrorKind::Unavailable,
                format!("no connection from the pool: {other}"),
            )),
        }
    }
}

impl Fault {
    pub(crate) fn remedy(&self) -> Remedy {
        let Self::Pg(error) = self else { return Remedy::None };
        match error.code().map(SqlState::code) {
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
            Fault::Pg(error) => match error.as_db_error() {
                Some(refused) => from_server(refused),
                None => unreachable(&error),
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
