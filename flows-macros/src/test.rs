//! `#[test]`: an async function as a test, in an environment on virtual time.
//!
//! It becomes a test function that gives an async one to the library. Outside of tests the function
//! is compiled as well, so that examples in documentation are checked.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Attribute, FnArg, Ident, ItemFn, Path, ReturnType, Signature, Type};

use crate::args::{Args, common};
use crate::errors::Errors;
use crate::model::{check_modifiers, function};

const ATTRIBUTE: &str = "`#[flows::test]`";

/// Expands the attribute.
pub(crate) fn expand(args: TokenStream, item: TokenStream) -> TokenStream {
    let mut errors = Errors::new();
    let mut args = Args::parse(args, ATTRIBUTE, &["postgres", "crate"], &mut errors);
    let krate = common::krate(&mut args, &mut errors);
    let postgres = args.take("postgres").is_some_and(|arg| arg.flag(&mut errors));
    let test = function(item, ATTRIBUTE, &mut errors);
    if let Some(test) = &test {
        check_modifiers(&test.sig, &mut errors);
        check_parameters(&test.sig, &mut errors);
        check_attributes(&test.attrs, &mut errors);
    }
    match (errors.finish(), test) {
        (None, Some(test)) if postgres => on_both(test, &krate),
        (None, Some(test)) => on_memory(test, &krate),
        (errors, _) => errors.unwrap_or_default(),
    }
}

fn check_parameters(sig: &Signature, errors: &mut Errors) {
    let name = &sig.ident;
    if !sig.generics.params.is_empty() {
        errors.on(&sig.generics, format!("`{name}` cannot be generic: nobody calls a test"));
    }
    let allowed = "a test takes nothing, or its environment: `env: TestEnv`";
    for (at, input) in sig.inputs.iter().enumerate() {
        match input {
            FnArg::Receiver(receiver) => {
                let message = format!("`{name}` takes `self`, and a test is a free function");
                errors.on(receiver, message);
            }
            FnArg::Typed(typed) if at == 0 => {
                if let Type::Reference(reference) = &*typed.ty {
                    errors.on(reference, format!("{allowed}, by value"));
                }
            }
            other => errors.on(other, allowed),
        }
    }
}

fn check_attributes(attrs: &[Attribute], errors: &mut Errors) {
    for attr in attrs {
        if attr.path().segments.last().is_some_and(|last| last.ident == "test") {
            errors.on(attr, format!("{ATTRIBUTE} makes it a test already: remove this attribute"));
        }
    }
}

/// One test.
fn on_memory(test: ItemFn, krate: &Path) -> TokenStream {
    let (attrs, vis, name) = (&test.attrs, &test.vis, &test.sig.ident);
    let output = &test.sig.output;
    let (marks, body) = (marks(name.span()), body(&test, krate));
    let run = run(&test, krate, &on_memory_of(&test, krate), name.to_token_stream());
    quote! {
        #marks
        #(#attrs)*
        #vis fn #name() #output {
            #body
            #run
        }
    }
}

/// Two tests in a module of the function's name.
fn on_both(test: ItemFn, krate: &Path) -> TokenStream {
    let name = &test.sig.ident;
    let marks = marks(name.span());
    let (docs, attrs): (Vec<_>, Vec<_>) =
        test.attrs.iter().partition(|attr| attr.path().is_ident("doc"));
    let cfgs: Vec<_> = attrs.iter().filter(|attr| attr.path().is_ident("cfg")).collect();
    let output = match &test.sig.output {
        ReturnType::Default => None,
        ReturnType::Type(..) => Some(quote!(-> impl ::std::process::Termination)),
    };
    let body = body(&test, krate);
    let one = |ident: &str, runner: TokenStream| {
        let ident = Ident::new(ident, name.span());
        let run = run(&test, krate, &runner, quote!(super::#name));
        quote! {
            #marks
            #(#attrs)*
            pub(super) fn #ident() #output {
                #run
            }
        }
    };
    let memory = one("memory", on_memory_of(&test, krate));
    let postgres = one("postgres", quote!(#krate::pg::testing::on_postgres));
    quote! {
        #(#docs)*
        #(#cfgs)*
        #[cfg_attr(not(test), allow(dead_code))]
        #body
        #(#cfgs)*
        #[cfg_attr(not(test), allow(dead_code))]
        mod #name {
            #memory
            #postgres
        }
    }
}

/// What runs a test on the memory store; one without an environment needs none of the definitions.
fn on_memory_of(test: &ItemFn, krate: &Path) -> TokenStream {
    let runner = if test.sig.inputs.is_empty() { "in_virtual_time" } else { "on_memory" };
    let runner = Ident::new(runner, Span::call_site());
    quote!(#krate::testing::#runner)
}

fn marks(span: Span) -> TokenStream {
    quote_spanned! {span=>
        #[cfg_attr(test, ::core::prelude::v1::test)]
        #[cfg_attr(not(test), allow(dead_code))]
    }
}

/// The async function; without a return type, one that may use `?`.
fn body(test: &ItemFn, krate: &Path) -> TokenStream {
    let Signature { ident, inputs, output, .. } = &test.sig;
    let block = &test.block;
    match output {
        ReturnType::Default => quote! {
            #[allow(unreachable_code, unused_braces)]
            async fn #ident(#inputs) -> #krate::Result<()> {
                #block
                ::core::result::Result::Ok(())
            }
        },
        ReturnType::Type(..) => quote!(async fn #ident(#inputs) #output #block),
    }
}

/// Gives the function at `path` to the library.
fn run(test: &ItemFn, krate: &Path, runner: &TokenStream, path: TokenStream) -> TokenStream {
    let call = match test.sig.inputs.first() {
        Some(FnArg::Typed(typed)) => {
            let env = Ident::new("env", Span::mixed_site());
            // Where it stands, the compiler says that the function takes something else.
            let given = Ident::new("env", Span::mixed_site().located_at(typed.ty.span()));
            quote!(#runner(|#env| #path(#given)))
        }
        _ => quote!(#runner(|_| #path())),
    };
    match test.sig.output {
        ReturnType::Default => quote!(#krate::testing::passed(#call)),
        ReturnType::Type(..) => call,
    }
}
