//! Statements that call a macro nobody can see into: what its body awaits, no type has checked.
//!
//! Such a statement stands between a guard and the end of it, so that a wait on something that is
//! not durable is told with its place. No scope is added: bindings and temporaries keep theirs.

use proc_macro2::{Ident, Span, TokenStream, TokenTree};
use quote::{quote, quote_spanned};
use syn::{Block, Expr, Path, Stmt};

use super::macros::is_known;
use crate::runtime::runtime;

/// The statement again, with what surrounds it.
pub(super) fn surround(block: &mut Block, stmt: Stmt, is_last: bool, span: Span, krate: &Path) {
    let guard = Ident::new("_inside", Span::mixed_site().located_at(span));
    let runtime = runtime(krate, span);
    let enter = quote_spanned!(span=> let #guard = #runtime::entering(););
    // The macro may leave the function, and then this is not reached.
    let leave = quote!(#[allow(unreachable_code)] ::core::mem::drop(#guard););
    let ends = leaves(&stmt) || is_last && is_value(&stmt);
    block.stmts.push(verbatim(enter));
    block.stmts.push(stmt);
    if !ends {
        block.stmts.push(verbatim(leave));
    }
}

fn verbatim(tokens: TokenStream) -> Stmt {
    Stmt::Expr(Expr::Verbatim(tokens), None)
}

/// Whether it is the value of its block, where it is the last.
fn is_value(stmt: &Stmt) -> bool {
    match stmt {
        Stmt::Expr(_, semicolon) => semicolon.is_none(),
        Stmt::Macro(call) => call.semi_token.is_none(),
        Stmt::Local(_) | Stmt::Item(_) => false,
    }
}

/// Whether nothing behind it is ever reached.
fn leaves(stmt: &Stmt) -> bool {
    matches!(stmt, Stmt::Expr(Expr::Return(_) | Expr::Break(_) | Expr::Continue(_), _))
}

/// The first call of an unknown macro in tokens that are not parsed.
pub(super) fn unknown_call(tokens: &TokenStream) -> Option<Span> {
    let trees: Vec<_> = tokens.clone().into_iter().collect();
    trees.iter().enumerate().find_map(|(at, tree)| match (tree, &trees[at + 1..]) {
        (TokenTree::Group(group), _) => unknown_call(&group.stream()),
        (TokenTree::Ident(name), [TokenTree::Punct(bang), TokenTree::Group(_), ..])
            if bang.as_char() == '!' && !is_known(&name.to_string()) =>
        {
            Some(name.span())
        }
        _ => None,
    })
}
