//! Indented text: lines inside lines. Graphs and shapes are written in it, and `flows.lock` is.

/// A line, with the lines inside it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Line {
    pub(crate) text: String,
    /// Where it stands: in the source, or in the text it was read from. 0 where nobody knows.
    pub(crate) line: u32,
    pub(crate) inside: Vec<Line>,
}

impl Line {
    /// A line that stands nowhere.
    pub(crate) fn new(text: impl Into<String>, inside: Vec<Self>) -> Self {
        Self { text: text.into(), line: 0, inside }
    }

    /// Appends the line and what is inside it, indented by `depth` steps.
    #[cfg(feature = "testing")] // for the lock file
    pub(crate) fn write(&self, out: &mut String, depth: usize) {
        out.push_str(&"  ".repeat(depth));
        out.push_str(&self.text);
        out.push('\n');
        self.inside.iter().for_each(|line| line.write(out, depth + 1));
    }
}

impl std::fmt::Display for Line {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text)
    }
}

/// Reads indented text. Empty lines and those that begin with `#` say nothing; the error names the
/// line that is indented otherwise than by two spaces for each step.
#[cfg(feature = "testing")]
pub(crate) fn parse(text: &str) -> Result<Vec<Line>, (u32, &'static str)> {
    let mut read = Vec::new();
    for (number, line) in (1_u32..).zip(text.lines()) {
        let said = line.trim_start_matches(' ');
        if said.is_empty() || line.starts_with('#') {
            continue;
        }
        let spaces = line.len() - said.len();
        if spaces % 2 != 0 || said.starts_with('\t') {
            return Err((number, "is not indented by two spaces for each step"));
        }
        if said.ends_with([' ', '\t']) {
            return Err((number, "ends in a space"));
        }
        read.push((spaces / 2, number, said));
    }
    let mut rest = &read[..];
    let lines = nested(&mut rest, 0);
    match rest.first() {
        Some((_, number, _)) => Err((*number, "is indented by more than one step")),
        None => Ok(lines),
    }
}

/// The lines of one depth, with what is inside them; stops at anything else.
#[cfg(feature = "testing")]
fn nested(rest: &mut &[(usize, u32, &str)], depth: usize) -> Vec<Line> {
    let mut lines = Vec::new();
    while let Some((&(at, line, text), after)) = rest.split_first() {
        if at != depth {
            break;
        }
        *rest = after;
        lines.push(Line { text: text.to_owned(), line, inside: nested(rest, depth + 1) });
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::{Line, parse};

    #[test]
    fn what_is_written_is_read() {
        let text = "a\n  b c\n    d\n  e\nf\n";
        let lines = parse(text).expect("lines");
        let mut again = String::new();
        lines.iter().for_each(|line| line.write(&mut again, 0));
        assert_eq!(again, text);
        assert_eq!(lines[0].inside[1], Line { text: "e".into(), line: 4, inside: vec![] });
    }

    #[test]
    fn what_is_not_indented_in_steps_is_refused() {
        assert_eq!(
            parse("# so\n\na\n   b"),
            Err((4, "is not indented by two spaces for each step"))
        );
        assert_eq!(parse("a\n    b"), Err((2, "is indented by more than one step")));
        assert_eq!(parse("  a"), Err((1, "is indented by more than one step")));
        assert_eq!(parse("a "), Err((1, "ends in a space")));
    }
}
