//! `register_all!()` and `register_all![order, charge_payment]`: the definitions of a worker.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::parse::{ParseStream, Parser};
use syn::punctuated::Punctuated;
use syn::spanned::Spanned;
use syn::{Path, Token};

use crate::join::krate;

/// Expands a call.
pub(crate) fn expand(tokens: TokenStream) -> TokenStream {
    list.parse2(tokens).unwrap_or_else(|error| {
        let message = format!(
            "{error}; `register_all!()` takes everything annotated in the program, \
             `register_all![order, shipping::ship]` these definitions"
        );
        syn::Error::new(error.span(), message).into_compile_error()
    })
}

fn list(input: ParseStream<'_>) -> syn::Result<TokenStream> {
    let krate = krate(input)?;
    let registry = quote!(#krate::__private::Registry);
    if input.is_empty() {
        return Ok(quote!(#registry::all()));
    }
    let paths = Punctuated::<Path, Token![,]>::parse_terminated_with(input, Path::parse_mod_style)?;
    let with = paths.iter().map(|path| quote_spanned!(path.span()=> .with::<#path::Definition>()));
    Ok(quote!(#registry::new() #(#with)*))
}
