//! Iteration over a `HashMap` or `HashSet`, whose order is another one in every process.
//!
//! Looking things up is fine, and so is going over all of them where the order is forgotten again:
//! counting, sorting, collecting into a map. What cannot be seen to forget it is rejected.

use proc_macro2::{TokenStream, TokenTree};
use quote::{ToTokens, quote};
use syn::ext::IdentExt;
use syn::{Expr, ExprCall, ExprMethodCall, Ident, Local, Pat, Stmt, Type};

use super::Lint;
use super::kind::{LocalKind, collected};

/// Methods that go over all of a map or set.
const ITERATES: &[&str] = &[
    "drain",
    "extract_if",
    "into_iter",
    "into_keys",
    "into_values",
    "iter",
    "iter_mut",
    "keys",
    "retain",
    "values",
    "values_mut",
];

/// Those of a set alone.
const OF_SETS: &[&str] = &["difference", "intersection", "symmetric_difference", "union"];

/// Methods of an iterator whose result is the same in any order.
const FORGETS: &[&str] = &["all", "any", "count", "max", "min", "product", "sum"];

/// Collections that keep no order, or one of their own.
const ORDERS: &[&str] = &["BTreeMap", "BTreeSet", "BinaryHeap", "HashMap", "HashSet"];

/// Functions of `serde_json` that write a map as it goes over it.
const WRITES: &[&str] = &["to_string", "to_string_pretty", "to_vec", "to_vec_pretty"];

const WHY: &str = "has another order in every process, so a replay may decide differently";
const HELP: &str = "use a `BTreeMap` or `BTreeSet`, or collect into a `Vec` and sort it first; \
                    looking things up by key is fine";

impl Lint<'_> {
    /// `map.keys()`
    pub(super) fn check_iteration(&mut self, call: &ExprMethodCall) {
        self.check_arguments(call);
        let is = |names: &[&str]| names.iter().any(|name| call.method == name);
        if self.orderless || !is(ITERATES) && !is(OF_SETS) {
            return;
        }
        let kind = self.kind_of(&call.receiver);
        let name = match kind {
            LocalKind::Map if is(ITERATES) => "HashMap",
            LocalKind::Set => "HashSet",
            _ => return,
        };
        let (receiver, dot, method) = (&call.receiver, &call.dot_token, &call.method);
        let span = quote!(#receiver #dot #method);
        self.report(span, &format!("`{method}` of a `{name}`"), WHY, HELP);
    }

    /// `for … in &map`
    pub(super) fn check_loop(&mut self, expr: &Expr) {
        if let Some(name) = self.name_of_kind(expr) {
            self.report(expr, &format!("a loop over a `{name}`"), WHY, HELP);
        }
    }

    /// Whether a method makes the order of what comes before it unimportant.
    pub(super) fn forgets_order(&self, call: &ExprMethodCall) -> bool {
        let method = call.method.unraw().to_string();
        let sorts = method.starts_with("sorted"); // of itertools
        sorts || FORGETS.contains(&&*method) || collected(call).is_some_and(|ty| self.orders(ty))
    }

    /// `BTreeMap::from_iter(…)`
    pub(super) fn makes_ordered(&self, function: &Expr) -> bool {
        let Expr::Path(function) = function else { return false };
        let full = self.scopes.resolve(&function.path).unwrap_or_default();
        let [.., ty, make] = &full[..] else { return false };
        make == "from_iter" && ORDERS.contains(&ty.as_str())
    }

    /// `Vec::from_iter(set)`, `serde_json::to_string(&map)`
    pub(super) fn check_made_of_a_set(&mut self, call: &ExprCall) {
        let Expr::Path(function) = &*call.func else { return };
        let full = self.scopes.resolve(&function.path).unwrap_or_default();
        let [.., ty, make] = &full[..] else { return };
        let collects = make == "from_iter" && !ORDERS.contains(&ty.as_str());
        let writes = ty == "serde_json" && WRITES.contains(&make.as_str());
        let Some(first) = call.args.first().filter(|_| collects || writes) else { return };
        if let Some(name) = self.name_of_kind(first) {
            self.report(call, &format!("`{ty}::{make}` of a `{name}`"), WHY, HELP);
        }
    }

    /// `names.chain(&set)`, `list.extend(set)`
    fn check_arguments(&mut self, call: &ExprMethodCall) {
        let takes_all = ["chain", "zip"].iter().any(|method| call.method == method)
            || call.method == "extend" && self.kind_of(&call.receiver) == LocalKind::List;
        let Some(first) = call.args.first().filter(|_| takes_all && !self.orderless) else {
            return;
        };
        if let Some(name) = self.name_of_kind(first) {
            self.report(first, &format!("`{}` of a `{name}`", call.method), WHY, HELP);
        }
    }

    fn name_of_kind(&self, expr: &Expr) -> Option<&'static str> {
        match self.kind_of(expr) {
            LocalKind::Map => Some("HashMap"),
            LocalKind::Set => Some("HashSet"),
            _ => None,
        }
    }

    /// `let sorted: BTreeMap<_, _> = ….collect();`
    pub(super) fn declares_ordered(&self, local: &Local) -> bool {
        let (Pat::Type(typed), Some(init)) = (&local.pat, &local.init) else { return false };
        let collects =
            |expr: &Expr| matches!(expr, Expr::MethodCall(call) if call.method == "collect");
        let collects = match &*init.expr {
            Expr::Try(tried) => collects(&tried.expr),
            other => collects(other),
        };
        collects && self.orders(&typed.ty)
    }

    fn orders(&self, ty: &Type) -> bool {
        let Type::Path(path) = ty else { return false };
        let full = self.scopes.resolve(&path.path).unwrap_or_default();
        full.last().is_some_and(|last| ORDERS.contains(&last.as_str()))
    }

    /// Whether a map is collected into a local that the next statement with it sorts.
    pub(super) fn is_sorted_next(&self, local: &Local, rest: &[Stmt]) -> bool {
        let (Some(name), Some(init)) = (name_of(&local.pat), &local.init) else { return false };
        self.begins_with_a_map(&init.expr) && sorts_next(rest, name)
    }

    /// Whether the receiver at the beginning of a chain is a map or set.
    fn begins_with_a_map(&self, expr: &Expr) -> bool {
        match expr {
            Expr::MethodCall(call) => {
                matches!(self.kind_of(&call.receiver), LocalKind::Map | LocalKind::Set)
                    || self.begins_with_a_map(&call.receiver)
            }
            Expr::Try(tried) => self.begins_with_a_map(&tried.expr),
            _ => false,
        }
    }
}

/// Whether a map extends a list that the next statement with it sorts.
pub(super) fn is_extended_and_sorted(stmt: &Stmt, rest: &[Stmt]) -> bool {
    let Stmt::Expr(Expr::MethodCall(call), _) = stmt else { return false };
    let Expr::Path(list) = &*call.receiver else { return false };
    call.method == "extend" && list.path.get_ident().is_some_and(|list| sorts_next(rest, list))
}

fn sorts_next(rest: &[Stmt], name: &Ident) -> bool {
    let next = rest.iter().find(|stmt| names(stmt.to_token_stream(), name));
    next.is_some_and(|stmt| sorts(stmt, name))
}

/// `names.sort();`
fn sorts(stmt: &Stmt, name: &Ident) -> bool {
    let Stmt::Expr(Expr::MethodCall(call), _) = stmt else { return false };
    let on_it = matches!(&*call.receiver, Expr::Path(path) if path.path.is_ident(name));
    on_it && call.method.unraw().to_string().starts_with("sort")
}

fn name_of(pat: &Pat) -> Option<&Ident> {
    match pat {
        Pat::Ident(name) => Some(&name.ident),
        Pat::Type(typed) => name_of(&typed.pat),
        _ => None,
    }
}

/// Whether an identifier occurs, at any depth.
pub(super) fn names(tokens: TokenStream, name: &Ident) -> bool {
    tokens.into_iter().any(|tree| match tree {
        TokenTree::Group(group) => names(group.stream(), name),
        TokenTree::Ident(ident) => ident == *name,
        _ => false,
    })
}
