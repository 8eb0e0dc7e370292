//! The keys that every definition has: `name`, `module`, `queue`, `crate`.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::{Expr, Ident, LitStr, Path};

use super::{Args, Value};
use crate::errors::Errors;

/// What both kinds of definition may set.
pub(crate) struct Common {
    /// The recorded name; the function's own by default.
    pub(crate) name: Option<LitStr>,
    /// The generated module's name; the function's own by default.
    pub(crate) module: Option<Ident>,
    /// Where the library is found.
    pub(crate) krate: Path,
    queue: Option<LitStr>,
}

impl Common {
    pub(crate) fn read(args: &mut Args, errors: &mut Errors) -> Self {
        let name = args.take("name").and_then(|arg| arg.text("order", errors));
        let queue = args.take("queue").and_then(|arg| arg.text("default", errors));
        Self { name, module: module(args, errors), krate: krate(args, errors), queue }
    }

    /// The queue, if it is said.
    pub(crate) fn queue(&self) -> Option<&LitStr> {
        self.queue.as_ref()
    }

    /// `queue` as a field of the definition's options.
    pub(crate) fn queue_field(&self) -> Option<TokenStream> {
        let queue = self.queue.as_ref()?;
        Some(quote!(queue: ::std::option::Option::Some(::std::convert::From::from(#queue))))
    }
}

fn module(args: &mut Args, errors: &mut Errors) -> Option<Ident> {
    let text = args.take("module")?.text("order_workflow", errors)?;
    let parsed = text.parse::<Ident>();
    if parsed.is_err() {
        errors.on(&text, "`module` takes an identifier: `module = \"order_workflow\"`");
    }
    parsed.ok()
}

/// `crate = "…"`, else `::flows`.
pub(crate) fn krate(args: &mut Args, errors: &mut Errors) -> Path {
    let given = args.take("crate").and_then(|arg| match &arg.value {
        Value::Assigned(Expr::Path(path)) => {
            Some((path.to_token_stream(), Some(path.path.clone())))
        }
        _ => {
            let text = arg.text("::flows", errors)?;
            Some((text.to_token_stream(), text.parse().ok()))
        }
    });
    let Some((tokens, path)) = given else { return default_crate() };
    path.and_then(absolute).unwrap_or_else(|| {
        let allowed = "`crate` takes an absolute path: `crate = \"::flows\"` or `\"crate::flows\"`";
        errors.on(tokens, allowed);
        default_crate()
    })
}

/// The library's own name.
pub(crate) fn default_crate() -> Path {
    syn::parse_quote!(::flows)
}

/// The path from the root, because the generated module looks from one level further down.
pub(crate) fn absolute(mut path: Path) -> Option<Path> {
    let first = path.segments.first().map(|segment| segment.ident.to_string());
    match first.as_deref() {
        Some("self" | "super") => return None,
        Some("crate") => {}
        _ => path.leading_colon = Some(syn::token::PathSep::default()),
    }
    Some(path)
}
