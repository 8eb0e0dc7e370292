//! The user's body, as an associated function of the definition: the one place where it stands.

use proc_macro2::{Ident, TokenStream};
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

/// A call of the body, with `handles` before `input`; `Send` and the error type are checked here,
/// under the function's name.
pub(super) fn run_body(model: &Model, handles: &[TokenStream], input: &Ident) -> TokenStream {
    let (function, krate) = (&model.names.function, &model.names.krate);
    let at_name = runtime(krate, function.span());
    let call = quote_spanned! {function.span()=>
        #at_name::is_send(Self::#function(#(#handles,)* #input))
    };
    let span = model.returns.span();
    let at_type = runtime(krate, span);
    quote_spanned!(span=> #at_type::into_result(#call.await))
}
