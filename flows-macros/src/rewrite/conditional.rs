//! Macros whose arguments may not be evaluated: logging below its level, and during every replay;
//! `debug_assert!` in a release build.
//!
//! Whatever takes something from the workflow's context in there would happen in one run of the
//! code and not in another, so it is an error.

use proc_macro2::{Span, TokenStream, TokenTree};
use syn::{Ident, Macro};

use super::macros::word;

const LOGGING: &[&str] = &[
    "debug",
    "debug_span",
    "error",
    "error_span",
    "event",
    "info",
    "info_span",
    "log",
    "span",
    "trace",
    "trace_span",
    "warn",
    "warn_span",
];

const DEBUG_ONLY: &[&str] = &["debug_assert", "debug_assert_eq", "debug_assert_ne"];

/// What a context tells without remembering that it was asked.
const PURE: &[&str] =
    &["workflow_id", "run_id", "tenant_id", "attempt", "now", "cancelled", "is_replaying"];

/// Whether the arguments of this macro may be skipped.
pub(super) fn is_conditional(name: &str) -> bool {
    LOGGING.contains(&name) || DEBUG_ONLY.contains(&name)
}

/// An error for an `.await`, or another use of one of the `contexts`, in the arguments.
pub(super) fn check(call: &Macro, name: &str, contexts: &[Ident]) -> syn::Result<()> {
    let awaited = word(&call.tokens, &["await", "async"]);
    let Some(span) = awaited.or_else(|| use_of(&call.tokens, contexts)) else { return Ok(()) };
    let when = if DEBUG_ONLY.contains(&name) {
        "in a debug build"
    } else {
        "where its level is enabled, and never in a replay"
    };
    let message = format!(
        "`{name}!` evaluates its arguments only {when}; take the value before it: \
         `let value = …;`"
    );
    Err(syn::Error::new(span, message))
}

/// A context that is passed on, or asked for more than it is.
fn use_of(tokens: &TokenStream, contexts: &[Ident]) -> Option<Span> {
    let trees: Vec<_> = tokens.clone().into_iter().collect();
    trees.iter().enumerate().find_map(|(at, tree)| match tree {
        TokenTree::Group(group) => use_of(&group.stream(), contexts),
        TokenTree::Ident(ident) if contexts.contains(ident) => {
            let harmless = is_field(&trees, at) || asks_pure(&trees[at + 1..]);
            (!harmless).then(|| ident.span())
        }
        _ => None,
    })
}

/// `order.ctx`, `ctx = 1`: the name of something else.
fn is_field(trees: &[TokenTree], at: usize) -> bool {
    let is = |at: Option<usize>, c| {
        let tree = at.and_then(|at| trees.get(at));
        matches!(tree, Some(TokenTree::Punct(punct)) if punct.as_char() == c)
    };
    is(at.checked_sub(1), '.') || is(Some(at + 1), '=')
}

/// `.now()` and the like.
fn asks_pure(after: &[TokenTree]) -> bool {
    let [TokenTree::Punct(dot), TokenTree::Ident(method), ..] = after else { return false };
    dot.as_char() == '.' && PURE.iter().any(|pure| method == pure)
}
