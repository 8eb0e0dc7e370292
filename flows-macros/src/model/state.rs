//! Which shared state an activity's body asks for: `ctx.state::<Gateway>()`.
//!
//! Syntax only: a call behind an alias, in a macro or with an inferred type is not seen, and is an
//! error when the activity runs instead of when the worker is built.

use syn::visit::{self, Visit};
use syn::{
    Block, Expr, ExprMethodCall, GenericArgument, Ident, Item, ItemEnum, ItemStruct, ItemType, Pat,
    PatType, Type,
};

/// The types, in order, each once.
pub(crate) fn needs(context: Option<&PatType>, block: &Block) -> Vec<Type> {
    let Some(Pat::Ident(context)) = context.map(|param| &*param.pat) else { return Vec::new() };
    let mut scan = Scan { context: &context.ident, needs: Vec::new(), local: Vec::new() };
    scan.visit_block(block);
    let Scan { mut needs, local, .. } = scan;
    needs.retain(|ty| can_be_named_outside(ty, &local));
    needs
}

struct Scan<'a> {
    context: &'a Ident,
    needs: Vec<Type>,
    /// Types that the body itself declares: items beside it cannot name them.
    local: Vec<Ident>,
}

impl<'ast> Visit<'ast> for Scan<'_> {
    fn visit_expr_method_call(&mut self, call: &'ast ExprMethodCall) {
        visit::visit_expr_method_call(self, call);
        if call.method == "state" && is_name(&call.receiver, self.context) {
            let turbofish = call.turbofish.as_ref().and_then(|arguments| arguments.args.first());
            let Some(GenericArgument::Type(ty)) = turbofish else { return };
            if !self.needs.contains(ty) {
                self.needs.push(ty.clone());
            }
        }
    }

    fn visit_item(&mut self, item: &'ast Item) {
        if let Item::Struct(ItemStruct { ident, .. })
        | Item::Enum(ItemEnum { ident, .. })
        | Item::Type(ItemType { ident, .. }) = item
        {
            self.local.push(ident.clone());
        }
    }
}

fn is_name(expr: &Expr, name: &Ident) -> bool {
    matches!(expr, Expr::Path(path) if path.path.is_ident(name))
}

fn can_be_named_outside(ty: &Type, local: &[Ident]) -> bool {
    struct NameFinder<'a>(&'a [Ident], bool);
    impl<'ast> Visit<'ast> for NameFinder<'_> {
        fn visit_ident(&mut self, ident: &'ast Ident) {
            self.1 |= self.0.contains(ident);
        }
        fn visit_type_infer(&mut self, _: &'ast syn::TypeInfer) {
            self.1 = true;
        }
    }
    let mut names = NameFinder(local, false);
    names.visit_type(ty);
    !names.1
}

#[cfg(test)]
mod tests {
    use super::*;
    use quote::ToTokens;

    #[test]
    fn sees_what_syntax_shows() {
        let item: syn::ItemFn = syn::parse_quote! {
            async fn f(cx: &ActivityContext) {
                struct Local;
                let a = cx.state::<Gateway>()?;
                if let Ok(b) = cx.state::<db::Pool<Pg>>() { b.with(|_| cx.state::<Gateway>()); }
                let c: Arc<Other> = cx.state()?;
                cx.state::<_>()?;
                cx.state::<Local>()?;
                other.state::<Nothing>();
            }
        };
        let Some(syn::FnArg::Typed(context)) = item.sig.inputs.first() else { panic!() };
        let needs = needs(Some(context), &item.block);
        let shown: Vec<_> = needs.iter().map(|ty| ty.to_token_stream().to_string()).collect();
        assert_eq!(shown, ["Gateway", "db :: Pool < Pg >"]);
    }
}
