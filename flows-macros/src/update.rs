//! `#[update(response = Cart)] struct AddItem { … }`: a request that is known by its type, and its response.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Path, Type};

use crate::args::{Args, common};
use crate::errors::Errors;
use crate::signal::{Entry, expansion, payload};

const ATTRIBUTE: &str = "`#[update]`";

/// Expands the attribute.
pub(crate) fn expand(args: TokenStream, item: TokenStream) -> TokenStream {
    let mut errors = Errors::new();
    let mut args =
        Args::parse(args, ATTRIBUTE, &["name", "response", "error", "crate"], &mut errors);
    let krate = common::krate(&mut args, &mut errors);
    let name = args.take("name").and_then(|arg| arg.text("add-item", &mut errors));
    let response = args.take("response").and_then(|arg| arg.ty("Cart", &mut errors));
    let error = args.take("error").and_then(|arg| arg.ty("CartError", &mut errors));
    let Some(request) = payload(item.clone(), "`#[update]`", "an update", &mut errors) else {
        let errors = errors.finish();
        return quote!(#errors #item);
    };
    let errors = errors.finish();
    let response = response.map_or_else(|| quote!(()), |response| quote!(#response));
    let error = error.map_or_else(
        || quote!(type Error = #krate::__private::Error;),
        |error| own_error(&error, &krate),
    );
    let entry = Entry {
        kind: quote!(Update),
        entry: quote!(UpdateEntry),
        items: quote!(type Response = #response; #error),
    };
    let items = expansion(&request, name, &krate, &entry);
    quote!(#errors #items)
}

/// An error type of the application, and how an error of it gets its value.
fn own_error(error: &Type, krate: &Path) -> TokenStream {
    quote! {
        type Error = #error;

        fn complete_error(error: #krate::__private::Error) -> #krate::__private::Error {
            use #krate::__private::completions_prelude::*;
            (&&#krate::__private::ReturnType::<::std::result::Result<(), #error>>::new()).complete(error)
        }
    }
}
