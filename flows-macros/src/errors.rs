//! The errors of one macro call, all of them.
//!
//! Every step of every macro is given the collector and goes on after an error, so that one
//! compile shows them all. It must never be forgotten: dropping one without
//! [`finish`](Errors::finish) is a panic.

use std::fmt::Display;

use proc_macro2::{Span, TokenStream};
use quote::ToTokens;

/// Collects errors; ends with [`finish`](Self::finish).
#[derive(Default)]
pub(crate) struct Errors {
    found: Vec<syn::Error>,
    finished: bool,
}

impl Errors {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// An error at a place.
    pub(crate) fn at(&mut self, span: Span, message: impl Display) {
        self.found.push(syn::Error::new(span, message));
    }

    /// An error that underlines `tokens`.
    pub(crate) fn on(&mut self, tokens: impl ToTokens, message: impl Display) {
        self.found.push(syn::Error::new_spanned(tokens, message));
    }

    /// Keeps the error of a step, if it has one.
    pub(crate) fn keep<T>(&mut self, result: syn::Result<T>) -> Option<T> {
        result.map_err(|error| self.found.push(error)).ok()
    }

    /// How many there are so far.
    pub(crate) fn count(&self) -> usize {
        self.found.len()
    }

    /// The errors as `compile_error!` items, or `None` if there is none.
    pub(crate) fn finish(mut self) -> Option<TokenStream> {
        self.finished = true;
        let found = std::mem::take(&mut self.found);
        let errors = found.into_iter().map(syn::Error::into_compile_error);
        Some(errors.collect::<TokenStream>()).filter(|errors| !errors.is_empty())
    }
}

impl Drop for Errors {
    fn drop(&mut self) {
        assert!(self.finished || std::thread::panicking(), "a macro forgot its errors");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_errors_come_out() {
        let mut errors = Errors::new();
        errors.at(Span::call_site(), "one");
        errors.on(proc_macro2::Literal::u8_suffixed(2), "two");
        let out = errors.finish().expect("two errors").to_string();
        assert!(out.contains("one") && out.contains("two"));
        assert!(Errors::new().finish().is_none());
    }

    #[test]
    #[should_panic(expected = "a macro forgot its errors")]
    fn forgetting_is_a_panic() {
        drop(Errors::new());
    }
}
