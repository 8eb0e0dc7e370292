//! The input struct, and the parameter types for the generated module.

use proc_macro2::TokenStream;
use quote::{format_ident, quote, quote_spanned};
use syn::Ident;

use crate::model::{Model, Param};

/// `struct __order_Input { … }`, beside the function.
pub(crate) fn input_struct(model: &Model) -> TokenStream {
    let (vis, input) = (&model.vis, &model.names.input);
    let serde = {
        let krate = &model.names.krate;
        quote!(#krate::__private::serde)
    };
    let serde_path = serde.to_string().replace(' ', "");
    let bounds = stored(model);
    let bounds = quote!(#(#bounds),*).to_string();
    let bound = (!bounds.is_empty()).then(|| quote!(, bound = #bounds));
    let fields = model.params.iter().map(|param| {
        let Param { cfgs, field, ident, ty, .. } = param;
        let is_said = field.iter().any(|attr| attr.path().is_ident("doc"));
        let said = quote_spanned!(ident.span()=> #[doc = " A parameter of the function."]);
        let doc = (!is_said).then_some(said);
        quote!(#(#cfgs)* #doc #(#field)* #vis #ident: #ty)
    });
    let lints = &model.attrs.lints;
    quote! {
        #[doc(hidden)]
        #[allow(missing_debug_implementations, non_camel_case_types, unreachable_pub)]
        #(#lints)*
        #[derive(#serde::Serialize, #serde::Deserialize)]
        #[serde(crate = #serde_path #bound)]
        #vis struct #input {
            #(#fields,)*
        }
    }
}

/// `for<'stored> Customer: Stored<'stored>`: what serde needs of the types is asked for where the input is
/// used, once, and not at each place of what it derives. (With a lifetime, a bound that does not hold is no
/// error by itself.) A type that a string cannot name, or that may not be there, is not named.
pub(super) fn stored(model: &Model) -> Vec<TokenStream> {
    let krate = &model.names.krate;
    let types = model.params.iter().filter(|param| param.cfgs.is_empty()).map(|param| &param.ty);
    let types = types.filter(|ty| !quote!(#ty).to_string().contains('$'));
    types.map(|ty| quote!(for<'stored> #ty: #krate::__private::Stored<'stored>)).collect()
}

/// The types of the parameters and of the result, under names the module can use.
pub(crate) fn params_impl(model: &Model) -> TokenStream {
    let module = &model.names.module;
    let definition = model.names.definition_path();
    let types = model.params.iter().enumerate().map(|(at, param)| {
        let Param { cfgs, ty, .. } = param;
        let name = param_type(at);
        quote!(#(#cfgs)* type #name = #ty;)
    });
    let returns = &model.returns;
    quote! {
        impl #module::__Params for #definition {
            #(#types)*
            type Returns = #returns;
        }
    }
}

/// The associated type of a parameter.
pub(super) fn param_type(at: usize) -> Ident {
    format_ident!("P{at}")
}

/// `__order_Input { customer, items }`: the struct made of, or taken apart into, variables.
pub(super) fn fields<'a>(model: &'a Model) -> impl Iterator<Item = TokenStream> + 'a {
    model.params.iter().map(|Param { cfgs, ident, .. }| quote!(#(#cfgs)* #ident))
}
