//! What JSON sees of a type, as lines that people read and that can be compared.
//!
//! ```text
//! struct
//!   customer (or client): str
//!   lines: list of struct (optional)
//!     count: option of u32 (optional)
//!   kind: enum
//!     Cash
//!     Card: struct
//!       number: str
//! ```
//!
//! Names of types are not in it, because they are not in the data.

#[cfg(test)]
mod tests;

use serde::de::DeserializeOwned;

use super::tracer::Tracer;
use super::walk::{Fact, Piece, Walk};
use super::{TracePass, fingerprint_of, trace};
use crate::outline::Line;

/// More lines than this are no help to anybody.
const MOST_LINES: usize = 2_000;

/// The shape of a type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shape {
    /// The type in one line, with its parts inside.
    pub(crate) json: Line,
    /// What guards its postcard form.
    pub(crate) fingerprint: u64,
}

impl Shape {
    /// The shape of `T`.
    pub fn of<T: DeserializeOwned>() -> Self {
        Self::traced(trace::<T>)
    }

    fn traced(trace: TracePass) -> Self {
        Self { json: line(trace), fingerprint: fingerprint_of(trace) }
    }
}

fn line(trace: TracePass) -> Line {
    let mut walk = Walk::json();
    let mut root = JsonNode::default();
    while walk.begin() {
        trace(Tracer::new(&mut walk));
        if walk.end() {
            root.add(walk.pieces());
        }
    }
    let mut writer = JsonWriter { root: &root, around: Vec::new(), left: MOST_LINES };
    let (text, inside) = writer.node(&root);
    Line::new(text, inside)
}

/// A type at a place, as the passes find it.
#[derive(Default)]
struct JsonNode {
    word: String,
    number: Option<usize>,
    again: bool,
    parts: Vec<(String, JsonNode)>,
    optional: Option<bool>,
    alias: bool,
    strict: bool,
}

impl JsonNode {
    fn add(&mut self, pieces: &[Piece]) {
        let Some((piece, rest)) = pieces.split_first() else { return };
        match piece {
            Piece::Type { word, number } => {
                (self.word, self.number) = (word.clone(), *number);
                match rest.first() {
                    Some(Piece::Part(part)) => self.part(part).add(&rest[1..]),
                    Some(Piece::Fact(fact)) => self.strict |= *fact == Fact::Strict,
                    Some(Piece::Leaf(text)) if text == "nothing" => {}
                    None => {}
                    Some(_) => self.part("").add(rest),
                }
            }
            Piece::Leaf(text) => {
                self.word = text.split(' ').next().unwrap_or_default().to_owned();
            }
            Piece::Again(number) => (self.number, self.again) = (Some(*number), true),
            Piece::Fact(Fact::Optional) => self.optional = Some(true),
            Piece::Fact(Fact::Required) => self.optional = Some(false),
            Piece::Fact(Fact::Alias) => self.alias = true,
            Piece::Fact(Fact::Fits | Fact::Strict | Fact::Nothing) | Piece::Part(_) => {}
        }
    }

    fn part(&mut self, name: &str) -> &mut Self {
        let found = self.parts.iter().position(|(part, _)| part == name);
        let at = found.unwrap_or_else(|| {
            self.parts.push((name.to_owned(), Self::default()));
            self.parts.len() - 1
        });
        &mut self.parts[at].1
    }

    /// The type that was met first under a number.
    fn numbered(&self, number: usize) -> Option<&Self> {
        if self.number == Some(number) && !self.again {
            return Some(self);
        }
        self.parts.iter().find_map(|(_, part)| part.numbered(number))
    }
}

struct JsonWriter<'n> {
    root: &'n JsonNode,
    /// The numbers of the types around this place.
    around: Vec<usize>,
    left: usize,
}

impl<'n> JsonWriter<'n> {
    /// What it is, in words, and the lines inside.
    fn node(&mut self, node: &'n JsonNode) -> (String, Vec<Line>) {
        let Some(number) = node.number else { return self.form(node) };
        if let Some(at) = self.around.iter().rposition(|around| *around == number) {
            return (format!("recursive {}", self.around.len() - at), Vec::new());
        }
        let meant = if node.again { self.root.numbered(number) } else { Some(node) };
        let Some(meant) = meant else { return ("unknown".into(), Vec::new()) };
        self.around.push(number);
        let form = self.form(meant);
        self.around.pop();
        form
    }

    fn form(&mut self, node: &'n JsonNode) -> (String, Vec<Line>) {
        let around = |writer: &mut Self, words: &str| {
            let Some((_, inner)) = node.parts.first() else {
                return ("unknown".into(), Vec::new());
            };
            let (text, inside) = writer.node(inner);
            (format!("{words}{text}"), inside)
        };
        match node.word.as_str() {
            "newtype" => around(self, ""),
            "option" => around(self, "option of "),
            "seq" => around(self, "list of "),
            "map" => self.map(node),
            "struct" if node.strict => ("strict struct".into(), self.fields(node)),
            "struct" => ("struct".into(), self.fields(node)),
            "enum" => ("enum".into(), self.variants(node)),
            word if word.starts_with("tuple") => (word.to_owned(), self.fields(node)),
            "" => ("unknown".into(), Vec::new()),
            leaf => (leaf.to_owned(), Vec::new()),
        }
    }

    fn map(&mut self, node: &'n JsonNode) -> (String, Vec<Line>) {
        let mut part = |name: &str| {
            let part = node.parts.iter().find(|(part, _)| part == name);
            part.map_or(("unknown".into(), Vec::new()), |(_, part)| self.node(part))
        };
        let (key, (value, inside)) = (part("key").0, part("value"));
        (format!("map of {key} to {value}"), inside)
    }

    fn fields(&mut self, node: &'n JsonNode) -> Vec<Line> {
        let mut lines = Vec::new();
        let mut fields = node.parts.iter().peekable();
        while let Some((name, field)) = fields.next() {
            let is_named = node.word == "struct";
            let mut names = vec![name.as_str()];
            let mut asked = vec![if is_named { field.optional } else { Some(false) }];
            while let Some((name, field)) = fields.next_if(|(_, field)| field.alias) {
                names.push(name);
                asked.push(field.optional);
            }
            let Some(line) = self.field(&names, &asked, field) else { break };
            lines.push(line);
        }
        if node.word == "struct" {
            lines.sort_by(|a, b| a.text.cmp(&b.text));
        }
        lines
    }

    /// One field. Of one with several names the struct misses one of them, and not the others.
    fn field(
        &mut self,
        names: &[&str],
        asked: &[Option<bool>],
        node: &'n JsonNode,
    ) -> Option<Line> {
        self.left = self.left.checked_sub(1)?;
        let (form, inside) = self.node(node);
        let (first, others) = names.split_first()?;
        let also = match others {
            [] => String::new(),
            others => format!(" (or {})", others.join(", ")),
        };
        let may_be_missing = match asked {
            [None, ..] if form.starts_with("option of ") => " (optional)",
            asked if asked.contains(&Some(false)) => "",
            asked if asked.contains(&None) => " (perhaps optional)",
            _ => " (optional)",
        };
        Some(Line::new(format!("{first}{also}: {form}{may_be_missing}"), inside))
    }

    fn variants(&mut self, node: &'n JsonNode) -> Vec<Line> {
        let mut lines = Vec::new();
        for (name, variant) in &node.parts {
            let Some(left) = self.left.checked_sub(1) else { break };
            self.left = left;
            lines.push(match self.node(variant) {
                (form, _) if form == "unit" => Line::new(name.clone(), Vec::new()),
                (form, inside) => Line::new(format!("{name}: {form}"), inside),
            });
        }
        lines.sort_by(|a, b| a.text.cmp(&b.text));
        lines
    }
}
