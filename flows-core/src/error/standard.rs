//! The [`Error`] where a standard error is wanted: behind a reference, in a box, in an `anyhow::Error`.

use std::fmt;
use std::ops::Deref;

use super::{AnyError, Contents, Error, Source, Standard, carried, text};

/// A cause as it is stored, and those under it.
#[derive(Clone)]
pub(super) struct StoredCause {
    message: String,
    next: Option<Box<Self>>,
}

impl StoredCause {
    /// As many as can be stored.
    pub(super) fn chain(mut messages: impl Iterator<Item = String>) -> Option<Box<Self>> {
        let mut kept: Vec<_> = messages.by_ref().take(text::CAUSES).collect();
        if messages.next().is_some() {
            kept.push(format!("… (cut off after {} causes)", text::CAUSES));
        }
        let above = |next, message| Some(Box::new(Self { message, next }));
        kept.into_iter().rev().fold(None, above)
    }

    pub(super) fn message(&self) -> &str {
        &self.message
    }

    pub(super) fn next(&self) -> Option<&Self> {
        self.next.as_deref()
    }
}

impl fmt::Display for StoredCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl fmt::Debug for StoredCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for StoredCause {
    fn source(&self) -> Option<&AnyError> {
        self.next().map(|next| next as _)
    }
}

impl fmt::Display for Contents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        carried::says(self);
        if f.alternate() { self.write_all(f, false) } else { f.write_str(&self.message) }
    }
}

impl fmt::Debug for Contents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: ", self.kind)?;
        self.write_all(f, true)?;
        if let Some(details) = &self.details {
            write!(f, " {details}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Contents {
    fn source(&self) -> Option<&AnyError> {
        self.causes.as_deref().map(|cause| cause as _)
    }
}

impl Deref for Error {
    type Target = Standard;

    fn deref(&self) -> &Standard {
        &*self.0
    }
}

impl From<Error> for Source {
    fn from(error: Error) -> Self {
        error.0
    }
}

impl From<Error> for Box<AnyError> {
    fn from(error: Error) -> Self {
        error.0
    }
}

/// `error.downcast_ref::<flows::Error>()` finds it again.
#[cfg(feature = "anyhow")]
impl From<Error> for anyhow::Error {
    fn from(error: Error) -> Self {
        match error.0.causes.clone() {
            Some(causes) => Self::new(*causes).context(error),
            None => Self::msg(error),
        }
    }
}

/// `report.downcast_ref::<flows::Error>()` finds it again.
#[cfg(feature = "eyre")]
impl From<Error> for eyre::Report {
    #[track_caller]
    fn from(error: Error) -> Self {
        match error.0.causes.clone() {
            Some(causes) => Self::new(*causes).wrap_err(error),
            None => Self::msg(error),
        }
    }
}
