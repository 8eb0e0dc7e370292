//! The text form: one line for each node, what is inside it indented.
//!
//! Written for people, and kept in `flows.lock`; so a line never depends on where in the file
//! something stands, nor on how the source is formatted.

use std::fmt;

use super::Kind;
use super::resolve::{CallOption, Item, Lane, ResolvedGraph};
use crate::outline::Line;

/// The lines of a graph, with helpers shown as such.
fn lines(graph: &ResolvedGraph) -> Vec<Line> {
    graph.items.iter().flat_map(item).collect()
}

/// The lines of some items.
#[cfg(feature = "testing")]
pub(crate) fn write(items: &[Item]) -> Vec<Line> {
    items.iter().flat_map(item).collect()
}

/// The items of a graph without a trace of its helpers: what they do stands where they are called,
/// under the line of the call, because a helper may be in another file.
#[cfg(feature = "testing")]
pub(crate) fn flat(graph: &ResolvedGraph) -> Vec<Item> {
    flattened(&graph.items, None)
}

#[cfg(feature = "testing")]
fn flattened(items: &[Item], called_in: Option<u32>) -> Vec<Item> {
    let mut flat = Vec::new();
    for item in items {
        let line = called_in.unwrap_or(item.line);
        if item.kind == Kind::Saga {
            // a call is the same with a saga and without
            flat.extend(item.lanes.iter().flat_map(|lane| flattened(&lane.items, called_in)));
            continue;
        }
        if item.kind == Kind::Helper {
            flat.extend(item.lanes.iter().flat_map(|lane| flattened(&lane.items, Some(line))));
            continue;
        }
        let mut item = Item { line, ..item.clone() };
        if called_in.is_some() && item.kind == Kind::Return {
            (item.kind, item.label) = (Kind::Leave, String::new());
        }
        for lane in &mut item.lanes {
            lane.items = flattened(&lane.items, called_in);
        }
        flat.push(item);
    }
    flat
}

/// One node: its own line, and for what has several parts a line for each of the others.
fn item(item: &Item) -> Vec<Line> {
    let text = head(item.kind, &item.label);
    let line = |text: String, inside| Line { text, line: item.line, inside };
    if !item.options.is_empty() {
        let told = item.options.iter().map(|option| line(told(option), Vec::new()));
        let mut bare = self::item(&Item { options: Vec::new(), ..item.clone() });
        bare[0].inside.splice(0..0, told);
        return bare;
    }
    let inside = |lane: &Lane| lane.items.iter().flat_map(self::item).collect::<Vec<_>>();
    match item.kind {
        Kind::If | Kind::IfPatched => {
            let mut lanes = item.lanes.iter().map(inside);
            let then = line(text, lanes.next().unwrap_or_default());
            let other = lanes.next().filter(|lines| !lines.is_empty());
            [Some(then), other.map(|lines| line("else".into(), lines))]
                .into_iter()
                .flatten()
                .collect()
        }
        Kind::Match => {
            let arms = item.lanes.iter().map(|arm| line(format!("{} =>", arm.label), inside(arm)));
            vec![line(text, arms.collect())]
        }
        Kind::Join | Kind::TryJoin => {
            let lanes = item.lanes.iter().map(|lane| line("lane".into(), inside(lane)));
            vec![line(text, lanes.collect())]
        }
        Kind::Select => {
            let arms = item.lanes.chunks(2).flat_map(|arm| {
                let body = arm.get(1).map(&inside).filter(|lines| !lines.is_empty());
                let head = format!("arm {}", arm[0].label);
                let then = body.map(|lines| line("then".into(), lines));
                [Some(line(head, inside(&arm[0]))), then].into_iter().flatten()
            });
            vec![line(text, arms.collect())]
        }
        _ => vec![line(text, item.lanes.iter().flat_map(inside).collect())],
    }
}

/// What one line says of an option.
fn told(CallOption { name, given }: &CallOption) -> String {
    format!("with {name} {given}").trim_end().to_owned()
}

/// What a box says of a node: its line, and its options as they are written in the source.
pub(super) fn headed(item: &Item) -> String {
    let told = item.options.iter().map(|CallOption { name, given }| format!(" .{name}({given})"));
    head(item.kind, &item.label) + &told.collect::<String>()
}

/// What one line says of a node.
pub(super) fn head(kind: Kind, label: &str) -> String {
    match kind {
        Kind::LetElse => format!("let {label} else"),
        _ if label.is_empty() => kind.word().to_owned(),
        _ => format!("{} {label}", kind.word()),
    }
}

impl fmt::Display for ResolvedGraph {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut numbered = Vec::new();
        number(&lines(self), 0, &mut numbered);
        for (line, text) in numbered {
            if f.alternate() {
                writeln!(f, "{line:4}  {text}")?;
            } else {
                writeln!(f, "{text}")?;
            }
        }
        Ok(())
    }
}

fn number(lines: &[Line], depth: usize, out: &mut Vec<(u32, String)>) {
    for line in lines {
        out.push((line.line, format!("{}{}", "  ".repeat(depth), line.text)));
        number(&line.inside, depth + 1, out);
    }
}
