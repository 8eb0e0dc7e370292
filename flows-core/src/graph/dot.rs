//! DOT, the language of Graphviz.

use std::fmt::Write;

use super::ResolvedGraph;
use super::chart::{NodeShape, Shown, chart};

/// Writes the chart down.
pub(super) fn draw(graph: &ResolvedGraph) -> String {
    let chart = chart(graph);
    let mut out = format!("digraph \"{}\" {{\n", escaped(graph.name));
    out.push_str(
        "    graph [fontname=\"sans-serif\"];\n    node [fontname=\"sans-serif\"];\n    \
         edge [fontname=\"sans-serif\"];\n",
    );
    shown(&mut out, &chart.shown, 1);
    for arrow in &chart.arrows {
        let label = match arrow.label.as_str() {
            "" => String::new(),
            label => format!(" [label=\"{}\"]", escaped(label)),
        };
        let _ = writeln!(out, "    n{} -> n{}{label};", arrow.from, arrow.to);
    }
    out.push_str("}\n");
    out
}

fn shown(out: &mut String, all: &[Shown], depth: usize) {
    let indent = "    ".repeat(depth);
    for one in all {
        match one {
            Shown::Box { id, shape, label } => {
                let (label, style) = (escaped(label), style(*shape));
                let _ = writeln!(out, "{indent}n{id} [label=\"{label}\", {style}];");
            }
            Shown::Frame { id, label, shown: inside } => {
                let _ = writeln!(out, "{indent}subgraph cluster_{id} {{");
                let _ = writeln!(out, "{indent}    label=\"{}\"; style=dashed;", escaped(label));
                shown(out, inside, depth + 1);
                let _ = writeln!(out, "{indent}}}");
            }
        }
    }
}

fn style(shape: NodeShape) -> &'static str {
    match shape {
        NodeShape::Terminal => "shape=box, style=rounded",
        NodeShape::Step => "shape=box",
        NodeShape::Decision => "shape=diamond",
        NodeShape::Fork => "shape=ellipse",
    }
}

/// In quotes only the quote and the backslash mean anything.
fn escaped(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            c if c.is_control() => out.push(' '),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::escaped;

    #[test]
    fn nothing_in_a_label_is_syntax() {
        assert_eq!(escaped("say \"\\n\" <b>\n[0];"), "say \\\"\\\\n\\\" <b> [0];");
    }
}
