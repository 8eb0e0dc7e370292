//! The static graph of a body: what the user wrote, read before it is rewritten, as a constant.
//!
//! A call site is a call that is given the context, or a method of the context. It stands where it
//! is *called*, because that is where an operation takes its identity; where it is awaited does not
//! matter. Nothing is looked up here: the library finds out what a callee is.
//!
//! Reading never fails. What it does not understand it leaves out.

mod calls;
mod label;
mod read;
#[cfg(test)]
mod tests;

use proc_macro2::{Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::ext::IdentExt;
use syn::visit::Visit;
use syn::{Block, Ident, Path};

use self::read::Reader;

/// One place, as the library's `graph::Node`.
struct Node {
    /// The name of a `graph::Kind`.
    kind: &'static str,
    label: String,
    /// Where `line!()` looks.
    span: Span,
    /// What the call is told besides its arguments: methods and what they are given.
    options: Vec<(String, String)>,
    parts: Vec<Part>,
}

/// One way through a node.
struct Part {
    label: String,
    nodes: Vec<Node>,
}

/// The expression of the graph of a function's body; `contexts` are the names of its context.
pub(crate) fn graph(
    function: &Ident,
    block: &Block,
    contexts: &[Ident],
    krate: &Path,
) -> TokenStream {
    let mut reader = Reader::new(contexts);
    reader.visit_block(block);
    let nodes = reader.finish().into_iter().map(Node::emit);
    let name = format!("::{}", function.unraw());
    quote! {{
        use #krate::__private::graph_prelude::*;
        Graph {
            path: ::std::concat!(::std::module_path!(), #name),
            nodes: &[#(#nodes),*],
        }
    }}
}

impl Node {
    fn new(kind: &'static str, label: impl Into<String>, span: Span) -> Self {
        Self { kind, label: label.into(), span, options: Vec::new(), parts: Vec::new() }
    }

    /// A node around others.
    fn around(kind: &'static str, label: impl Into<String>, span: Span, nodes: Vec<Self>) -> Self {
        let parts = vec![Part::new("", nodes)];
        Self { parts, ..Self::new(kind, label, span) }
    }

    /// Whether it says something although nothing is in it.
    fn stands_alone(&self) -> bool {
        self.parts.is_empty() || self.kind == "Timeout" || self.kind == "IfPatched"
    }

    fn emit(self) -> TokenStream {
        let (kind, label) = (Ident::new(self.kind, Span::mixed_site()), self.label);
        let line = quote_spanned!(self.span=> ::std::line!());
        if self.parts.is_empty() && self.options.is_empty() {
            return quote!(Node::step(Kind::#kind, #label, #line));
        }
        let options = self.options.into_iter().map(|(name, given)| quote!((#name, #given)));
        let options = quote!(&[#(#options),*]);
        let parts = self.parts.into_iter().map(|Part { label, nodes }| {
            let nodes = nodes.into_iter().map(Self::emit);
            quote!(Part { label: #label, nodes: &[#(#nodes),*] })
        });
        quote! {
            Node { kind: Kind::#kind, label: #label, line: #line, options: #options, parts: &[#(#parts),*] }
        }
    }
}

impl Part {
    fn new(label: impl Into<String>, nodes: Vec<Node>) -> Self {
        Self { label: label.into(), nodes }
    }
}
