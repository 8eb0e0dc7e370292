//! What the sources say and have: messages, kinds, files, tests.

use std::fs;

use super::pages::{Page, place, says};

/// The crates' sources, but for what is only for development.
fn sources() -> Vec<(String, String)> {
    let mut found = Vec::new();
    for folder in ["flows-core/src", "flows-pg/src", "flows-pg/migrations"] {
        visit(folder, &mut found);
    }
    found.retain(|(path, _)| !path.contains("/dev/") && !path.contains("/contract/"));
    assert!(found.len() > 50, "the sources are not where they were");
    found
}

fn visit(folder: &str, found: &mut Vec<(String, String)>) {
    for entry in fs::read_dir(place(folder)).into_iter().flatten().flatten() {
        let path = format!("{folder}/{}", entry.file_name().to_string_lossy());
        match fs::read_to_string(entry.path()) {
            Ok(text) => found.push((path, text)),
            Err(_) => visit(&path, found),
        }
    }
}

/// The sources with texts in one piece: without the breaks of long ones, and without backticks.
pub(crate) fn texts() -> Vec<String> {
    sources().into_iter().map(|(_, text)| in_one_piece(&text)).collect()
}

fn in_one_piece(text: &str) -> String {
    let mut pieces = text.split("\\\n");
    let mut whole = pieces.next().unwrap_or_default().to_owned();
    pieces.for_each(|piece| whole.push_str(piece.trim_start()));
    whole.replace('`', "").replace("\\\"", "\"")
}

/// The texts of all errors and warnings that are logged.
pub(crate) fn warnings() -> Vec<String> {
    texts().iter().flat_map(|text| logged(text)).collect()
}

fn logged(text: &str) -> Vec<String> {
    let calls = text.split("tracing::").skip(1);
    let calls = calls.filter(|call| call.starts_with("warn!(") || call.starts_with("error!("));
    let message = |call: &str| call.split('"').nth(1).map(str::to_owned);
    calls.filter_map(message).collect()
}

/// Logged messages that no quote explains. One that is only a value is explained by its own text.
pub(crate) fn unexplained(warnings: &[String], quoted: &[String]) -> Vec<String> {
    assert!(!warnings.is_empty(), "nothing is logged");
    let is_value = |text: &&String| text.starts_with('{') && text.ends_with('}');
    let explained = |text: &&String| quoted.iter().any(|quote| says(text, quote));
    let left = warnings.iter().filter(|text| !is_value(text) && !explained(text));
    left.map(|text| format!("not explained: {text}")).collect()
}

/// The variants of `ErrorKind`.
pub(crate) fn error_kinds() -> Vec<String> {
    let text = fs::read_to_string(place("flows-core/src/error.rs")).unwrap_or_default();
    let body = text.split_once("pub enum ErrorKind {").map_or("", |(_, rest)| rest);
    let body = body.split("\n}").next().unwrap_or_default();
    let variants = body.lines().map(str::trim).filter(|line| !line.starts_with("//"));
    variants.filter_map(|line| Some(line.split_once(" = ")?.0.to_owned())).collect()
}

/// The names of events.
pub(crate) fn event_names() -> Vec<String> {
    let text = fs::read_to_string(place("flows-core/src/journal/event.rs")).unwrap_or_default();
    let arms = text.lines().filter_map(|line| line.trim().strip_prefix("Self::")?.split_once("=>"));
    let names: Vec<_> =
        arms.filter_map(|(_, value)| value.split('"').nth(1)).map(str::to_owned).collect();
    assert!(!names.is_empty(), "no events");
    names
}

/// Paths in backticks that lead nowhere, and tests that are not in their file.
pub(crate) fn missing(page: &Page) -> Vec<String> {
    let code = page.text.split('`').skip(1).step_by(2);
    let mut checked = 0;
    let mut found = Vec::new();
    for path in code.filter(|text| is_path(text)) {
        checked += 1;
        let (file, test) = path.split_once("::").unwrap_or((path, ""));
        let is_there = match fs::read_to_string(place(file)) {
            Ok(text) => test.is_empty() || text.contains(test),
            Err(_) => place(file).is_dir(),
        };
        if !is_there {
            found.push(format!("{}: `{path}` does not exist", page.path));
        }
    }
    assert!(checked > 10, "{}: only {checked} paths", page.path);
    found
}

/// Methods in backticks, `Type::method`, whose type or name no source has.
pub(crate) fn unknown_methods(page: &Page) -> Vec<String> {
    let sources = sources();
    let says = |text: &str| sources.iter().any(|(_, source)| source.contains(text));
    let code = page.text.split('`').skip(1).step_by(2);
    let methods = code.filter_map(|code| code.split_once("::"));
    let is_word = |text: &str| text.chars().all(|c| c.is_alphanumeric() || c == '_');
    let methods = methods.filter(|(ty, method)| {
        is_word(ty)
            && is_word(method)
            && ty.starts_with(char::is_uppercase)
            && method.starts_with(char::is_lowercase)
    });
    let is_there = |ty: &str, method: &str| {
        let is_type = ["struct", "enum", "trait"].iter().any(|kind| says(&format!("{kind} {ty}")));
        is_type
            && (says(&format!("fn {method}("))
                || says(&format!("fn {method}<"))
                || says(&format!(" {method}: ")))
    };
    let unknown = methods.filter(|(ty, method)| !is_there(ty, method));
    unknown.map(|(ty, method)| format!("{}: there is no `{ty}::{method}`", page.path)).collect()
}

fn is_path(text: &str) -> bool {
    let file = text.split("::").next().unwrap_or_default();
    let known = [".rs", ".sql", ".md", "/"].iter().any(|end| file.ends_with(end));
    let has_folder = file.trim_end_matches('/').contains('/');
    known && has_folder && !file.contains([' ', '{', '<', '*'])
}

/// Where the map has not what is there, or what is not there. Each crate has a section of its name, with the names
/// of its modules in the first column of a table; and so have the suites of the facade.
pub(crate) fn off_the_map(page: &Page) -> Vec<String> {
    let sections = [
        ("flows-macros", "flows-macros/src"),
        ("flows-core", "flows-core/src"),
        ("flows-pg", "flows-pg/src"),
        ("tests", "tests"),
    ];
    sections
        .into_iter()
        .flat_map(|(section, folder)| off_the_section(page, section, folder))
        .collect()
}

fn off_the_section(page: &Page, section: &str, folder: &str) -> Vec<String> {
    let text = page.text.split(&format!("\n### {section}\n")).nth(1).unwrap_or_default();
    let text = text.split("\n#").next().unwrap_or_default();
    let rows = text.lines().filter_map(|line| line.strip_prefix("| `")?.split(" | ").next());
    let named: Vec<_> = rows
        .flat_map(|names| names.split(['`', ',', ' ']))
        .filter(|name| !name.is_empty())
        .collect();
    let there = entries(folder);
    let missing = there.iter().filter(|name| !named.contains(&name.as_str()));
    let missing = missing.map(|name| format!("{}: `{folder}/{name}` is not on the map", page.path));
    let gone = named
        .iter()
        .filter(|name| !there.iter().any(|entry| entry == *name) && !name.ends_with('/'));
    missing
        .chain(gone.map(|name| format!("{}: there is no `{folder}/{name}`", page.path)))
        .collect()
}

/// What a newcomer meets first: the item, its file, and its example, which is compiled as the facade's
/// because the other crates have no macros.
pub(crate) const MAIN_ITEMS: &[(&str, &str, &str)] = &[
    ("pub struct Engine {", "flows-pg/src/engine.rs", "flows-pg/src/docs/engine.md"),
    (
        "pub struct Tenant {",
        "flows-core/src/engine/tenant.rs",
        "flows-core/src/engine/docs/tenant.md",
    ),
    ("pub struct Start<", "flows-core/src/engine/start.rs", "flows-core/src/engine/docs/start.md"),
    (
        "pub struct Execution<",
        "flows-core/src/engine/execution.rs",
        "flows-core/src/engine/docs/execution.md",
    ),
    ("pub struct Worker {", "flows-core/src/worker.rs", "flows-core/src/worker/docs/worker.md"),
    (
        "pub struct WorkerBuilder {",
        "flows-core/src/worker/builder.rs",
        "flows-core/src/worker/docs/builder.md",
    ),
    (
        "pub struct ActivityContext {",
        "flows-core/src/context/activity.rs",
        "flows-core/src/context/docs/activity.md",
    ),
    ("pub struct Call<", "flows-core/src/calls/activity.rs", "flows-core/src/calls/docs/call.md"),
    (
        "pub fn join_all<",
        "flows-core/src/combinators/all.rs",
        "flows-core/src/combinators/docs/join_all.md",
    ),
];

/// Whether an item shows its example, and the facade compiles it.
pub(crate) fn uncompiled((item, file, example): &(&str, &str, &str), facade: &str) -> Vec<String> {
    let source = fs::read_to_string(place(file)).unwrap_or_default();
    let above = source.split_once(item).map_or("", |(above, _)| above);
    let own = above.rsplit("\n\n").next().unwrap_or_default();
    let name = example.rsplit('/').next().unwrap_or_default();
    let shown = own.contains(&format!("docs/{name}\")"));
    let compiled = facade.contains(&format!("include_str!(\"{example}\")"));
    let complain =
        |wrong: bool, what: &str| wrong.then(|| format!("{file}: `{item}` {what} {example}"));
    [complain(!shown, "does not show"), complain(!compiled, "is not compiled:")]
        .into_iter()
        .flatten()
        .collect()
}

/// What is in a folder, as the map names it: a module of a crate without its ending; elsewhere a file, or a folder
/// that ends in `/`.
fn entries(folder: &str) -> Vec<String> {
    let entries = fs::read_dir(place(folder)).into_iter().flatten().flatten();
    let name = |entry: fs::DirEntry| {
        let name = entry.file_name().to_string_lossy().into_owned();
        match (folder == "tests", entry.path().is_dir()) {
            (true, true) => Some(format!("{name}/")),
            (true, false) => Some(name),
            (false, _) => name
                .strip_suffix(".rs")
                .filter(|name| *name != "lib" && *name != "tests")
                .map(str::to_owned),
        }
    };
    entries.filter_map(name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_line_is_read() {
        let source = "tracing::warn!(%error, \"cannot look; \\\n      trying\"); tracing::info!(\"x\");\
                      tracing::error!(run = %run, \"stuck: {why}\");";
        let logged = logged(&in_one_piece(source));
        assert_eq!(logged, ["cannot look; trying", "stuck: {why}"]);
        assert_eq!(unexplained(&logged, &["stuck: …".into()]).len(), 1);
        assert!(unexplained(&["{warning}".into()], &[]).is_empty());
    }

    #[test]
    fn a_wrong_path_is_found() {
        let named = "`lib.rs` `flows-core/src/` `tests/docs.rs::a_wrong` ".repeat(60);
        let page = |more: &str| Page { path: "A.md".into(), text: format!("{named}{more}") };
        assert_eq!(missing(&page("")).len(), 60, "there is no such test in this file");
        let named = "`tests/docs/sources.rs::a_wrong_path_is_found` ".repeat(60);
        let page = |more: &str| Page { path: "A.md".into(), text: format!("{named}{more}") };
        assert!(missing(&page("")).is_empty());
        assert_eq!(
            missing(&page("`flows-core/src/nothing.rs` `tests/nowhere/` `unchecked/`")).len(),
            2
        );
        assert!(off_the_map(&page("")).len() > 50);
        let gone = off_the_map(&page("\n### tests\n\n| `nothing.rs`, `docs.rs` | x |\n"));
        assert!(gone.contains(&"A.md: there is no `tests/nothing.rs`".to_owned()), "{gone:?}");
        assert!(!gone.iter().any(|complaint| complaint.contains("`tests/docs.rs`")));
    }

    #[test]
    fn an_unknown_method_is_found() {
        let text = "`Run::handle` `Run::invented_here` `Invented::handle` `tests/docs.rs::handle`"
            .to_owned();
        assert_eq!(unknown_methods(&Page { path: "A.md".into(), text }).len(), 2);
    }

    #[test]
    fn an_example_that_nobody_compiles_is_found() {
        assert_eq!(uncompiled(&MAIN_ITEMS[0], "").len(), 1);
        let (item, file, _) = MAIN_ITEMS[0];
        assert_eq!(uncompiled(&(item, file, "docs/other.md"), "").len(), 2);
    }
}
