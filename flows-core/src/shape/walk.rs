//! One walk over a type: which way to go in this pass, and what has been seen.
//!
//! Passes go through all ways in order, as counting goes through all numbers: the last choice
//! changes first. A type that was met before is not entered again, so recursion ends and the number
//! of passes is that of the fields and variants of all types.

use std::collections::HashMap;

/// No type in its right mind has more ways than this; what is beyond does not count.
const MAX_PASSES: usize = 20_000;

/// No way is longer than this, and no dummy larger: types without a name of their own may nest
/// without end.
const MAX_DEPTH: usize = 200;

/// Dummy texts, tried in turn where one is needed on the way and the type refuses it.
const DUMMIES: [&str; 12] = [
    "",
    "0",
    "1970-01-01T00:00:00Z",
    "1970-01-01",
    "00:00:00",
    "127.0.0.1",
    "00000000-0000-0000-0000-000000000000",
    "1970-01-01T00:00:00",
    "http://localhost/",
    "127.0.0.1:80",
    "a@localhost",
    "EUR",
];

/// How many of them a fingerprint knows: more would make it another one.
const OF_A_FINGERPRINT: usize = 6;

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
    /// It accepts the dummy of this pass.
    Fits,
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
    /// What JSON may do with the fields that were asked about.
    known: HashMap<Field, Known>,
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
    met: HashMap<MetType, (usize, String)>,
}

/// A field, wherever a value of its type stands.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Field {
    /// The type with the field, as Rust calls it, and all its fields.
    pub(super) of: (&'static str, &'static [&'static str]),
    pub(super) name: &'static str,
}

/// What is known of a field.
#[derive(Clone, Copy, Default)]
struct Known {
    /// The dummy that it accepts.
    dummy: usize,
    /// Whether it may be left out where dummies are given. Of several names for one field all but
    /// the one that its struct misses may.
    needless: bool,
}

/// What makes a type the same as one that was met.
#[derive(PartialEq, Eq, Hash)]
pub(super) struct MetType {
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
        let dummies = if self.json { DUMMIES.len() } else { OF_A_FINGERPRINT };
        if !self.reached && self.dummy + 1 < dummies {
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
    pub(super) fn fact(&mut self, field: Option<Field>, fact: Fact) {
        if let Some(field) = field {
            let known = self.known.entry(field).or_default();
            known.needless |= fact == Fact::Optional;
            if fact == Fact::Fits {
                known.dummy = self.dummy;
            }
        }
        self.pieces.push(Piece::Fact(fact));
        self.reached = true;
    }

    /// Whether a field may be left out, as far as is known.
    pub(super) fn is_needless(&self, field: Field) -> bool {
        self.known.get(&field).is_some_and(|known| known.needless)
    }

    /// Turns to the dummy that a field is known to accept; gives the one from before.
    pub(super) fn fit(&mut self, field: Field) -> usize {
        let known = self.known.get(&field).map_or(self.dummy, |known| known.dummy);
        std::mem::replace(&mut self.dummy, known)
    }

    /// Turns back to the dummy from before.
    pub(super) fn unfit(&mut self, before: usize) {
        self.dummy = before;
    }

    /// Goes one step down; `false` where it goes no further.
    pub(super) fn descend(&mut self) -> bool {
        self.depth += 1;
        self.depth <= MAX_DEPTH
    }

    /// The number of a type; `None` if it was met on another way: then that is all there is to say.
    pub(super) fn meet(&mut self, named: MetType) -> Option<usize> {
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
