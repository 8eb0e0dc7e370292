//! The settings of a connection, by their names in libpq, and where their values come from.
//!
//! A setting in the connection string wins over one of the service file, and that over the
//! environment. The values are read in `settings`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use flows_core::error::{Error, ErrorKind, Result};

use super::text::{Pairs, pairs};

/// Names, and the variables of the environment that stand in for them.
const KNOWN: [(&str, &str); 26] = [
    ("application_name", "PGAPPNAME"),
    ("channel_binding", "PGCHANNELBINDING"),
    ("connect_timeout", "PGCONNECT_TIMEOUT"),
    ("dbname", "PGDATABASE"),
    ("fallback_application_name", ""),
    ("host", "PGHOST"),
    ("hostaddr", "PGHOSTADDR"),
    ("keepalives", ""),
    ("keepalives_count", ""),
    ("keepalives_idle", ""),
    ("keepalives_interval", ""),
    ("load_balance_hosts", "PGLOADBALANCEHOSTS"),
    ("options", "PGOPTIONS"),
    ("passfile", "PGPASSFILE"),
    ("password", "PGPASSWORD"),
    ("port", "PGPORT"),
    ("service", "PGSERVICE"),
    ("servicefile", "PGSERVICEFILE"),
    ("sslcert", "PGSSLCERT"),
    ("sslkey", "PGSSLKEY"),
    ("sslmode", "PGSSLMODE"),
    ("sslnegotiation", "PGSSLNEGOTIATION"),
    ("sslrootcert", "PGSSLROOTCERT"),
    ("target_session_attrs", "PGTARGETSESSIONATTRS"),
    ("tcp_user_timeout", ""),
    ("user", "PGUSER"),
];

/// Settings of libpq with the values of them that ask for nothing else than what is done anyway.
const HARMLESS: [(&str, &[&str]); 5] = [
    ("client_encoding", &["utf8", "UTF8", "utf-8", "UTF-8", "auto"]),
    ("gssencmode", &["disable", "prefer"]),
    ("sslcompression", &["0"]),
    ("sslsni", &["1"]),
    ("ssl_min_protocol_version", &["", "TLSv1", "TLSv1.1", "TLSv1.2"]),
];

/// What a process finds around itself.
pub(super) struct KeySources<'a> {
    pub(super) variable: &'a dyn Fn(&str) -> Option<String>,
    pub(super) home: Option<PathBuf>,
}

/// Values by name.
#[derive(Default)]
pub(super) struct KeyValues(BTreeMap<&'static str, String>);

impl KeyValues {
    /// A value that is not empty.
    pub(super) fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// A value that is one of these, or nothing.
    pub(super) fn one_of<T: Copy>(&self, key: &str, known: &[(&str, T)]) -> Result<Option<T>> {
        let Some(value) = self.get(key) else { return Ok(None) };
        if let Some((_, found)) = known.iter().find(|(name, _)| *name == value) {
            return Ok(Some(*found));
        }
        let names = known.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ");
        Err(wrong(format!("`{key}` has a value that is unknown; it is one of: {names}")))
    }

    /// A whole number.
    pub(super) fn number(&self, key: &str) -> Result<Option<i64>> {
        let number = self.get(key).map(|value| value.trim().parse());
        number.transpose().map_err(|_| wrong(format!("`{key}` is not a whole number")))
    }

    /// What the string, the service file and the environment say.
    pub(super) fn read(text: &str, from: &KeySources<'_>) -> Result<Self> {
        let mut values = Self::default();
        values.add_all(pairs(text)?)?;
        if let Some(service) =
            values.get("service").map(str::to_owned).or_else(|| variable(from, "PGSERVICE"))
        {
            let file = values.get("servicefile").map(PathBuf::from);
            values.add_missing(service_of(&service, file, from)?)?;
        }
        for (key, name) in KNOWN.iter().filter(|(_, name)| !name.is_empty()) {
            if let Some(value) = variable(from, name) {
                values.0.entry(key).or_insert(value);
            }
        }
        Ok(values)
    }

    fn add_all(&mut self, pairs: Pairs) -> Result<()> {
        for (key, value) in pairs {
            if let Some(key) = known(&key, &value)? {
                self.0.insert(key, value);
            }
        }
        Ok(())
    }

    fn add_missing(&mut self, pairs: Pairs) -> Result<()> {
        for (key, value) in pairs {
            if let Some(key) = known(&key, &value)? {
                self.0.entry(key).or_insert(value);
            }
        }
        Ok(())
    }
}

/// Whether there is a setting of that name.
pub(super) fn is_known(key: &str) -> bool {
    key == "keepalives_retries"
        || KNOWN.iter().any(|(known, _)| *known == key)
        || HARMLESS.iter().any(|(known, _)| *known == key)
}

/// The setting of that name; none, where it may be ignored.
fn known(key: &str, value: &str) -> Result<Option<&'static str>> {
    let key = if key == "keepalives_retries" { "keepalives_count" } else { key };
    if let Some((known, _)) = KNOWN.iter().find(|(known, _)| *known == key) {
        return Ok(Some(known));
    }
    let harmless = HARMLESS.iter().find(|(known, _)| *known == key);
    if harmless.is_some_and(|(_, values)| values.contains(&value)) {
        return Ok(None);
    }
    if harmless.is_some() {
        return Err(wrong(format!(
            "this value of the connection setting `{key}` is not supported"
        )));
    }
    let names = KNOWN.map(|(name, _)| name).join(", ");
    let shown: String = key.chars().take(40).collect();
    Err(wrong(format!("there is no connection setting `{shown}`; there are: {names}")))
}

fn variable(from: &KeySources<'_>, name: &str) -> Option<String> {
    (from.variable)(name).filter(|value| !value.is_empty())
}

/// The settings of a service: of the user's file, or of the system's.
fn service_of(service: &str, file: Option<PathBuf>, from: &KeySources<'_>) -> Result<Pairs> {
    let own = file.or_else(|| variable(from, "PGSERVICEFILE").map(PathBuf::from));
    let own = own.or_else(|| from.home.as_ref().map(|home| home.join(".pg_service.conf")));
    let shared = variable(from, "PGSYSCONFDIR")
        .map(|directory| PathBuf::from(directory).join("pg_service.conf"));
    for path in own.into_iter().chain(shared) {
        if let Ok(text) = std::fs::read_to_string(&path)
            && let Some(found) = section(&text, service, &path)?
        {
            return Ok(found);
        }
    }
    Err(wrong(format!(
        "there is no service `{service}`: neither ~/.pg_service.conf (or PGSERVICEFILE) nor \
         pg_service.conf in PGSYSCONFDIR has a section of that name"
    )))
}

fn section(text: &str, service: &str, path: &Path) -> Result<Option<Pairs>> {
    let header = format!("[{service}]");
    let lines = text.lines().map(str::trim).enumerate().skip_while(|(_, line)| *line != header);
    let lines = lines.collect::<Vec<_>>();
    if lines.is_empty() {
        return Ok(None);
    }
    let settings = lines.into_iter().skip(1).take_while(|(_, line)| !line.starts_with('['));
    let settings = settings.filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
    let pairs = settings.map(|(number, line)| match line.split_once('=') {
        Some((key, _)) if key.trim() == "service" => Err(wrong(format!(
            "{}, line {}: a service cannot name another",
            path.display(),
            number + 1
        ))),
        Some((key, value)) => Ok((key.trim().to_owned(), value.trim().to_owned())),
        None => Err(wrong(format!("{}, line {}: there is no `=`", path.display(), number + 1))),
    });
    pairs.collect::<Result<_>>().map(Some)
}

/// A setting that cannot be used.
pub(super) fn wrong(message: String) -> Error {
    Error::new(ErrorKind::Configuration, message)
}
