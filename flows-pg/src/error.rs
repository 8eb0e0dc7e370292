//! Errors of the client library, as errors of this one: by what the caller does next.

use std::io;
use std::time::Duration;

use deadpool_postgres::{PoolError, TimeoutType};
use flows_core::error::{Error, ErrorKind};
use tokio_postgres::error::{DbError, SqlState};

use crate::names::Names;

pub(crate) use tokio_postgres::Error as PgError;

/// How the message about a pool begins that has no connection to give.
pub(crate) const USED_UP: &str = "no connection from the pool";

/// What a statement ends with that did not work.
#[derive(Debug)]
pub(crate) enum Fault {
    /// The client library's word, and the schema that it was about.
    Pg(PgError, Names),
    /// No answer came in this time. The server may do what it was asked all the same, later.
    Silent(Duration),
    /// An error that is ready for the caller.
    Final(Error),
}

/// An error of ours inside one of the client library's, which is what pools pass on.
#[derive(Debug)]
pub(crate) struct Carried(pub(crate) Error);

impl std::fmt::Display for Carried {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for Carried {}

/// The error of ours that one of the client library's carries.
pub(crate) fn carried(error: &PgError) -> Option<&Error> {
    let cause = std::error::Error::source(error)?.downcast_ref::<io::Error>()?;
    cause.get_ref()?.downcast_ref::<Carried>().map(|carried| &carried.0)
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
        Self::Pg(error, Names::default())
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
            PoolError::Backend(error) => error.into(),
            PoolError::Timeout(TimeoutType::Create) => Self::Final(Error::new(
                ErrorKind::Unavailable,
                "the server did not answer in time: it accepts connections and begins no session, or \
                 a network between swallows what is sent; see whether PostgreSQL itself listens there",
            )),
            other => Self::Final(Error::new(ErrorKind::Unavailable, format!("{USED_UP}: {other}"))),
        }
    }
}

impl Fault {
    /// The same, of a statement about that schema.
    pub(crate) fn about(self, names: Names) -> Self {
        match self {
            Self::Pg(error, _) => Self::Pg(error, names),
            other => other,
        }
    }

    /// The server's code, if it has answered.
    pub(crate) fn code(&self) -> Option<&str> {
        match self {
            Self::Pg(error, _) => error.code().map(SqlState::code),
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

    /// Whether the server has refused to work at all: it is a standby, is starting, knows the tables as they
    /// were, or not the statements that were prepared (somebody's `DISCARD ALL`) or others of their names (of
    /// the process that had the session before); or has ended a transaction because it had to wait for its
    /// next statement.
    pub(crate) fn wrote_nothing(&self) -> bool {
        matches!(self.code(), Some("25006" | "0A000" | "57P03" | "26000" | "42P05" | "25P03"))
    }

    /// What it means where nothing has worked yet: a server that refuses to let somebody in, or a setting of
    /// the connection string, will go on refusing. (Later, it may be one that is just being set up in place of
    /// another.)
    pub(crate) fn at_first(self) -> Error {
        let refused = match &self {
            Self::Pg(error, _) => match error.code().map(SqlState::code) {
                Some(code) => matches!(&code[..2], "22" | "28" | "3D" | "42"),
                None => lacks_login(error),
            },
            Self::Silent(_) | Self::Final(_) => false,
        };
        let error = Error::from(self);
        if !refused {
            return error;
        }
        Error::new(ErrorKind::Configuration, error.message())
    }

    /// What it means inside a transaction of the application's.
    pub(crate) fn in_foreign(self) -> Error {
        match self.code() {
            Some("25006") => Error::new(
                ErrorKind::Configuration,
                "the transaction is read-only, so nothing can be started or sent in it: begin it READ \
                 WRITE, on the primary",
            ),
            _ => self.into(),
        }
    }

    pub(crate) fn remedy(&self) -> Remedy {
        if let Self::Pg(error, _) = self
            && error.as_db_error().is_some_and(is_behind)
        {
            return Remedy::None; // no message is to blame
        }
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
            Fault::Pg(error, names) => match error.as_db_error() {
                Some(refused) => from_server(refused, names),
                None => carried(&error).cloned().unwrap_or_else(|| unreachable(&error)),
            },
        }
    }
}

/// Whether a new message has been given a number that another one has.
fn is_behind(error: &DbError) -> bool {
    error.constraint() == Some("inbox_pkey")
}

/// The server answered, and the answer was no.
fn from_server(error: &DbError, names: Names) -> Error {
    let schema = names.schema();
    if is_behind(error) {
        let message = format!(
            "the sequence of {schema}.inbox is behind the messages in it, as after a move by logical \
             replication: run `engine.migrate()`, which sets it right"
        );
        return Error::new(ErrorKind::Configuration, message);
    }
    let (kind, advice) = match error.code().code() {
        "42P01" | "3F000" | "42883" | "42703" => (
            ErrorKind::Configuration,
            format!(
                ": this database has no {schema} schema, or an older one; run `engine.migrate()`"
            ),
        ),
        "42501" | "FL002" => (ErrorKind::Configuration, permission_advice(error, names)),
        "FL003" => (ErrorKind::Configuration, String::new()),
        "FL004" => (ErrorKind::Terminal, String::new()),
        "28P01" | "28000" => (ErrorKind::Unavailable, WHO.into()),
        "3D000" => (ErrorKind::Unavailable, ": create the database, or correct its name".into()),
        "25006" | "0A000" => (ErrorKind::Unavailable, STANDBY.into()),
        "55P03" => (ErrorKind::Unavailable, HELD.into()),
        "53300" => (ErrorKind::Unavailable, TOO_MANY.into()),
        code if matches!(&code[..2], "22" | "23" | "54") => {
            (ErrorKind::InvalidInput, String::new())
        }
        _ => (ErrorKind::Unavailable, String::new()),
    };
    let message = format!("{} ({}){advice}", error.message(), error.code().code());
    Error::new(kind, message)
}

const WHO: &str = ": correct the role or its password in the connection string, or let the role in \
    (pg_hba.conf)";
const LOGIN: &str = ": give the role's password in the connection string, PGPASSWORD or a password file, or \
    let the server ask for another kind of login (pg_hba.conf)";
const BINDING: &str = ": channel_binding=require needs TLS (sslmode=require or stronger) and a password that \
    the server checks by scram-sha-256 (pg_hba.conf)";
const HELD: &str = ": a transaction of somebody else's holds what this needs, a table perhaps; \
    pg_stat_activity says which is open for long";
const TOO_MANY: &str = ": a worker has seven connections beside its pool; raise the CONNECTION LIMIT of the \
    role or the database or the server's max_connections, or make pools smaller";
const STANDBY: &str = ": the server was a standby at that moment, or is read-only";

fn permission_advice(error: &DbError, names: Names) -> String {
    match error.hint() {
        _ if error.routine() == Some("check_enable_rls") => {
            ": the setting row_security is off, which is for dumps alone; an administrator can run: ALTER \
             ROLE … RESET row_security (or ALTER ROLE … IN DATABASE … RESET row_security, ALTER DATABASE \
             … RESET row_security)"
                .into()
        }
        None if error.message().contains("for database") => {
            "; an administrator can run: GRANT CONNECT ON DATABASE … TO the role that connects"
                .into()
        }
        Some(hint) => format!("; an administrator can run: {hint}"),
        None => format!(
            "; an administrator can run: GRANT {}, {} TO the role that connects; after a restore without \
             privileges, the owner of the schema calls `engine.migrate()`",
            names.tenant(),
            names.worker()
        ),
    }
}

/// There was no answer.
fn unreachable(error: &PgError) -> Error {
    let causes = std::iter::successors(std::error::Error::source(error), |e| e.source());
    let causes = causes.map(|cause| format!(": {cause}")).collect::<String>();
    let advice = match lacks_login(error) {
        true if causes.contains("channel binding") => BINDING,
        true => LOGIN,
        false => "",
    };
    Error::new(ErrorKind::Unavailable, format!("PostgreSQL: {error}{causes}{advice}"))
}

/// Whether the client library gave up because it has no password, or cannot log in as the server asks. Its
/// message alone says so.
fn lacks_login(error: &PgError) -> bool {
    let message = error.to_string();
    ["invalid configuration", "authentication error"].iter().any(|words| message.starts_with(words))
}

/// What to do without a database.
pub(crate) const HOW_TO_GET_ONE: &str = "; flows needs a PostgreSQL server, 15 or later: give the URL of \
    one, for example postgres://user:password@localhost:5432/database";

/// The error for a server that answers, and can never be written to.
pub(crate) fn is_standby() -> Error {
    Error::new(
        ErrorKind::Configuration,
        "this server is a standby, which cannot be written to: connect to the primary, for example \
         with all servers in the connection string and target_session_attrs=read-write",
    )
}

/// What runs say is any text. A database that cannot store all of it would refuse their errors too, and so
/// every way to end them.
pub(crate) fn check_encoding(encoding: &str) -> Result<(), Error> {
    if ["UTF8", "SQL_ASCII"].contains(&encoding) {
        return Ok(());
    }
    Err(Error::new(
        ErrorKind::Configuration,
        format!(
            "the encoding of this database is {encoding}, which cannot store every text: use a database that \
             was created with ENCODING 'UTF8'"
        ),
    ))
}
