//! The static graph of a workflow: its durable call sites, with the branches, loops and
//! combinators around them.
//!
//! `#[workflow]` and `#[durable]` read it from the source and emit it as a constant, so it is what
//! the text says and never what a run did. What syntax cannot tell, whether `charge(ctx)` is an
//! activity, a child or a helper, is [resolved](Graph::resolved) against the definitions of the
//! program. Drawn by people, and compared by `flows::testing::check_lock`.

mod chart;
mod dot;
mod kind;
mod mermaid;
mod names;
#[cfg(feature = "testing")]
mod read;
mod resolve;
mod text;

use std::fmt;

pub use kind::Kind;
pub use names::{HelperGraph, SignalEntry};
pub use resolve::ResolvedGraph;
pub(crate) use resolve::{Item, Lane};
#[cfg(feature = "testing")]
pub(crate) use {read::read, text::flat, text::write};

use crate::registry::Registry;

/// The durable call sites of a workflow or a helper, in the order of its source.
///
/// ```text
/// println!("{}", order::Workflow::GRAPH);            // indented text
/// println!("{}", order::Workflow::GRAPH.mermaid());
/// println!("{}", order::Workflow::GRAPH.dot());
/// ```
///
/// These three look callees up among all definitions that are linked into the program;
/// [`resolved`](Self::resolved) looks into one registry. `{:#}` shows the lines of the source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Graph {
    /// The function, with its module: `my_app::orders::order`.
    pub path: &'static str,
    /// What it does, from first to last.
    pub nodes: &'static [Node],
}

/// One place of the source: a step, or something with steps in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Node {
    /// What stands there.
    pub kind: Kind,
    /// What it is about: the callee, the name of the signal, the condition, the pattern.
    pub label: &'static str,
    /// The line in the source, from 1.
    pub line: u32,
    /// What is inside: the branches of an `if`, the arms of a `match`, the body of a loop.
    pub parts: &'static [Part],
}

impl Node {
    /// A step, with nothing in it.
    pub const fn step(kind: Kind, label: &'static str, line: u32) -> Self {
        Self { kind, label, line, parts: &[] }
    }
}

/// One way through a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part {
    /// The pattern of an arm; empty where the position says it all.
    pub label: &'static str,
    /// What is done on this way.
    pub nodes: &'static [Node],
}

impl Graph {
    /// The graph of what no macro has read: a definition that was written by hand.
    pub const EMPTY: Self = Self { path: "", nodes: &[] };

    /// The graph with its callees looked up in `registry`, and its helpers put in. Helpers and
    /// signals are those of the whole program.
    pub fn resolved(&self, registry: &Registry) -> ResolvedGraph {
        resolve::resolve(self, registry)
    }

    /// A Mermaid flowchart.
    pub fn mermaid(&self) -> String {
        self.resolved(&Registry::all()).mermaid()
    }

    /// A graph in the DOT language of Graphviz.
    pub fn dot(&self) -> String {
        self.resolved(&Registry::all()).dot()
    }

    /// The name of the function.
    pub fn name(&self) -> &'static str {
        self.path.rsplit("::").next().unwrap_or_default()
    }
}

/// Indented text, one line for each node.
impl fmt::Display for Graph {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.resolved(&Registry::all()).fmt(f)
    }
}
