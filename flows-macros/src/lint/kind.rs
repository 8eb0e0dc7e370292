//! What can be seen of the type of a value: only as much as the lint asks for.

use syn::{BinOp, Expr, ExprCall, ExprMethodCall, GenericArgument, PathArguments, Type};

use super::Lint;

/// The type of a value, as far as it matters.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum LocalKind {
    /// A `HashMap` with the standard hasher, or a reference to one.
    Map,
    /// A `HashSet`, likewise.
    Set,
    /// A `SystemTime` or `Instant`.
    Time,
    /// A `Vec` or `VecDeque`.
    List,
    /// Anything else, or unknown.
    Other,
}

/// Methods that give the same kind again.
const SAME: &[&str] = &["as_mut", "as_ref", "borrow", "clone", "to_owned"];

/// Functions of a map or set that make one.
const MAKE: &[&str] =
    &["default", "from", "from_iter", "new", "with_capacity", "with_capacity_and_hasher"];

impl Lint<'_> {
    /// The kind that a type shows.
    pub(super) fn kind_of_type(&self, ty: &Type) -> LocalKind {
        match ty {
            Type::Reference(reference) => self.kind_of_type(&reference.elem),
            Type::Paren(paren) => self.kind_of_type(&paren.elem),
            Type::Group(group) => self.kind_of_type(&group.elem),
            Type::Path(path) => {
                let Some(last) = path.path.segments.last() else { return LocalKind::Other };
                let arguments = type_arguments(&last.arguments).count();
                let full = self.scopes.resolve(&path.path);
                match full.as_ref().and_then(|full| full.last()).map(String::as_str) {
                    Some("HashMap") if arguments < 3 => LocalKind::Map, // a third is a hasher
                    Some("HashSet") if arguments < 2 => LocalKind::Set,
                    Some("SystemTime" | "Instant") => LocalKind::Time,
                    Some("Vec" | "VecDeque") => LocalKind::List,
                    _ => LocalKind::Other,
                }
            }
            _ => LocalKind::Other,
        }
    }

    /// The kind that an expression shows.
    pub(super) fn kind_of(&self, expr: &Expr) -> LocalKind {
        match expr {
            Expr::Reference(reference) => self.kind_of(&reference.expr),
            Expr::Paren(paren) => self.kind_of(&paren.expr),
            Expr::Group(group) => self.kind_of(&group.expr),
            Expr::Path(path) => path
                .path
                .get_ident()
                .and_then(|name| self.scopes.local(name))
                .unwrap_or(LocalKind::Other),
            Expr::Try(tried) => self.kind_of_collected(&tried.expr),
            Expr::MethodCall(call) => self.kind_of_method(call),
            Expr::Call(call) => self.kind_of_call(call),
            Expr::Macro(made) if made.mac.path.is_ident("vec") => LocalKind::List,
            Expr::Binary(sum) if matches!(sum.op, BinOp::Add(_) | BinOp::Sub(_)) => {
                let time = self.kind_of(&sum.left) == LocalKind::Time;
                if time { LocalKind::Time } else { LocalKind::Other }
            }
            _ => LocalKind::Other,
        }
    }

    fn kind_of_method(&self, call: &ExprMethodCall) -> LocalKind {
        let is = |names: &[&str]| names.iter().any(|name| call.method == name);
        if is(SAME) {
            return self.kind_of(&call.receiver);
        }
        if is(&["now"]) && self.is_context(&call.receiver) {
            return LocalKind::Time;
        }
        collected(call).map_or(LocalKind::Other, |ty| self.kind_of_type(ty))
    }

    /// `….collect::<Result<HashMap<_, _>>>()?`
    fn kind_of_collected(&self, expr: &Expr) -> LocalKind {
        let Expr::MethodCall(call) = expr else { return LocalKind::Other };
        let Some(Type::Path(path)) = collected(call) else { return LocalKind::Other };
        let Some(last) = path.path.segments.last() else { return LocalKind::Other };
        type_arguments(&last.arguments).next().map_or(LocalKind::Other, |ty| self.kind_of_type(ty))
    }

    /// `HashMap::new()` and the like.
    fn kind_of_call(&self, call: &ExprCall) -> LocalKind {
        let Expr::Path(function) = &*call.func else { return LocalKind::Other };
        let full = self.scopes.resolve(&function.path).unwrap_or_default();
        let [.., ty, make] = &full[..] else { return LocalKind::Other };
        let makes = MAKE.contains(&make.as_str());
        match ty.as_str() {
            "HashMap" if makes => LocalKind::Map,
            "HashSet" if makes => LocalKind::Set,
            "Vec" | "VecDeque" if makes => LocalKind::List,
            "SystemTime" | "Instant" if make == "now" => LocalKind::Time,
            _ => LocalKind::Other,
        }
    }
}

/// The type that `….collect::<Type>()` names.
pub(super) fn collected(call: &ExprMethodCall) -> Option<&Type> {
    if call.method != "collect" {
        return None;
    }
    match call.turbofish.as_ref()?.args.first()? {
        GenericArgument::Type(ty) => Some(ty),
        _ => None,
    }
}

fn type_arguments(arguments: &PathArguments) -> impl Iterator<Item = &Type> {
    let arguments = match arguments {
        PathArguments::AngleBracketed(arguments) => Some(&arguments.args),
        _ => None,
    };
    arguments.into_iter().flatten().filter_map(|argument| match argument {
        GenericArgument::Type(ty) => Some(ty),
        _ => None,
    })
}
