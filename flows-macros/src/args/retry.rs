//! `retry(max_attempts = 5, initial_interval = "200ms", …)`: the policy of an activity or a run.

use std::time::Duration;

use proc_macro2::TokenStream;
use quote::quote;
use syn::parse::Parser;
use syn::punctuated::Punctuated;
use syn::{LitStr, Path, Token};

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
    non_retryable: Vec<LitStr>,
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
        let types = &self.non_retryable;
        quote! {
            #krate::__private::RetryPolicy::default()
                #max_attempts #initial #max #backoff #jitter #(.non_retryable(#types))*
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

fn types(arg: &Arg, errors: &mut Errors) -> Vec<LitStr> {
    let example = "non_retryable(\"Declined\", \"gateway::Closed\")";
    let Some(group) = arg.group(example, errors) else { return Vec::new() };
    let names = Punctuated::<LitStr, Token![,]>::parse_terminated.parse2(group);
    match names {
        Ok(names) => names.into_iter().collect(),
        Err(error) => {
            let message = format!("error types are named in quotes: `{example}`");
            errors.at(error.span(), message);
            Vec::new()
        }
    }
}
