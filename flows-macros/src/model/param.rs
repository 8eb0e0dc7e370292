//! The parameters that are input: each becomes a field of the input struct.

use quote::format_ident;
use syn::visit::{self, Visit};
use syn::{Attribute, Ident, Lifetime, Pat, PatType, Token, Type, TypeImplTrait, TypeReference};

use super::attrs::is_lint_level;
use crate::errors::Errors;

/// A field of the input.
pub(crate) struct Param {
    pub(crate) cfgs: Vec<Attribute>,
    /// `serde` and documentation: on the field.
    pub(crate) field: Vec<Attribute>,
    /// Lint levels: on the binding in the body.
    pub(crate) lints: Vec<Attribute>,
    pub(crate) mutability: Option<Token![mut]>,
    pub(crate) ident: Ident,
    pub(crate) ty: Type,
}

impl Param {
    /// Reads one parameter; `None` after an error.
    pub(super) fn read(param: &PatType, module: &Ident, errors: &mut Errors) -> Option<Self> {
        let is_owned = check_type("input", &param.ty, errors);
        let (ident, mutability) = name(&param.pat, module, errors)?;
        let mut read = Self {
            cfgs: Vec::new(),
            field: Vec::new(),
            lints: Vec::new(),
            mutability,
            ident,
            ty: (*param.ty).clone(),
        };
        for attr in &param.attrs {
            read.add(attr, errors);
        }
        is_owned.then_some(read)
    }

    fn add(&mut self, attr: &Attribute, errors: &mut Errors) {
        let is = |name| attr.path().is_ident(name);
        if is("cfg") {
            self.cfgs.push(attr.clone());
        } else if is("serde") || is("doc") {
            self.field.push(attr.clone());
        } else if is_lint_level(attr) || is("expect") {
            self.lints.push(attr.clone());
        } else {
            let allowed = "a parameter takes `serde`, `cfg`, documentation and lint attributes";
            errors.on(attr, allowed);
        }
    }
}

/// A parameter of the stub, as the user wrote its type.
pub(crate) struct StubParam {
    pub(crate) cfgs: Vec<Attribute>,
    pub(crate) ident: Ident,
    pub(crate) ty: Type,
}

impl StubParam {
    pub(super) fn read(at: usize, param: &PatType) -> Self {
        let is_cfg = |attr: &&Attribute| attr.path().is_ident("cfg");
        let ident = match &*param.pat {
            Pat::Ident(name) => name.ident.clone(),
            _ => format_ident!("arg{at}"),
        };
        let cfgs = param.attrs.iter().filter(is_cfg).cloned().collect();
        Self { cfgs, ident, ty: (*param.ty).clone() }
    }
}

fn name(pat: &Pat, module: &Ident, errors: &mut Errors) -> Option<(Ident, Option<Token![mut]>)> {
    match pat {
        Pat::Ident(name) if name.by_ref.is_none() && name.subpat.is_none() => {
            Some((name.ident.clone(), name.mutability))
        }
        _ => {
            let message = format!(
                "give this parameter a name, it becomes a field of `{module}::Input`; take it \
                 apart in the body"
            );
            errors.on(pat, message);
            None
        }
    }
}

/// Whether the type owns what it holds and has a name; `what` is stored.
pub(super) fn check_type(what: &'static str, ty: &Type, errors: &mut Errors) -> bool {
    let mut check = CheckType { what, errors, good: true };
    check.visit_type(ty);
    check.good
}

struct CheckType<'a> {
    what: &'static str,
    errors: &'a mut Errors,
    good: bool,
}

impl CheckType<'_> {
    fn refuse(&mut self, tokens: impl quote::ToTokens, message: &str) {
        self.errors.on(tokens, message);
        self.good = false;
    }
}

impl<'ast> Visit<'ast> for CheckType<'_> {
    fn visit_type_reference(&mut self, reference: &'ast TypeReference) {
        let message = format!(
            "{} is stored and read back, so it is owned: write `String` for `&str`, `Vec<T>` for `&[T]`, \
             `T` for `&T`",
            self.what
        );
        self.refuse(reference, &message);
    }

    fn visit_lifetime(&mut self, lifetime: &'ast Lifetime) {
        if lifetime.ident != "static" {
            let message = format!(
                "{} is stored and read back, so it is owned: no lifetimes but `'static`",
                self.what
            );
            self.refuse(lifetime, &message);
        }
    }

    fn visit_type_impl_trait(&mut self, ty: &'ast TypeImplTrait) {
        let message = format!(
            "{} has one type that serde can read: name it instead of `impl Trait`",
            self.what
        );
        self.refuse(ty, &message);
        visit::visit_type_impl_trait(self, ty);
    }
}
