//! Pages of documentation, and what is in them.

use std::fs;
use std::path::{Path, PathBuf};

/// A page, by its path from the root.
#[derive(Debug)]
pub(crate) struct Page {
    pub(crate) path: String,
    pub(crate) text: String,
}

/// A file's place.
pub(crate) fn place(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// One page.
#[track_caller]
pub(crate) fn page(path: &str) -> Page {
    let text = fs::read_to_string(place(path)).unwrap_or_else(|error| panic!("{path}: {error}"));
    Page { path: path.to_owned(), text }
}

/// The pages of the guide.
pub(crate) fn guide() -> Vec<Page> {
    let names = fs::read_dir(place("docs/src")).into_iter().flatten().flatten();
    let names = names.map(|entry| entry.file_name().to_string_lossy().into_owned());
    let pages: Vec<_> = names
        .filter(|name| name.ends_with(".md") && name != "SUMMARY.md")
        .map(|name| page(&format!("docs/src/{name}")))
        .collect();
    assert!(!pages.is_empty(), "the guide has no pages");
    pages
}

/// The texts of all recorded histories.
pub(crate) fn recorded_histories() -> String {
    let entries = fs::read_dir(place("tests/histories")).into_iter().flatten().flatten();
    let histories = entries.filter(|entry| entry.path().extension().is_some_and(|e| e == "json"));
    histories.filter_map(|entry| fs::read_to_string(entry.path()).ok()).collect()
}

/// Links to pages that do not exist, and to headings that are not there.
pub(crate) fn broken_links(page: &Page) -> Vec<String> {
    let folder = page.path.rsplit_once('/').map_or("", |(folder, _)| folder);
    let links = page.text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    let links = links.map(|link| link.split_whitespace().collect::<String>());
    links
        .filter(|link| !link.starts_with("http"))
        .filter(|link| !leads_somewhere(page, folder, link))
        .map(|link| format!("{}: link to {link}", page.path))
        .collect()
}

fn leads_somewhere(from: &Page, folder: &str, link: &str) -> bool {
    let (file, heading) = link.split_once('#').unwrap_or((link, ""));
    let target = if file.is_empty() { from.path.clone() } else { joined(folder, file) };
    match fs::read_to_string(place(&target)) {
        Ok(text) => heading.is_empty() || headings(&text).iter().any(|found| found == heading),
        Err(_) => false,
    }
}

fn joined(folder: &str, file: &str) -> String {
    if folder.is_empty() { file.to_owned() } else { format!("{folder}/{file}") }
}

/// Headings as links name them.
fn headings(text: &str) -> Vec<String> {
    let mut in_fence = false;
    let mut found = Vec::new();
    for line in text.lines() {
        in_fence ^= line.starts_with("```");
        if line.starts_with('#') && !in_fence {
            let title = line.trim_start_matches('#').trim().to_lowercase().replace(' ', "-");
            found.push(title.replace(|c: char| !c.is_alphanumeric() && c != '-' && c != '_', ""));
        }
    }
    found
}

/// The lines of fenced blocks that begin with `cargo `.
pub(crate) fn commands(text: &str) -> Vec<String> {
    let blocks = text.split("\n```").skip(1).step_by(2);
    let lines = blocks.flat_map(|block| block.lines().skip(1));
    lines.filter(|line| line.starts_with("cargo ")).map(str::to_owned).collect()
}

/// The blocks of one language.
pub(crate) fn fences(text: &str, language: &str) -> Vec<String> {
    let open = format!("\n```{language}\n");
    let blocks = text.split(&open).skip(1).filter_map(|rest| rest.split("\n```").next());
    blocks.map(str::to_owned).collect()
}

/// The first numbered list behind a heading.
pub(crate) fn numbered(text: &str, heading: &str) -> Vec<String> {
    let section = text.split_once(heading).map_or("", |(_, rest)| rest);
    let items = section.lines().skip_while(|line| !line.starts_with("1. "));
    items.take_while(|line| line.starts_with(char::is_numeric)).map(str::to_owned).collect()
}

/// What stands in backticks in the first column of the tables whose first heading is `heading`.
pub(crate) fn quotes(text: &str, heading: &str) -> Vec<String> {
    let mut quotes = Vec::new();
    let mut inside = false;
    for line in text.lines() {
        if line.starts_with(&format!("| {heading} |")) {
            inside = true;
        } else if !line.starts_with('|') {
            inside = false;
        } else if inside {
            let cell = line.trim_start_matches('|').split(" | ").next().unwrap_or_default();
            quotes.extend(cell.split('`').skip(1).step_by(2).map(str::to_owned));
        }
    }
    quotes
}

/// Quoted messages that no source says. `…` stands for anything.
pub(crate) fn unsaid(page: &Page, said: &[String]) -> Vec<String> {
    let quotes = quotes(&page.text, "message");
    assert!(!quotes.is_empty(), "{}: no messages", page.path);
    let unsaid = quotes.into_iter().filter(|quote| !said.iter().any(|text| says(text, quote)));
    unsaid.map(|quote| format!("{}: nobody says `{quote}`", page.path)).collect()
}

/// Whether the parts of the quote follow each other in the text.
pub(crate) fn says(text: &str, quote: &str) -> bool {
    let mut rest = text;
    let mut parts = quote.split('…').map(str::trim).filter(|part| !part.is_empty());
    parts.all(|part| match rest.split_once(part) {
        Some((_, after)) => {
            rest = after;
            true
        }
        None => false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "# A page\n\n| message | do |\n|---|---|\n| `lost …`, `gone` | `look` |\n\n\
        ## Two words, or `more`\n\n1. one\n2. two\n\n```console\ncargo run\n```\n\n```sql\nSELECT 1\n```\n";

    fn planted(text: &str) -> Page {
        Page { path: "docs/src/planted.md".into(), text: text.into() }
    }

    #[test]
    fn parts_are_found() {
        assert_eq!(quotes(TEXT, "message"), ["lost …", "gone"]);
        assert_eq!(numbered(TEXT, "# A page"), ["1. one", "2. two"]);
        assert_eq!(commands(TEXT), ["cargo run"]);
        assert_eq!(fences(TEXT, "sql"), ["SELECT 1"]);
        assert_eq!(headings(TEXT), ["a-page", "two-words-or-more"]);
    }

    #[test]
    fn a_broken_link_is_found() {
        let good = "[a](activities.md) [b](workers.md#stuck-runs) [c](https://example.org)";
        assert!(broken_links(&planted(good)).is_empty());
        let bad = "[a](nowhere.md) [b](workers.md#nothing) [c](#nothing)";
        assert_eq!(broken_links(&planted(bad)).len(), 3);
    }

    #[test]
    fn an_invented_message_is_found() {
        let said = ["run {} was lost: {why}".to_owned(), "gone".to_owned()];
        assert!(says(&said[0], "run … was lost: …"));
        assert!(!says(&said[0], "lost … run"));
        assert_eq!(unsaid(&planted(TEXT), &said[1..]).len(), 1);
    }
}
