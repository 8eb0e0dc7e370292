//! `register_all!()` and `register_all![order, charge_payment]`: the definitions of a worker; before
//! them `crate = ::renamed`, where the library has another name.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::parse::{ParseStream, Parser};
use syn::punctuated::Punctuated;
use syn::spanned::Spanned;
use syn::{LitStr, Path, Token};

use crate::args::common::{absolute, default_crate};

/// Expands a call.
pub(crate) fn expand(tokens: TokenStream) -> TokenStream {
    list.parse2(tokens).unwrap_or_else(|error| {
        let message = format!(
            "{error}; `register_all!()` takes everything annotated in the program, \
             `register_all![order, shipping::ship]` these definitions, and \
             `register_all!(crate = ::renamed)` does so where the library has another name"
        );
        syn::Error::new(error.span(), message).into_compile_error()
    })
}

/// `crate = ::renamed`, as a path or in quotes.
fn krate(input: ParseStream<'_>) -> syn::Result<Path> {
    if !input.peek(Token![crate]) || !input.peek2(Token![=]) {
        return Ok(default_crate());
    }
    input.parse::<Token![crate]>()?;
    input.parse::<Token![=]>()?;
    let given = if input.peek(LitStr) {
        input.parse::<LitStr>()?.parse()?
    } else {
        input.call(Path::parse_mod_style)?
    };
    let span = given.span();
    absolute(given).ok_or_else(|| syn::Error::new(span, "`crate` takes an absolute path"))
}

fn list(input: ParseStream<'_>) -> syn::Result<TokenStream> {
    let krate = krate(input)?;
    if input.peek(Token![,]) {
        input.parse::<Token![,]>()?;
    }
    let registry = quote!(#krate::__private::Registry);
    if input.is_empty() {
        return Ok(quote!(#registry::all()));
    }
    let paths = Punctuated::<Path, Token![,]>::parse_terminated_with(input, Path::parse_mod_style)?;
    let with = paths.iter().map(|path| quote_spanned!(path.span()=> .with::<#path::Definition>()));
    Ok(quote!(#registry::new() #(#with)*))
}
