//! Calls whose result is looked at before they are awaited: `match charge(ctx) { Ok(..) => .. }`,
//! `charge(ctx).map_err(..)`, and a call as the value of the whole workflow.
//!
//! The compiler would say that a type is not what was expected. A function of the user's that gives a `Result`
//! at once looks the same, so the compiler is asked; the answer has the type of the awaited result.

use proc_macro2::Span;
use quote::quote_spanned;
use syn::spanned::Spanned;
use syn::{Block, Expr, Ident, Pat, Stmt, Type};

use super::Lint;
use crate::runtime::runtime;

/// Methods of a `Result` or `Option`; no future of the library has one.
const OF_RESULTS: &[&str] = &[
    "and_then",
    "context",
    "err",
    "expect",
    "expect_err",
    "is_err",
    "is_ok",
    "map",
    "map_err",
    "ok",
    "or_else",
    "unwrap",
    "unwrap_err",
    "unwrap_or",
    "unwrap_or_default",
    "unwrap_or_else",
    "with_context",
];

/// What a context gives to be awaited.
const AWAITED: &[&str] =
    &["receive", "shield", "side_effect", "signal", "sleep", "sleep_until", "timeout", "update"];

/// Types that no call has.
const PLAIN: &[&str] = &[
    "Option", "String", "Vec", "bool", "f32", "f64", "i128", "i16", "i32", "i64", "i8", "isize",
    "u128", "u16", "u32", "u64", "u8", "usize",
];

impl Lint<'_> {
    /// What looks into the result of a call.
    pub(super) fn check_unawaited(&self, expr: &mut Expr) {
        match expr {
            Expr::Match(all) if all.arms.iter().any(|arm| is_of_result(&arm.pat)) => {
                self.ask_unawaited(&mut all.expr);
            }
            Expr::Let(tested) => self.check_pattern(&tested.pat, &mut tested.expr),
            Expr::MethodCall(call) if OF_RESULTS.iter().any(|name| call.method == name) => {
                self.ask_unawaited(&mut call.receiver);
            }
            _ => {}
        }
    }

    /// `let Ok(receipt) = charge(ctx) else { … }`
    pub(super) fn check_pattern(&self, pat: &Pat, expr: &mut Expr) {
        if is_of_result(pat) {
            self.ask_unawaited(expr);
        }
    }

    /// The value of the function.
    pub(super) fn check_value(&self, block: &mut Block) {
        match block.stmts.last_mut() {
            Some(Stmt::Expr(Expr::Call(ok), None)) if is_ok(&ok.func) => {
                ok.args.iter_mut().for_each(|value| self.ask(value, "value"));
            }
            Some(Stmt::Expr(value, None)) => self.ask_unawaited(value),
            _ => {}
        }
    }

    /// `let cents: u64 = charge(ctx);`
    pub(super) fn check_typed(&self, ty: &Type, expr: &mut Expr) {
        let Type::Path(path) = ty else { return };
        let Some(last) = path.path.segments.last() else { return };
        if last.ident == "Result" {
            self.ask_unawaited(expr);
        } else if PLAIN.iter().any(|name| last.ident == name) {
            self.ask(expr, "value");
        }
    }

    fn ask_unawaited(&self, expr: &mut Expr) {
        self.ask(expr, "given");
    }

    /// `method` says as what the expression goes on: as the result, or as the value of it.
    fn ask(&self, expr: &mut Expr, method: &str) {
        let is_call = match &*expr {
            Expr::Call(call) => call.args.first().is_some_and(|first| self.is_context(first)),
            Expr::MethodCall(call) => {
                self.is_context(&call.receiver) && AWAITED.iter().any(|name| call.method == name)
            }
            _ => false,
        };
        if !is_call {
            return;
        }
        let span = Span::mixed_site().located_at(expr.span());
        let (runtime, it) = (runtime(self.krate, span), Ident::new("it", span));
        let method = Ident::new(method, span);
        let asked = quote_spanned! {span=>
            match #expr {
                #it => {
                    use #runtime::lint::{Forgotten as _, ForgottenValue as _, AtHand as _};
                    (&&#runtime::lint::Unawaited::of(&#it)).#method(#it)
                }
            }
        };
        if let Ok(asked) = syn::parse2(asked) {
            *expr = asked;
        }
    }
}

fn is_ok(function: &Expr) -> bool {
    matches!(function, Expr::Path(path) if path.path.is_ident("Ok"))
}

fn is_of_result(pat: &Pat) -> bool {
    let path = match pat {
        Pat::TupleStruct(pat) => &pat.path,
        Pat::Or(any) => return any.cases.iter().any(is_of_result),
        _ => return false,
    };
    path.segments.last().is_some_and(|last| ["Ok", "Err", "Some"].iter().any(|at| last.ident == at))
}
