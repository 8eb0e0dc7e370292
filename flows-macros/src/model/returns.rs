//! The return type: `Result<T>`, `Result<T, E>`, or another name for one of them.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{
    GenericArgument, Path, PathArguments, ReturnType, Signature, Type, TypeParamBound, TypePath,
};

use super::param::check_type;
use crate::errors::Errors;

/// The return type as written and its success type, which the compiler finds where it is not to be
/// seen; repaired after an error.
pub(super) fn read(sig: &Signature, krate: &Path, errors: &mut Errors) -> (Type, Type) {
    let name = &sig.ident;
    let given = future_of(sig);
    if let (Some((future, output)), Some(_)) = (given, &sig.asyncness) {
        let shown = shown(output);
        errors.on(future, format!("an `async fn` is the future already: write `-> {shown}`"));
    }
    let found = match &sig.output {
        ReturnType::Type(_, ty) => match success(given.map_or(ty, |(_, output)| output)) {
            Some(Type::ImplTrait(output)) => {
                errors.on(output, "the output is stored: name a type that serde can write");
                None
            }
            Some(output) if !check_type("a result", output, errors) => None,
            Some(output) if given.is_some() => {
                Some((verbatim(quote!(#krate::__private::Result<#output>)), output.clone()))
            }
            Some(output) => Some(((**ty).clone(), output.clone())),
            None if may_be_a_result(ty) => {
                let output =
                    quote_spanned!(ty.span()=> <#ty as #krate::__private::Returned>::Output);
                Some(((**ty).clone(), verbatim(output)))
            }
            None => {
                errors.on(ty, not_a_result(&name.to_string(), ty));
                None
            }
        },
        ReturnType::Default => {
            let message = format!("`{name}` must return `Result<T>`: add `-> Result<()>`");
            errors.on(name, message);
            None
        }
    };
    found.unwrap_or_else(|| (verbatim(quote!(#krate::__private::Result<()>)), verbatim(quote!(()))))
}

/// The `T` of a path that ends in `Result<T, …>`.
fn success(ty: &Type) -> Option<&Type> {
    let Type::Path(TypePath { qself: None, path, .. }) = ty else { return None };
    let last = path.segments.last().filter(|last| last.ident == "Result")?;
    let PathArguments::AngleBracketed(arguments) = &last.arguments else { return None };
    match arguments.args.first()? {
        GenericArgument::Type(output) => Some(output),
        _ => None,
    }
}

/// Whether a type may be a `Result` by another name.
fn may_be_a_result(ty: &Type) -> bool {
    let Type::Path(TypePath { path, .. }) = ty else { return matches!(ty, Type::Macro(_)) };
    let name = |last: &syn::PathSegment| last.ident.to_string();
    path.segments.last().map(name).is_some_and(|name| !NO_RESULTS.contains(&&*name))
}

/// Types of the standard library that are none.
const NO_RESULTS: &[&str] = &[
    "bool", "char", "str", "String", "u8", "u16", "u32", "u64", "u128", "usize", "i8", "i16",
    "i32", "i64", "i128", "isize", "f32", "f64", "Option", "Vec", "Box", "Arc", "HashMap",
    "BTreeMap",
];

fn not_a_result(name: &str, ty: &Type) -> String {
    let shown = shown(ty);
    format!("`{name}` must return `Result<T>`: write `Result<{shown}>`")
}

fn shown(ty: &Type) -> String {
    quote!(#ty).to_string().replace(' ', "")
}

/// A return type `impl Future<Output = T>`, and its `T`.
pub(crate) fn future_of(sig: &Signature) -> Option<(&Type, &Type)> {
    let ReturnType::Type(_, returned) = &sig.output else { return None };
    let Type::ImplTrait(future) = &**returned else { return None };
    let mut traits = future.bounds.iter().filter_map(|bound| match bound {
        TypeParamBound::Trait(bound) => bound.path.segments.last(),
        _ => None,
    });
    let last = traits.find(|last| last.ident == "Future")?;
    let PathArguments::AngleBracketed(arguments) = &last.arguments else { return None };
    arguments.args.iter().find_map(|argument| match argument {
        GenericArgument::AssocType(output) if output.ident == "Output" => {
            Some((&**returned, &output.ty))
        }
        _ => None,
    })
}

fn verbatim(tokens: TokenStream) -> Type {
    Type::Verbatim(tokens)
}
