//! `#[derive(ErrorClass)]`: which errors of a type are tried again.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Attribute, Data, DeriveInput, Expr, Fields, Ident, Path, Variant};

use crate::args::{Args, Value, common};
use crate::errors::Errors;

const OWNER: &str = "`#[error_class(…)]`";

/// Expands the derive.
pub(crate) fn expand(item: TokenStream) -> TokenStream {
    let mut errors = Errors::new();
    let input = match syn::parse2::<DeriveInput>(item) {
        Ok(input) => input,
        Err(error) => return error.into_compile_error(),
    };
    let name = &input.ident;
    if !input.generics.params.is_empty() {
        let message = format!(
            "`{name}` cannot be generic: it is known under one name; derive it for the types that are \
             in it"
        );
        errors.on(&input.generics, message);
    }
    let given = OfType::read(&input.attrs, &mut errors);
    let (krate, of_type) = (&given.krate, given.class.map(Class::tokens));
    let of_type = of_type.unwrap_or_else(|| quote!(::std::option::Option::None));
    let class = class(&input.data, &of_type, &mut errors);
    let stands_for = stands_for(&input, krate);
    let errors = errors.finish();
    if errors.is_some() {
        return quote!(#errors);
    }
    let terminal_if = given.terminal_if.map(|is_terminal| {
        quote_spanned!(is_terminal.span()=> if #is_terminal(self) {
            return ::std::option::Option::Some(true);
        })
    });
    quote! {
        impl #krate::__private::ErrorClass for #name {
            fn is_terminal(&self) -> ::std::option::Option<bool> {
                #terminal_if
                #class
            }

            fn details(&self) -> ::std::option::Option<#krate::__private::Value> {
                use #krate::__private::values_prelude::*;
                let kind = &&#krate::__private::ErrorOf::<Self>::new();
                kind.value(self)
            }

            #stands_for
        }

        #krate::__private::inventory::submit! {
            #krate::__private::ErrorType::of::<#name>()
        }
    }
}

/// What is tried again.
#[derive(Clone, Copy)]
enum Class {
    Retryable,
    Terminal,
}

impl Class {
    fn tokens(self) -> TokenStream {
        let is_terminal = matches!(self, Self::Terminal);
        quote!(::std::option::Option::Some(#is_terminal))
    }

    fn take(args: &mut Args, errors: &mut Errors) -> Option<Self> {
        let mut flag =
            |key, class| args.take(key).filter(|arg| arg.flag(errors)).map(|arg| (arg, class));
        let terminal = flag("terminal", Self::Terminal);
        match (terminal, flag("retryable", Self::Retryable)) {
            (Some(_), Some((arg, _))) => {
                errors.on(&arg.key, "an error is `terminal` or `retryable`; keep one");
                None
            }
            (one, other) => one.or(other).map(|(_, class)| class),
        }
    }
}

/// What the attributes on the type say.
struct OfType {
    krate: Path,
    class: Option<Class>,
    terminal_if: Option<Path>,
}

impl OfType {
    fn read(attrs: &[Attribute], errors: &mut Errors) -> Self {
        let mut args = args(attrs, &["terminal", "retryable", "terminal_if", "crate"], errors);
        let krate = common::krate(&mut args, errors);
        let terminal_if = args.take("terminal_if").and_then(|arg| match arg.value {
            Value::Assigned(Expr::Path(path)) => Some(path.path),
            _ => {
                let message = "`terminal_if` takes a function of `&self` that gives a `bool`: \
                               `terminal_if = Self::is_final`";
                errors.on(&arg.key, message);
                None
            }
        });
        Self { krate, class: Class::take(&mut args, errors), terminal_if }
    }
}

/// The class of a value: that of its variant, else that of its type.
fn class(data: &Data, of_type: &TokenStream, errors: &mut Errors) -> TokenStream {
    let Data::Enum(data) = data else { return of_type.clone() };
    let arms: Vec<_> = data.variants.iter().filter_map(|variant| arm(variant, errors)).collect();
    let rest = (arms.len() < data.variants.len()).then(|| quote!(_ => #of_type));
    if arms.is_empty() { of_type.clone() } else { quote!(match self { #(#arms,)* #rest }) }
}

/// The method that gives the error behind `#[error(transparent)]`, which is nobody's source.
fn stands_for(input: &DeriveInput, krate: &Path) -> Option<TokenStream> {
    let arms: Vec<_> = match &input.data {
        Data::Struct(data) if is_transparent(&input.attrs) => {
            vec![inside(&quote!(Self), &data.fields)]
        }
        Data::Enum(data) => {
            let variants = data.variants.iter().filter(|variant| is_transparent(&variant.attrs));
            let arm =
                |Variant { ident, fields, .. }: &Variant| inside(&quote!(Self::#ident), fields);
            variants.map(arm).collect()
        }
        _ => Vec::new(),
    };
    let is_all = match &input.data {
        Data::Enum(data) => arms.len() == data.variants.len(),
        _ => true,
    };
    let rest = (!is_all).then(|| quote!(_ => ::std::option::Option::None));
    (!arms.is_empty()).then(|| {
        quote! {
            fn stands_for(
                &self,
            ) -> ::std::option::Option<&(dyn ::std::error::Error + 'static)> {
                use #krate::__private::AsStandard as _;
                match self { #(#arms,)* #rest }
            }
        }
    })
}

/// `Self::Other { 0: error } => Some(error.as_standard())`
fn inside(path: &TokenStream, fields: &Fields) -> TokenStream {
    let members = fields.members().take(1);
    quote! {
        #path { #(#members: error,)* .. } => ::std::option::Option::Some(error.as_standard())
    }
}

/// Whether `thiserror` is told that it stands for what is in it.
fn is_transparent(attrs: &[Attribute]) -> bool {
    let mut of_thiserror = attrs.iter().filter(|attr| attr.path().is_ident("error"));
    of_thiserror.any(|attr| attr.parse_args::<Ident>().is_ok_and(|word| word == "transparent"))
}

fn arm(variant: &Variant, errors: &mut Errors) -> Option<TokenStream> {
    let mut args = args(&variant.attrs, &["terminal", "retryable"], errors);
    let class = Class::take(&mut args, errors)?.tokens();
    let name = &variant.ident;
    Some(quote!(Self::#name { .. } => #class))
}

/// The arguments of all `#[error_class(…)]` among attributes.
fn args(attrs: &[Attribute], known: &[&str], errors: &mut Errors) -> Args {
    let mut tokens = TokenStream::new();
    for attr in attrs.iter().filter(|attr| attr.path().is_ident("error_class")) {
        if let Some(list) = errors.keep(attr.meta.require_list()) {
            let list = &list.tokens;
            tokens.extend(quote!(#list,));
        }
    }
    Args::parse(tokens, OWNER, known, errors)
}
