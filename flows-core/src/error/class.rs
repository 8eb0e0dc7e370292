//! Error types of an application that say what they are: `#[derive(ErrorClass)]`.
//!
//! The derive submits each type at link time. Whoever makes an [`Error`](super::Error) of another looks
//! whether it, or one of its causes, is of a type that is known: then its class, its value and its name
//! are known as well, in whatever holds it.

use serde_json::Value;

use super::{AnyError, ErrorKind, Standard};

/// An error type that says which of its values are tried again; `#[derive(ErrorClass)]` implements it.
pub trait ErrorClass: std::error::Error + Send + Sync + 'static {
    /// Whether trying again cannot help. `None`: its cause says it; without one it is tried again.
    fn is_terminal(&self) -> Option<bool>;

    /// Its value, where serde can write and read it.
    #[doc(hidden)]
    fn details(&self) -> Option<Value> {
        None
    }

    /// The error that it stands for, which says what this one says and is not its source.
    #[doc(hidden)]
    fn stands_for(&self) -> Option<&AnyError> {
        None
    }
}

/// Any error as a standard one, also behind a pointer to it.
pub trait AsStandard {
    /// The error.
    fn as_standard(&self) -> &AnyError;
}

impl<E: std::error::Error + 'static> AsStandard for E {
    fn as_standard(&self) -> &AnyError {
        self
    }
}

impl AsStandard for Standard {
    fn as_standard(&self) -> &AnyError {
        self
    }
}

/// A type that has derived it, as the macro submits it.
pub struct ErrorType {
    look: fn(&AnyError) -> Option<Class<'_>>,
}

inventory::collect!(ErrorType);

/// What is known of an error of such a type.
pub(super) struct Class<'e> {
    pub(super) kind: Option<ErrorKind>,
    pub(super) type_name: &'static str,
    pub(super) details: Option<Value>,
    pub(super) stands_for: Option<&'e AnyError>,
}

impl ErrorType {
    /// The entry of a type.
    pub const fn of<E: ErrorClass>() -> Self {
        Self { look: look::<E> }
    }
}

fn look<E: ErrorClass>(error: &AnyError) -> Option<Class<'_>> {
    let error = error.downcast_ref::<E>()?;
    let kind = error
        .is_terminal()
        .map(|is_terminal| if is_terminal { ErrorKind::Terminal } else { ErrorKind::Retryable });
    Some(Class {
        kind,
        type_name: std::any::type_name::<E>(),
        details: error.details(),
        stands_for: error.stands_for(),
    })
}

/// What is known of an error.
pub(super) fn of(error: &AnyError) -> Option<Class<'_>> {
    inventory::iter::<ErrorType>.into_iter().find_map(|known| (known.look)(error))
}
