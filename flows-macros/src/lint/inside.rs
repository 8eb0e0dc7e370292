//! Activities, children and durable helpers that are called in an activity, which only workflows call.
//!
//! The compiler alone would speak of two contexts that do not match. So where a function is handed the
//! activity's own context, the expansion [asks](super::ask) what it is; the answer is the context again, or an
//! error that says what to do. Closures are left alone: they would have to capture the question.

use proc_macro2::Span;
use quote::{format_ident, quote_spanned};
use syn::spanned::Spanned;
use syn::visit_mut::{self, VisitMut};
use syn::{Arm, Block, Expr, ExprCall, ExprForLoop, Ident, Item, ItemFn, Local, Stmt};

use super::kind::LocalKind;
use super::scope::Scopes;
use crate::model::activity_context_names;
use crate::runtime::runtime;

/// Asks about what an activity hands its context to.
pub(crate) fn activity(function: &mut ItemFn, krate: &syn::Path) {
    let contexts = activity_context_names(&function.sig);
    if contexts.is_empty() {
        return;
    }
    let mut inside =
        Inside { contexts, krate, scopes: Scopes::default(), asked: 0, before: Vec::new() };
    inside.scopes.enter();
    inside.visit_block_mut(&mut function.block);
}

struct Inside<'a> {
    contexts: Vec<Ident>,
    krate: &'a syn::Path,
    scopes: Scopes,
    /// How many questions there are.
    asked: usize,
    /// What stands before the statement.
    before: Vec<Stmt>,
}

impl Inside<'_> {
    /// `charge(ctx, cents)`, by a name from outside of the body.
    fn is_handed(&self, call: &ExprCall) -> bool {
        let (Expr::Path(function), Some(Expr::Path(first))) = (&*call.func, call.args.first())
        else {
            return false;
        };
        let is_context = self.contexts.iter().any(|name| first.path.is_ident(name));
        let last = function.path.segments.last();
        let is_type = last.is_none_or(|last| last.ident.to_string().contains(char::is_uppercase));
        let local = function.path.get_ident().is_some_and(|name| self.scopes.local(name).is_some());
        let is_own = local || self.scopes.resolve(&function.path).is_none();
        is_context && !is_own && !is_type && function.qself.is_none()
    }

    fn ask(&mut self, call: &mut ExprCall) {
        let (at, span) = (call.func.span(), Span::mixed_site().located_at(call.func.span()));
        let (library, krate) = (runtime(self.krate, at), runtime(self.krate, span));
        let function = Ident::new(&format_ident!("function_{}", self.asked).to_string(), span);
        let (path, Some(handed)) = (&call.func, call.args.first()) else { return };
        let declared = quote_spanned!(span=> let #function = #path;);
        let asked = quote_spanned! {span=> {
            use #krate::lint::inside::{Anybody as _, OfWorkflows as _};
            let asked = #krate::lint::inside::Handed(#function, #handed);
            #library::lint::inside::callable((&&asked).answer()).context()
        }};
        let (Ok(declared), Ok(asked)) = (syn::parse2::<Stmt>(declared), syn::parse2::<Expr>(asked))
        else {
            return;
        };
        if let Some(context) = call.args.first_mut() {
            *context = asked;
        }
        *call.func =
            Expr::Path(syn::ExprPath { attrs: Vec::new(), qself: None, path: function.into() });
        self.before.push(declared);
        self.asked += 1;
    }
}

impl VisitMut for Inside<'_> {
    fn visit_block_mut(&mut self, block: &mut Block) {
        self.scopes.enter();
        self.scopes.items_of(block);
        let outside = std::mem::take(&mut self.before);
        for mut stmt in std::mem::take(&mut block.stmts) {
            self.visit_stmt_mut(&mut stmt);
            block.stmts.append(&mut self.before);
            block.stmts.push(stmt);
        }
        self.before = outside;
        self.scopes.leave();
    }

    fn visit_local_mut(&mut self, local: &mut Local) {
        if let Some(init) = &mut local.init {
            self.visit_expr_mut(&mut init.expr);
            if let Some((_, diverge)) = &mut init.diverge {
                self.visit_expr_mut(diverge);
            }
        }
        self.scopes.bind_pattern(&local.pat, LocalKind::Other);
    }

    fn visit_expr_call_mut(&mut self, call: &mut ExprCall) {
        visit_mut::visit_expr_call_mut(self, call);
        if self.is_handed(call) {
            self.ask(call);
        }
    }

    fn visit_expr_for_loop_mut(&mut self, each: &mut ExprForLoop) {
        self.visit_expr_mut(&mut each.expr);
        self.scopes.enter();
        self.scopes.bind_pattern(&each.pat, LocalKind::Other);
        self.visit_block_mut(&mut each.body);
        self.scopes.leave();
    }

    fn visit_arm_mut(&mut self, arm: &mut Arm) {
        self.scopes.enter();
        self.scopes.bind_pattern(&arm.pat, LocalKind::Other);
        visit_mut::visit_arm_mut(self, arm);
        self.scopes.leave();
    }

    fn visit_expr_let_mut(&mut self, tested: &mut syn::ExprLet) {
        self.visit_expr_mut(&mut tested.expr);
        self.scopes.bind_pattern(&tested.pat, LocalKind::Other);
    }

    fn visit_expr_closure_mut(&mut self, _: &mut syn::ExprClosure) {}
    fn visit_expr_async_mut(&mut self, _: &mut syn::ExprAsync) {}
    fn visit_item_mut(&mut self, _: &mut Item) {}
}
