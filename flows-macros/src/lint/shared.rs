//! Values that all runs of a process share: statics that can change, and what is kept in a thread.

use quote::ToTokens;
use syn::ext::IdentExt;
use syn::visit::{self, Visit};
use syn::{
    BinOp, Expr, ExprMethodCall, ExprPath, ExprUnsafe, ItemStatic, Macro, StaticMutability, Type,
    UnOp,
};

use super::Lint;
use super::table::{KEEP, SHARED};

/// Methods that only what can change has. Of others (`load`, `set`, `read`) the type says it, for which the
/// [compiler](super::ask) is asked.
const REACHES_IN: &[&str] = &[
    "borrow_mut",
    "compare_exchange",
    "fetch_add",
    "fetch_and",
    "fetch_max",
    "fetch_min",
    "fetch_or",
    "fetch_sub",
    "fetch_update",
    "get_or_init",
    "get_or_try_init",
    "lock",
    "try_lock",
    "with_borrow",
    "with_borrow_mut",
];

/// Those that other types have as well.
const MAY_REACH_IN: &[&str] = &["load", "read", "set", "store", "swap", "with", "write"];

/// Types whose value can change behind a shared reference.
const CHANGES: &[&str] =
    &["Cell", "LazyCell", "LazyLock", "Lazy", "Mutex", "OnceCell", "OnceLock", "RefCell", "RwLock"];

impl Lint<'_> {
    /// `CACHE.lock()`
    pub(super) fn check_shared(&mut self, call: &ExprMethodCall) -> bool {
        let Expr::Path(path) = &*call.receiver else { return false };
        if self.scopes.resolve(&path.path).is_none() {
            return false; // of the body's own, and reported where it is declared
        }
        let Some(last) = path.path.segments.last() else { return false };
        let name = last.ident.unraw().to_string();
        let is_static = name.len() > 1 && !name.contains(char::is_lowercase);
        let found = is_static && REACHES_IN.iter().any(|method| call.method == method);
        if found {
            self.report(&path.path, &format!("`{name}`"), SHARED, KEEP);
        }
        found
    }

    /// `COUNT += 1`, `&mut COUNT`: only a `static mut` can be changed so.
    pub(super) fn check_changed(&mut self, expr: &Expr) {
        let changed = match expr {
            Expr::Assign(assign) => &assign.left,
            Expr::Binary(binary) if is_assignment(&binary.op) => &binary.left,
            Expr::Reference(reference) if reference.mutability.is_some() => &reference.expr,
            Expr::RawAddr(address) => &address.expr,
            _ => return,
        };
        if let Some(path) = whole(changed).filter(|path| self.is_global(path)) {
            self.report_shared(path);
        }
    }

    /// `unsafe { COUNT }`: what calls nothing there, and follows no pointer, needs `unsafe` for a `static mut`.
    pub(super) fn check_unsafe(&mut self, block: &ExprUnsafe) -> bool {
        let mut seen = Seen { needs_unsafe: false, paths: Vec::new() };
        seen.visit_block(&block.block);
        let found = seen.paths.into_iter().find(|path| self.is_global(path));
        match found.filter(|_| !seen.needs_unsafe) {
            Some(path) => self.report_shared(path),
            None => return false,
        }
        true
    }

    fn report_shared(&mut self, path: &ExprPath) {
        let name = path.path.segments.last().map(|last| last.ident.unraw().to_string());
        self.report(&path.path, &format!("`{}`", name.unwrap_or_default()), SHARED, KEEP);
    }

    /// `static CACHE: Mutex<…> = …;` in the body.
    pub(super) fn check_static(&mut self, item: &ItemStatic) {
        let Type::Path(path) = &*item.ty else { return };
        let Some(last) = path.path.segments.last() else { return };
        let name = last.ident.unraw().to_string();
        let changes = CHANGES.contains(&&*name) || name.starts_with("Atomic");
        if changes || matches!(item.mutability, StaticMutability::Mut(_)) {
            self.report(&item.ident, &format!("`{}`", item.ident), SHARED, KEEP);
        }
    }
}

/// What an `unsafe` block names, and whether it does what is unsafe with any name.
struct Seen<'a> {
    needs_unsafe: bool,
    paths: Vec<&'a ExprPath>,
}

impl<'a> Visit<'a> for Seen<'a> {
    fn visit_expr(&mut self, expr: &'a Expr) {
        let follows = matches!(expr, Expr::Unary(unary) if matches!(unary.op, UnOp::Deref(_)));
        let calls = matches!(expr, Expr::Call(_) | Expr::MethodCall(_) | Expr::Macro(_));
        self.needs_unsafe |= follows || calls;
        visit::visit_expr(self, expr);
    }

    fn visit_expr_path(&mut self, path: &'a ExprPath) {
        self.paths.push(path);
    }

    fn visit_macro(&mut self, _: &'a Macro) {
        self.needs_unsafe = true;
    }
}

fn is_assignment(op: &BinOp) -> bool {
    op.to_token_stream().to_string().ends_with('=')
        && !matches!(op, BinOp::Eq(_) | BinOp::Ne(_) | BinOp::Le(_) | BinOp::Ge(_))
}

/// The variable of which it is the whole or a part.
fn whole(expr: &Expr) -> Option<&ExprPath> {
    match expr {
        Expr::Path(path) => Some(path),
        Expr::Field(field) => whole(&field.base),
        Expr::Index(index) => whole(&index.expr),
        Expr::Paren(paren) => whole(&paren.expr),
        _ => None,
    }
}

/// `LIMIT.load()`, where it depends on the type whether that changes.
pub(super) fn may_reach_in(call: &ExprMethodCall) -> bool {
    let named = matches!(&*call.receiver, Expr::Path(_));
    named && MAY_REACH_IN.iter().any(|method| call.method == method)
}
