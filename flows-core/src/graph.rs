//! The static graph of a workflow: its durable call sites, with the branches, loops and
//! combinators around them.
//!
//! `#[workflow]` and `#[durable]` read it from the source and emit it as a constant, so it is what
//! the text says and never what a run did. What syntax cannot tell, whether `charge(ctx)` is an
//! activity, a child or a helper, is [resolved](Graph::resolved) against the definitions of the
//! program. Drawn by people, and compared by `flows::testing::check_lock`.

mod chart;
mod dot;
mod mermaid;
mod names;
#[cfg(feature = "testing")]
mod read;
mod resolve;
mod text;

use std::fmt;

pub use names::{HelperGraph, SignalEntry, UpdateEntry};
pub use resolve::ResolvedGraph;
pub(crate) use resolve::{Item, Lane};
#[cfg(feature = "testing")]
pub(crate) use {read::read, resolve::CallOption, text::flat, text::write};

use crate::registry::Registry;
pub use crate::source::{Graph, Kind, Node, Part};

impl Graph {
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
}

/// Indented text, one line for each node.
impl fmt::Display for Graph {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.resolved(&Registry::all()).fmt(f)
    }
}
