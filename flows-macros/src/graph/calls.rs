//! Which calls are call sites, and what they are.

use proc_macro2::Span;
use quote::ToTokens;
use syn::ext::IdentExt;
use syn::spanned::Spanned;
use syn::{Expr, ExprCall, ExprLit, ExprMethodCall, GenericArgument, Ident, Lit, Member, Path};

use super::Node;
use super::label::label;

/// Whether an expression is the workflow's context, by one of its names.
pub(super) fn is_context(expr: &Expr, contexts: &[Ident]) -> bool {
    match expr {
        Expr::Path(path) => path.path.get_ident().is_some_and(|name| contexts.contains(name)),
        Expr::Field(field) => matches!(&field.member, Member::Named(name) if name == "ctx"),
        Expr::Reference(reference) => is_context(&reference.expr, contexts),
        Expr::Paren(paren) => is_context(&paren.expr, contexts),
        Expr::Group(group) => is_context(&group.expr, contexts),
        Expr::Unary(unary) => is_context(&unary.expr, contexts),
        _ => false,
    }
}

/// A call of a function that is given the context.
pub(super) fn function(call: &ExprCall, contexts: &[Ident]) -> Option<Node> {
    if !call.args.iter().any(|arg| is_context(arg, contexts)) {
        return None;
    }
    let Expr::Path(path) = &*call.func else { return None };
    Some(Node::new("Call", path_label(&path.path), last_span(&path.path)))
}

/// A call of another method that is given the context.
pub(super) fn method(call: &ExprMethodCall, contexts: &[Ident]) -> Option<Node> {
    let is_given = call.args.iter().any(|arg| is_context(arg, contexts));
    is_given.then(|| Node::new("Method", call.method.unraw().to_string(), call.method.span()))
}

/// What says where a call runs, under which name, and what becomes of it: methods of calls of activities and children.
/// Limits and retries are not here: they decide nothing that open runs or deployers have to know.
const OPTIONS: &[&str] =
    &["queue", "id", "on_conflict", "close_policy", "cancellation", "abandon_on_drop", "detach"];

/// What a method tells the call that it is called on.
pub(super) fn option(call: &ExprMethodCall, contexts: &[Ident]) -> Option<(String, String)> {
    let name = call.method.unraw().to_string();
    let is_option = OPTIONS.contains(&name.as_str()) && is_call(&call.receiver, contexts);
    is_option.then(|| (name, call.args.first().map(label).unwrap_or_default()))
}

/// Whether an expression is a call that is given the context, with or without options.
fn is_call(expr: &Expr, contexts: &[Ident]) -> bool {
    match expr {
        Expr::Call(call) => function(call, contexts).is_some(),
        Expr::MethodCall(call) => is_call(&call.receiver, contexts),
        Expr::Paren(paren) => is_call(&paren.expr, contexts),
        _ => false,
    }
}

/// What only tells something, and is the same wherever it stands.
const PURE: &[&str] = &[
    "workflow_id",
    "run_id",
    "tenant_id",
    "attempt",
    "now",
    "is_replaying",
    "saga",
    "scope",
    "set_query",
    "publish",
    "set_attribute",
    "clone",
];

/// A method of the context. `timeout` and `shield` are not here: something is inside them.
pub(super) fn of_context(call: &ExprMethodCall) -> Option<Node> {
    let (name, span) = (call.method.unraw().to_string(), call.method.span());
    let first = || call.args.first().map(label).unwrap_or_default();
    Some(match name.as_str() {
        "sleep" => Node::new("Sleep", first(), span),
        "sleep_until" => Node::new("SleepUntil", first(), span),
        "signal" => Node::new("Signal", first(), span),
        "try_signal" => Node::new("TrySignal", first(), span),
        "update" => Node::new("Update", type_argument(call), span),
        "try_update" => Node::new("TryUpdate", type_argument(call), span),
        "receive" => Node::new("Receive", type_argument(call), span),
        "side_effect" => Node::new("SideEffect", "", span),
        "cancelled" => Node::new("Cancelled", "", span),
        "patched" => Node::new("Patched", first(), span),
        "uuid" | "random" | "rng" => Node::new("Value", name, span),
        "continue_as_new" => Node::new("ContinueAsNew", input(call), span),
        pure if PURE.contains(&pure) => return None,
        _ => Node::new("Method", name, span),
    })
}

/// The id of `ctx.patched("id")`, in quotes.
pub(super) fn patched(expr: &Expr, contexts: &[Ident]) -> Option<String> {
    match expr {
        Expr::Paren(paren) => patched(&paren.expr, contexts),
        Expr::MethodCall(call)
            if call.method == "patched" && is_context(&call.receiver, contexts) =>
        {
            match call.args.first()? {
                Expr::Lit(ExprLit { lit: Lit::Str(id), .. }) => Some(label(id)),
                _ => None,
            }
        }
        _ => None,
    }
}

/// `order` of `order::Input { … }`.
fn input(call: &ExprMethodCall) -> String {
    let Some(Expr::Struct(input)) = call.args.first() else { return String::new() };
    let segments: Vec<_> = input.path.segments.iter().map(|one| one.ident.to_string()).collect();
    match &segments[..] {
        [module @ .., input] if input == "Input" => module.join("::"),
        all => all.join("::"),
    }
}

/// The type between `::<` and `>`.
fn type_argument(call: &ExprMethodCall) -> String {
    let argument = call.turbofish.as_ref().and_then(|turbofish| turbofish.args.first());
    match argument {
        Some(GenericArgument::Type(syn::Type::Path(path))) => path_label(&path.path),
        Some(other) => label(other),
        None => "_".into(),
    }
}

/// A path without the arguments of its types.
fn path_label(path: &Path) -> String {
    let segments = path.segments.iter().map(|segment| segment.ident.to_token_stream().to_string());
    segments.collect::<Vec<_>>().join("::")
}

fn last_span(path: &Path) -> Span {
    path.segments.last().map_or_else(|| path.span(), |last| last.ident.span())
}

/// The name of a macro, or of the function that a call calls.
pub(super) fn last_name(path: &Path) -> String {
    path.segments.last().map(|last| last.ident.unraw().to_string()).unwrap_or_default()
}
