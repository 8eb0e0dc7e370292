//! First stage: the arguments of an attribute, `name = "order", retry(max_attempts = 5)`.
//!
//! They are parsed into keys and values, never matched as text. Unknown and duplicate keys are
//! errors here, once for every attribute; what a value may be is said in [`value`], and which keys
//! an attribute has in [`activity`] and [`workflow`].

pub(crate) mod activity;
pub(crate) mod common;
pub(crate) mod duration;
pub(crate) mod retry;
mod suggest;
pub(crate) mod value;
pub(crate) mod workflow;

use proc_macro2::{Span, TokenStream, TokenTree};
use syn::ext::IdentExt;
use syn::parse::{ParseStream, Parser};
use syn::{Expr, Ident, Token, Type, token};

use crate::errors::Errors;

/// One argument.
pub(crate) struct Arg {
    pub(crate) key: Ident,
    pub(crate) value: Value,
}

/// What stands behind the key.
pub(crate) enum Value {
    /// Nothing: `transaction`.
    Flag,
    /// `= …`
    Assigned(Expr),
    /// `= …`, of a key that takes a type.
    Type(Type),
    /// `(…)`
    Group(TokenStream),
}

/// The arguments of one attribute, or of one group in it.
pub(crate) struct Args(Vec<Arg>);

impl Args {
    /// Parses `tokens`; `owner` is the attribute as errors call it, `known` are its keys.
    pub(crate) fn parse(
        tokens: TokenStream,
        owner: &str,
        known: &[&str],
        errors: &mut Errors,
    ) -> Self {
        let expected = suggest::expected(owner, known);
        let all = (|input: ParseStream<'_>| Ok(arguments(input, &expected, errors)))
            .parse2(tokens)
            .unwrap_or_default();
        let mut args = Self(Vec::new());
        for arg in all {
            args.add(arg, owner, known, errors);
        }
        args
    }

    /// Takes an argument out.
    pub(crate) fn take(&mut self, key: &str) -> Option<Arg> {
        let at = self.0.iter().position(|arg| arg.key == key)?;
        Some(self.0.remove(at))
    }

    fn add(&mut self, arg: Arg, owner: &str, known: &[&str], errors: &mut Errors) {
        let key = arg.key.to_string();
        if !known.contains(&key.as_str()) {
            errors.on(&arg.key, suggest::unknown("key", &key, owner, known));
        } else if self.0.iter().any(|other| other.key == key) {
            errors.on(&arg.key, format!("`{key}` is given twice to {owner}; keep one"));
        } else {
            self.0.push(arg);
        }
    }
}

/// Every argument that parses; after one that does not, goes on behind the next comma.
fn arguments(input: ParseStream<'_>, expected: &str, errors: &mut Errors) -> Vec<Arg> {
    let mut all = Vec::new();
    while !input.is_empty() {
        all.extend(errors.keep(argument(input, expected)));
        if !input.is_empty() && !input.peek(Token![,]) {
            errors.at(input.span(), "expected a comma between arguments");
            skip_to_comma(input);
        }
        let _ = input.parse::<Option<Token![,]>>();
    }
    all
}

/// One argument; after an error, the input stands before the next comma.
fn argument(input: ParseStream<'_>, expected: &str) -> syn::Result<Arg> {
    let span = input.span();
    let Ok(key) = input.call(Ident::parse_any) else {
        skip_to_comma(input);
        return Err(syn::Error::new(span, expected));
    };
    let value =
        if (key == "response" || key == "error") && input.peek(Token![=]) && !input.peek2(syn::Lit)
        {
            input.parse::<Token![=]>()?;
            Value::Type(input.parse()?)
        } else if input.peek(Token![=]) {
            input.parse::<Token![=]>()?;
            Value::Assigned(
                value(input)
                    .map_err(|at| syn::Error::new(at, format!("expected a value: `{key} = …`")))?,
            )
        } else if input.peek(token::Paren) {
            let group;
            syn::parenthesized!(group in input);
            Value::Group(group.parse()?)
        } else {
            Value::Flag
        };
    Ok(Arg { key, value })
}

/// A value, or where none could be read.
fn value(input: ParseStream<'_>) -> Result<Expr, Span> {
    let span = input.span();
    input.parse().map_err(|_: syn::Error| {
        skip_to_comma(input);
        span
    })
}

fn skip_to_comma(input: ParseStream<'_>) {
    while !input.is_empty() && !input.peek(Token![,]) {
        let _ = input.parse::<TokenTree>();
    }
}
