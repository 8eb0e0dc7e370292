//! The user's body, as an associated function of the definition: the one place where it stands.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;

use crate::model::{Kind, Model, Param};
use crate::runtime::runtime;

/// `impl order::Workflow { async fn order(ctx: …, __order_Input { … }: __order_Input) -> … { … } }`
pub(super) fn body(model: &Model) -> TokenStream {
    let (function, input) = (&model.names.function, &model.names.input);
    let definition = model.names.definition_path();
    let (attrs, lints) = (&model.attrs.body, &model.attrs.lints);
    let handles = model.handles.iter().map(|(_, param)| param);
    let bindings = model.params.iter().map(|param| {
        let Param { cfgs, lints, mutability, ident, .. } = param;
        quote!(#(#cfgs)* #(#lints)* #mutability #ident)
    });
    let (returns, block) = (&model.returns, &model.block);
    let forgotten = (model.kind == Kind::Workflow).then(|| quote!(#[deny(unused_must_use)]));
    quote! {
        impl #definition {
            #(#attrs)*
            #(#lints)*
            #forgotten
            async fn #function(
                #(#handles,)*
                #input { #(#bindings,)* }: #input,
            ) -> #returns #block
        }
    }
}

/// `async fn run`, the trait's way to the body. It has the span of the function's name, because an
/// error about a future that is not `Send` is reported there.
pub(super) fn run_method(
    model: &Model,
    [ctx, input]: [&Ident; 2],
    body: &TokenStream,
) -> TokenStream {
    let (span, context) = (model.names.function.span(), model.kind.context());
    let runtime = runtime(&model.names.krate, span);
    quote_spanned! {span=>
        async fn run(
            #ctx: #runtime::#context,
            #input: Self::Input,
        ) -> #runtime::Result<Self::Output> {
            #body
        }
    }
}

/// A call of the body, with `handles` before `input`, and its error as the library's: how is chosen
/// by the type of it.
pub(super) fn run_body(model: &Model, handles: &[TokenStream], input: &Ident) -> TokenStream {
    let (function, krate) = (&model.names.function, &model.names.krate);
    let span = model.returns.span();
    let runtime = runtime(krate, span);
    let [result, kind] = ["result", "kind"].map(|name| Ident::new(name, span));
    quote_spanned! {span=>
        use #runtime::conversions_prelude::*;
        let #result = Self::#function(#(#handles,)* #input).await;
        let #kind = &&&&#runtime::ReturnType::of(&#result);
        #kind.convert(#result)
    }
}

/// The method that adds its value to an error of the body's own type. It has the user's type only as an
/// associated one, so that an error about it is not said again.
pub(super) fn complete_error(model: &Model) -> TokenStream {
    let (krate, module) = (&model.names.krate, &model.names.module);
    let error = Ident::new("error", Span::mixed_site());
    quote! {
        fn complete_error(#error: #krate::__private::Error) -> #krate::__private::Error {
            use #krate::__private::completions_prelude::*;
            (&&#krate::__private::ReturnType::<<Self as #module::__Params>::Returns>::new())
                .complete(#error)
        }
    }
}
