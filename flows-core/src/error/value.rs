//! Whether the value of an error can be stored: where serde can write and read it.
//!
//! Chosen by the concrete type where a macro has written the call, as in
//! [`returned`](super::returned): `let kind = &&ErrorOf::<E>::new(); kind.value(error)`.

use std::marker::PhantomData;

/// Stands for an error type, in calls of the traits below.
pub struct ErrorOf<E>(PhantomData<E>);

impl<E> ErrorOf<E> {
    /// That of the type.
    #[expect(clippy::new_without_default, reason = "for the macros")]
    pub fn new() -> Self {
        Self(PhantomData)
    }
}

/// The two cases, in the order in which they are tried.
pub mod values_prelude {
    use serde::Serialize;
    use serde::de::DeserializeOwned;
    use serde_json::Value;

    use super::super::{Error, text};
    use super::ErrorOf;

    /// First: serde can write and read it.
    pub trait SerdeError<E> {
        /// Its value, as it can be stored.
        fn value(&self, error: &E) -> Option<Value>;

        /// Whether it is an error of this type that is so, also where it comes from what was stored.
        fn is(&self, error: &Error, is_so: fn(&E) -> bool) -> bool;
    }

    impl<E> SerdeError<E> for &ErrorOf<E>
    where
        E: std::error::Error + Serialize + DeserializeOwned + 'static,
    {
        fn value(&self, error: &E) -> Option<Value> {
            serde_json::to_value(error).ok().map(text::without_nul)
        }

        fn is(&self, error: &Error, is_so: fn(&E) -> bool) -> bool {
            let is_same = error.type_name() == Some(std::any::type_name::<E>());
            let stored = || error.details().filter(|_| is_same);
            error.downcast_ref().map(is_so).or_else(|| stored().as_ref().map(is_so)) == Some(true)
        }
    }

    /// Second: it cannot.
    pub trait OpaqueError<E> {
        /// None.
        fn value(&self, error: &E) -> Option<Value>;

        /// Whether it is an error of this type that is so, where it was made.
        fn is(&self, error: &Error, is_so: fn(&E) -> bool) -> bool
        where
            E: std::error::Error + 'static;
    }

    impl<E> OpaqueError<E> for ErrorOf<E> {
        fn value(&self, _: &E) -> Option<Value> {
            None
        }

        fn is(&self, error: &Error, is_so: fn(&E) -> bool) -> bool
        where
            E: std::error::Error + 'static,
        {
            error.downcast_ref().is_some_and(is_so)
        }
    }
}
