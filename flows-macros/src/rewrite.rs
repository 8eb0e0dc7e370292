//! The body of durable code: every `.await` accepts durable futures only.
//!
//! `x.await` becomes `durable(x).await`, and an `async` block becomes `block(async { … })`, which
//! is durable. Used for workflows and for `#[durable]` helpers. Items inside the body are left
//! alone: they are functions of their own.

mod conditional;
mod guard;
mod macros;

use proc_macro2::Span;
use quote::quote_spanned;
use syn::spanned::Spanned;
use syn::visit_mut::{self, VisitMut};
use syn::{
    Attribute, Block, Expr, ExprAsync, ExprAwait, ExprClosure, ExprConst, ExprMethodCall,
    ExprRepeat, Ident, Item, Macro, Path, Type,
};

use crate::errors::Errors;
use crate::runtime::runtime;

/// Rewrites a body in place; `contexts` are the names of the workflow's context in it.
pub(crate) fn body(
    block: &mut Block,
    contexts: &[Ident],
    krate: &Path,
    checks: Checks,
    errors: &mut Errors,
) {
    Rewrite { krate, contexts, checks, errors, unknown: None }.visit_block_mut(block);
}

/// Whether awaits are checked.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Checks {
    /// As they are in what can run.
    On,
    /// After an error about what the body does: what it awaits would often be one more about the same.
    Off,
}

impl Checks {
    pub(crate) fn unless(errors: bool) -> Self {
        if errors { Self::Off } else { Self::On }
    }
}

struct Rewrite<'a> {
    krate: &'a Path,
    checks: Checks,
    contexts: &'a [Ident],
    errors: &'a mut Errors,
    /// A macro that nobody can see into, in the statement that is being rewritten.
    unknown: Option<Span>,
}

impl VisitMut for Rewrite<'_> {
    fn visit_block_mut(&mut self, block: &mut Block) {
        let stmts = std::mem::take(&mut block.stmts);
        let count = stmts.len();
        for (number, mut stmt) in (1..).zip(stmts) {
            let outside = self.unknown.take();
            self.visit_stmt_mut(&mut stmt);
            match std::mem::replace(&mut self.unknown, outside) {
                Some(at) => guard::surround(block, stmt, number == count, at, self.krate),
                None => block.stmts.push(stmt),
            }
        }
    }

    /// Nothing runs in there that could wait.
    fn visit_expr_const_mut(&mut self, _: &mut ExprConst) {}

    fn visit_expr_repeat_mut(&mut self, repeat: &mut ExprRepeat) {
        self.visit_expr_mut(&mut repeat.expr);
    }

    fn visit_type_mut(&mut self, _: &mut Type) {}

    fn visit_expr_mut(&mut self, expr: &mut Expr) {
        visit_mut::visit_expr_mut(self, expr);
        match expr {
            Expr::Await(awaited) => self.durable(awaited),
            Expr::Async(block) => *expr = self.block(block),
            Expr::MethodCall(call) if self.checks == Checks::Off => self.limited(call),
            Expr::Verbatim(tokens) if macros::has_await(tokens) => {
                let message = "this syntax is not known here; await before it, and use the value";
                self.errors.on(tokens, message);
            }
            _ => {}
        }
    }

    fn visit_expr_closure_mut(&mut self, closure: &mut ExprClosure) {
        if let Some(token) = &closure.asyncness {
            let message = "an async closure is not durable; write `|x| async move { … }`";
            self.errors.on(token, message);
        }
        visit_mut::visit_expr_closure_mut(self, closure);
    }

    fn visit_macro_mut(&mut self, call: &mut Macro) {
        macros::rewrite(self, call);
    }

    fn visit_item_mut(&mut self, _: &mut Item) {}

    fn visit_attribute_mut(&mut self, _: &mut Attribute) {}
}

/// What a context answers at once.
const AT_ONCE: &[&str] = &[
    "attempt",
    "continue_as_new",
    "is_replaying",
    "now",
    "patched",
    "publish",
    "random",
    "rng",
    "run_id",
    "saga",
    "scope",
    "set_attribute",
    "set_query",
    "tenant_id",
    "try_signal",
    "try_update",
    "uuid",
    "workflow_id",
];

impl Rewrite<'_> {
    fn durable(&mut self, awaited: &mut ExprAwait) {
        let base = without_parens(&awaited.base);
        self.refuse_at_once(base);
        if self.checks == Checks::Off {
            return;
        }
        let runtime = runtime(self.krate, base.span());
        let call = quote_spanned!(base.span()=> #runtime::durable(#base));
        *awaited.base = Expr::Verbatim(call);
    }

    /// An argument of one of our combinators, which check for themselves.
    fn arm(&self, future: &mut Expr) {
        if self.checks == Checks::Off {
            *future = self.block(&syn::parse_quote!(async { #future.await }));
        }
    }

    /// `ctx.timeout(limit, future)`, which takes what gives a result, and `ctx.shield(future)`.
    fn limited(&self, call: &mut ExprMethodCall) {
        let of_context = matches!(&*call.receiver, Expr::Path(path)
            if path.path.get_ident().is_some_and(|name| self.contexts.contains(name)));
        let gives_result = call.method == "timeout";
        let Some(future) = call.args.last_mut().filter(|_| of_context) else { return };
        if gives_result && !matches!(future, Expr::Verbatim(_)) {
            let runtime = runtime(self.krate, Span::mixed_site());
            *future = self.block(&syn::parse_quote!(async {
                use #runtime::lint::{OfResult as _, OfValue as _};
                (&&#runtime::lint::Outcome::of(&#future.await)).result()
            }));
        } else if call.method == "shield" {
            self.arm(future);
        }
    }

    /// `ctx.uuid().await`
    fn refuse_at_once(&mut self, awaited: &Expr) {
        let Expr::MethodCall(call) = awaited else { return };
        let Expr::Path(receiver) = &*call.receiver else { return };
        let Some(context) = receiver.path.get_ident() else { return };
        let at_once = AT_ONCE.iter().any(|method| call.method == method);
        if at_once && self.contexts.contains(context) {
            let message = format!(
                "`{context}.{}` answers at once, there is nothing to wait for\n\
                 help: remove `.await`",
                call.method
            );
            self.errors.on(call, message);
        }
    }

    fn block(&self, block: &ExprAsync) -> Expr {
        let span = block.async_token.span();
        let runtime = runtime(self.krate, span);
        Expr::Verbatim(quote_spanned!(span=> #runtime::block(#block)))
    }
}

/// Parentheses that an `.await` needs are one pair too many around an argument.
fn without_parens(expr: &Expr) -> &Expr {
    match expr {
        Expr::Paren(inner) if inner.attrs.is_empty() => without_parens(&inner.expr),
        other => other,
    }
}
