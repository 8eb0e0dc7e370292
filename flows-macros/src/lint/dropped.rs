//! Values that a statement makes and drops: `let _ = …;`, `drop(…);`, and a name that nothing uses.
//!
//! Whether it is an activity's call, say, that somebody has to await is asked of the
//! [compiler](super::ask); of what lives on in a variable the run tells whether it was awaited.

use proc_macro2::Span;
use syn::{Expr, Ident, Pat, Stmt};

use super::order::names;

/// Whether a statement drops what it makes, or keeps it under a name that the rest of its block has not.
pub(super) fn is_dropped(stmt: &Stmt, rest: &[Stmt]) -> bool {
    match stmt {
        Stmt::Local(local) => match (pattern(&local.pat), &local.init) {
            (Pat::Wild(_), Some(init)) => init.diverge.is_none(),
            (Pat::Ident(name), Some(init)) => {
                let is_kept = rest.iter().any(|stmt| names(quote::quote!(#stmt), &name.ident));
                let lives_on = is_started(&init.expr) && rest.iter().any(awaits);
                !is_kept && !lives_on
            }
            _ => false,
        },
        Stmt::Expr(Expr::Call(call), _) => {
            let drops = matches!(&*call.func, Expr::Path(path)
                if path.path.segments.last().is_some_and(|last| last.ident == "drop"));
            drops && matches!(call.args.first(), Some(Expr::Call(_) | Expr::MethodCall(_)))
        }
        _ => false,
    }
}

/// What it drops.
pub(super) fn value(stmt: &mut Stmt) -> Option<&mut Expr> {
    match stmt {
        Stmt::Local(local) => local.init.as_mut().map(|init| &mut *init.expr),
        Stmt::Expr(Expr::Call(call), _) => call.args.first_mut(),
        _ => None,
    }
}

fn pattern(pat: &Pat) -> &Pat {
    match pat {
        Pat::Type(typed) => pattern(&typed.pat),
        other => other,
    }
}

/// What was started goes on until the end of the block; that is no time at all where nothing is awaited.
fn is_started(expr: &Expr) -> bool {
    matches!(expr, Expr::MethodCall(call) if call.method == "start")
}

fn awaits(stmt: &Stmt) -> bool {
    names(quote::quote!(#stmt), &Ident::new("await", Span::call_site()))
}
