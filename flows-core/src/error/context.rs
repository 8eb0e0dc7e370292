//! `.context(..)` on a result of the library, as `anyhow` and `eyre` have it on others.

use std::fmt::Display;

use super::standard::StoredCause;
use super::{Error, storable, text};

/// Says what was being done when an error came, in front of what it says.
///
/// The error keeps its kind and its details; what it said becomes its first cause. In scope with
/// `use flows::prelude::*`, also beside the traits of `anyhow` and `eyre`, which are for other errors.
///
/// ```
/// use flows_core::error::{Context, Error, Result};
///
/// let declined: Result<()> = Err(Error::terminal("the card has expired"));
/// let error = declined.context("cannot charge order 42").unwrap_err();
/// assert_eq!(format!("{error:#}"), "cannot charge order 42: the card has expired");
/// assert!(error.is_terminal());
/// ```
pub trait Context<T>: Sized {
    /// The same error, with this in front.
    fn context<C: Display>(self, context: C) -> Result<T, Error> {
        self.with_context(|| context)
    }

    /// The same error, with what this gives in front.
    fn with_context<C: Display>(self, context: impl FnOnce() -> C) -> Result<T, Error>;

    /// As [`context`](Self::context), by the name that it has in `eyre`.
    #[cfg(feature = "eyre")]
    fn wrap_err<C: Display>(self, context: C) -> Result<T, Error> {
        self.context(context)
    }

    /// As [`with_context`](Self::with_context), by the name that it has in `eyre`.
    #[cfg(feature = "eyre")]
    fn wrap_err_with<C: Display>(self, context: impl FnOnce() -> C) -> Result<T, Error> {
        self.with_context(context)
    }
}

impl<T> Context<T> for Result<T, Error> {
    fn with_context<C: Display>(self, context: impl FnOnce() -> C) -> Result<T, Error> {
        self.map_err(|error| error.within_context(context().to_string()))
    }
}

impl Error {
    fn within_context(mut self, context: String) -> Self {
        let message = std::mem::replace(&mut self.0.message, storable(context));
        let first = text::within(message, text::CAUSE);
        let causes: Vec<_> = self.chain().map(str::to_owned).collect();
        self.0.causes = StoredCause::chain(std::iter::once(first).chain(causes));
        self
    }
}
