//! `#[durable]`: a helper of workflow code, generic and borrowing as it likes.
//!
//! `async fn f(..) -> R` becomes `fn f(..) -> Block<impl Future<Output = R>>`, so that calling it
//! gives something that may be awaited in a workflow. No name is recorded; the only item added is
//! the submission of its graph, inside the function, where methods and generic ones may have it.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;
use syn::visit::Visit;
use syn::{Block, ItemFn, Path, ReturnType, TypeImplTrait};

use crate::args::{Args, common};
use crate::errors::Errors;
use crate::model::{check_modifiers, context_names, function};
use crate::rewrite::Checks;
use crate::runtime::runtime;
use crate::{graph, lint, rewrite};

const ATTRIBUTE: &str = "`#[durable]`";

/// Expands the attribute.
pub(crate) fn expand(args: TokenStream, item: TokenStream) -> TokenStream {
    let mut errors = Errors::new();
    let mut args = Args::parse(args, ATTRIBUTE, &["crate"], &mut errors);
    let krate = common::krate(&mut args, &mut errors);
    let Some(mut helper) = function(item.clone(), ATTRIBUTE, &mut errors) else {
        let errors = errors.finish();
        return quote!(#errors #item);
    };
    check_modifiers(&helper.sig, &mut errors);
    let contexts = context_names(&helper.sig);
    let graph = graph::graph(&helper.sig.ident, &helper.block, &contexts, &krate);
    let found = lint::function(&mut helper, false, &krate);
    let checks = Checks::unless(found.errors.is_some());
    rewrite::body(&mut helper.block, &contexts, &krate, checks, &mut errors);
    let (linted, errors) = (found.errors, errors.finish());
    if errors.is_some() || found.hands_over {
        let helper = signature(helper, &krate, &quote!({ ::std::unreachable!() }), None);
        return quote!(#linted #errors #[allow(unused)] #helper);
    }
    let body = typed_body(&helper.block, &helper.sig.output);
    let helper = signature(helper, &krate, &body, Some(&graph));
    quote!(#linted #helper)
}

fn signature(
    mut helper: ItemFn,
    krate: &Path,
    body: &TokenStream,
    graph: Option<&TokenStream>,
) -> TokenStream {
    helper.sig.asyncness = None;
    let failed = failed(&helper.sig.output, krate);
    let output = match &helper.sig.output {
        ReturnType::Default => quote!(()),
        ReturnType::Type(_, ty) => quote!(#ty),
    };
    let future = quote!(impl ::std::future::Future<Output = #output> + ::std::marker::Send);
    helper.sig.output = ReturnType::Type(
        syn::token::RArrow::default(),
        Box::new(syn::Type::Verbatim(quote!(#krate::__private::Block<#future>))),
    );
    let ItemFn { attrs, vis, sig, .. } = &helper;
    let runtime = runtime(krate, sig.ident.span());
    let submission = graph.map(|graph| {
        quote! {
            #krate::__private::inventory::submit! { #krate::__private::HelperGraph(#graph) }
        }
    });
    let block = quote_spanned!(sig.ident.span()=> #runtime::helper(async move #body, #failed));
    quote! {
        #(#attrs)*
        #[deny(unused_must_use)]
        #vis #sig {
            #submission
            #block
        }
    }
}

/// The body, which knows its type from a `return` that is never reached: an `async` block cannot
/// say it, and `?`, coercions and error messages depend on it.
fn typed_body(block: &Block, output: &ReturnType) -> TokenStream {
    let ReturnType::Type(_, ty) = output else { return quote!(#block) };
    if has_impl_trait(ty) {
        return quote!(#block);
    }
    let stmts = &block.stmts;
    let expected = quote_spanned!(ty.span()=> ::std::option::Option::None::<#ty>);
    quote! {{
        if let ::std::option::Option::Some(never) = #expected {
            return never;
        }
        #(#stmts)*
    }}
}

/// Whether what it gives is an error. Of a type without a name nobody knows.
fn failed(output: &ReturnType, krate: &Path) -> TokenStream {
    match output {
        ReturnType::Type(_, ty) if !has_impl_trait(ty) => quote! {
            |output: &#ty| {
                use #krate::__private::{MayFail as _, NeverFails as _};
                (&&#krate::__private::BlockOutput(output)).failed()
            }
        },
        ReturnType::Type(..) => quote!(|_| true),
        ReturnType::Default => quote!(|_| false),
    }
}

fn has_impl_trait(ty: &syn::Type) -> bool {
    struct Search(bool);
    impl<'ast> Visit<'ast> for Search {
        fn visit_type_impl_trait(&mut self, _: &'ast TypeImplTrait) {
            self.0 = true;
        }
    }
    let mut search = Search(false);
    search.visit_type(ty);
    search.0
}
