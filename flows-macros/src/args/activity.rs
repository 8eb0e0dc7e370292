//! The arguments of `#[activity(…)]`.

use std::time::Duration;

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Expr, Path};

use super::common::Common;
use super::retry::Retry;
use super::value::tokens_of;
use super::{Arg, Args, Value};
use crate::errors::Errors;

const OWNER: &str = "`#[activity]`";
const KNOWN: &[&str] = &[
    "name",
    "retry",
    "start_to_close",
    "schedule_to_start",
    "schedule_to_close",
    "heartbeat",
    "queue",
    "spill",
    "transaction",
    "compensate",
    "codec",
    "module",
    "crate",
];

const COMPENSATE: &str =
    "`compensate` takes the name of the activity that undoes this one: `compensate = refund`";

const TRANSACTION_ELSEWHERE: &str = "an activity with `transaction` runs in the worker of its run, whose record is a part of the transaction: \
     leave `queue` and `spill` out; or leave `transaction` out, and make the activity idempotent";

const QUEUE_OR_SPILL: &str = "with `queue`, every attempt goes to that queue's workers, so none is left to spill: \
                              leave one of the two out";

/// How many options there are.
const FIELDS: usize = 6;

/// What `#[activity(…)]` says.
pub(crate) struct ActivityArgs {
    pub(crate) common: Common,
    pub(crate) transaction: bool,
    /// Whether all workers of the run's queue share what is more than the slots of one.
    pub(crate) spill: bool,
    pub(crate) postcard: bool,
    /// The activity that undoes it.
    pub(crate) compensate: Option<Path>,
    retry: Option<Retry>,
    limits: Vec<(&'static str, Duration)>,
    start_to_close: Option<Duration>,
}

impl ActivityArgs {
    pub(crate) fn parse(tokens: TokenStream, errors: &mut Errors) -> Self {
        let mut args = Args::parse(tokens, OWNER, KNOWN, errors);
        let common = Common::read(&mut args, errors);
        let transaction = args.take("transaction").is_some_and(|arg| arg.flag(errors));
        let spill = args.take("spill").filter(|arg| arg.flag(errors));
        if let (true, Some(queue)) = (transaction, common.queue()) {
            errors.on(queue, TRANSACTION_ELSEWHERE);
        }
        if let Some(arg) = &spill {
            match (transaction, common.queue()) {
                (true, _) => errors.on(&arg.key, TRANSACTION_ELSEWHERE),
                (false, Some(_)) => errors.on(&arg.key, QUEUE_OR_SPILL),
                (false, None) => {}
            }
        }
        let spill = spill.is_some();
        Self {
            common,
            transaction,
            spill,
            postcard: args.take("codec").is_some_and(|arg| postcard(&arg, errors)),
            compensate: args.take("compensate").and_then(|arg| compensation(&arg, errors)),
            retry: args.take("retry").and_then(|arg| Retry::read(&arg, errors)),
            start_to_close: limit("start_to_close", &mut args, errors),
            limits: ["schedule_to_start", "schedule_to_close", "heartbeat"]
                .into_iter()
                .filter_map(|key| Some((key, limit(key, &mut args, errors)?)))
                .collect(),
        }
    }

    /// The body of `fn options()`, or nothing where all is default.
    pub(crate) fn options(&self, krate: &Path) -> Option<TokenStream> {
        let mut fields = Vec::new();
        fields.extend(self.retry.as_ref().map(|retry| {
            let policy = retry.expression(krate);
            quote!(retry: #policy)
        }));
        fields
            .extend(self.start_to_close.map(tokens_of).map(|limit| quote!(start_to_close: #limit)));
        for (key, limit) in &self.limits {
            let key = quote::format_ident!("{key}");
            let limit = tokens_of(*limit);
            fields.push(quote!(#key: ::std::option::Option::Some(#limit)));
        }
        fields.extend(self.common.queue_field());
        let options = quote!(#krate::__private::ActivityOptions);
        let rest = (fields.len() < FIELDS).then(|| quote!(..::std::default::Default::default()));
        (!fields.is_empty()).then(|| quote!(#options { #(#fields,)* #rest }))
    }
}

fn limit(key: &str, args: &mut Args, errors: &mut Errors) -> Option<Duration> {
    args.take(key).and_then(|arg| arg.limit(errors))
}

fn compensation(arg: &Arg, errors: &mut Errors) -> Option<Path> {
    match &arg.value {
        Value::Assigned(Expr::Path(path)) if path.qself.is_none() => Some(path.path.clone()),
        Value::Assigned(other) => {
            errors.on(other, COMPENSATE);
            None
        }
        _ => {
            errors.on(&arg.key, COMPENSATE);
            None
        }
    }
}

fn postcard(arg: &Arg, errors: &mut Errors) -> bool {
    let Some(text) = arg.text("json", errors) else { return false };
    let codec = text.value();
    if codec != "json" && codec != "postcard" {
        errors.on(&text, format!("unknown codec `{codec}`; known: `json`, `postcard`"));
    }
    codec == "postcard"
}
