//! `#[activity]` and `#[workflow]`: the pipeline from tokens to tokens.

use proc_macro2::TokenStream;
use quote::quote;

use crate::args::activity::ActivityArgs;
use crate::args::workflow::WorkflowArgs;
use crate::errors::Errors;
use crate::model::{Kind, Model, context_names, free_function};
use crate::rewrite::Checks;
use crate::{expand, fallback, graph, lint, rewrite};

/// Expands `#[activity(args)] item`.
pub(crate) fn activity(args: TokenStream, item: TokenStream) -> TokenStream {
    let mut errors = Errors::new();
    let args = ActivityArgs::parse(args, &mut errors);
    let kind = Kind::Activity { transaction: args.transaction };
    let Some(mut function) = free_function(item.clone(), kind.attribute(), &mut errors) else {
        return unchanged(&item, errors);
    };
    lint::activity(&mut function, &args.common.krate);
    let model = Model::read(function, kind, &args.common, &mut errors);
    match errors.finish() {
        Some(errors) => fallback::definition(&model, &errors),
        None => expand::activity::activity(&model, &args),
    }
}

/// Expands `#[workflow(args)] item`.
pub(crate) fn workflow(args: TokenStream, item: TokenStream) -> TokenStream {
    let mut errors = Errors::new();
    let args = WorkflowArgs::parse(args, &mut errors);
    let kind = Kind::Workflow;
    let Some(mut function) = free_function(item.clone(), kind.attribute(), &mut errors) else {
        return unchanged(&item, errors);
    };
    let contexts = context_names(&function.sig);
    let graph = graph::graph(&function.sig.ident, &function.block, &contexts, &args.common.krate);
    let found = lint::function(&mut function, true, &args.common.krate);
    let mut model = Model::read(function, kind, &args.common, &mut errors);
    let before = errors.count();
    let checks = Checks::unless(found.errors.is_some());
    rewrite::body(&mut model.block, &contexts, &args.common.krate, checks, &mut errors);
    if found.hands_over || errors.count() > before {
        model.written = None; // it would be an error of its own
    }
    let (linted, errors) = (found.errors, errors.finish());
    let items = if errors.is_some() || found.hands_over {
        fallback::definition(&model, &errors.unwrap_or_default())
    } else {
        expand::workflow::workflow(&model, &args, &graph)
    };
    quote!(#linted #items)
}

/// The item without the attribute, behind the errors.
fn unchanged(item: &TokenStream, errors: Errors) -> TokenStream {
    let errors = errors.finish();
    quote!(#errors #item)
}
