//! Which generated item gets which of the function's other attributes.

use syn::spanned::Spanned;
use syn::{Attribute, Ident, Meta};

/// The function's attributes, by where they go.
#[derive(Default)]
pub(crate) struct Attrs {
    /// On every item.
    pub(crate) cfgs: Vec<Attribute>,
    /// Documentation and deprecation: on the stub, which is what people call.
    pub(crate) stub: Vec<Attribute>,
    /// Lint levels: on whatever is made of the function.
    pub(crate) lints: Vec<Attribute>,
    /// Everything else (`tracing::instrument`): on the body, which is the user's code.
    pub(crate) body: Vec<Attribute>,
}

impl Attrs {
    pub(super) fn split(attrs: Vec<Attribute>) -> Self {
        let mut split = Self::default();
        for attr in attrs {
            let attr = if attr.path().is_ident("expect") { allowed(attr) } else { attr };
            split.place_for(&attr).push(attr);
        }
        split
    }

    fn place_for(&mut self, attr: &Attribute) -> &mut Vec<Attribute> {
        if attr.path().is_ident("cfg") {
            &mut self.cfgs
        } else if attr.path().is_ident("doc") || attr.path().is_ident("deprecated") {
            &mut self.stub
        } else if is_lint_level(attr) {
            &mut self.lints
        } else {
            &mut self.body
        }
    }
}

/// `#[expect(…)]` as `#[allow(…)]`: of the items that are made of a function, one fulfills it at most.
fn allowed(mut attr: Attribute) -> Attribute {
    if let Meta::List(list) = &mut attr.meta {
        list.path = Ident::new("allow", list.path.span()).into();
    }
    attr
}

/// `#[allow(…)]` and its like; `expect` is not one, because it must be fulfilled where it stands.
pub(crate) fn is_lint_level(attr: &Attribute) -> bool {
    ["allow", "warn", "deny", "forbid"].iter().any(|level| attr.path().is_ident(level))
}
