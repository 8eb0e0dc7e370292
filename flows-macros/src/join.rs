//! `join!(a, b, …)` and `try_join!(a, b, …)`: several durable futures at once.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::parse::{ParseStream, Parser};
use syn::punctuated::Punctuated;
use syn::spanned::Spanned;
use syn::{Expr, Path, Token};

use crate::args::common::default_crate;
use crate::runtime::runtime;

/// How many futures one call takes.
pub(crate) const MOST: usize = 12;

/// Expands a call of `join!` or `try_join!`.
pub(crate) fn expand(name: &str, tokens: TokenStream) -> TokenStream {
    match call.parse2(tokens).and_then(|call| check(name, call)) {
        Ok((krate, futures)) => expansion(name, &krate, &futures),
        Err(error) => error.into_compile_error(),
    }
}

/// `@ ::path;` before the arguments of a call: the library, where it has another name. A word before
/// the path is there for macros that are not ours, and refuse it.
pub(crate) fn krate(input: ParseStream<'_>) -> syn::Result<Path> {
    if !input.peek(Token![@]) {
        return Ok(default_crate());
    }
    input.parse::<Token![@]>()?;
    input.parse::<Option<Ident>>()?;
    let path = input.call(Path::parse_mod_style)?;
    input.parse::<Token![;]>()?;
    Ok(path)
}

type Call = (Path, Vec<Expr>);

fn call(input: ParseStream<'_>) -> syn::Result<Call> {
    let krate = krate(input)?;
    let futures = Punctuated::<Expr, Token![,]>::parse_terminated(input)?;
    Ok((krate, futures.into_iter().collect()))
}

fn check(name: &str, call: Call) -> syn::Result<Call> {
    let count = call.1.len();
    if count == 0 {
        let message = format!("`{name}!` needs at least one future: `{name}!(charge(ctx), …)`");
        return Err(syn::Error::new(Span::call_site(), message));
    }
    if let Some(first_too_many) = call.1.get(MOST) {
        let message = format!(
            "`{name}!` takes up to {MOST} futures, and here are {count}; nest calls, or use \
             `flows::{name}_all` for futures of one type"
        );
        return Err(syn::Error::new_spanned(first_too_many, message));
    }
    call.1.iter().try_for_each(|future| refuse_awaited(name, future))?;
    Ok(call)
}

fn expansion(name: &str, krate: &Path, futures: &[Expr]) -> TokenStream {
    let function = Ident::new(name, Span::call_site());
    let futures = futures.iter().map(|future| durable(krate, future));
    quote!(#krate::__private::durable(#krate::__private::#function((#(#futures,)*))).await)
}

/// `join!(a(ctx).await?, …)`: by then there is nothing left to wait for at once.
pub(crate) fn refuse_awaited(name: &str, future: &Expr) -> syn::Result<()> {
    let awaited = match future {
        Expr::Try(tried) => &*tried.expr,
        other => other,
    };
    if !matches!(awaited, Expr::Await(_)) {
        return Ok(());
    }
    let message = format!(
        "`{name}!` awaits its futures itself, all at once; this one is awaited before it\n\
         help: write it without `.await`"
    );
    Err(syn::Error::new_spanned(future, message))
}

/// Checks one future on its own, so that an error points at it and not at the whole call.
pub(crate) fn durable(krate: &Path, future: &Expr) -> TokenStream {
    let runtime = runtime(krate, future.span());
    quote_spanned!(future.span()=> #runtime::durable(#future))
}
