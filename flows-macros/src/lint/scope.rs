//! The names that a body itself introduces: imports, items and locals, block by block.
//!
//! An import is followed, so that `use std::time::SystemTime as Clock` hides nothing. An item of the
//! body's own is nobody else's function. Of a local it is known what its type [visibly](LocalKind) is.
//! What is imported outside of the body cannot be seen.

use std::collections::HashMap;

use syn::ext::IdentExt;
use syn::visit::Visit;
use syn::{Block, Ident, Item, Pat, PatIdent, Path, Stmt, UseTree};

use super::kind::LocalKind;
use super::path::Segments;

/// The scopes that are open, the innermost last.
#[derive(Default)]
pub(super) struct Scopes(Vec<Scope>);

#[derive(Default)]
struct Scope {
    /// Imports with what they stand for, and items of the body's own.
    items: HashMap<String, Option<Segments>>,
    locals: HashMap<String, LocalKind>,
}

impl Scopes {
    /// Opens a scope.
    pub(super) fn enter(&mut self) {
        self.0.push(Scope::default());
    }

    /// Closes the innermost scope.
    pub(super) fn leave(&mut self) {
        self.0.pop();
    }

    /// The items of a block are known in all of it.
    pub(super) fn items_of(&mut self, block: &Block) {
        let Some(scope) = self.0.last_mut() else { return };
        for stmt in &block.stmts {
            if let Stmt::Item(item) = stmt {
                scope.item(item);
            }
        }
    }

    /// A local of a kind, as when it is declared.
    pub(super) fn bind(&mut self, name: &Ident, kind: LocalKind) {
        if let Some(scope) = self.0.last_mut() {
            scope.locals.insert(name.unraw().to_string(), kind);
        }
    }

    /// Every name of a pattern; `kind` is that of a name which is all of it.
    pub(super) fn bind_pattern(&mut self, pat: &Pat, kind: LocalKind) {
        struct BoundNames<'a>(&'a mut Scopes);
        impl<'ast> Visit<'ast> for BoundNames<'_> {
            fn visit_pat_ident(&mut self, name: &'ast PatIdent) {
                self.0.bind(&name.ident, LocalKind::Other);
                syn::visit::visit_pat_ident(self, name);
            }
        }
        match pat {
            Pat::Ident(name) if name.subpat.is_none() => self.bind(&name.ident, kind),
            Pat::Type(typed) => self.bind_pattern(&typed.pat, kind),
            other => BoundNames(self).visit_pat(other),
        }
    }

    /// The local of a name, if there is one.
    pub(super) fn local(&self, name: &Ident) -> Option<LocalKind> {
        let name = name.unraw().to_string();
        self.0.iter().rev().find_map(|scope| scope.locals.get(&name)).copied()
    }

    /// What a path stands for; `None` if it is something of the body's own.
    pub(super) fn resolve(&self, path: &Path) -> Option<Segments> {
        let segments = path.segments.iter().map(|segment| segment.ident.unraw().to_string());
        self.resolve_segments(segments.collect())
    }

    /// As [`resolve`](Self::resolve).
    pub(super) fn resolve_segments(&self, segments: Segments) -> Option<Segments> {
        let first = segments.first()?;
        let meant = self.0.iter().rev().find_map(|scope| scope.items.get(first));
        match meant {
            None => Some(segments),
            Some(import) => {
                let mut full = import.clone()?;
                full.extend(segments.into_iter().skip(1));
                Some(full)
            }
        }
    }
}

impl Scope {
    fn item(&mut self, item: &Item) {
        let name = match item {
            Item::Use(import) => return self.import(&import.tree, &mut Segments::new()),
            Item::Const(item) => &item.ident,
            Item::Enum(item) => &item.ident,
            Item::Fn(item) => &item.sig.ident,
            Item::Mod(item) => &item.ident,
            Item::Static(item) => &item.ident,
            Item::Struct(item) => &item.ident,
            Item::Trait(item) => &item.ident,
            Item::Type(item) => &item.ident,
            Item::Union(item) => &item.ident,
            _ => return,
        };
        self.items.insert(name.unraw().to_string(), None);
    }

    /// `prefix` is the path that leads to the tree.
    fn import(&mut self, tree: &UseTree, prefix: &mut Segments) {
        match tree {
            UseTree::Path(path) => {
                prefix.push(path.ident.unraw().to_string());
                self.import(&path.tree, prefix);
                prefix.pop();
            }
            UseTree::Name(name) => self.stands_for(&name.ident, &name.ident, prefix),
            UseTree::Rename(name) => self.stands_for(&name.rename, &name.ident, prefix),
            UseTree::Group(group) => {
                group.items.iter().for_each(|tree| self.import(tree, prefix));
            }
            UseTree::Glob(_) => {}
        }
    }

    fn stands_for(&mut self, name: &Ident, meant: &Ident, prefix: &Segments) {
        let mut full = prefix.clone();
        full.extend((meant != "self").then(|| meant.unraw().to_string()));
        let name =
            if name == "self" { full.last().cloned() } else { Some(name.unraw().to_string()) };
        self.items.extend(name.map(|name| (name, Some(full))));
    }
}
