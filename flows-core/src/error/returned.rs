//! What a definition may return: a `Result` with any error that can become the library's.
//!
//! The types are concrete where a macro has written the call, so that methods can be chosen by what is
//! true of them: `(&&&ReturnType::of(&result)).convert(result)` takes the first of the traits below that
//! has it for the type.

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

    /// As a result.
    fn into_result(self) -> std::result::Result<Self::Output, Self::Error>;
}

impl<T, E> Returned for std::result::Result<T, E> {
    type Output = T;
    type Error = E;

    fn into_result(self) -> Self {
        self
    }
}

/// Stands for the return type of a definition, in calls of the traits below.
pub struct ReturnType<R>(PhantomData<R>);

impl<R> ReturnType<R> {
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
pub trait DefinitionError {
    /// The library's error of it.
    fn into_error(self) -> Error;
}

/// The ways to convert, in the order in which they are tried.
pub mod conversions {
    use super::super::origin::Holds;
    use super::super::{Error, Result, type_name};
    use super::{DefinitionError, ReturnType, Returned};

    /// First: what `?` accepts.
    pub trait ByInto<T, E> {
        /// The library's error of it.
        fn convert(&self, result: std::result::Result<T, E>) -> Result<T>;
    }

    impl<T, E: Into<Error>> ByInto<T, E> for &&ReturnType<std::result::Result<T, E>> {
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

    impl<T, E: Holds> ByDeref<T, E> for &ReturnType<std::result::Result<T, E>> {
        fn convert(&self, result: std::result::Result<T, E>) -> Result<T> {
            result.map_err(|error| Error::of(None, type_name::<E>(), error))
        }
    }

    /// Last: none.
    pub trait Otherwise<R> {
        /// Not callable.
        fn convert(&self, result: R) -> Result<R::Output>
        where
            R: Returned<Error: DefinitionError>;
    }

    impl<R> Otherwise<R> for ReturnType<R> {
        fn convert(&self, result: R) -> Result<R::Output>
        where
            R: Returned<Error: DefinitionError>,
        {
            result.into_result().map_err(DefinitionError::into_error)
        }
    }
}
