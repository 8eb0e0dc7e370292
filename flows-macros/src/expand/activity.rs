//! The expansion of `#[activity]`.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::Path;
use syn::ext::IdentExt;
use syn::spanned::Spanned;

use super::body::{body, complete_error, run_body, run_method};
use super::module;
use super::stub::new_call;
use crate::args::activity::ActivityArgs;
use crate::model::{Handle, Model, state};

/// All items of an activity.
pub(crate) fn activity(model: &Model, args: &ActivityArgs) -> TokenStream {
    let add = {
        let krate = &model.names.krate;
        quote!(add_activity(#krate::__private::ActivityDef::of::<Self>()))
    };
    let constants = module::constants(model, None);
    let [definition, submission] = super::registration(model, &add);
    let items = [
        super::stub(model, &new_call(model)),
        super::input_struct(model),
        super::params_impl(model),
        body(model),
        implementation(model, args),
        compensation(model, args),
        definition,
        submission,
        super::uses(model),
        super::module(model, &constants, &module::run(model)),
    ];
    super::under_cfgs(model, &items)
}

fn implementation(model: &Model, args: &ActivityArgs) -> TokenStream {
    let (krate, input, output) = (&model.names.krate, &model.names.input, &model.output);
    let (definition, lints) = (model.names.definition_path(), &model.attrs.lints);
    let constants = super::constants(model);
    let is_used = model.context().is_some() || is_transactional(model);
    let ctx = Ident::new(if is_used { "ctx" } else { "_ctx" }, Span::mixed_site());
    let given = Ident::new("input", Span::mixed_site());
    let run = run_method(model, [&ctx, &given], &run(model, &ctx, &given));
    let codec = args.postcard.then(|| {
        let codec = quote!(#krate::__private::Codec);
        quote!(const CODEC: #codec = #codec::Postcard;)
    });
    let transactional = is_transactional(model).then(|| {
        quote!(
            const TRANSACTIONAL: bool = true;
        )
    });
    let compensation = args.compensate.as_ref().map(|by| {
        let by = label(by);
        quote!(
            const COMPENSATION: &'static str = #by;
        )
    });
    let queue = args.common.queue().map(|queue| {
        quote!(
            const QUEUE: &'static str = #queue;
        )
    });
    let spills = args.spill.then(|| {
        quote!(
            const SPILLS: bool = true;
        )
    });
    let complete_error = complete_error(model);
    let (options, needs) = (options(model, args), state_needs(model));
    let name = format!("::{}", model.names.function.unraw());
    quote! {
        #(#lints)*
        impl #krate::__private::Activity for #definition {
            #constants
            const PATH: &'static str = ::std::concat!(::std::module_path!(), #name);
            #codec
            #transactional
            #compensation
            #queue
            #spills
            type Input = #input;
            type Output = #output;

            #run
            #complete_error
            #options
            #needs
        }
    }
}

/// How it is undone, where the attribute says by which activity.
fn compensation(model: &Model, args: &ActivityArgs) -> TokenStream {
    let Some(by) = &args.compensate else { return TokenStream::new() };
    let (krate, input) = (&model.names.krate, &model.names.input);
    let (definition, lints) = (model.names.definition_path(), &model.attrs.lints);
    let [ctx, given, output] =
        ["ctx", "input", "output"].map(|name| Ident::new(name, Span::mixed_site()));
    let params: Vec<_> = model.params.iter().filter(|param| param.cfgs.is_empty()).collect();
    let fields = params.iter().map(|param| &param.ident);
    // what does not fit is said where the compensation is named
    let at = by.span();
    let located = |ident: &Ident| {
        let mut ident = ident.clone();
        ident.set_span(ident.span().located_at(at));
        ident
    };
    let values = fields.clone().map(located);
    let given_output = located(&output);
    let call = quote_spanned!(at=>
        #krate::__private::compensation(#ctx, #by, (#(#values,)*), #given_output)
    );
    quote! {
        #(#lints)*
        impl #krate::__private::Compensated for #definition {
            fn compensate(
                #ctx: &#krate::__private::WorkflowContext,
                #given: Self::Input,
                #output: Self::Output,
            ) -> #krate::__private::Compensation {
                let #input { #(#fields,)* .. } = #given;
                #call
            }
        }
    }
}

/// A path as it is written, without spaces.
fn label(path: &Path) -> String {
    path.to_token_stream().to_string().replace(' ', "")
}

/// The call of the body; in a transaction, if it asks for one.
fn run(model: &Model, ctx: &Ident, input: &Ident) -> TokenStream {
    let krate = &model.names.krate;
    let tx = Ident::new("tx", Span::mixed_site());
    let handles: Vec<_> = model
        .handles
        .iter()
        .map(|(handle, _)| if *handle == Handle::Transaction { quote!(#tx) } else { quote!(&#ctx) })
        .collect();
    let call = run_body(model, &handles, input);
    match is_transactional(model) {
        true => quote! {
            #krate::pg::__private::in_transaction(&#ctx, async |#tx| { #call }).await
        },
        false => call,
    }
}

fn is_transactional(model: &Model) -> bool {
    model.handles.iter().any(|(handle, _)| *handle == Handle::Transaction)
}

fn options(model: &Model, args: &ActivityArgs) -> Option<TokenStream> {
    let krate = &model.names.krate;
    let options = args.options(krate)?;
    Some(quote! {
        fn options() -> #krate::__private::ActivityOptions {
            #options
        }
    })
}

fn state_needs(model: &Model) -> Option<TokenStream> {
    let krate = &model.names.krate;
    let needs = state::needs(model.context(), &model.block);
    (!needs.is_empty()).then(|| {
        quote! {
            fn state_needs() -> ::std::vec::Vec<#krate::__private::StateNeed> {
                ::std::vec![#(#krate::__private::StateNeed::of::<#needs>()),*]
            }
        }
    })
}
