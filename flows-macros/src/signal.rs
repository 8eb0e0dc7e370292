//! `#[signal] struct WarehouseReady { … }`: a signal known by its type.

use proc_macro2::TokenStream;
use quote::quote;
use syn::ext::IdentExt;
use syn::parse::Parser;
use syn::punctuated::Punctuated;
use syn::{Attribute, DeriveInput, Ident, LitStr, Path, Token};

use crate::args::{Args, common};
use crate::errors::Errors;

const ATTRIBUTE: &str = "`#[signal]`";

/// Expands the attribute.
pub(crate) fn expand(args: TokenStream, item: TokenStream) -> TokenStream {
    let mut errors = Errors::new();
    let mut args = Args::parse(args, ATTRIBUTE, &["name", "crate"], &mut errors);
    let krate = common::krate(&mut args, &mut errors);
    let name = args.take("name").and_then(|arg| arg.text("warehouse-ready", &mut errors));
    let Some(payload) = payload(item.clone(), ATTRIBUTE, "a signal", &mut errors) else {
        let errors = errors.finish();
        return quote!(#errors #item);
    };
    let errors = errors.finish();
    let entry =
        Entry { kind: quote!(Signal), entry: quote!(SignalEntry), items: TokenStream::new() };
    let items = expansion(&payload, name, &krate, &entry);
    quote!(#errors #items)
}

/// What a type becomes.
pub(crate) struct Entry {
    /// The trait.
    pub(crate) kind: TokenStream,
    /// What the program knows of it.
    pub(crate) entry: TokenStream,
    /// What the trait has beside the name.
    pub(crate) items: TokenStream,
}

/// The item, if it is a type that can be a payload.
pub(crate) fn payload(
    item: TokenStream,
    attribute: &str,
    what: &str,
    errors: &mut Errors,
) -> Option<DeriveInput> {
    let of = what.split_once(' ').map_or(what, |(_, of)| of);
    let message = format!("{attribute} goes on a struct or an enum, the payload of the {of}");
    let Ok(payload) = syn::parse2::<DeriveInput>(item.clone()) else {
        errors.on(item, message);
        return None;
    };
    if matches!(payload.data, syn::Data::Union(_)) {
        errors.on(&payload.ident, message);
        return None;
    }
    if !payload.generics.params.is_empty() {
        let name = &payload.ident;
        let message = format!("`{name}` cannot be generic: {what} has one name and one type");
        errors.on(&payload.generics, message);
        return None;
    }
    Some(payload)
}

pub(crate) fn expansion(
    payload: &DeriveInput,
    name: Option<LitStr>,
    krate: &Path,
    entry: &Entry,
) -> TokenStream {
    let Entry { kind, entry, items } = entry;
    let ident = &payload.ident;
    let name = name.unwrap_or_else(|| LitStr::new(&kebab_case(ident), ident.span()));
    let serde = quote!(#krate::__private::serde);
    let serde_path = serde.to_string().replace(' ', "");
    let missing: Vec<_> =
        ["Serialize", "Deserialize"].into_iter().filter(|name| !derives(payload, name)).collect();
    let derives = missing.iter().map(|name| Ident::new(name, ident.span()));
    // `#[serde(crate)]` is allowed once, and the user's own derives may have said it
    let path = (missing.len() == 2).then(|| quote!(#[serde(crate = #serde_path)]));
    quote! {
        #[derive(#(#serde::#derives),*)]
        #path
        #payload

        impl #krate::__private::#kind for #ident {
            const NAME: &'static str = #name;
            #items
        }

        #krate::__private::inventory::submit! {
            #krate::__private::#entry::of::<#ident>(
                ::std::concat!(::std::module_path!(), "::", ::std::stringify!(#ident))
            )
        }
    }
}

/// Whether a `derive` under the attribute has the trait already.
fn derives(payload: &DeriveInput, name: &str) -> bool {
    let paths = payload.attrs.iter().filter(|attr| attr.path().is_ident("derive"));
    paths.flat_map(derived).any(|path| path.segments.last().is_some_and(|last| last.ident == name))
}

fn derived(attr: &Attribute) -> Punctuated<Path, Token![,]> {
    let parse = Punctuated::parse_terminated;
    attr.meta.require_list().and_then(|list| parse.parse2(list.tokens.clone())).unwrap_or_default()
}

/// `WarehouseReady` as `warehouse-ready`, `HTTPDone` as `http-done`.
fn kebab_case(ident: &Ident) -> String {
    let name: Vec<char> = ident.unraw().to_string().chars().collect();
    let mut out = String::new();
    for (at, &c) in name.iter().enumerate() {
        let after_lower = at > 0 && (name[at - 1].is_lowercase() || name[at - 1].is_numeric());
        let before_lower = at > 0 && name.get(at + 1).is_some_and(|next| next.is_lowercase());
        if c == '_' || (c.is_uppercase() && (after_lower || before_lower)) {
            out.push('-');
        }
        out.extend(c.to_lowercase().filter(|c| *c != '_'));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use quote::format_ident;

    #[test]
    fn names() {
        for (ident, name) in [
            ("WarehouseReady", "warehouse-ready"),
            ("HTTPDone", "http-done"),
            ("Approved", "approved"),
            ("V2Ready", "v2-ready"),
            ("snake_case", "snake-case"),
        ] {
            assert_eq!(kebab_case(&format_ident!("{ident}")), name);
        }
    }
}
