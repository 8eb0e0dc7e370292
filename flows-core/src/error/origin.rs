//! A standard error becomes an [`Error`]: what it and its causes say, and what is known of them.
//!
//! The kind is that of the outermost of them that has one: the library's own error, also where another
//! stands for it or has it as a cause. An error that says nothing about it may be tried again.

use std::borrow::Cow;
use std::ops::Deref;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use super::standard::StoredCause;
use super::{
    AnyError, Contents, Error, ErrorKind, FailedStep, Standard, TimeoutKind, carried, class, text,
};

/// What holds a standard error: a box, an `anyhow::Error`.
pub(super) trait ErrorHolder: Deref<Target = Standard> + Send + Sync + 'static {}

impl<H: Deref<Target = Standard> + Send + Sync + 'static> ErrorHolder for H {}

/// The error that another was made of. It is the user's, and dropped wherever this is: one that panics then
/// harms nobody, and the panic hook has told of it.
#[derive(Clone)]
pub(super) struct Live(Option<Arc<dyn ErrorHolder>>);

impl Drop for Live {
    fn drop(&mut self) {
        let held = self.0.take();
        if let Err(payload) = catch_unwind(AssertUnwindSafe(|| drop(held))) {
            std::mem::forget(payload); // it might do the same
        }
    }
}

impl Live {
    /// The error and its causes from the outermost, each with what it stands for.
    pub(super) fn all(&self) -> impl Iterator<Item = &AnyError> {
        self.nodes().flat_map(standing)
    }

    /// The error, and its causes from the outermost.
    fn nodes(&self) -> impl Iterator<Item = &AnyError> {
        let top = self.0.as_ref().map(|held| -> &AnyError { &***held });
        std::iter::successors(top, |error| error.source()).take(text::CAUSES + 2)
    }
}

impl Error {
    /// Of this kind, or of the one that it has.
    pub(super) fn of<H: ErrorHolder>(
        kind: Option<ErrorKind>,
        type_name: Option<Cow<'static, str>>,
        holder: H,
    ) -> Self {
        let live = Live(Some(Arc::new(holder)));
        let mut known = KnownError { kind, type_name, ..KnownError::default() };
        let mut texts = live.nodes().enumerate().map(|(depth, error)| {
            let limit = if depth == 0 { text::MESSAGE } else { text::CAUSE };
            let (text, carried) = carried::text_of(error, limit);
            let standing = standing(error);
            standing.for_each(|error| known.learn(error, carried.as_deref()));
            text
        });
        let message = texts.next().unwrap_or_default();
        let causes = StoredCause::chain(texts);
        Self(Box::new(Contents {
            kind: known.kind.unwrap_or(ErrorKind::Retryable),
            type_name: known.type_name,
            message,
            causes,
            details: known.details,
            timeout: known.timeout,
            steps: known.steps,
            run_attempt: None,
            live: Some(live),
        }))
    }
}

/// An error, and those it stands for.
fn standing(error: &AnyError) -> impl Iterator<Item = &AnyError> {
    std::iter::successors(Some(error), |error| class::of(*error)?.stands_for).take(text::CAUSES)
}

/// What is known of an error, from the outermost to its causes.
#[derive(Default)]
struct KnownError {
    kind: Option<ErrorKind>,
    type_name: Option<Cow<'static, str>>,
    details: Option<serde_json::Value>,
    timeout: Option<TimeoutKind>,
    steps: Vec<FailedStep>,
    /// No cause has anything to add.
    is_settled: bool,
}

impl KnownError {
    fn learn(&mut self, error: &AnyError, carried: Option<&Contents>) {
        if self.is_settled {
            return;
        }
        if let Some(class) = class::of(error) {
            self.add(class.kind, Some(Cow::Borrowed(class.type_name)), class.details);
        }
        if let Some(own) = error.downcast_ref().or(carried) {
            let Contents { kind, type_name, details, timeout, steps, .. } = own.clone();
            (self.timeout, self.steps) = (timeout, steps);
            self.add(Some(kind), type_name, details);
            self.is_settled = true;
        }
    }

    fn add(
        &mut self,
        kind: Option<ErrorKind>,
        type_name: Option<Cow<'static, str>>,
        details: Option<serde_json::Value>,
    ) {
        self.kind = self.kind.or(kind);
        self.type_name = self.type_name.take().or(type_name);
        self.details = self.details.take().or(details);
    }
}
