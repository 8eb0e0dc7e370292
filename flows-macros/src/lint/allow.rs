//! The escape: `#[flows(allow(nondeterminism))]` on a statement, for all that stands in it.

use proc_macro2::TokenStream;
use syn::{Attribute, Expr, Meta, Stmt};

use crate::args::{Args, Value};
use crate::errors::Errors;

const USAGE: &str = "write `#[flows(allow(nondeterminism))]`";

/// An escape that is in force.
pub(super) struct Allow {
    attr: Attribute,
    /// Whether something stood there that needed it.
    pub(super) used: bool,
}

impl Allow {
    /// Takes the attribute off a statement.
    pub(super) fn take(stmt: &mut Stmt, errors: &mut Errors) -> Option<Self> {
        let attrs = attributes(stmt)?;
        let mut taken = None;
        attrs.retain(|attr| {
            let ours = is_ours(attr);
            if ours {
                let used = !parse(attr, errors); // a misspelt one is an error already
                taken = Some(Self { attr: attr.clone(), used });
            }
            !ours
        });
        taken
    }

    /// An escape that nothing needed would only hide what comes later.
    pub(super) fn finish(self, errors: &mut Errors) {
        if !self.used {
            let message = "nothing in this statement is rejected, so there is nothing to allow\n\
                           help: remove the attribute";
            errors.on(self.attr, message);
        }
    }
}

/// Whether it is `#[flows(…)]`.
pub(super) fn is_ours(attr: &Attribute) -> bool {
    attr.path().is_ident("flows")
}

/// The error for one that stands on something else.
pub(super) fn misplaced(attr: &Attribute, errors: &mut Errors) {
    let message =
        "`#[flows(…)]` goes on a statement of workflow code, and allows what that one does";
    errors.on(attr, message);
}

/// Whether it says what it should.
fn parse(attr: &Attribute, errors: &mut Errors) -> bool {
    let tokens = match &attr.meta {
        Meta::List(list) => list.tokens.clone(),
        _ => TokenStream::new(),
    };
    if tokens.is_empty() {
        errors.on(attr, format!("`#[flows]` says nothing: {USAGE}"));
        return false;
    }
    let mut args = Args::parse(tokens, "`#[flows(…)]`", &["allow"], errors);
    let Some(allow) = args.take("allow") else { return false };
    let Value::Group(what) = allow.value else {
        errors.on(&allow.key, format!("`allow` takes what to allow: {USAGE}"));
        return false;
    };
    if what.is_empty() {
        errors.on(&allow.key, format!("`allow()` allows nothing: {USAGE}"));
        return false;
    }
    let mut what = Args::parse(what, "`allow(…)`", &["nondeterminism"], errors);
    what.take("nondeterminism").is_some()
}

/// Where a parser keeps the attributes of a statement: those of an expression without a keyword in
/// front are with its leftmost part.
fn attributes(stmt: &mut Stmt) -> Option<&mut Vec<Attribute>> {
    match stmt {
        Stmt::Local(local) => Some(&mut local.attrs),
        Stmt::Macro(call) => Some(&mut call.attrs),
        Stmt::Expr(expr, _) => leftmost(expr),
        Stmt::Item(_) => None,
    }
}

fn leftmost(expr: &mut Expr) -> Option<&mut Vec<Attribute>> {
    Some(match expr {
        Expr::Assign(expr) => return leftmost(&mut expr.left),
        Expr::Binary(expr) => return leftmost(&mut expr.left),
        Expr::Cast(expr) => return leftmost(&mut expr.expr),
        Expr::Array(expr) => &mut expr.attrs,
        Expr::Async(expr) => &mut expr.attrs,
        Expr::Await(expr) => &mut expr.attrs,
        Expr::Block(expr) => &mut expr.attrs,
        Expr::Break(expr) => &mut expr.attrs,
        Expr::Call(expr) => &mut expr.attrs,
        Expr::Closure(expr) => &mut expr.attrs,
        Expr::Continue(expr) => &mut expr.attrs,
        Expr::Field(expr) => &mut expr.attrs,
        Expr::ForLoop(expr) => &mut expr.attrs,
        Expr::If(expr) => &mut expr.attrs,
        Expr::Index(expr) => &mut expr.attrs,
        Expr::Lit(expr) => &mut expr.attrs,
        Expr::Loop(expr) => &mut expr.attrs,
        Expr::Macro(expr) => &mut expr.attrs,
        Expr::Match(expr) => &mut expr.attrs,
        Expr::MethodCall(expr) => &mut expr.attrs,
        Expr::Paren(expr) => &mut expr.attrs,
        Expr::Path(expr) => &mut expr.attrs,
        Expr::Range(expr) => &mut expr.attrs,
        Expr::Reference(expr) => &mut expr.attrs,
        Expr::Return(expr) => &mut expr.attrs,
        Expr::Struct(expr) => &mut expr.attrs,
        Expr::Try(expr) => &mut expr.attrs,
        Expr::Tuple(expr) => &mut expr.attrs,
        Expr::Unary(expr) => &mut expr.attrs,
        Expr::Unsafe(expr) => &mut expr.attrs,
        Expr::While(expr) => &mut expr.attrs,
        _ => return None,
    })
}
