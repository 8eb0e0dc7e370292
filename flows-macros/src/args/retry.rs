//! `retry(max_attempts = 5, initial_interval = "200ms", …)`: the policy of an activity or a run.

use std::time::Duration;

use proc_macro2::{Ident, Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::ext::IdentExt;
use syn::parse::{Parse, ParseStream, Parser};
use syn::punctuated::Punctuated;
use syn::spanned::Spanned;
use syn::{Lit, Path, Token};

use super::value::tokens_of;
use super::{Arg, Args};
use crate::errors::Errors;

const OWNER: &str = "`retry(…)`";
const KNOWN: &[&str] =
    &["max_attempts", "initial_interval", "max_interval", "backoff", "jitter", "non_retryable"];

/// What was set; the rest keeps its default.
#[derive(Default)]
pub(crate) struct Retry {
    max_attempts: Option<u32>,
    initial_interval: Option<Duration>,
    max_interval: Option<Duration>,
    backoff: Option<f64>,
    jitter: Option<f64>,
    non_retryable: Vec<Path>,
}

impl Retry {
    /// Reads the group behind the key `retry`.
    pub(crate) fn read(arg: &Arg, errors: &mut Errors) -> Option<Self> {
        let group = arg.group("retry(max_attempts = 5)", errors)?;
        let mut args = Args::parse(group, OWNER, KNOWN, errors);
        let mut take = |key| args.take(key);
        let retry = Self {
            max_attempts: take("max_attempts").and_then(|arg| arg.count(errors)),
            initial_interval: take("initial_interval").and_then(|arg| arg.duration(errors)),
            max_interval: take("max_interval").and_then(|arg| arg.duration(errors)),
            backoff: take("backoff").and_then(|arg| backoff(&arg, errors)),
            jitter: take("jitter").and_then(|arg| jitter(&arg, errors)),
            non_retryable: take("non_retryable").map_or_else(Vec::new, |arg| types(&arg, errors)),
        };
        retry.check(arg, errors);
        Some(retry)
    }

    /// The policy as an expression.
    pub(crate) fn expression(&self, krate: &Path) -> TokenStream {
        let max_attempts = self.max_attempts.map(|n| quote!(.max_attempts(#n)));
        let initial = self.initial_interval.map(tokens_of);
        let initial = initial.map(|d| quote!(.initial_interval(#d)));
        let max = self.max_interval.map(tokens_of).map(|d| quote!(.max_interval(#d)));
        let backoff = self.backoff.map(|n| quote!(.backoff(#n)));
        let jitter = self.jitter.map(|n| quote!(.jitter(#n)));
        let excluded = self.non_retryable.iter().map(|path| excluded(path, krate));
        quote! {
            #krate::__private::RetryPolicy::default()
                #max_attempts #initial #max #backoff #jitter #(#excluded)*
        }
    }

    fn check(&self, arg: &Arg, errors: &mut Errors) {
        if let (Some(first), Some(longest)) = (self.initial_interval, self.max_interval)
            && first > longest
        {
            let message = "`initial_interval` is longer than `max_interval`; it is the first wait, \
                           and later ones only grow";
            errors.on(&arg.key, message);
        }
    }
}

fn backoff(arg: &Arg, errors: &mut Errors) -> Option<f64> {
    arg.number(1.0..=1e6, "a factor from 1: `backoff = 2.0`", errors)
}

fn jitter(arg: &Arg, errors: &mut Errors) -> Option<f64> {
    arg.number(0.0..=1.0, "a share from 0 to 1: `jitter = 0.1`", errors)
}

const EXAMPLE: &str = "non_retryable(GatewayError, OrderError::Declined)";

fn types(arg: &Arg, errors: &mut Errors) -> Vec<Path> {
    let Some(group) = arg.group(EXAMPLE, errors) else { return Vec::new() };
    let parsed = Punctuated::<Named, Token![,]>::parse_terminated.parse2(group);
    let named = errors.keep(parsed).into_iter().flatten();
    named.filter_map(|named| errors.keep(named.0)).collect()
}

/// A type or a variant as it is named in code; text in quotes is an error that says what to write.
struct Named(syn::Result<Path>);

impl Parse for Named {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let say = |span, example: &str| {
            let message = "an error type, or a variant of one, is named as in code";
            syn::Error::new(span, format!("{message}: `{example}`"))
        };
        if !input.peek(Lit) {
            let span = input.span();
            return Ok(Self(Ok(input.parse::<Path>().map_err(|_| say(span, EXAMPLE))?)));
        }
        let literal = input.parse::<Lit>()?;
        let Lit::Str(text) = &literal else { return Ok(Self(Err(say(literal.span(), EXAMPLE)))) };
        Ok(Self(Err(say(literal.span(), &format!("non_retryable({})", text.value())))))
    }
}

/// The rule for a type or a variant, which the compiler checks.
fn excluded(path: &Path, krate: &Path) -> TokenStream {
    let Some(of) = enum_of(path) else { return quote!(.non_retryable::<#path>()) };
    let name = path.segments.last().map(|variant| variant.ident.to_string());
    let span = path.span();
    let hygienic = |name| Ident::new(name, Span::mixed_site().located_at(span));
    let [error, kind] = ["error", "kind"].map(hygienic);
    let is_so = quote_spanned!(span=> |#error| ::std::matches!(#error, #path { .. }));
    quote_spanned! {span=>
        .excluding_some::<#of>(#name, |#error| {
            use #krate::__private::values_prelude::*;
            let #kind = &&#krate::__private::ErrorOf::<#of>::new();
            #kind.is(#error, #is_so)
        })
    }
}

/// The enum, where a path names a variant: where its last but one segment is named like a type.
fn enum_of(path: &Path) -> Option<Path> {
    let mut path = path.clone();
    path.segments.pop();
    path.segments.pop_punct();
    let last = path.segments.last()?.ident.unraw().to_string();
    last.starts_with(char::is_uppercase).then_some(path)
}
