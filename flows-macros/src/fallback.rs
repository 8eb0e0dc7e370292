//! Last stage, after an error: the errors, and every name with as much of its type as is known.
//!
//! Without it, each use of the definition would be one more error about something missing. Nothing
//! here can run.

use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use syn::ItemFn;
use syn::ext::IdentExt;

use crate::expand;
use crate::model::{Kind, Model};

/// The names of a definition beside its errors.
pub(crate) fn definition(model: &Model, errors: &TokenStream) -> TokenStream {
    let workflow = model.kind == Kind::Workflow;
    let never = quote!(::std::unreachable!());
    let constants = expand::module_constants(model, workflow.then_some(1));
    let stub = expand::stub(model, &never);
    let krate = &model.names.krate;
    let definition = model.names.definition_path();
    let mut items = vec![
        quote!(#[allow(unused_variables)] #stub),
        quote! {
            impl #krate::__private::Definition for #definition {
                fn register(_: &mut #krate::__private::Registry) {}
            }
        },
        expand::input_struct(model),
        implementation(model, &never),
        expand::module(model, &constants, &TokenStream::new()),
    ];
    items.extend(workflow.then(|| expand::workflow::input_impl(model)));
    items.extend(model.written.as_ref().map(|written| body(model, written)));
    let items = expand::under_cfgs(model, &items);
    quote!(#errors #items)
}

/// The function as written, so that what only its body uses is no unused import.
fn body(model: &Model, written: &ItemFn) -> TokenStream {
    let mut function = written.clone();
    function.attrs.clear();
    function.vis = syn::Visibility::Inherited;
    function.sig.ident = format_ident!("__{}_body", model.names.function.unraw());
    quote!(#[allow(dead_code, unused, clippy::all, clippy::pedantic)] #function)
}

fn implementation(model: &Model, never: &TokenStream) -> TokenStream {
    let (krate, input, output) = (&model.names.krate, &model.names.input, &model.output);
    let definition = model.names.definition_path();
    let constants = expand::constants(model);
    let version = (model.kind == Kind::Workflow).then(|| {
        quote!(
            const VERSION: u32 = 1;
        )
    });
    let (word, context) = (&model.names.definition, model.kind.context());
    quote! {
        impl #krate::__private::#word for #definition {
            #constants
            #version
            type Input = #input;
            type Output = #output;

            async fn run(
                _: #krate::__private::#context,
                _: Self::Input,
            ) -> #krate::__private::Result<Self::Output> {
                #never
            }
        }
    }
}
