//! Checks of one file each: given its text, they say what is wrong with it.

use crate::source::{File, code, code_and_comments};

/// Lines of a file.
const MOST_LINES: usize = 600;

/// What the replay machine must not even name: runtimes, clocks, chance, the outside.
const IMPURE: &[&str] = &[
    "tokio",
    "clock",
    "SystemTime",
    "Instant",
    "thread_rng",
    "rand::rng",
    "rand::random",
    "from_os_rng",
    "new_v4",
    "now_v7",
    "std::env",
    "std::fs",
    "std::io",
    "std::net",
    "std::process",
    "std::thread",
    "HashMap",
    "HashSet",
    "crate::store",
    "crate::engine",
    "crate::worker",
    "crate::memory",
    "postgres",
    "sqlx",
];

/// Crates that speak to a database.
const CLIENTS: &[&str] = &["tokio_postgres", "deadpool_postgres", "postgres_types", "sqlx"];

/// Words that have a name in the glossary, or none in this project: the word, and what to write.
const FOREIGN: &[(&str, &str)] = &[
    ("orchestrator", "worker"),
    ("orchestration", "workflow"),
    ("workflow instance", "run"),
    ("workflow execution", "run"),
    ("task queue", "queue"),
    ("job queue", "queue"),
    ("enqueue", "start, or make ready"),
    ("dequeue", "claim"),
    ("dlq", "dead letter"),
    ("hydrate", "activate"),
    ("rehydrate", "activate"),
    ("sticky cache", "resident run"),
    ("event sourcing", "journal"),
    ("event log", "journal"),
    ("namespace", "tenant"),
    ("seamless", "say what it does"),
    ("seamlessly", "say what it does"),
    ("effortless", "say what it does"),
    ("blazing", "give the figure"),
    ("blazingly", "give the figure"),
    ("powerful", "say what it does"),
];

/// Words of an earlier vocabulary, and what reads as translated, in prose: the word, and what to write.
const TRANSLATED: &[(&str, &str)] = &[
    ("put down", "park, or evict"),
    ("takes it up", "activate, or continue"),
    ("taken up", "activate, or continue"),
    ("hand back", "release"),
    ("hands back", "release"),
    ("handed back", "release"),
    ("so many", "a number, or the maximum"),
    ("mend", "fix"),
    ("mends", "fix"),
    ("mended", "fix"),
    ("nobody holds", "without an owner"),
    ("beside", "next to, or in addition to"),
    ("for ever", "forever"),
    ("a letter", "a message"),
    ("letters", "messages"),
    ("mail", "messages"),
    ("keeper", "poller"),
    ("is told", "is notified, or gets"),
    ("tried again", "retried"),
];

/// Prose, but not what it quotes, is in today's words.
pub(crate) fn reads_well(file: &File) -> Vec<String> {
    let mut in_fence = false;
    let lines = file.text.lines().filter(|line| {
        let is_fence = line.trim_start().starts_with("```");
        in_fence ^= is_fence;
        !in_fence && !is_fence
    });
    let text = lines.flat_map(str::split_whitespace).collect::<Vec<_>>().join(" ");
    let prose: String = text.split('`').step_by(2).collect();
    let prose = prose.to_lowercase().replace("dead-letter", "dead letter");
    let prose = prose.replace("dead letter", "").replace("e-mail", "");
    let used = TRANSLATED.iter().filter(|(word, _)| has_word(&prose, word));
    used.map(|(word, instead)| format!("{}: says `{word}`; write: {instead}", file.path)).collect()
}

/// A Rust file opens with what it is.
pub(crate) fn opens_with_a_sentence(file: &File) -> Vec<String> {
    let first = file.text.lines().next().unwrap_or_default();
    let said = first.strip_prefix("//!").map(str::trim).unwrap_or_default();
    complain(said.is_empty(), || format!("{}: does not open with `//! what it is`", file.path))
}

/// A module of tests has some, or modules that do. One is empty until its owner has moved the tests there.
pub(crate) fn has_tests(file: &File) -> Vec<String> {
    let has = |what: &str| file.text.lines().any(|line| line.trim_start().starts_with(what));
    let has_some = has("#[test]") || has("#[tokio::test") || has("mod ");
    let is_known = file.path == "flows-core/src/worker/tests.rs";
    complain(!has_some && !is_known, || format!("{}: has no tests", file.path))
}

/// A file is no longer than a reader bears.
pub(crate) fn is_short(file: &File) -> Vec<String> {
    let lines = file.text.lines().count();
    complain(lines > MOST_LINES, || {
        format!("{}: has {lines} lines; the most is {MOST_LINES}", file.path)
    })
}

/// Nothing is put off, in code or in comments.
pub(crate) fn nothing_left_to_do(file: &File) -> Vec<String> {
    let text = code_and_comments(&file.text);
    let code = code(&file.text);
    let noted = ["TODO", "FIXME", "XXX"].into_iter().filter(|word| has_word(&text, word));
    let called =
        ["todo!", "unimplemented!", "dbg!"].into_iter().filter(|call| has_word(&code, call));
    noted.chain(called).map(|what| format!("{}: has a `{what}`", file.path)).collect()
}

/// The replay machine names nothing that a replay could not repeat.
pub(crate) fn is_pure(file: &File) -> Vec<String> {
    let code = code(&file.text);
    let named = IMPURE.iter().filter(|name| has_word(&code, name));
    named.map(|name| format!("{}: the replay machine names `{name}`", file.path)).collect()
}

/// The runtime is the same on every store.
pub(crate) fn names_no_client(file: &File) -> Vec<String> {
    let code = code(&file.text);
    let named = CLIENTS.iter().filter(|name| has_word(&code, name));
    named.map(|name| format!("{}: flows-core names `{name}`", file.path)).collect()
}

/// A crate is built without any of these, under whatever name. Its tests may use them.
pub(crate) fn does_not_depend_on(file: &File, crates: &[&str]) -> Vec<String> {
    let mut section = "";
    let mut found = Vec::new();
    for line in file.text.lines().map(|line| line.split('#').next().unwrap_or_default().trim()) {
        if line.starts_with('[') {
            section = line;
        }
        let named = crates.iter().any(|name| is_entry(line, name));
        let builds = section.contains("dependencies") && !section.contains("dev-dependencies");
        if named && builds {
            found.push(format!("{}: depends on it: {line}", file.path));
        }
    }
    found
}

/// `name = …`, `name.workspace = …`, `[dependencies.name]` or `other = { package = "name" }`.
fn is_entry(line: &str, name: &str) -> bool {
    let header = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    let key = match header {
        Some(header) => header.rsplit('.').next(),
        None => line.split(['=', '.']).next(),
    };
    let renamed = line.split_once("package").and_then(|(_, after)| after.split('"').nth(1));
    [key, renamed].into_iter().flatten().any(|found| found.trim() == name)
}

/// One word for one thing.
pub(crate) fn uses_known_words(file: &File) -> Vec<String> {
    let text = file.text.to_lowercase();
    let used = FOREIGN.iter().filter(|(word, _)| has_word(&text, word));
    used.map(|(word, instead)| format!("{}: says `{word}`; write: {instead}", file.path)).collect()
}

/// Whether the word stands in the text by itself.
pub(crate) fn has_word(text: &str, word: &str) -> bool {
    let is_letter = |c: char| c.is_alphanumeric() || c == '_';
    text.match_indices(word).any(|(at, _)| {
        let (before, after) = (&text[..at], &text[at + word.len()..]);
        !before.ends_with(is_letter) && (word.ends_with('!') || !after.starts_with(is_letter))
    })
}

fn complain(wrong: bool, message: impl FnOnce() -> String) -> Vec<String> {
    if wrong { vec![message()] } else { Vec::new() }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the rule says about a text.
    #[track_caller]
    fn check(rule: fn(&File) -> Vec<String>, text: &str, expected: &[&str]) {
        assert_eq!(rule(&File::planted("a.rs", text)), expected, "{text}");
    }

    #[test]
    fn a_file_without_a_sentence_is_found() {
        check(opens_with_a_sentence, "//! Clocks.\nuse x;", &[]);
        for silent in ["use x;", "", "//!\n//! Late.", "\n//! Late.", "// Not for rustdoc."] {
            check(opens_with_a_sentence, silent, &["a.rs: does not open with `//! what it is`"]);
        }
    }

    #[test]
    fn a_module_without_tests_is_found() {
        check(has_tests, "//! Tests.\n    #[test]\nfn a() {}", &[]);
        check(has_tests, "//! Tests.\nmod tables;", &[]);
        check(has_tests, "//! What graphs look like.", &["a.rs: has no tests"]);
    }

    #[test]
    fn a_long_file_is_found() {
        check(is_short, &"x\n".repeat(600), &[]);
        check(is_short, &"x\n".repeat(601), &["a.rs: has 601 lines; the most is 600"]);
    }

    #[test]
    fn what_is_left_to_do_is_found() {
        check(nothing_left_to_do, "fn a() { b(\"todo!\") } // mastodon", &[]);
        check(nothing_left_to_do, "fn a() { todo!() }", &["a.rs: has a `todo!`"]);
        check(nothing_left_to_do, "/// TODO\nfn a() {}", &["a.rs: has a `TODO`"]);
        check(nothing_left_to_do, "x; // FIXME: y", &["a.rs: has a `FIXME`"]);
        check(nothing_left_to_do, "unimplemented!(\"x\")", &["a.rs: has a `unimplemented!`"]);
    }

    #[test]
    fn impurity_is_found() {
        check(is_pure, "//! No tokio here.\nuse rand_chacha::ChaCha8Rng;\nlet s = \"tokio\";", &[]);
        for (text, name) in [
            ("use tokio::sync::Mutex;", "tokio"),
            ("use crate::clock::uuid_v7;", "clock"),
            ("let at = SystemTime::now();", "SystemTime"),
            ("let at = std::time::Instant::now();", "Instant"),
            ("let r = rand::thread_rng();", "thread_rng"),
            ("use crate::store::Store;", "crate::store"),
            ("let seen = HashMap::new();", "HashMap"),
        ] {
            check(is_pure, text, &[&format!("a.rs: the replay machine names `{name}`")]);
        }
    }

    #[test]
    fn a_database_client_is_found() {
        check(names_no_client, "/// A `tokio_postgres` transaction.", &[]);
        check(
            names_no_client,
            "use tokio_postgres::Client;",
            &["a.rs: flows-core names `tokio_postgres`"],
        );
    }

    #[test]
    fn a_dependency_is_found() {
        let check = |manifest: &str, expected: usize| {
            let file = File::planted("Cargo.toml", manifest);
            let found = does_not_depend_on(&file, &["flows", "flows-pg"]);
            assert_eq!(found.len(), expected, "{manifest}: {found:?}");
        };
        check("[package]\nname = \"flows-pg\"\n[dependencies]\nflows-core = \"1\"", 0);
        check("[dependencies]\ntokio = \"1\" # not flows-pg", 0);
        check("[dependencies]\nflows-pg.workspace = true", 1);
        check("[dev-dependencies]\nflows = { path = \"..\" }", 0);
        check("[build-dependencies]\nflows = { path = \"..\" }", 1);
        check("[dependencies]\nstore = { package = \"flows-pg\", path = \"../flows-pg\" }", 1);
        check("[dependencies.flows-pg]\nworkspace = true", 1);
        check("[target.'cfg(unix)'.dependencies]\nflows-pg = \"1\"", 1);
    }

    #[test]
    fn a_translated_word_is_found() {
        check(reads_well, "Dead letters, e-mail, and `so many`.\n\n```text\nmail\n```\n", &[]);
        check(reads_well, "It is put\ndown.", &["a.rs: says `put down`; write: park, or evict"]);
        check(reads_well, "```text\nx\n```\nLetters.", &["a.rs: says `letters`; write: messages"]);
    }

    #[test]
    fn a_foreign_word_is_found() {
        check(uses_known_words, "// A run is claimed by a worker.", &[]);
        check(
            uses_known_words,
            "// Enqueue it.",
            &["a.rs: says `enqueue`; write: start, or make ready"],
        );
        check(uses_known_words, "// The DLQ.", &["a.rs: says `dlq`; write: dead letter"]);
    }
}
