//! Values that all runs of a process share: statics that can change, and what is kept in a thread.

use syn::ext::IdentExt;
use syn::{Expr, ExprMethodCall, ItemStatic, StaticMutability, Type};

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

/// `LIMIT.load()`, where it depends on the type whether that changes.
pub(super) fn may_reach_in(call: &ExprMethodCall) -> bool {
    let named = matches!(&*call.receiver, Expr::Path(_));
    named && MAY_REACH_IN.iter().any(|method| call.method == method)
}
