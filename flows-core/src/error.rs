//! The one error type of the library: what went wrong, and what the caller can do about it.
//!
//! An [`Error`] is opaque. Callers ask it questions (`is_retryable`, `is_timeout`, …) instead of
//! matching on variants, so kinds can be added. It deliberately does not implement
//! [`std::error::Error`]: that is what lets `?` turn *any* standard error into one. It dereferences to
//! one instead, and converts into what others carry errors in.

mod bounded;
mod carried;
pub(crate) mod class;
mod context;
mod origin;
mod record;
pub(crate) mod returned;
mod standard;
mod steps;
#[cfg(test)]
mod tests;
mod text;
mod timeout;
pub(crate) mod value;

use std::borrow::Cow;
use std::fmt;

use serde::Serialize;
use serde::de::DeserializeOwned;

pub use context::Context;
use origin::Live;

pub use record::ErrorRecord;
use standard::StoredCause;
pub use steps::FailedStep;
pub(crate) use text::{storable, storable_reason};
pub use timeout::TimeoutKind;

use crate::named::named;

/// `Result` with the library's [`Error`] as the default error type.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What a standard error is behind a pointer.
type Standard = dyn std::error::Error + Send + Sync + 'static;

type Source = Box<Standard>;

/// A cause, of which no more is known.
type AnyError = dyn std::error::Error + 'static;

named! {
    /// What kind of thing went wrong; [`Error::kind`] gives it.
    #[non_exhaustive]
    pub enum ErrorKind {
        /// May succeed when tried again: an activity's error is retried by its policy.
        Retryable = "retryable",
        /// Never retried.
        Terminal = "terminal",
        /// A time limit passed: of an activity, of `ctx.timeout`, of a run.
        Timeout = "timeout",
        /// The run was asked to cancel.
        Cancelled = "cancelled",
        /// User code panicked.
        Panic = "panic",
        /// The run was terminated from outside.
        Terminated = "terminated",
        /// An argument is outside its documented limits; the message names it and the limit.
        InvalidInput = "invalid_input",
        /// A run with this workflow id exists.
        AlreadyExists = "already_exists",
        /// No such run, dead letter or tenant.
        NotFound = "not_found",
        /// The run has ended, so it takes no signals or updates any more, and answers none; or the attempt of an activity
        /// has, so nobody can complete it.
        Closed = "closed",
        /// The workflow has refused an update; the error is the one that it gave.
        Rejected = "rejected",
        /// The workflow has received an update, and dropped it without an answer.
        Unanswered = "unanswered",
        /// A value could not be encoded or decoded.
        Codec = "codec",
        /// The worker or the engine is not set up for this (missing state, unknown activity, schema).
        Configuration = "configuration",
        /// The database could not be reached, or refused the work.
        Unavailable = "unavailable",
        /// The workflow asked to continue as a new run.
        ContinueAsNew = "continue_as_new",
        /// The process of the worker ended during an attempt of an activity.
        WorkerLost = "worker_lost",
        /// The attempt of an activity ends outside of its worker: what `ctx.pending()` gives.
        Pending = "pending",
    }
}

/// An error of a workflow, an activity or the engine.
///
/// `Display` contains the message; `{:#}` adds the chain of causes, and the activities and children that it has come
/// through ([`failed_steps`](Error::failed_steps)).
///
/// ```
/// use flows_core::{Error, Result};
///
/// fn parse(text: &str) -> Result<u32> {
///     if text.is_empty() {
///         return Err(Error::terminal("nothing to parse"));
///     }
///     Ok(text.parse::<u32>()?) // any standard error: retryable
/// }
///
/// assert!(parse("").unwrap_err().is_terminal());
/// assert!(parse("x").unwrap_err().is_retryable());
/// ```
///
/// It is no [`std::error::Error`] and dereferences to one, as `anyhow::Error` does. So it can be the
/// source of an error of yours, and `?` turns it into a boxed error; with the features `anyhow` and
/// `eyre`, into an `anyhow::Error` and an `eyre::Report`. An error that comes back out of these keeps
/// its kind.
#[derive(Clone)]
pub struct Error(Box<Contents>);

#[derive(Clone)]
struct Contents {
    kind: ErrorKind,
    type_name: Option<Cow<'static, str>>,
    message: String,
    causes: Option<Box<StoredCause>>,
    details: Option<serde_json::Value>,
    /// What it was made of; not stored.
    live: Option<Live>,
    timeout: Option<TimeoutKind>,
    /// What it has come through, innermost first.
    steps: Vec<FailedStep>,
    /// The attempt of the run that ends with it, if it is not the first.
    run_attempt: Option<u32>,
}

impl Error {
    /// An error that may succeed when tried again.
    pub fn retryable<E: Into<Source>>(error: E) -> Self {
        Self::of(Some(ErrorKind::Retryable), type_name::<E>(), error.into())
    }

    /// An error that is never retried.
    pub fn terminal<E: Into<Source>>(error: E) -> Self {
        Self::of(Some(ErrorKind::Terminal), type_name::<E>(), error.into())
    }

    /// An error that is never retried and carries a value, which [`Error::details`] gives back on
    /// the other side. Its message is the value as JSON; [`Error::with_message`] sets another.
    pub fn terminal_with<T: Serialize>(details: T) -> Self {
        let value = serde_json::to_value(details)
            .unwrap_or_else(|e| serde_json::Value::String(format!("details not JSON: {e}")));
        let value = text::without_nul(value);
        let mut error = Self::new(ErrorKind::Terminal, value.to_string());
        error.0.details = Some(value);
        error
    }

    /// The same error with another message.
    #[must_use]
    pub fn with_message(mut self, message: impl Into<String>) -> Self {
        self.0.message = storable(message.into());
        self
    }

    /// The same error carrying a value, which [`Error::details`] gives back on the other side.
    #[must_use]
    pub fn with_details<T: Serialize>(mut self, details: T) -> Self {
        let details = serde_json::to_value(details).ok();
        self.0.details = details.map(|details| self.kind().details(details));
        self
    }

    /// An error of a given kind; for the library's own crates.
    #[doc(hidden)]
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self(Box::new(Contents {
            kind,
            type_name: None,
            message: storable(message.into()),
            causes: None,
            details: None,
            live: None,
            timeout: None,
            steps: Vec::new(),
            run_attempt: None,
        }))
    }

    /// An argument is outside its documented limits.
    #[doc(hidden)]
    pub fn invalid(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::InvalidInput, message)
    }

    /// The same error, which is not tried again.
    pub(crate) fn into_terminal(mut self) -> Self {
        if self.is_retryable() {
            self.0.kind = ErrorKind::Terminal;
        }
        self
    }

    /// The same error, as the refusal of an update.
    pub(crate) fn into_rejection(mut self) -> Self {
        (self.0.kind, self.0.timeout) = (ErrorKind::Rejected, None);
        self
    }

    /// The same error as a failure: neither tried again nor a cancellation.
    pub(crate) fn into_failure(mut self) -> Self {
        if self.is_retryable() || self.is_cancelled() {
            (self.0.kind, self.0.timeout) = (ErrorKind::Terminal, None);
        }
        self
    }

    /// The same error, naming what it was about: `input of \`order\`: …`.
    pub(crate) fn context_of(self, part: &str, name: &str) -> Self {
        let message = format!("{part} of `{name}`: {}", self.0.message);
        self.with_message(message)
    }

    /// What kind of thing went wrong.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// Whether trying again may help.
    pub fn is_retryable(&self) -> bool {
        use ErrorKind::{Panic, Retryable, Timeout, Unavailable, WorkerLost};
        matches!(self.0.kind, Retryable | Timeout | Panic | Unavailable | WorkerLost)
    }

    /// Whether trying again cannot help.
    pub fn is_terminal(&self) -> bool {
        !self.is_retryable()
    }

    /// The same error, with what it is about behind its message.
    pub(crate) fn with_chain(mut self, chain: impl Iterator<Item = String>) -> Self {
        self.0.causes = StoredCause::chain(chain.map(|cause| text::within(cause, text::CAUSE)));
        self
    }

    /// Whether a time limit passed; [`Error::timeout_kind`] says which.
    pub fn is_timeout(&self) -> bool {
        self.0.kind == ErrorKind::Timeout
    }

    /// Whether this is the run's cancellation.
    pub fn is_cancelled(&self) -> bool {
        self.0.kind == ErrorKind::Cancelled
    }

    /// Whether user code panicked.
    pub fn is_panic(&self) -> bool {
        self.0.kind == ErrorKind::Panic
    }

    /// The message, without the chain of causes.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// The Rust type this error came from, where it is known: `gateway::Declined`.
    pub fn type_name(&self) -> Option<&str> {
        self.0.type_name.as_deref()
    }

    /// The messages of the causes, outermost first.
    pub fn chain(&self) -> impl Iterator<Item = &str> {
        std::iter::successors(self.0.causes.as_deref(), |cause| cause.next())
            .map(StoredCause::message)
    }

    /// The value it carries, if there is one and it has this shape: an error of yours that serde can
    /// write and read, or what was given to [`Error::terminal_with`] or [`Error::with_details`].
    pub fn details<T: DeserializeOwned>(&self) -> Option<T> {
        T::deserialize(self.0.details.as_ref()?).ok()
    }

    /// The first error of this type, of what it was made of and the causes of that. Only where it was
    /// made: what is stored of an error is its texts and its [details](Self::details).
    pub fn downcast_ref<E: std::error::Error + 'static>(&self) -> Option<&E> {
        self.0.live.as_ref().and_then(|live| live.all().find_map(|node| node.downcast_ref()))
    }
}

impl ErrorKind {
    /// A value that an error of this kind carries. The input of the next run was checked as an input.
    fn details(self, value: serde_json::Value) -> serde_json::Value {
        if self == Self::ContinueAsNew { value } else { text::without_nul(value) }
    }
}

/// The type's name, unless it is only a message, or what any error is carried in.
fn type_name<E>() -> Option<Cow<'static, str>> {
    let name = std::any::type_name::<E>();
    let is_message = name.ends_with("str") || name.ends_with("::String");
    let is_carrier = name.contains("dyn ")
        || ["anyhow::Error", "eyre::Report", std::any::type_name::<Error>()].contains(&name);
    (!is_message && !is_carrier).then_some(Cow::Borrowed(name))
}

/// What `?` turns into an [`Error`]. Nobody implements it: every standard error has it.
#[diagnostic::on_unimplemented(
    message = "`?` cannot turn `{Self}` into `flows::Error`",
    label = "not a `std::error::Error`: write `.map_err(flows::Error::retryable)?` or `.map_err(flows::Error::terminal)?`",
    note = "of an `anyhow::Error`, an `eyre::Report` or a boxed error, `map_err` says whether to try again; or \
            return `anyhow::Result` here, as a workflow or activity may as well",
    note = "your own error type derives `thiserror::Error`, or implements `std::error::Error`"
)]
pub trait IntoError: std::error::Error + Send + Sync + 'static {}

#[diagnostic::do_not_recommend]
impl<E: std::error::Error + Send + Sync + 'static> IntoError for E {}

impl<E: IntoError> From<E> for Error {
    fn from(error: E) -> Self {
        Self::of(None, type_name::<E>(), Box::new(error) as Source)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}
