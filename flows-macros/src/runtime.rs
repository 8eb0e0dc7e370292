//! The way from generated code to the library.

use proc_macro2::{Span, TokenStream, TokenTree};
use quote::quote;
use syn::Path;

/// `krate::__private`, with every token at `span`, so that an expression that begins with it is
/// underlined where the user wrote it.
pub(crate) fn runtime(krate: &Path, span: Span) -> TokenStream {
    spanned(quote!(#krate::__private), span)
}

/// The same tokens at another place.
pub(crate) fn spanned(tokens: TokenStream, span: Span) -> TokenStream {
    let move_there = |mut token: TokenTree| {
        token.set_span(span);
        token
    };
    tokens.into_iter().map(move_there).collect()
}
