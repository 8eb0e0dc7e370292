//! The input struct, and the parameter types for the generated module.

use proc_macro2::{Span, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::Ident;
use syn::ext::IdentExt;
use syn::spanned::Spanned;

use crate::model::{Model, Param};
use crate::runtime::runtime;

/// `struct __order_Input { … }`, beside the function, and how serde writes and reads it.
pub(crate) fn input_struct(model: &Model) -> TokenStream {
    let (vis, input) = (&model.vis, &model.names.input);
    let fields = model.params.iter().map(|param| {
        let Param { cfgs, field, ident, ty, .. } = param;
        quote!(#(#cfgs)* #(#field)* #vis #ident: #ty)
    });
    let lints = &model.attrs.lints;
    let (derive, impls) = if is_plain(model) {
        (None, Some(serde_impls(model)))
    } else {
        (Some(serde_derive(model)), None)
    };
    quote! {
        #[doc(hidden)]
        #[allow(missing_debug_implementations, non_camel_case_types, unreachable_pub)]
        #(#lints)*
        #derive
        #vis struct #input {
            #(#fields,)*
        }
        #impls
    }
}

/// Whether its serialized form is known here: no `serde` attribute says another, and every field is
/// there.
fn is_plain(model: &Model) -> bool {
    model.params.iter().all(|Param { cfgs, field, .. }| {
        cfgs.is_empty() && !field.iter().any(|attr| attr.path().is_ident("serde"))
    })
}

fn serde_derive(model: &Model) -> TokenStream {
    let krate = &model.names.krate;
    let serde = quote!(#krate::__private::serde);
    let serde_path = serde.to_string().replace(' ', "");
    let bounds = stored(model);
    let bounds = quote!(#(#bounds),*).to_string();
    let bound = (!bounds.is_empty()).then(|| quote!(, bound = #bounds));
    quote! {
        #[derive(#serde::Serialize, #serde::Deserialize)]
        #[serde(crate = #serde_path #bound)]
    }
}

/// What the derives would do, by generic code: their own is long, and compiled for each definition.
fn serde_impls(model: &Model) -> TokenStream {
    let (krate, input) = (&model.names.krate, &model.names.input);
    // What the compiler says of an argument points at the function.
    let span = model.names.function.span();
    let library = runtime(krate, span);
    let bounds = stored(model);
    let bounds = (!bounds.is_empty()).then(|| quote!(where #(#bounds,)*));
    let cfgs = &model.attrs.cfgs;
    // With spans of the macro's own, because lints of names are for the user's code.
    let ours = |param: &Param| {
        let mut name = param.ident.clone();
        name.set_span(Span::mixed_site());
        name
    };
    let names: Vec<_> = model.params.iter().map(ours).collect();
    let (name, fields) = (input.to_string(), names.iter().map(|name| name.unraw().to_string()));
    let this = quote!(#library::InputStruct::new(#name, &[#(#fields),*]));
    let list = names.iter().rev().fold(quote!(()), |list, name| quote!((#name, #list)));
    let serde = Ident::new("serde", Span::mixed_site());
    quote_spanned! {span=>
        #[automatically_derived]
        #(#cfgs)*
        impl #library::serde::Serialize for #input #bounds {
            fn serialize<S: #library::serde::Serializer>(
                &self,
                #serde: S,
            ) -> ::std::result::Result<S::Ok, S::Error> {
                let Self { #(#names),* } = self;
                #this.write(#serde, #list)
            }
        }
        #[automatically_derived]
        #(#cfgs)*
        impl<'de> #library::serde::Deserialize<'de> for #input #bounds {
            fn deserialize<D: #library::serde::Deserializer<'de>>(
                #serde: D,
            ) -> ::std::result::Result<Self, D::Error> {
                let #list = #this.read(#serde)?;
                ::std::result::Result::Ok(Self { #(#names),* })
            }
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
    let bound = |ty: &syn::Type| {
        let runtime = runtime(krate, ty.span());
        quote_spanned!(ty.span()=> for<'stored> #ty: #runtime::Stored<'stored>)
    };
    types.map(bound).collect()
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
