//! Blocks that the guide prints, and what a run printed: equal but for what differs in every run.

use std::path::Path;

/// The blocks of a page that are no code to compile, without their indentation.
pub(crate) fn blocks(page: &str) -> Vec<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/src").join(page);
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{page}: {error}"));
    let mut blocks = Vec::new();
    let mut open: Option<(usize, String)> = None;
    for line in text.lines() {
        let indent = line.len() - line.trim_start().len();
        match &mut open {
            Some((_, block)) if line.trim() == "```" => {
                blocks.push(std::mem::take(block));
                open = None;
            }
            Some((indent, block)) => {
                *block += &format!("{}\n", line.get(*indent..).unwrap_or_default())
            }
            None if ["```text", "```json"].contains(&line.trim()) => {
                open = Some((indent, String::new()))
            }
            None => {}
        }
    }
    blocks
}

/// The page has what was printed, as a block of its own.
#[track_caller]
pub(crate) fn assert_shown(page: &str, printed: &str) {
    let printed = masked(printed.trim_end());
    let shown: Vec<_> = blocks(page).iter().map(|block| masked(block.trim_end())).collect();
    assert!(
        shown.contains(&printed),
        "docs/src/{page} does not show:\n{printed}\n\nit shows: {shown:#?}"
    );
}

/// Without places in files, paths, ids, times and durations.
pub(crate) fn masked(text: &str) -> String {
    text.split_inclusive([' ', '\n']).map(mask_word).collect()
}

fn mask_word(word: &str) -> String {
    let bare = word.trim_matches(|c: char| c.is_whitespace() || "()\",;.`".contains(c));
    let mask = if bare.contains(".rs:") {
        "FILE"
    } else if bare.ends_with("/flows.lock") {
        "flows.lock"
    } else if bare.starts_with("flows_core::") {
        "TARGET:"
    } else if bare.contains("blocked_ms=") {
        "blocked_ms=N"
    } else if bare.starts_with("run=") {
        "run=ID"
    } else if is_id(bare) {
        "ID"
    } else if bare.starts_with("20") && bare.ends_with('Z') {
        "TIME"
    } else {
        return word.to_owned();
    };
    word.replace(bare, mask)
}

fn is_id(word: &str) -> bool {
    word.len() == 36 && word.chars().all(|c| c.is_ascii_hexdigit() || c == '-')
}

#[test]
fn what_differs_in_every_run_is_masked() {
    let line = "2026-11-25T10:06:01.332321Z  WARN flows_core::worker::turns: `a` (#0) at examples/orders.rs:33 run=01a2122b \
                blocked_ms=1265 after=\"#0, called at src/main.rs:15\"\n";
    let expected =
        "TIME  WARN TARGET: `a` (#0) at FILE run=ID blocked_ms=N after=\"#0, called at FILE\"\n";
    assert_eq!(masked(line), expected);
}
