//! Macro calls inside a body, whose arguments a visitor does not enter.
//!
//! Ours and the well-known ones are parsed and rewritten; an `.await` in any other is an error,
//! because nobody would check what it awaits.

use proc_macro2::{Span, TokenStream, TokenTree};
use quote::{ToTokens, format_ident, quote};
use syn::ext::IdentExt;
use syn::parse::{ParseStream, Parser};
use syn::spanned::Spanned;
use syn::visit_mut::VisitMut;
use syn::{Expr, Ident, Macro, Token};

use super::{Rewrite, conditional, guard};
use crate::args::common::default_crate;
use crate::lint::is_foreign_combinator;
use crate::runtime::spanned;
use crate::select::Select;

/// Macros that evaluate their arguments, expressions some of which have a name, exactly once.
const WELL_KNOWN: &[&str] = &[
    "assert",
    "assert_eq",
    "assert_ne",
    "dbg",
    "eprint",
    "eprintln",
    "format",
    "format_args",
    "matches",
    "panic",
    "pin",
    "print",
    "println",
    "todo",
    "unimplemented",
    "unreachable",
    "vec",
    "write",
    "writeln",
];

/// Our own combinators.
const OURS: &[&str] = &["join", "try_join", "select"];

/// Whether it is known what a macro of this name does with what it is given.
pub(super) fn is_known(name: &str) -> bool {
    let name = name.trim_start_matches("r#");
    OURS.contains(&name) || WELL_KNOWN.contains(&name) || conditional::is_conditional(name)
}

/// Rewrites the arguments of one call, or says why it cannot.
pub(super) fn rewrite(rewrite: &mut Rewrite<'_>, call: &mut Macro) {
    let name = call.path.segments.last().map(|last| last.ident.unraw().to_string());
    let name = name.unwrap_or_default();
    let unknown = if is_known(&name) {
        guard::unknown_call(&call.tokens)
    } else {
        call.path.segments.last().map(|last| last.ident.span())
    };
    if unknown.is_some() {
        rewrite.unknown = unknown;
    }
    let result = if is_foreign_combinator(&call.path) {
        Ok(()) // an error already
    } else if OURS.contains(&name.as_str()) {
        combinator(rewrite, call, &name)
    } else if conditional::is_conditional(&name) {
        conditional::check(call, &name, rewrite.contexts)
    } else if word(&call.tokens, &["await", "async"]).is_none() {
        Ok(())
    } else if WELL_KNOWN.contains(&name.as_str()) {
        arguments(rewrite, call, |_, _| ())
    } else {
        no_await(call, &name)
    };
    rewrite.errors.keep(result);
}

/// Whether a token stream awaits something, at any depth.
pub(super) fn has_await(tokens: &TokenStream) -> bool {
    word(tokens, &["await"]).is_some()
}

/// The first of some words in a token stream, at any depth.
pub(super) fn word(tokens: &TokenStream, words: &[&str]) -> Option<Span> {
    tokens.clone().into_iter().find_map(|tree| match tree {
        TokenTree::Group(group) => word(&group.stream(), words),
        TokenTree::Ident(ident) if words.iter().any(|word| ident == word) => Some(ident.span()),
        _ => None,
    })
}

fn no_await(call: &Macro, name: &str) -> syn::Result<()> {
    if !has_await(&call.tokens) {
        return Ok(());
    }
    let message = format!(
        "`.await` inside `{name}!` cannot be made durable; take the value before it: \
         `let value = ….await;`"
    );
    Err(syn::Error::new_spanned(call, message))
}

/// `join!`, `try_join!` and `select!`; others of that name are errors of [`lint`](crate::lint).
fn combinator(rewrite: &mut Rewrite<'_>, call: &mut Macro, name: &str) -> syn::Result<()> {
    if name == "select" {
        let mut select = Select::parse_call.parse2(call.tokens.clone())?;
        for (_, future, body) in select.arms_mut() {
            rewrite.visit_expr_mut(future);
            rewrite.arm(future);
            rewrite.visit_expr_mut(body);
        }
        call.tokens = select.into_token_stream();
    } else {
        arguments(rewrite, call, |rewrite, expr| rewrite.arm(expr))?;
    }
    let (krate, tokens) = (rewrite.krate, &call.tokens);
    if call.path.get_ident().is_some() {
        // another library's macro of that name refuses this, and the compiler shows the refused word
        let hint = format_ident!("write_flows_{name}_instead");
        let krate = spanned(quote!(@ #hint #krate;), call.path.span());
        call.tokens = quote!(#krate #tokens);
    } else if *krate != default_crate() {
        call.tokens = quote!(@ #krate; #tokens);
    }
    Ok(())
}

/// Expressions between commas (or the semicolon of `vec![x; n]`); `finish` is for each.
fn arguments(
    rewrite: &mut Rewrite<'_>,
    call: &mut Macro,
    finish: fn(&Rewrite<'_>, &mut Expr),
) -> syn::Result<()> {
    let is_matches = call.path.segments.last().is_some_and(|last| last.ident == "matches");
    let parse = |input: ParseStream<'_>| {
        let mut out = TokenStream::new();
        while !input.is_empty() {
            prefix(input)?.to_tokens(&mut out);
            let mut expr = input.parse::<Expr>()?;
            rewrite.visit_expr_mut(&mut expr);
            finish(rewrite, &mut expr);
            expr.to_tokens(&mut out);
            separator(input)?.to_tokens(&mut out);
            if is_matches {
                input.parse::<TokenStream>()?.to_tokens(&mut out); // the pattern
            }
        }
        Ok(out)
    };
    let parsed = parse.parse2(call.tokens.clone());
    call.tokens = parsed.map_err(|error| {
        syn::Error::new(error.span(), format!("{error} (read as arguments, because of `.await`)"))
    })?;
    Ok(())
}

/// `name =`, as formatting has it.
fn prefix(input: ParseStream<'_>) -> syn::Result<TokenStream> {
    if !input.peek(Ident::peek_any) || !input.peek2(Token![=]) || input.peek2(Token![==]) {
        return Ok(TokenStream::new());
    }
    let (name, equals) = (input.call(Ident::parse_any)?, input.parse::<Token![=]>()?);
    Ok(quote!(#name #equals))
}

fn separator(input: ParseStream<'_>) -> syn::Result<TokenStream> {
    if input.is_empty() {
        Ok(TokenStream::new())
    } else if input.peek(Token![;]) {
        input.parse::<Token![;]>().map(ToTokens::into_token_stream)
    } else {
        input.parse::<Token![,]>().map(ToTokens::into_token_stream)
    }
}
