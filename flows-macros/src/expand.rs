//! Third stage: the items of a definition, from its model.
//!
//! Nothing here decides anything at run time: the items only connect the user's tokens, with the
//! user's spans, to generic code behind `__private`. Whatever names a type of the user stands
//! beside the function and not inside the generated module, because only there (think of a
//! definition in a function's body) do the user's types resolve; the module reaches them through
//! associated types.

pub(crate) mod activity;
mod body;
mod input;
mod module;
mod stub;
pub(crate) mod workflow;

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};

use crate::model::Model;

pub(crate) use input::{input_struct, params_impl};
pub(crate) use module::{constants as module_constants, module};
pub(crate) use stub::stub;
use stub::uses;

/// Puts the function's `cfg`s on every item.
pub(crate) fn under_cfgs(model: &Model, items: &[TokenStream]) -> TokenStream {
    let cfgs = &model.attrs.cfgs;
    items.iter().map(|item| quote!(#(#cfgs)* #item)).collect()
}

/// The constants that both traits have.
pub(crate) fn constants(model: &Model) -> TokenStream {
    let (krate, recorded) = (&model.names.krate, &model.names.recorded);
    let location = quote_spanned! {model.names.function.span()=>
        #krate::__private::SourceLocation::new(::std::file!(), ::std::line!())
    };
    quote! {
        const NAME: &'static str = #recorded;
        const SOURCE: #krate::__private::SourceLocation = #location;
    }
}

/// `impl Definition` and its registration.
fn registration(model: &Model, add: &TokenStream) -> [TokenStream; 2] {
    let krate = &model.names.krate;
    let definition = model.names.definition_path();
    let implementation = quote! {
        impl #krate::__private::Definition for #definition {
            fn register(registry: &mut #krate::__private::Registry) {
                registry.#add;
            }
        }
    };
    let submission = quote! {
        #krate::__private::inventory::submit! {
            #krate::__private::Registration {
                register: <#definition as #krate::__private::Definition>::register,
            }
        }
    };
    [implementation, submission]
}
