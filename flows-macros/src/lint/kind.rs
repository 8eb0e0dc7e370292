//! What can be seen of the type of a value: only as much as the lint asks for.

use syn::{BinOp, Expr, ExprCall, ExprMethodCall, GenericArgument, PathArguments, Type};

use super::Lint;

/// The type of a value, as far as it matters.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
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
    pub(super) fn kind_of_type(&self, ty: &Type) -> Kind {
        match ty {
            Type::Reference(reference) => self.kind_of_type(&reference.elem),
            Type::Paren(paren) => self.kind_of_type(&paren.elem),
            Type::Group(group) => self.kind_of_type(&group.elem),
            Type::Path(path) => {
                let Some(last) = path.path.segments.last() else { return Kind::Other };
                let arguments = type_arguments(&last.arguments).count();
                let full = self.scopes.resolve(&path.path);
                match full.as_ref().and_then(|full| full.last()).map(String::as_str) {
                    Some("HashMap") if arguments < 3 => Kind::Map, // a third is a hasher
                    Some("HashSet") if arguments < 2 => Kind::Set,
                    Some("SystemTime" | "Instant") => Kind::Time,
                    Some("Vec" | "VecDeque") => Kind::List,
                    _ => Kind::Other,
                }
            }
            _ => Kind::Other,
        }
    }

    /// The kind that an expression shows.
    pub(super) fn kind_of(&self, expr: &Expr) -> Kind {
        match expr {
            Expr::Reference(reference) => self.kind_of(&reference.expr),
            Expr::Paren(paren) => self.kind_of(&paren.expr),
            Expr::Group(group) => self.kind_of(&group.expr),
            Expr::Path(path) => path
                .path
                .get_ident()
                .and_then(|name| self.scopes.local(name))
                .unwrap_or(Kind::Other),
            Expr::Try(tried) => self.kind_of_collected(&tried.expr),
            Expr::MethodCall(call) => self.kind_of_method(call),
            Expr::Call(call) => self.kind_of_call(call),
            Expr::Macro(made) if made.mac.path.is_ident("vec") => Kind::List,
            Expr::Binary(sum) if matches!(sum.op, BinOp::Add(_) | BinOp::Sub(_)) => {
                let time = self.kind_of(&sum.left) == Kind::Time;
                if time { Kind::Time } else { Kind::Other }
            }
            _ => Kind::Other,
        }
    }

    fn kind_of_method(&self, call: &ExprMethodCall) -> Kind {
        let is = |names: &[&str]| names.iter().any(|name| call.method == name);
        if is(SAME) {
            return self.kind_of(&call.receiver);
        }
        if is(&["now"]) && self.is_context(&call.receiver) {
            return Kind::Time;
        }
        collected(call).map_or(Kind::Other, |ty| self.kind_of_type(ty))
    }

    /// `….collect::<Result<HashMap<_, _>>>()?`
    fn kind_of_collected(&self, expr: &Expr) -> Kind {
        let Expr::MethodCall(call) = expr else { return Kind::Other };
        let Some(Type::Path(path)) = collected(call) else { return Kind::Other };
        let Some(last) = path.path.segments.last() else { return Kind::Other };
        type_arguments(&last.arguments).next().map_or(Kind::Other, |ty| self.kind_of_type(ty))
    }

    /// `HashMap::new()` and the like.
    fn kind_of_call(&self, call: &ExprCall) -> Kind {
        let Expr::Path(function) = &*call.func else { return Kind::Other };
        let full = self.scopes.resolve(&function.path).unwrap_or_default();
        let [.., ty, make] = &full[..] else { return Kind::Other };
        let makes = MAKE.contains(&make.as_str());
        match ty.as_str() {
            "HashMap" if makes => Kind::Map,
            "HashSet" if makes => Kind::Set,
            "Vec" | "VecDeque" if makes => Kind::List,
            "SystemTime" | "Instant" if make == "now" => Kind::Time,
            _ => Kind::Other,
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
