//! Mermaid: a flowchart, as Markdown renderers show it.

use std::fmt::Write;

use super::ResolvedGraph;
use super::chart::{NodeShape, Shown, chart};

/// Writes the chart down.
pub(super) fn draw(graph: &ResolvedGraph) -> String {
    let chart = chart(graph);
    let mut out = String::from("flowchart TD\n");
    shown(&mut out, &chart.shown, 1);
    for arrow in &chart.arrows {
        let label = match arrow.label.as_str() {
            "" => String::new(),
            label => format!("|\"{}\"|", escaped(label)),
        };
        let _ = writeln!(out, "    n{} -->{label} n{}", arrow.from, arrow.to);
    }
    out
}

fn shown(out: &mut String, all: &[Shown], depth: usize) {
    let indent = "    ".repeat(depth);
    for one in all {
        match one {
            Shown::Box { id, shape, label } => {
                let (open, close) = brackets(*shape);
                let _ = writeln!(out, "{indent}n{id}{open}\"{}\"{close}", escaped(label));
            }
            Shown::Frame { id, label, shown: inside } => {
                let _ = writeln!(out, "{indent}subgraph n{id}[\"{}\"]", escaped(label));
                shown(out, inside, depth + 1);
                let _ = writeln!(out, "{indent}end");
            }
        }
    }
}

fn brackets(shape: NodeShape) -> (&'static str, &'static str) {
    match shape {
        NodeShape::Terminal => ("([", "])"),
        NodeShape::Step => ("[", "]"),
        NodeShape::Decision => ("{", "}"),
        NodeShape::Fork => ("((", "))"),
    }
}

/// Between quotes Mermaid reads its own entity codes, Markdown and HTML; none of them is meant.
fn escaped(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        match c {
            '"' | '#' | '$' | '&' | '<' | '>' | ';' | '`' | '\\' | '*' | '|' | '{' | '}' | '['
            | ']' => {
                let _ = write!(out, "#{};", u32::from(c));
            }
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
        let escaped = escaped("a < \"b\" && c[0]; #1 `x`\n|y| {z}");
        assert_eq!(
            escaped,
            "a #60; #34;b#34; #38;#38; c#91;0#93;#59; #35;1 #96;x#96; #124;y#124; #123;z#125;"
        );
    }
}
