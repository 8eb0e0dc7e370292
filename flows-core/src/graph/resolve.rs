//! From what the source says to what it means: callees by kind and recorded name, helpers put in.

use super::names::{self, Callee, SignalEntry, UpdateEntry};
use super::{Graph, Kind, Node, Part};
use crate::registry::Registry;
use crate::shape::Shape;

/// Gives the shape of a type.
type ShapeOf = fn() -> Shape;

/// A graph whose callees are known, as far as the definitions tell.
///
/// `Display` gives the indented text.
#[derive(Debug, Clone)]
pub struct ResolvedGraph {
    /// The name of the function.
    pub(super) name: &'static str,
    pub(crate) items: Vec<Item>,
    /// The typed signals that it receives, by name.
    #[cfg_attr(not(feature = "testing"), expect(dead_code, reason = "for the lock file"))]
    pub(crate) signals: Vec<(&'static str, ShapeOf)>,
    /// The updates that it receives, by name.
    #[cfg_attr(not(feature = "testing"), expect(dead_code, reason = "for the lock"))]
    pub(crate) updates: Vec<UpdateEntry>,
}

/// A node, resolved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Item {
    pub(crate) kind: Kind,
    pub(crate) label: String,
    pub(crate) line: u32,
    /// What a call is told besides its arguments.
    pub(crate) options: Vec<CallOption>,
    pub(crate) lanes: Vec<Lane>,
}

/// A method of a call, and the source of what it is given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CallOption {
    pub(crate) name: String,
    pub(crate) given: String,
}

impl CallOption {
    pub(crate) fn of(name: &str, given: &str) -> Self {
        Self { name: name.to_owned(), given: given.to_owned() }
    }
}

/// A part, resolved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Lane {
    pub(crate) label: String,
    pub(crate) items: Vec<Item>,
}

pub(super) fn resolve(graph: &Graph, registry: &Registry) -> ResolvedGraph {
    let (inside, signals, updates) = (vec![graph.path], Vec::new(), Vec::new());
    let mut resolver = Resolver { registry, inside, signals, updates };
    let items = resolver.nodes(graph.nodes);
    let mut signals = resolver.signals;
    signals.sort_by_key(|entry| entry.name);
    signals.dedup_by_key(|entry| entry.name);
    let signals = signals.into_iter().map(|entry| (entry.name, entry.shape)).collect();
    let mut updates = resolver.updates;
    updates.sort_by_key(|entry| entry.name);
    updates.dedup_by_key(|entry| entry.name);
    ResolvedGraph { name: graph.name(), items, signals, updates }
}

impl ResolvedGraph {
    /// A Mermaid flowchart.
    pub fn mermaid(&self) -> String {
        super::mermaid::draw(self)
    }

    /// A graph in the DOT language of Graphviz.
    pub fn dot(&self) -> String {
        super::dot::draw(self)
    }
}

struct Resolver<'r> {
    registry: &'r Registry,
    /// The functions that this one stands in, by their paths: helpers may call themselves.
    inside: Vec<&'static str>,
    signals: Vec<SignalEntry>,
    updates: Vec<UpdateEntry>,
}

impl Resolver<'_> {
    fn nodes(&mut self, nodes: &[Node]) -> Vec<Item> {
        nodes.iter().map(|node| self.node(node)).collect()
    }

    fn node(&mut self, node: &Node) -> Item {
        match node.kind {
            Kind::Call => self.call(node, false),
            Kind::Method => self.call(node, true),
            Kind::Receive => self.receive(node),
            Kind::Update | Kind::TryUpdate => self.update(node),
            Kind::Saga => self.saga(node),
            kind => self.item(node, kind, node.label),
        }
    }

    fn item(&mut self, node: &Node, kind: Kind, label: &str) -> Item {
        let lane =
            |part: &Part| Lane { label: part.label.to_owned(), items: self.nodes(part.nodes) };
        let lanes = node.parts.iter().map(lane).collect();
        let options = node.options.iter().map(|(name, given)| CallOption::of(name, given));
        let options = options.collect();
        Item { kind, label: label.to_owned(), line: node.line, options, lanes }
    }

    fn call(&mut self, node: &Node, is_method: bool) -> Item {
        match names::callee(self.registry, self.home(), node.label, is_method) {
            Some(Callee::Activity(def)) => self.item(node, Kind::Activity, def.name),
            Some(Callee::Child(def)) => self.item(node, Kind::Child, def.name),
            Some(Callee::Helper(graph)) => self.helper(node, graph),
            None => self.item(node, Kind::Call, node.label),
        }
    }

    /// A step, and what undoes it.
    fn saga(&mut self, node: &Node) -> Item {
        let mut item = self.item(node, Kind::Saga, node.label);
        for lane in &mut item.lanes {
            let undone = |step: &Item| (step.kind == Kind::Activity).then(|| self.undo(step));
            let undone: Vec<_> = lane.items.iter().filter_map(undone).flatten().collect();
            lane.items.extend(undone);
        }
        item
    }

    fn undo(&self, step: &Item) -> Option<Item> {
        let def = self.registry.activity(&step.label)?;
        let home = def.path.rsplit_once("::").map_or("", |(module, _)| module);
        let label = match names::callee(self.registry, home, def.compensation, false) {
            Some(Callee::Activity(by)) => by.name,
            _ => def.compensation,
        };
        (!label.is_empty()).then(|| Item {
            kind: Kind::Undo,
            label: label.to_owned(),
            line: step.line,
            options: Vec::new(),
            lanes: Vec::new(),
        })
    }

    fn helper(&mut self, node: &Node, graph: Graph) -> Item {
        if self.inside.contains(&graph.path) {
            return self.item(node, Kind::Again, graph.name());
        }
        self.inside.push(graph.path);
        let items = self.nodes(graph.nodes);
        self.inside.pop();
        let lanes = vec![Lane { label: String::new(), items }];
        let (label, options) = (graph.name().to_owned(), Vec::new());
        Item { kind: Kind::Helper, label, line: node.line, options, lanes }
    }

    fn receive(&mut self, node: &Node) -> Item {
        let Some(entry) = names::signal(self.home(), node.label) else {
            return self.item(node, Kind::Receive, node.label);
        };
        self.signals.push(entry);
        self.item(node, Kind::Signal, &format!("{:?}", entry.name))
    }

    fn update(&mut self, node: &Node) -> Item {
        let Some(entry) = names::update(self.home(), node.label) else {
            return self.item(node, node.kind, node.label);
        };
        self.updates.push(entry);
        self.item(node, node.kind, &format!("{:?}", entry.name))
    }

    /// The module of the function that is being read.
    fn home(&self) -> &'static str {
        let path = self.inside.last().copied().unwrap_or_default();
        path.rsplit_once("::").map_or("", |(module, _)| module)
    }
}
