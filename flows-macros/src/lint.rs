//! What workflow code must not do although it compiles: read clocks, draw random values, spawn,
//! touch the outside, go over a `HashMap`.
//!
//! It goes by names, before [`rewrite`](crate::rewrite): it knows what stands in the body, follows
//! its imports, and sees no type that is not written there. About names that people use for things of
//! their own it [asks the compiler](ask); what it misses shows in a replay. Each finding underlines
//! what is wrong, says why, and names the durable alternative. It changes nothing but to add these
//! questions, and to take off `#[flows(allow(nondeterminism))]`.
//!
//! Used for workflows and for `#[durable]` helpers. Items inside the body are functions of their
//! own, and the closure of `ctx.side_effect` runs once: they are left alone.

mod allow;
mod ask;
mod asked;
mod dropped;
mod inside;
mod kind;
mod macros;
mod order;
mod path;
mod scope;
mod shared;
mod table;
mod unawaited;

use proc_macro2::TokenStream;
use quote::ToTokens;
use syn::visit_mut::{self, VisitMut};
use syn::{
    Arm, Attribute, Block, Expr, ExprCall, ExprClosure, ExprForLoop, ExprIf, ExprMethodCall,
    ExprPath, ExprUnsafe, ExprWhile, FnArg, Ident, Item, ItemFn, Local, Macro, Pat, Stmt,
};

use crate::errors::Errors;
use crate::model::context_names;
use allow::Allow;
pub(crate) use inside::activity;
use kind::LocalKind;
use path::{Segments, find};
use scope::Scopes;
use table::{METHODS, PATHS};

/// What was found in a body.
pub(crate) struct Found {
    /// The errors. They are kept apart, because the function is whole: it can be expanded beside them,
    /// so that its imports are in use and an editor knows its types.
    pub(crate) errors: Option<TokenStream>,
    /// Whether work is handed to a task or thread. What it may borrow would be an error of its own
    /// about something that has to go anyhow, so the body is better left out.
    pub(crate) hands_over: bool,
}

/// Checks the body of a function, of a workflow or of a durable helper; `krate` is the library, which
/// answers questions.
pub(crate) fn function(function: &mut ItemFn, is_workflow: bool, krate: &syn::Path) -> Found {
    let contexts = context_names(&function.sig);
    let mut errors = Errors::new();
    let mut lint = Lint {
        errors: &mut errors,
        contexts: &contexts,
        krate,
        scopes: Scopes::default(),
        allowed: Vec::new(),
        recorded: false,
        is_unsafe: false,
        reported: 0,
        before: Vec::new(),
        orderless: false,
        reached: false,
        hands_over: false,
    };
    lint.take_misplaced(&mut function.attrs);
    lint.scopes.enter();
    for input in &function.sig.inputs {
        if let FnArg::Typed(param) = input {
            let kind = lint.kind_of_type(&param.ty);
            lint.scopes.bind_pattern(&param.pat, kind);
        }
    }
    lint.visit_block_mut(&mut function.block);
    if is_workflow {
        lint.check_value(&mut function.block);
    }
    let hands_over = lint.hands_over;
    Found { errors: errors.finish(), hands_over }
}

struct Lint<'a> {
    errors: &'a mut Errors,
    /// The names of the workflow's context.
    contexts: &'a [Ident],
    krate: &'a syn::Path,
    scopes: Scopes,
    /// The escapes in force.
    allowed: Vec<Allow>,
    /// In the closure of a side effect, whose value is recorded.
    recorded: bool,
    /// In an `unsafe` block, where the compiler is asked nothing: it wants `unsafe` in the question too.
    is_unsafe: bool,
    /// How often something was reported.
    reported: usize,
    /// Questions to the compiler about the statement that is being checked.
    before: Vec<Stmt>,
    /// In a chain that forgets the order of what it goes over.
    orderless: bool,
    /// What is visited is the receiver of a method that may read what changes.
    reached: bool,
    /// See [`Found`].
    hands_over: bool,
}

impl Lint<'_> {
    /// Says that something does not replay, unless that is allowed here.
    fn report(&mut self, tokens: impl ToTokens, what: &str, why: &str, help: &str) {
        if self.recorded {
            return;
        }
        if let Some(allow) = self.allowed.last_mut() {
            allow.used = true;
            return;
        }
        self.reported += 1;
        self.errors.on(tokens, format!("{what} {why}\nhelp: {}", self.in_users_words(help)));
    }

    /// A help speaks of the context as `ctx`.
    fn in_users_words(&self, help: &str) -> String {
        match self.contexts.first() {
            Some(context) => help.replace("ctx.", &format!("{context}.")),
            None => help.to_owned(),
        }
    }

    /// Whether a path falls under a rule; then it is reported.
    fn check_path(&mut self, expr: &ExprPath) -> bool {
        let Some((full, rule)) = self.rule_of(expr) else { return false };
        let written: Segments =
            expr.path.segments.iter().map(|segment| segment.ident.to_string()).collect();
        self.report(&expr.path, &shown(&written, &full), rule.why, rule.help);
        // What it gives cannot be sent, which would be one more error.
        self.hands_over |=
            self.reported > 0 && full.last().is_some_and(|name| name.ends_with("rng"));
        true
    }

    fn rule_of(&self, expr: &ExprPath) -> Option<(Segments, &'static table::Rule)> {
        if self.is_own(expr) {
            return None;
        }
        let full = self.scopes.resolve(&expr.path)?;
        find(&full, PATHS).map(|rule| (full, rule))
    }

    /// A local, or an item of the body's own.
    fn is_own(&self, expr: &ExprPath) -> bool {
        expr.path.get_ident().is_some_and(|name| self.scopes.local(name).is_some())
            || self.scopes.resolve(&expr.path).is_none()
    }

    /// `spawn(async { … })`, imported from somewhere: an activity of that name would be given the
    /// context first.
    fn check_spawn(&mut self, expr: &ExprPath, first: Option<&Expr>) -> bool {
        let is_own = !expr.path.is_ident("spawn") || self.is_own(expr);
        if is_own || !matches!(first, Some(Expr::Async(_) | Expr::Closure(_))) {
            return false;
        }
        let Some(rule) = find(&["tokio", "spawn"].map(str::to_owned), PATHS) else { return false };
        self.report(&expr.path, "`spawn`", rule.why, rule.help);
        true
    }

    /// What is called. Whatever is given the context is nobody else's function.
    fn check_callee(&mut self, call: &mut ExprCall) -> bool {
        let first = call.args.first();
        let durable = first.is_some_and(|first| self.is_context(first));
        match &*call.func {
            Expr::Path(_) if durable => false,
            Expr::Path(function) => {
                let found = self.check_path(function) || self.check_spawn(function, first);
                if let Some(asked) = (!found).then(|| self.ask_function(function)).flatten() {
                    *call.func = asked;
                }
                found
            }
            _ => {
                self.visit_expr_mut(&mut call.func);
                false
            }
        }
    }

    fn check_method(&mut self, call: &ExprMethodCall) {
        if let Some(rule) = find(&[call.method.to_string()], METHODS) {
            self.report(&call.method, &format!("`{}`", call.method), rule.why, rule.help);
        }
        let read_here = matches!(*call.receiver, Expr::Call(_)); // an error already
        if call.method == "elapsed" && !read_here && self.kind_of(&call.receiver) == LocalKind::Time
        {
            let help = "`ctx.now().duration_since(earlier)` is the same in every replay";
            self.report(&call.method, "`elapsed`", table::CLOCK, help);
        }
    }

    fn is_context(&self, expr: &Expr) -> bool {
        matches!(expr, Expr::Path(path) if self.contexts.iter().any(|name| path.path.is_ident(name)))
    }

    /// What is declared in `visit` is known nowhere else.
    fn in_scope(&mut self, visit: impl FnOnce(&mut Self)) {
        self.scopes.enter();
        visit(self);
        self.scopes.leave();
    }

    /// The escape stands on statements only.
    fn take_misplaced(&mut self, attrs: &mut Vec<Attribute>) {
        attrs.retain(|attr| {
            let ours = allow::is_ours(attr);
            if ours {
                allow::misplaced(attr, self.errors);
            }
            !ours
        });
    }
}

/// Whether a macro of this path, at first sight, is another library's `select!` or `join!`.
pub(crate) fn is_foreign_combinator(path: &syn::Path) -> bool {
    let segments: Segments = path.segments.iter().map(|at| at.ident.to_string()).collect();
    macros::foreign_combinator(&segments).is_some()
}

/// A path in words, with what it stands for if that is something else.
fn shown(written: &[String], full: &[String]) -> String {
    let (written, full) = (written.join("::"), full.join("::"));
    if written == full { format!("`{full}`") } else { format!("`{written}` (`{full}`)") }
}

impl VisitMut for Lint<'_> {
    fn visit_block_mut(&mut self, block: &mut Block) {
        self.in_scope(|lint| {
            lint.scopes.items_of(block);
            let outside = std::mem::take(&mut lint.before);
            let mut stmts = std::mem::take(&mut block.stmts);
            for at in 0..stmts.len() {
                let Some((stmt, rest)) = stmts[at..].split_first_mut() else { break };
                lint.orderless = order::is_extended_and_sorted(stmt, rest)
                    || matches!(stmt, Stmt::Local(local)
                        if lint.declares_ordered(local) || lint.is_sorted_next(local, rest));
                let dropped = dropped::is_dropped(stmt, rest);
                lint.visit_stmt_mut(stmt);
                if let Some(value) = dropped.then(|| dropped::value(stmt)).flatten() {
                    lint.ask_dropped(value);
                }
                block.stmts.append(&mut lint.before);
                block.stmts.push(stmt.clone());
            }
            lint.before = outside;
        });
    }

    fn visit_stmt_mut(&mut self, stmt: &mut Stmt) {
        let Some(allow) = Allow::take(stmt, self.errors) else {
            return visit_mut::visit_stmt_mut(self, stmt);
        };
        self.allowed.push(allow);
        visit_mut::visit_stmt_mut(self, stmt);
        if let Some(allow) = self.allowed.pop() {
            allow.finish(self.errors);
        }
    }

    fn visit_local_mut(&mut self, local: &mut Local) {
        let mut kind = LocalKind::Other;
        if let Some(init) = &mut local.init {
            kind = self.kind_of(&init.expr);
            self.visit_expr_mut(&mut init.expr);
            if let Some((_, diverge)) = &mut init.diverge {
                self.check_pattern(&local.pat, &mut init.expr);
                self.visit_expr_mut(diverge);
            }
        }
        if let Pat::Type(typed) = &local.pat {
            if let Some(init) = &mut local.init {
                self.check_typed(&typed.ty, &mut init.expr);
            }
            kind = self.kind_of_type(&typed.ty);
        }
        self.scopes.bind_pattern(&local.pat, kind);
    }

    fn visit_expr_mut(&mut self, expr: &mut Expr) {
        let orderless = self.orderless;
        self.orderless &= matches!(
            expr,
            Expr::MethodCall(_) | Expr::Paren(_) | Expr::Try(_) | Expr::Reference(_)
        );
        if let Expr::Path(path) = expr
            && let Some(asked) = self.ask_value(path)
        {
            *expr = asked;
            self.orderless = orderless;
            return;
        }
        self.check_changed(expr);
        let (question, reported) = (self.question_about(expr), self.reported);
        visit_mut::visit_expr_mut(self, expr);
        self.check_unawaited(expr);
        if let Some(question) = question.filter(|_| self.reported == reported) {
            self.put(&question, expr);
        }
        self.orderless = orderless;
    }

    fn visit_expr_path_mut(&mut self, expr: &mut ExprPath) {
        self.visit_attributes_mut(&mut expr.attrs);
        if !self.check_path(expr) {
            self.ask_global(expr);
        }
    }

    fn visit_expr_unsafe_mut(&mut self, block: &mut ExprUnsafe) {
        if self.check_unsafe(block) {
            return;
        }
        let outside = std::mem::replace(&mut self.is_unsafe, true);
        visit_mut::visit_expr_unsafe_mut(self, block);
        self.is_unsafe = outside;
    }

    fn visit_expr_call_mut(&mut self, call: &mut ExprCall) {
        self.visit_attributes_mut(&mut call.attrs);
        self.check_made_of_a_set(call);
        let makes_ordered = self.makes_ordered(&call.func);
        let found = self.check_callee(call);
        for argument in &mut call.args {
            let work = matches!(argument, Expr::Async(_) | Expr::Closure(_));
            if found && work && self.allowed.is_empty() {
                self.hands_over = true; // what is wrong in there goes with it
            } else {
                self.orderless = makes_ordered;
                self.visit_expr_mut(argument);
            }
        }
    }

    fn visit_expr_method_call_mut(&mut self, call: &mut ExprMethodCall) {
        self.visit_attributes_mut(&mut call.attrs);
        self.check_method(call);
        self.check_iteration(call);
        self.orderless |= self.forgets_order(call);
        if !self.check_shared(call) {
            self.reached = shared::may_reach_in(call);
            self.visit_expr_mut(&mut call.receiver);
            self.reached = false;
        }
        self.orderless &= call.method == "extend";
        let recorded = self.recorded;
        for argument in &mut call.args {
            let runs_once = matches!(argument, Expr::Closure(_) | Expr::Path(_));
            self.recorded = recorded || runs_once && call.method == "side_effect";
            self.visit_expr_mut(argument);
        }
        self.recorded = recorded;
    }

    fn visit_expr_for_loop_mut(&mut self, each: &mut ExprForLoop) {
        self.visit_attributes_mut(&mut each.attrs);
        self.check_loop(&each.expr);
        self.visit_expr_mut(&mut each.expr);
        self.in_scope(|lint| {
            lint.scopes.bind_pattern(&each.pat, LocalKind::Other);
            lint.visit_block_mut(&mut each.body);
        });
    }

    fn visit_expr_if_mut(&mut self, branch: &mut ExprIf) {
        self.visit_attributes_mut(&mut branch.attrs);
        self.in_scope(|lint| {
            lint.visit_expr_mut(&mut branch.cond);
            lint.visit_block_mut(&mut branch.then_branch);
        });
        if let Some((_, otherwise)) = &mut branch.else_branch {
            self.visit_expr_mut(otherwise);
        }
    }

    fn visit_expr_while_mut(&mut self, each: &mut ExprWhile) {
        self.in_scope(|lint| visit_mut::visit_expr_while_mut(lint, each));
    }

    fn visit_expr_closure_mut(&mut self, closure: &mut ExprClosure) {
        self.visit_attributes_mut(&mut closure.attrs);
        self.in_scope(|lint| {
            for input in &closure.inputs {
                let kind = match input {
                    Pat::Type(typed) => lint.kind_of_type(&typed.ty),
                    _ => LocalKind::Other,
                };
                lint.scopes.bind_pattern(input, kind);
            }
            lint.visit_expr_mut(&mut closure.body);
        });
    }

    fn visit_arm_mut(&mut self, arm: &mut Arm) {
        self.in_scope(|lint| {
            lint.scopes.bind_pattern(&arm.pat, LocalKind::Other);
            visit_mut::visit_arm_mut(lint, arm);
        });
    }

    fn visit_expr_let_mut(&mut self, tested: &mut syn::ExprLet) {
        self.visit_expr_mut(&mut tested.expr);
        self.scopes.bind_pattern(&tested.pat, LocalKind::Other);
    }

    fn visit_macro_mut(&mut self, call: &mut Macro) {
        self.check_macro(call);
    }

    fn visit_item_mut(&mut self, item: &mut Item) {
        match item {
            Item::Static(item) => self.check_static(item),
            Item::Macro(item) if item.ident.is_none() => self.check_macro(&mut item.mac),
            _ => {}
        }
    }

    fn visit_attributes_mut(&mut self, attrs: &mut Vec<Attribute>) {
        self.take_misplaced(attrs);
    }

    fn visit_type_mut(&mut self, _: &mut syn::Type) {}

    fn visit_pat_mut(&mut self, _: &mut Pat) {}
}
