//! The return type: `Result<T>`, or `Result<T, E>` with `E: Into<Error>`.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{GenericArgument, Path, PathArguments, ReturnType, Signature, Type, TypePath};

use crate::errors::Errors;

/// The return type as written and its success type; repaired after an error.
pub(super) fn read(sig: &Signature, krate: &Path, errors: &mut Errors) -> (Type, Type) {
    let name = &sig.ident;
    let found = match &sig.output {
        ReturnType::Type(_, ty) => match success(ty) {
            Some(Type::ImplTrait(output)) => {
                errors.on(output, "the output is stored: name a type that serde can write");
                None
            }
            Some(output) => Some(((**ty).clone(), output.clone())),
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

fn not_a_result(name: &str, ty: &Type) -> String {
    let shown = quote!(#ty).to_string().replace(' ', "");
    if shown.ends_with("Result") {
        return format!("`{name}` must return `Result<T>`: say what `T` is");
    }
    format!("`{name}` must return `Result<T>`: write `Result<{shown}>`")
}

fn verbatim(tokens: TokenStream) -> Type {
    Type::Verbatim(tokens)
}
