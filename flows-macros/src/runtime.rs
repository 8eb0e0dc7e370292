//! The way from generated code to the library.

use proc_macro2::{Span, TokenStream};
use quote::quote;
use syn::Path;

/// `krate::__private`, with every token at `span`, so that an expression that begins with it is
/// underlined where the user wrote it.
pub(crate) fn runtime(krate: &Path, span: Span) -> TokenStream {
    let path = quote!(#krate::__private);
    path.into_iter()
        .map(|mut token| {
            token.set_span(span);
            token
        })
        .collect()
}
