//! The function as a whole: that it is one, free, async and not generic.

use proc_macro2::TokenStream;
use syn::spanned::Spanned;
use syn::{Item, ItemFn, Signature, TraitItemFn};

use crate::errors::Errors;

/// Parses the item under an attribute; an error if it is no function with a body.
pub(crate) fn function(item: TokenStream, attribute: &str, errors: &mut Errors) -> Option<ItemFn> {
    let allowed = format!("{attribute} goes on an `async fn`");
    match syn::parse2::<Item>(item.clone()) {
        Ok(Item::Fn(function)) => return Some(function),
        Ok(other) if syn::parse2::<TraitItemFn>(item.clone()).is_err() => {
            errors.on(other, format!("{allowed}, and this is not a function"));
        }
        Ok(other) => errors.on(other, format!("{allowed} with a body{}", in_a_trait(attribute))),
        Err(error) => {
            errors.keep::<()>(Err(error));
        }
    }
    None
}

/// What a trait declares instead.
fn in_a_trait(attribute: &str) -> &'static str {
    if attribute.contains("durable") {
        "; a trait declares `fn name(…) -> impl Durable<Output = …> + Send`"
    } else {
        ""
    }
}

/// As [`function`]; an error as well if it takes `self`.
pub(crate) fn free_function(
    item: TokenStream,
    attribute: &str,
    errors: &mut Errors,
) -> Option<ItemFn> {
    let function = function(item, attribute, errors)?;
    let Some(receiver) = function.sig.receiver() else { return Some(function) };
    let name = &function.sig.ident;
    let message = format!(
        "`{name}` takes `self`, and {attribute} goes on a free function: move it out of the \
         `impl` (shared values reach an activity through `ctx.state::<T>()`)"
    );
    errors.on(receiver, message);
    None
}

/// `async`, and neither `const`, `unsafe` nor `extern`.
pub(crate) fn check_modifiers(sig: &Signature, errors: &mut Errors) {
    let name = &sig.ident;
    if sig.asyncness.is_none() {
        let returned = super::returns::future_of(sig).map(|(_, output)| {
            let output = quote::quote!(#output).to_string().replace(' ', "");
            format!(", and `-> {output}` instead of the future")
        });
        let returned = returned.unwrap_or_default();
        let message = format!("`{name}` must be async: write `async fn {name}`{returned}");
        errors.on(sig.fn_token, message);
    }
    if let Some(token) = &sig.constness {
        errors.on(token, format!("`{name}` cannot be `const`"));
    }
    if let syn::Safety::Unsafe(token) = &sig.safety {
        errors.on(token, format!("`{name}` cannot be `unsafe`"));
    }
    if let Some(abi) = &sig.abi {
        errors.on(abi, format!("`{name}` cannot be `extern`"));
    }
}

/// No type, const or lifetime parameters.
pub(crate) fn check_generics(sig: &Signature, errors: &mut Errors) {
    let name = &sig.ident;
    let message = format!(
        "`{name}` cannot be generic: it is recorded under one name, with one input type; move \
         the generic part into a helper"
    );
    if !sig.generics.params.is_empty() {
        errors.on(&sig.generics, message);
    } else if let Some(clause) = &sig.generics.where_clause {
        errors.at(clause.span(), message);
    }
}
