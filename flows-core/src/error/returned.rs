//! What a definition may return: a `Result` with any error that can become the library's.
//!
//! The types are concrete where a macro has written the call, so that methods can be chosen by what is
//! true of them: after `let kind = &&&&ReturnType::of(&result)`, `kind.convert(result)` takes the first of
//! the traits below that has it for the type.

use std::marker::PhantomData;

use super::Error;

/// The return type of a definition.
#[diagnostic::on_unimplemented(
    message = "a definition returns a `Result`, and `{Self}` is none",
    label = "write `Result<{Self}>`"
)]
pub trait Returned {
    /// The success type.
    type Output;
    /// The error type.
    type Error;
}

impl<T, E> Returned for std::result::Result<T, E> {
    type Output = T;
    type Error = E;
}

/// Stands for the return type of a definition, in calls of the traits below.
pub struct ReturnType<R>(PhantomData<R>);

impl<R> ReturnType<R> {
    /// That of the type.
    #[expect(clippy::new_without_default, reason = "for the macros")]
    pub fn new() -> Self {
        Self(PhantomData)
    }

    /// That of a result.
    pub fn of(_: &R) -> Self {
        Self(PhantomData)
    }
}

/// What no type is: says why the result of a definition was refused.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the error of a definition",
    label = "`{Self}` cannot become `flows::Error`",
    note = "what can: a type that implements `std::error::Error` (with `thiserror`, or by hand), \
            `Box<dyn std::error::Error + Send + Sync>`, `anyhow::Error`, `eyre::Report`, and a type \
            with `impl From<{Self}> for flows::Error`"
)]
#[expect(unnameable_types, reason = "nobody else implements or names it")]
pub trait DefinitionError {
    /// The library's error of it.
    fn into_error(self) -> Error;
}

/// The ways to convert, in the order in which they are tried.
pub mod conversions_prelude {
    use super::super::origin::ErrorHolder;
    use super::super::{Error, Result, type_name};
    use super::{DefinitionError, ReturnType};

    /// First: what `?` accepts.
    pub trait ByInto<T, E> {
        /// The library's error of it.
        fn convert(&self, result: std::result::Result<T, E>) -> Result<T>;
    }

    impl<T, E: Into<Error>> ByInto<T, E> for &&&ReturnType<std::result::Result<T, E>> {
        fn convert(&self, result: std::result::Result<T, E>) -> Result<T> {
            result.map_err(Into::into)
        }
    }

    /// Second: what holds a standard error and is none, as `Box<dyn Error + Send + Sync>` and the
    /// reports of `anyhow` and `eyre`.
    pub trait ByDeref<T, E> {
        /// The library's error of it.
        fn convert(&self, result: std::result::Result<T, E>) -> Result<T>;
    }

    impl<T, E: ErrorHolder> ByDeref<T, E> for &&ReturnType<std::result::Result<T, E>> {
        fn convert(&self, result: std::result::Result<T, E>) -> Result<T> {
            result.map_err(|error| Error::of(None, type_name::<E>(), error))
        }
    }

    /// Third: no other error can.
    pub trait Otherwise<T, E> {
        /// Not callable.
        fn convert(&self, result: std::result::Result<T, E>) -> Result<T>
        where
            E: DefinitionError;
    }

    impl<T, E> Otherwise<T, E> for &ReturnType<std::result::Result<T, E>> {
        fn convert(&self, result: std::result::Result<T, E>) -> Result<T>
        where
            E: DefinitionError,
        {
            result.map_err(DefinitionError::into_error)
        }
    }

    /// Last: what is no `Result`, which is an error elsewhere.
    pub trait NoResult<R> {
        /// Never called.
        fn convert<T>(&self, result: R) -> Result<T>;
    }

    impl<R> NoResult<R> for ReturnType<R> {
        fn convert<T>(&self, _: R) -> Result<T> {
            Err(Error::terminal("this is no result"))
        }
    }
}

/// Ways to add to an error its value.
pub mod completions_prelude {
    use serde::Serialize;
    use serde::de::DeserializeOwned;

    use super::super::Error;
    use super::super::value::ErrorOf;
    use super::super::value::values_prelude::SerdeError as _;
    use super::ReturnType;

    /// First: serde can write it and read it.
    pub trait SerdeResult {
        /// The error with the value of what it was made of.
        fn complete(&self, error: Error) -> Error;
    }

    impl<T, E> SerdeResult for &ReturnType<std::result::Result<T, E>>
    where
        E: std::error::Error + Serialize + DeserializeOwned + 'static,
    {
        fn complete(&self, mut error: Error) -> Error {
            let value = |own| (&ErrorOf::<E>::new()).value(own);
            if let Some(value) = error.downcast_ref().and_then(value) {
                error.0.details = Some(value); // it has in it what its cause would add
            }
            error
        }
    }

    /// Second: it cannot.
    pub trait OpaqueResult {
        /// The error as it is.
        fn complete(&self, error: Error) -> Error;
    }

    impl<R> OpaqueResult for ReturnType<R> {
        fn complete(&self, error: Error) -> Error {
            error
        }
    }
}
