//! What the macros read from the source: where a definition stands, and its durable call sites.

mod kind;

use std::fmt;

pub use kind::Kind;

/// Where a definition stands in the source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct SourceLocation {
    /// File, as the compiler names it.
    pub file: &'static str,
    /// Line, from 1.
    pub line: u32,
}

impl SourceLocation {
    /// A line of a file.
    pub const fn new(file: &'static str, line: u32) -> Self {
        Self { file, line }
    }
}

impl fmt::Display for SourceLocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file, self.line)
    }
}

/// The durable call sites of a workflow or a helper, in the order of its source.
///
/// ```text
/// println!("{}", order::Workflow::GRAPH);            // indented text
/// println!("{}", order::Workflow::GRAPH.mermaid());
/// println!("{}", order::Workflow::GRAPH.dot());
/// ```
///
/// These three look callees up among all definitions that are linked into the program;
/// `resolved` looks into one registry. `{:#}` shows the lines of the source.
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
    /// What a call is told besides its arguments, in the order of the source: the method, and the source of what it
    /// is given.
    pub options: &'static [(&'static str, &'static str)],
    /// What is inside: the branches of an `if`, the arms of a `match`, the body of a loop.
    pub parts: &'static [Part],
}

impl Node {
    /// A step, with nothing in it.
    pub const fn step(kind: Kind, label: &'static str, line: u32) -> Self {
        Self { kind, label, line, options: &[], parts: &[] }
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

    /// The name of the function.
    pub fn name(&self) -> &'static str {
        self.path.rsplit("::").next().unwrap_or_default()
    }
}
