//! The expansion of `#[workflow]`.

use proc_macro2::{Ident, Span, TokenStream};
use quote::quote;

use super::body::{body, complete_error, run_body, run_method};
use super::input::stored;
use super::module;
use super::stub::new_call;
use crate::args::workflow::WorkflowArgs;
use crate::model::Model;

/// All items of a workflow.
pub(crate) fn workflow(model: &Model, args: &WorkflowArgs, graph: &TokenStream) -> TokenStream {
    let add = {
        let krate = &model.names.krate;
        quote!(add_workflow(#krate::__private::WorkflowDef::of::<Self>()))
    };
    let constants = module::constants(model, Some(args.version));
    let [definition, submission] = super::registration(model, &add);
    let items = [
        super::stub(model, &new_call(model)),
        super::input_struct(model),
        input_impl(model),
        super::params_impl(model),
        body(model),
        implementation(model, args, graph),
        definition,
        submission,
        super::uses(model),
        super::module(model, &constants, &module::run(model)),
    ];
    super::under_cfgs(model, &items)
}

/// Leads from the input back to the workflow.
pub(crate) fn input_impl(model: &Model) -> TokenStream {
    let (krate, input) = (&model.names.krate, &model.names.input);
    let (definition, bounds) = (model.names.definition_path(), stored(model));
    let bounds = (!bounds.is_empty()).then(|| quote!(where #(#bounds,)*));
    quote! {
        impl #krate::__private::WorkflowInput for #input #bounds {
            type Workflow = #definition;
        }
    }
}

fn implementation(model: &Model, args: &WorkflowArgs, graph: &TokenStream) -> TokenStream {
    let (krate, input, output) = (&model.names.krate, &model.names.input, &model.output);
    let (definition, lints) = (model.names.definition_path(), &model.attrs.lints);
    let (constants, version) = (super::constants(model), args.version);
    let ctx = Ident::new("ctx", Span::mixed_site());
    let given = Ident::new("input", Span::mixed_site());
    let run = run_body(model, &[quote!(&#ctx)], &given);
    let run = run_method(model, [&ctx, &given], &run);
    let complete_error = complete_error(model);
    let options = args.options(krate).map(|options| {
        quote! {
            fn options() -> #krate::__private::WorkflowOptions {
                #options
            }
        }
    });
    quote! {
        #(#lints)*
        impl #krate::__private::Workflow for #definition {
            #constants
            const VERSION: u32 = #version;
            type Input = #input;
            type Output = #output;

            #run
            #complete_error
            #options
            const GRAPH: #krate::__private::Graph = #graph;
        }
    }
}
