//! One walk over a type: which way to go in this pass, and what has been seen.
//!
//! Passes go through all ways in order, as counting goes through all numbers: the last choice
//! changes first. A type that was met before is not entered again, so recursion ends and the number
//! of passes is that of the fields and variants of all types.

use std::collections::{HashMap, HashSet};

/// No type in its right mind has more ways than this; what is beyond does not count.
const MAX_PASSES: usize = 20_000;

/// No way is longer than this, and no dummy larger: types without a name of their own may nest
/// without end.
const MAX_DEPTH: usize = 200;

/// Dummy texts, tried in turn where one is needed on the way and the type refuses it.
const DUMMIES: [&str; 6] = ["", "0", "1970-01-01T00:00:00Z", "1970-01-01", "00:00:00", "127.0.0.1"];

/// What a pass passes through, beside the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Piece {
    /// A type with parts, or around another; named types have a number.
    Type {
        word: String,
        number: Option<usize>,
    },
    /// The part that this pass goes into.
    Part(String),
    Leaf(String),
    /// A named type that was met before.
    Again(usize),
    /// The end of a pass that only asked about a field.
    Fact(Fact),
}

/// What JSON may do with a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fact {
    /// It may be missing.
    Optional,
    Required,
    /// It is another name of the field before it.
    Alias,
    /// The struct refuses fields that it does not know.
    Strict,
    /// Nothing of interest.
    Nothing,
}

#[derive(Default)]
pub(super) struct Walk {
    /// Whether it looks as JSON does, which people read and which has names.
    json: bool,
    pieces: Vec<Piece>,
    /// Fields that may be missing, as ways to them.
    optional: HashSet<String>,
    /// The choices of this pass: which, and of how many.
    path: Vec<(usize, usize)>,
    /// How many of them this pass has made.
    made: usize,
    /// What this pass has seen.
    line: String,
    /// Whether it has reached a leaf.
    reached: bool,
    depth: usize,
    passes: usize,
    dummy: usize,
    over: bool,
    /// Types: in the order they were met, and on which way.
    met: HashMap<Named, (usize, String)>,
}

/// What makes a type the same as one that was met.
#[derive(PartialEq, Eq, Hash)]
pub(super) struct Named {
    /// Its Rust name, which is compared within this process only.
    pub(super) rust: &'static str,
    pub(super) name: &'static str,
    pub(super) parts: &'static [&'static str],
}

impl Walk {
    /// A walk over what JSON sees of a type.
    pub(super) fn json() -> Self {
        Self { json: true, ..Self::default() }
    }

    pub(super) fn is_json(&self) -> bool {
        self.json
    }

    /// What this pass went through.
    pub(super) fn pieces(&self) -> &[Piece] {
        &self.pieces
    }

    /// Begins a pass, if there is one to make.
    pub(super) fn begin(&mut self) -> bool {
        self.passes += 1;
        (self.made, self.reached, self.depth) = (0, false, 0);
        self.line.clear();
        self.pieces.clear();
        !self.over && self.passes <= MAX_PASSES
    }

    /// Ends a pass and turns to the next way. A pass that ended before a leaf is made again with
    /// other dummies first.
    ///
    /// `false`: it saw nothing that counts.
    pub(super) fn end(&mut self) -> bool {
        if !self.reached && self.dummy + 1 < DUMMIES.len() {
            self.dummy += 1;
            return false;
        }
        self.dummy = 0;
        self.path.truncate(self.made);
        while self.path.pop_if(|(at, of)| *at + 1 >= *of).is_some() {}
        match self.path.last_mut() {
            Some((at, _)) => *at += 1,
            None => self.over = true,
        }
        true
    }

    /// What this pass has seen, as text.
    pub(super) fn line(&self) -> &str {
        &self.line
    }

    /// Which of so many ways this pass goes.
    pub(super) fn choose(&mut self, of: usize) -> usize {
        if self.made == self.path.len() {
            self.path.push((0, of));
        }
        self.made += 1;
        self.path[self.made - 1].0
    }

    /// A type, or a layer around one.
    pub(super) fn enter(&mut self, kind: &str, name: &str, parts: &[&str], number: Option<usize>) {
        self.line.push_str(kind);
        self.name(name, parts);
        self.pieces.push(Piece::Type { word: kind.trim_end().to_owned(), number });
    }

    /// The part of it that this pass goes into.
    pub(super) fn part(&mut self, part: &str) {
        self.line.push_str(&format!(".{part} "));
        self.pieces.push(Piece::Part(part.to_owned()));
    }

    fn name(&mut self, name: &str, parts: &[&str]) {
        if !parts.is_empty() {
            self.line.push_str(&format!("{name}{{{}}} ", parts.join(", ")));
        } else if !name.is_empty() {
            self.line.push_str(&format!("{name} "));
        }
    }

    /// The end of this pass.
    pub(super) fn leaf(&mut self, text: &str) {
        self.line.push_str(text);
        self.pieces.push(Piece::Leaf(text.to_owned()));
        self.reached = true;
    }

    /// The end of a pass that asked about a field.
    pub(super) fn fact(&mut self, fact: Fact) {
        if fact == Fact::Optional {
            self.optional.insert(self.line.clone());
        }
        self.pieces.push(Piece::Fact(fact));
        self.reached = true;
    }

    /// Whether a field of the struct at hand is known to be one that may be missing.
    pub(super) fn may_be_missing(&self, field: &str) -> bool {
        self.optional.contains(&format!("{}.{field} ", self.line))
    }

    /// Goes one step down; `false` where it goes no further.
    pub(super) fn descend(&mut self) -> bool {
        self.depth += 1;
        self.depth <= MAX_DEPTH
    }

    /// The number of a type; `None` if it was met on another way: then that is all there is to say.
    pub(super) fn meet(&mut self, named: Named) -> Option<usize> {
        let number = self.met.len();
        let (number, way) = self.met.entry(named).or_insert_with(|| (number, self.line.clone()));
        let number = *number;
        if *way == self.line {
            return Some(number);
        }
        self.line.push_str(&format!("#{number}"));
        self.pieces.push(Piece::Again(number));
        self.reached = true;
        None
    }

    /// A variant for a dummy.
    pub(super) fn vary(&self, variants: &'static [&'static str]) -> Option<&'static str> {
        variants.get((self.depth + self.dummy).checked_rem(variants.len())?).copied()
    }

    pub(super) fn dummy(&self) -> &'static str {
        DUMMIES[self.dummy]
    }
}
