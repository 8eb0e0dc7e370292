//! The module of the definition's name: everything about it that is not the call.

use proc_macro2::TokenStream;
use quote::quote;

use super::input::{fields, param_type};
use crate::model::{Handle, Kind, Model, Param, one_level_down};

/// `mod order { pub struct Workflow; pub type Input; pub type Output; pub fn run }`
pub(crate) fn module(model: &Model, constants: &TokenStream, run: &TokenStream) -> TokenStream {
    let (module, definition, krate) =
        (&model.names.module, &model.names.definition, &model.names.krate);
    let (outer, vis) = (&model.vis, one_level_down(&model.vis));
    let about = format!(" What {} made of `{}`.", model.kind.attribute(), model.names.function);
    let types = model.params.iter().enumerate().map(|(at, Param { cfgs, .. })| {
        let name = param_type(at);
        quote! {
            #(#cfgs)*
            type #name;
        }
    });
    let lints = &model.attrs.lints;
    let projection = quote!(<#definition as #krate::__private::#definition>);
    quote! {
        #[doc = #about]
        #[allow(unreachable_pub)]
        #(#lints)*
        #outer mod #module {
            /// The definition.
            #[derive(Clone, Copy, Debug)]
            #vis struct #definition;

            #[doc(hidden)]
            #vis type Definition = #definition;

            /// The arguments, by name.
            #vis type Input = #projection::Input;

            /// The success type.
            #vis type Output = #projection::Output;

            impl #definition {
                #constants
            }

            #[doc(hidden)]
            #vis trait __Params {
                #(#types)*
                type Returns;
            }

            #run
        }
    }
}

/// The inherent constants, so that no trait need be in scope; `version` is a workflow's.
pub(crate) fn constants(model: &Model, version: Option<u32>) -> TokenStream {
    let vis = one_level_down(&model.vis);
    let recorded = &model.names.recorded;
    let krate = &model.names.krate;
    let version = version.map(|version| {
        quote! {
            /// The version of new runs.
            #vis const VERSION: u32 = #version;

            /// The durable call sites; `Display`, `mermaid()` and `dot()` show them.
            #vis const GRAPH: #krate::__private::Graph =
                <Self as #krate::__private::Workflow>::GRAPH;
        }
    });
    quote! {
        /// The name under which it is recorded.
        #vis const NAME: &'static str = #recorded;
        #version
    }
}

/// `run(ctx, customer, cents)`: the body with the user's own parameters, for unit tests.
pub(super) fn run(model: &Model) -> TokenStream {
    let vis = one_level_down(&model.vis);
    let (definition, function) = (&model.names.definition, &model.names.function);
    let params = model.params.iter().enumerate().map(|(at, Param { cfgs, ident, .. })| {
        let name = param_type(at);
        quote!(#(#cfgs)* #ident: <#definition as __Params>::#name)
    });
    let (handles, types): (Vec<_>, Vec<_>) =
        model.handles.iter().map(|(handle, _)| handle_of_run(model, *handle)).unzip();
    let fields = fields(model);
    quote! {
        /// Runs the body directly, with nothing recorded: for unit tests.
        #[allow(clippy::too_many_arguments)]
        #vis fn run(
            #(#handles: #types,)*
            #(#params,)*
        ) -> impl ::std::future::Future<Output = <#definition as __Params>::Returns> {
            #definition::#function(#(#handles,)* Input { #(#fields,)* })
        }
    }
}

fn handle_of_run(model: &Model, handle: Handle) -> (syn::Ident, TokenStream) {
    let krate = &model.names.krate;
    let (name, ty) = match handle {
        Handle::Workflow => ("ctx", quote!(&#krate::__private::WorkflowContext)),
        Handle::Activity => ("ctx", quote!(&#krate::__private::ActivityContext)),
        Handle::Transaction => ("tx", quote!(&#krate::pg::Transaction<'_>)),
    };
    debug_assert!(handle != Handle::Transaction || model.kind != Kind::Workflow);
    (syn::Ident::new(name, proc_macro2::Span::mixed_site()), ty)
}
