//! The repository's files, and Rust without its comments and texts.

use std::fs;
use std::path::Path;

/// A file of the repository.
#[derive(Debug)]
pub(crate) struct File {
    /// From the root, with `/`.
    pub(crate) path: String,
    pub(crate) text: String,
}

impl File {
    #[cfg(test)]
    pub(crate) fn planted(path: &str, text: &str) -> Self {
        Self { path: path.to_owned(), text: text.to_owned() }
    }
}

/// Every text file of the repository, by path.
pub(crate) fn files() -> Vec<File> {
    let mut files = Vec::new();
    visit(Path::new(env!("CARGO_MANIFEST_DIR")), "", &mut files);
    files.sort_by(|a, b| a.path.cmp(&b.path));
    files
}

/// Hidden folders and what is built are not ours to judge.
fn visit(folder: &Path, prefix: &str, files: &mut Vec<File>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let (place, path) = (entry.path(), format!("{prefix}{name}"));
        if name.starts_with('.') || path == "target" || path == "docs/book" {
            continue;
        }
        if place.is_dir() {
            visit(&place, &format!("{path}/"), files);
        } else if let Ok(text) = fs::read_to_string(&place) {
            files.push(File { path, text });
        }
    }
}

/// What a stretch of Rust is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    Code,
    Comment,
    Text,
}

/// The source with every comment and every text replaced by blanks; lines stay where they are.
pub(crate) fn code(source: &str) -> String {
    only(source, &[Part::Code])
}

/// The source with every text replaced by blanks.
pub(crate) fn code_and_comments(source: &str) -> String {
    only(source, &[Part::Code, Part::Comment])
}

fn only(source: &str, wanted: &[Part]) -> String {
    let blank = |c: char| if c == '\n' { '\n' } else { ' ' };
    parts(source)
        .into_iter()
        .map(|(part, text)| match wanted.contains(&part) {
            true => text.to_owned(),
            false => text.chars().map(blank).collect(),
        })
        .collect()
}

fn parts(source: &str) -> Vec<(Part, &str)> {
    let (mut parts, mut rest) = (Vec::new(), source);
    let mut in_word = false;
    while !rest.is_empty() {
        let (part, length) = first(rest, in_word);
        let (text, after) = rest.split_at(length);
        in_word = text.chars().last().is_some_and(|c| c.is_alphanumeric() || c == '_');
        parts.push((part, text));
        rest = after;
    }
    parts
}

/// The first part of a source that begins with one, and its length.
fn first(rest: &str, in_word: bool) -> (Part, usize) {
    if rest.starts_with("//") {
        return (Part::Comment, rest.find('\n').unwrap_or(rest.len()));
    }
    if rest.starts_with("/*") {
        return (Part::Comment, block_comment(rest));
    }
    if let Some(length) = raw_text(rest).filter(|_| !in_word) {
        return (Part::Text, length);
    }
    if rest.starts_with('"') {
        return (Part::Text, quoted(rest, '"'));
    }
    if is_character(rest) {
        return (Part::Text, quoted(rest, '\''));
    }
    (Part::Code, rest.chars().next().map_or(0, char::len_utf8))
}

fn block_comment(rest: &str) -> usize {
    let (mut depth, mut at) = (0, 0);
    while let Some(tail) = rest.get(at..) {
        match tail {
            _ if tail.starts_with("/*") => (depth, at) = (depth + 1, at + 2),
            _ if tail.starts_with("*/") => (depth, at) = (depth - 1, at + 2),
            "" => break,
            _ => at += tail.chars().next().map_or(1, char::len_utf8),
        }
        if depth == 0 {
            break;
        }
    }
    at
}

/// `r"…"`, `br#"…"#` and the like.
fn raw_text(rest: &str) -> Option<usize> {
    let tail = rest.strip_prefix(['b', 'c']).unwrap_or(rest).strip_prefix('r')?;
    let hashes = tail.len() - tail.trim_start_matches('#').len();
    let body = tail[hashes..].strip_prefix('"')?;
    let end = format!("\"{}", "#".repeat(hashes));
    let length = body.find(&end).map_or(body.len(), |at| at + end.len());
    Some(rest.len() - body.len() + length)
}

/// A character, not a lifetime.
fn is_character(rest: &str) -> bool {
    let mut letters = rest.chars();
    letters.next() == Some('\'')
        && match letters.next() {
            Some('\\') => true,
            Some(_) => letters.next() == Some('\''),
            None => false,
        }
}

fn quoted(rest: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, c) in rest.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            _ if c == quote => return at + c.len_utf8(),
            _ => {}
        }
    }
    rest.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(source: &str, expected: &str) {
        let words = code(source).split_whitespace().collect::<Vec<_>>().join(" ");
        assert_eq!(words, expected);
    }

    #[test]
    fn only_code_is_left() {
        check("a // tokio\nb", "a b");
        check("a /* x /* y */ z */ b", "a b");
        check(r#"a("to\"kio") b"#, "a( ) b");
        check("a r#\"to\"kio\"# b", "a b");
        check("var\"x\" b", "var b");
        check("a('\"') b('\\'') <'a> c", "a( ) b( ) <'a> c");
        check("a(b\"x\") c", "a(b ) c");
    }

    #[test]
    fn lines_stay() {
        assert_eq!(code("a\n\"x\ny\"\n// c\nb").lines().count(), 5);
        assert_eq!(code_and_comments("a // b \"c\"\n\"d\""), "a // b \"c\"\n   ");
    }

    #[test]
    fn the_repository_is_seen() {
        let paths: Vec<_> = files().into_iter().map(|file| file.path).collect();
        for known in ["lib.rs", "flows-core/src/replay/machine.rs", "tests/tidy/source.rs"] {
            assert!(paths.iter().any(|path| path == known), "{known}");
        }
        assert!(paths.is_sorted());
    }
}
