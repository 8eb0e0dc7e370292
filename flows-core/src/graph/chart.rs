//! The graph as boxes and arrows: what Mermaid and DOT both write down.
//!
//! It follows the flow of control: a box for each step, a diamond for each decision, a frame around
//! what belongs together. Ends that lead nowhere yet are carried along until the next box.

use super::text::headed;
use super::{Item, Kind, Lane, ResolvedGraph};

/// Boxes, frames and arrows.
pub(super) struct Chart {
    pub(super) shown: Vec<Shown>,
    pub(super) arrows: Vec<Arrow>,
}

/// A box, or a frame with more in it.
pub(super) enum Shown {
    Box { id: usize, shape: NodeShape, label: String },
    Frame { id: usize, label: String, shown: Vec<Shown> },
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum NodeShape {
    /// Where a run begins and ends.
    Terminal,
    Step,
    Decision,
    /// Where several ways begin or meet.
    Fork,
}

pub(super) struct Arrow {
    pub(super) from: usize,
    pub(super) to: usize,
    pub(super) label: String,
}

/// An arrow that has no head yet.
#[derive(Clone)]
struct Open {
    from: usize,
    label: String,
}

type Opens = Vec<Open>;

pub(super) fn chart(graph: &ResolvedGraph) -> Chart {
    let mut pen = Pen::default();
    let start = pen.put(NodeShape::Terminal, graph.name.to_owned(), Vec::new());
    let opens = pen.items(&graph.items, start);
    if !opens.is_empty() {
        pen.put(NodeShape::Terminal, "done".into(), opens);
    }
    Chart { shown: pen.shown, arrows: pen.arrows }
}

/// What `break` and `continue` mean at a place.
struct Around {
    label: String,
    /// Where `continue` leads; a block has nothing of the kind.
    head: Option<usize>,
    breaks: Opens,
}

#[derive(Default)]
struct Pen {
    next: usize,
    shown: Vec<Shown>,
    arrows: Vec<Arrow>,
    around: Vec<Around>,
    /// Ends of `return`, for each helper, closure and `async` block around this place.
    returns: Vec<Opens>,
}

impl Pen {
    /// A new box, to which all of `opens` lead; gives its own open end.
    fn put(&mut self, shape: NodeShape, label: String, opens: Opens) -> Opens {
        let id = self.id();
        self.shown.push(Shown::Box { id, shape, label });
        self.lead(opens, id);
        one(id, "")
    }

    fn id(&mut self) -> usize {
        self.next += 1;
        self.next
    }

    fn lead(&mut self, opens: Opens, to: usize) {
        let arrows = opens.into_iter().map(|Open { from, label }| Arrow { from, to, label });
        self.arrows.extend(arrows);
    }

    /// Everything in order. What stands behind an end is never reached, and not drawn.
    fn items(&mut self, items: &[Item], mut opens: Opens) -> Opens {
        for item in items {
            if opens.is_empty() {
                break;
            }
            opens = self.item(item, opens);
        }
        opens
    }

    fn lanes(&mut self, lanes: &[Lane], opens: Opens) -> Opens {
        lanes.iter().fold(opens, |opens, lane| self.items(&lane.items, opens))
    }

    fn item(&mut self, item: &Item, opens: Opens) -> Opens {
        match item.kind {
            Kind::Value => opens,
            Kind::If | Kind::IfPatched => self.fork_in_two(item, opens),
            Kind::Match => self.arms(item, opens),
            Kind::LetElse => self.let_else(item, opens),
            Kind::Loop | Kind::While | Kind::For => self.round(item, opens),
            Kind::Join | Kind::TryJoin => self.join(item, opens),
            Kind::Select => self.select(item, opens),
            Kind::Block => self.block(item, opens),
            Kind::Helper | Kind::Async | Kind::Closure => self.frame(item, opens, true),
            Kind::Timeout if item.lanes.iter().all(|lane| lane.items.is_empty()) => {
                self.put(NodeShape::Step, text(item), opens)
            }
            Kind::Timeout | Kind::Shield | Kind::JoinAll | Kind::TryJoinAll | Kind::Race => {
                self.frame(item, opens, false)
            }
            Kind::MapConcurrent
            | Kind::StreamConcurrent
            | Kind::Batch
            | Kind::Saga
            | Kind::Scope => self.frame(item, opens, false),
            kind if kind.is_end() => self.end(item, opens),
            _ => self.put(NodeShape::Step, text(item), opens),
        }
    }

    fn fork_in_two(&mut self, item: &Item, opens: Opens) -> Opens {
        let id = self.put(NodeShape::Decision, text(item), opens)[0].from;
        let empty: &[Item] = &[];
        let part = |at: usize| item.lanes.get(at).map_or(empty, |lane| &lane.items);
        let mut out = self.items(part(0), one(id, "yes"));
        out.extend(self.items(part(1), one(id, "no")));
        out
    }

    fn arms(&mut self, item: &Item, opens: Opens) -> Opens {
        let id = self.put(NodeShape::Decision, text(item), opens)[0].from;
        item.lanes.iter().flat_map(|arm| self.items(&arm.items, one(id, &arm.label))).collect()
    }

    fn let_else(&mut self, item: &Item, opens: Opens) -> Opens {
        let id = self.put(NodeShape::Decision, format!("let {}", item.label), opens)[0].from;
        let mut out = one(id, "");
        out.extend(self.lanes(&item.lanes, one(id, "else")));
        out
    }

    fn round(&mut self, item: &Item, opens: Opens) -> Opens {
        let (shape, each) = match item.kind {
            Kind::Loop => (NodeShape::Fork, ""),
            Kind::For => (NodeShape::Decision, "next"),
            _ => (NodeShape::Decision, "yes"),
        };
        let head = self.put(shape, text(item), opens)[0].from;
        let label = loop_label(&item.label);
        self.around.push(Around { label, head: Some(head), breaks: Vec::new() });
        let back = self.lanes(&item.lanes, one(head, each));
        self.lead(back, head);
        let mut out = self.around.pop().map(|around| around.breaks).unwrap_or_default();
        match item.kind {
            Kind::Loop => {}
            Kind::For => out.extend(one(head, "done")),
            _ => out.extend(one(head, "no")),
        }
        out
    }

    fn block(&mut self, item: &Item, opens: Opens) -> Opens {
        self.around.push(Around { label: item.label.clone(), head: None, breaks: Vec::new() });
        let mut out = self.lanes(&item.lanes, opens);
        out.extend(self.around.pop().map(|around| around.breaks).unwrap_or_default());
        out
    }

    fn join(&mut self, item: &Item, opens: Opens) -> Opens {
        let fork = self.put(NodeShape::Fork, text(item), opens);
        let all = item.lanes.iter().flat_map(|lane| self.items(&lane.items, fork.clone()));
        let all: Opens = all.collect();
        match all.len() {
            0 | 1 => all,
            _ => self.put(NodeShape::Fork, "all".into(), all),
        }
    }

    fn select(&mut self, item: &Item, opens: Opens) -> Opens {
        let fork = self.put(NodeShape::Fork, text(item), opens);
        let mut out = Vec::new();
        for arm in item.lanes.chunks(2) {
            let mut first = self.items(&arm[0].items, fork.clone());
            let unlabelled = first.iter_mut().filter(|open| open.label.is_empty());
            unlabelled.for_each(|open| open.label.clone_from(&arm[0].label));
            out.extend(self.lanes(&arm[1..], first));
        }
        out
    }

    /// A frame; `return` leads only out of it, where it `returns`.
    fn frame(&mut self, item: &Item, opens: Opens, returns: bool) -> Opens {
        let id = self.id();
        let outer = std::mem::take(&mut self.shown);
        if returns {
            self.returns.push(Vec::new());
        }
        let mut out = self.lanes(&item.lanes, opens);
        if returns {
            out.extend(self.returns.pop().unwrap_or_default());
        }
        let shown = std::mem::replace(&mut self.shown, outer);
        if !shown.is_empty() {
            self.shown.push(Shown::Frame { id, label: text(item), shown });
        }
        out
    }

    fn end(&mut self, item: &Item, opens: Opens) -> Opens {
        match item.kind {
            Kind::Break => self.around(&item.label).map(|around| around.breaks.extend(opens)),
            Kind::Continue => {
                let head = self.around(&item.label).and_then(|around| around.head);
                head.map(|head| self.lead(opens, head))
            }
            Kind::Return | Kind::Leave if !self.returns.is_empty() => {
                self.returns.last_mut().map(|returns| returns.extend(opens))
            }
            _ => {
                self.put(NodeShape::Terminal, text(item), opens);
                None
            }
        };
        Vec::new()
    }

    /// The loop or block that `break` or `continue` means.
    fn around(&mut self, label: &str) -> Option<&mut Around> {
        let mut around = self.around.iter_mut().rev();
        match label.is_empty() {
            true => around.find(|around| around.head.is_some()),
            false => around.find(|around| around.label == label),
        }
    }
}

fn one(from: usize, label: &str) -> Opens {
    vec![Open { from, label: label.to_owned() }]
}

/// What a box says: a line of the text form.
fn text(item: &Item) -> String {
    headed(item)
}

/// The label of `loop 'outer` or `for x in y 'outer`: it stands last.
fn loop_label(label: &str) -> String {
    label.rsplit(' ').next().filter(|word| word.starts_with('\'')).unwrap_or_default().to_owned()
}
