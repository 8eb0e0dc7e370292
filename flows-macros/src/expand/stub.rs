//! The function that workflow code calls instead of the user's.

use proc_macro2::TokenStream;
use quote::{format_ident, quote};

use super::input::fields;
use crate::model::{Kind, Model, StubParam};

/// The stub; `body` makes the call from `ctx` and the parameters.
pub(crate) fn stub(model: &Model, body: &TokenStream) -> TokenStream {
    let (vis, function, krate) = (&model.vis, &model.names.function, &model.names.krate);
    let (docs, lints) = (&model.attrs.stub, &model.attrs.lints);
    let (generics, clause) = (&model.generics, &model.generics.where_clause);
    let params =
        model.stub.iter().map(|StubParam { cfgs, ident, ty }| quote!(#(#cfgs)* #ident: #ty));
    let definition = model.names.definition_path();
    let (ctx, call) = (context(), call_type(model));
    quote! {
        #(#docs)*
        #(#lints)*
        #[track_caller]
        #[allow(unreachable_pub, clippy::too_many_arguments)]
        #vis fn #function #generics (
            #ctx: &#krate::__private::WorkflowContext,
            #(#params,)*
        ) -> #krate::__private::#call<#definition> #clause {
            #body
        }
    }
}

/// Uses all names of a definition, which a program may leave unused: an `allow` would be refused where it
/// forbids that.
pub(super) fn uses(model: &Model) -> TokenStream {
    let (function, module, lints) =
        (&model.names.function, &model.names.module, &model.attrs.lints);
    let definition = model.names.definition_path();
    let deprecated = model.attrs.stub.iter().filter(|attr| attr.path().is_ident("deprecated"));
    let constants = match model.kind {
        Kind::Workflow => quote!((#definition::NAME, #definition::VERSION, #definition::GRAPH)),
        Kind::Activity { .. } => quote!(#definition::NAME),
    };
    quote! {
        #(#deprecated)*
        #(#lints)*
        const _: () = {
            let _ = (#function, #module::run, #constants);
            let _: ::std::option::Option<(#module::Definition, #module::Input, #module::Output)>;
        };
    }
}

/// `Call::new(ctx, Input { … })`.
pub(super) fn new_call(model: &Model) -> TokenStream {
    let (krate, input) = (&model.names.krate, &model.names.input);
    let definition = model.names.definition_path();
    let (ctx, call, fields) = (context(), call_type(model), fields(model));
    quote!(#krate::__private::#call::<#definition>::new(#ctx, #input { #(#fields,)* }))
}

fn call_type(model: &Model) -> syn::Ident {
    match model.kind {
        Kind::Workflow => format_ident!("ChildCall"),
        Kind::Activity { .. } => format_ident!("Call"),
    }
}

/// Hygienic, so that a parameter of the user may have the same name.
fn context() -> syn::Ident {
    syn::Ident::new("ctx", proc_macro2::Span::mixed_site())
}
