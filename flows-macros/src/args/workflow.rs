//! The arguments of `#[workflow(…)]`.

use std::time::Duration;

use proc_macro2::TokenStream;
use quote::quote;
use syn::Path;

use super::Args;
use super::common::Common;
use super::retry::Retry;
use super::value::tokens_of;
use crate::errors::Errors;

const OWNER: &str = "`#[workflow]`";
const KNOWN: &[&str] = &["name", "version", "retry", "timeout", "queue", "module", "crate"];

/// How many options there are.
const FIELDS: usize = 3;

/// What `#[workflow(…)]` says.
pub(crate) struct WorkflowArgs {
    pub(crate) common: Common,
    pub(crate) version: u32,
    retry: Option<Retry>,
    timeout: Option<Duration>,
}

impl WorkflowArgs {
    pub(crate) fn parse(tokens: TokenStream, errors: &mut Errors) -> Self {
        let mut args = Args::parse(tokens, OWNER, KNOWN, errors);
        Self {
            common: Common::read(&mut args, errors),
            version: args.take("version").and_then(|arg| arg.count(errors)).unwrap_or(1),
            retry: args.take("retry").and_then(|arg| Retry::read(&arg, errors)),
            timeout: args.take("timeout").and_then(|arg| arg.limit(errors)),
        }
    }

    /// The body of `fn options()`, or nothing where all is default.
    pub(crate) fn options(&self, krate: &Path) -> Option<TokenStream> {
        let mut fields = Vec::new();
        fields.extend(self.retry.as_ref().map(|retry| {
            let policy = retry.expression(krate);
            quote!(retry: ::std::option::Option::Some(#policy))
        }));
        fields.extend(
            self.timeout
                .map(tokens_of)
                .map(|limit| quote!(timeout: ::std::option::Option::Some(#limit))),
        );
        fields.extend(self.common.queue_field());
        let options = quote!(#krate::__private::WorkflowOptions);
        let rest = (fields.len() < FIELDS).then(|| quote!(..::std::default::Default::default()));
        (!fields.is_empty()).then(|| quote!(#options { #(#fields,)* #rest }))
    }
}
