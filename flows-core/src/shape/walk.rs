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
const DUMMIES: [&str; 6] = ["", "0", "1970-01-01T00:00:00Z", "1970-01-01", "00:00:00", "127.0.0.1"];

#[derive(Default)]
pub(super) struct Walk {
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
    /// Begins a pass, if there is one to make.
    pub(super) fn begin(&mut self) -> bool {
        self.passes += 1;
        (self.made, self.reached, self.depth) = (0, false, 0);
        self.line.clear();
        !self.over && self.passes <= MAX_PASSES
    }

    /// Ends a pass: writes down what it saw, and turns to the next way. A pass that ended before a
    /// leaf is made again with other dummies first.
    pub(super) fn end(&mut self, lines: &mut String) {
        if !self.reached && self.dummy + 1 < DUMMIES.len() {
            self.dummy += 1;
            return;
        }
        self.dummy = 0;
        lines.push_str(&self.line);
        lines.push('\n');
        self.path.truncate(self.made);
        while self.path.pop_if(|(at, of)| *at + 1 >= *of).is_some() {}
        match self.path.last_mut() {
            Some((at, _)) => *at += 1,
            None => self.over = true,
        }
    }

    /// Which of so many ways this pass goes.
    pub(super) fn choose(&mut self, of: usize) -> usize {
        if self.made == self.path.len() {
            self.path.push((0, of));
        }
        self.made += 1;
        self.path[self.made - 1].0
    }

    pub(super) fn write(&mut self, text: &str) {
        self.line.push_str(text);
    }

    pub(super) fn name(&mut self, name: &str, parts: &[&str]) {
        if !parts.is_empty() {
            self.line.push_str(&format!("{name}{{{}}} ", parts.join(", ")));
        } else if !name.is_empty() {
            self.line.push_str(&format!("{name} "));
        }
    }

    /// The end of this pass.
    pub(super) fn leaf(&mut self, text: &str) {
        self.write(text);
        self.reached = true;
    }

    /// Goes one step down; `false` where it goes no further.
    pub(super) fn descend(&mut self) -> bool {
        self.depth += 1;
        self.depth <= MAX_DEPTH
    }

    /// Whether a type was met on another way: then that is all there is to say.
    pub(super) fn has_met(&mut self, named: Named) -> bool {
        let number = self.met.len();
        let (number, way) = self.met.entry(named).or_insert_with(|| (number, self.line.clone()));
        if *way == self.line {
            return false;
        }
        let again = format!("#{number}");
        self.leaf(&again);
        true
    }

    /// A variant for a dummy.
    pub(super) fn vary(&self, variants: &'static [&'static str]) -> Option<&'static str> {
        variants.get((self.depth + self.dummy).checked_rem(variants.len())?).copied()
    }

    pub(super) fn dummy(&self) -> &'static str {
        DUMMIES[self.dummy]
    }
}
