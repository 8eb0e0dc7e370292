//! Attribute macros of the `flows` workflow library; use them through `flows`.
//!
//! # Choosing a construct
//!
//! | what it is | write |
//! |---|---|
//! | deterministic code that survives restarts | [`macro@workflow`] |
//! | a step that touches the outside world | [`macro@activity`] |
//! | an async helper of workflow code | [`macro@durable`] |
//! | the payload of a signal, known by its type | [`macro@signal`] |
//! | a request to a running workflow, and its response | [`macro@update`] |
//! | which errors of a type are tried again | [`macro@ErrorClass`] |
//! | several durable futures at once | [`join!`], [`try_join!`] |
//! | the first of several | [`select!`] |
//! | the definitions of a worker | [`register_all!`] |
//! | a test, on virtual time | [`macro@test`] |
//!
//! # For readers of this crate
//!
//! A definition passes through `args` (what the attribute says), `model` (what the function says),
//! `lint` (what the body must not name), `rewrite` (what it awaits), then `expand`, or after an error `fallback`. Errors are collected in
//! `errors`, so that one compile shows all of them. The crate emits items, never logic: what is
//! to be decided is decided in generic functions of the library, behind `__private`.
//!
//! The examples of the documentation need that library, which this crate must not depend on; so
//! they are compiled as the facade's.

mod args;
mod definition;
mod durable;
mod error_class;
mod errors;
mod expand;
mod fallback;
mod graph;
mod join;
mod lint;
mod model;
mod register;
mod rewrite;
mod runtime;
mod select;
mod signal;
mod test;
#[cfg(test)]
mod tests;
mod update;

use proc_macro::TokenStream;

#[cfg_attr(not(doctest), doc = include_str!("docs/activity.md"))]
#[proc_macro_attribute]
pub fn activity(args: TokenStream, item: TokenStream) -> TokenStream {
    definition::activity(args.into(), item.into()).into()
}

#[cfg_attr(not(doctest), doc = include_str!("docs/workflow.md"))]
#[proc_macro_attribute]
pub fn workflow(args: TokenStream, item: TokenStream) -> TokenStream {
    definition::workflow(args.into(), item.into()).into()
}

#[cfg_attr(not(doctest), doc = include_str!("docs/durable.md"))]
#[proc_macro_attribute]
pub fn durable(args: TokenStream, item: TokenStream) -> TokenStream {
    durable::expand(args.into(), item.into()).into()
}

#[cfg_attr(not(doctest), doc = include_str!("docs/signal.md"))]
#[proc_macro_attribute]
pub fn signal(args: TokenStream, item: TokenStream) -> TokenStream {
    signal::expand(args.into(), item.into()).into()
}

#[cfg_attr(not(doctest), doc = include_str!("docs/update.md"))]
#[proc_macro_attribute]
pub fn update(args: TokenStream, item: TokenStream) -> TokenStream {
    update::expand(args.into(), item.into()).into()
}

#[cfg_attr(not(doctest), doc = include_str!("docs/error_class.md"))]
#[proc_macro_derive(ErrorClass, attributes(error_class))]
pub fn error_class(item: TokenStream) -> TokenStream {
    error_class::expand(item.into()).into()
}

#[cfg_attr(not(doctest), doc = include_str!("docs/test.md"))]
#[proc_macro_attribute]
pub fn test(args: TokenStream, item: TokenStream) -> TokenStream {
    test::expand(args.into(), item.into()).into()
}

#[cfg_attr(not(doctest), doc = include_str!("docs/join.md"))]
#[proc_macro]
pub fn join(tokens: TokenStream) -> TokenStream {
    join::expand("join", tokens.into()).into()
}

#[cfg_attr(not(doctest), doc = include_str!("docs/try_join.md"))]
#[proc_macro]
pub fn try_join(tokens: TokenStream) -> TokenStream {
    join::expand("try_join", tokens.into()).into()
}

#[cfg_attr(not(doctest), doc = include_str!("docs/select.md"))]
#[proc_macro]
pub fn select(tokens: TokenStream) -> TokenStream {
    select::expand(tokens.into()).into()
}

#[cfg_attr(not(doctest), doc = include_str!("docs/register_all.md"))]
#[proc_macro]
pub fn register_all(tokens: TokenStream) -> TokenStream {
    register::expand(tokens.into()).into()
}
