//! How an error travels: in journals, in the `error` column, to the workflow that awaits it.
//!
//! Field names are part of the storage format; only add fields, with `#[serde(default)]`.

use std::borrow::Cow;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::standard::StoredCause;
use super::{Contents, Error, ErrorKind, FailedStep, TimeoutKind, storable, text};

/// An [`Error`] as plain data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorRecord {
    /// The kind's name in snake case: `terminal`, `timeout`, …
    pub kind: Cow<'static, str>,
    /// The Rust type it came from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub type_name: Option<String>,
    /// The message.
    pub message: String,
    /// The messages of its causes, outermost first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub chain: Vec<String>,
    /// The value given to `Error::terminal_with`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub details: Option<serde_json::Value>,
    /// Which time limit has passed: `ctx_timeout`, `start_to_close`, …
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<Cow<'static, str>>,
    /// What it has come through, innermost first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub steps: Vec<FailedStep>,
    /// The attempt of the run that ended with it, if it was not the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run_attempt: Option<u32>,
}

impl ErrorKind {
    /// The kind's name in snake case, as stored.
    pub fn name(self) -> &'static str {
        Self::NAMES.iter().find(|(kind, _)| *kind == self).map_or("terminal", |(_, name)| name)
    }

    /// A kind by its stored name. One that a newer build invented counts as terminal here, so that
    /// nothing is retried that should not be.
    fn from_name(name: &str) -> Self {
        Self::NAMES.iter().find(|(_, n)| *n == name).map_or(Self::Terminal, |(kind, _)| *kind)
    }
}

impl From<&Error> for ErrorRecord {
    fn from(error: &Error) -> Self {
        let inner = &error.0;
        Self {
            kind: Cow::Borrowed(inner.kind.name()),
            type_name: inner.type_name.as_deref().map(str::to_owned),
            message: inner.message.clone(),
            chain: error.chain().map(str::to_owned).collect(),
            details: inner.details.clone(),
            timeout: inner.timeout.map(|kind| kind.name().into()),
            steps: inner.steps.clone(),
            run_attempt: inner.run_attempt,
        }
    }
}

impl From<ErrorRecord> for Error {
    fn from(record: ErrorRecord) -> Self {
        let kind = ErrorKind::from_name(&record.kind);
        let causes = record.chain.into_iter().map(|cause| text::within(cause, text::CAUSE));
        Self(Box::new(Contents {
            kind,
            type_name: record.type_name.map(|name| Cow::Owned(storable(name))),
            message: storable(record.message),
            causes: StoredCause::chain(causes),
            details: record.details.map(|details| kind.details(details)),
            live: None,
            timeout: record.timeout.and_then(|name| TimeoutKind::from_name(&name)),
            steps: record.steps,
            run_attempt: record.run_attempt,
        }))
    }
}

/// As it is stored, so that an error of yours can hold one and travel as a whole.
impl Serialize for Error {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        ErrorRecord::from(self).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Error {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        ErrorRecord::deserialize(deserializer).map(Self::from)
    }
}
