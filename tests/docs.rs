//! The README, the guide and ARCHITECTURE.md against the sources: what they name exists, and what
//! they quote is said.
//!
//! Their Rust snippets are documentation tests of the facade; see `docs/doctests.rs`. Their SQL is
//! run here.

#[path = "docs/pages.rs"]
mod pages;
#[path = "docs/printed.rs"]
mod printed;
#[path = "docs/sources.rs"]
mod sources;
#[path = "docs/sql.rs"]
mod sql;

use pages::{Page, guide, page};

/// Fails with everything that was found.
#[track_caller]
fn none(found: Vec<String>) {
    assert!(found.is_empty(), "\n{}\n", found.join("\n"));
}

#[test]
fn every_page_is_in_the_summary_and_compiled() {
    let summary = page("docs/src/SUMMARY.md").text;
    let compiled = page("docs/doctests.rs").text;
    let mut found = Vec::new();
    for Page { path, .. } in guide() {
        let name = path.trim_start_matches("docs/src/");
        if !summary.contains(&format!("({name})")) {
            found.push(format!("{path} is not in SUMMARY.md"));
        }
        if !compiled.contains(&format!("\"src/{name}\"")) {
            found.push(format!("{path} is not in docs/doctests.rs"));
        }
    }
    none(found);
}

#[test]
fn links_lead_somewhere() {
    let others = [
        "README.md",
        "ARCHITECTURE.md",
        "CONTRIBUTING.md",
        "docs/experiments.md",
        "docs/storage.md",
    ];
    let pages = guide().into_iter().chain(others.map(page)).chain([page("docs/src/SUMMARY.md")]);
    none(pages.flat_map(|page| pages::broken_links(&page)).collect());
}

#[test]
fn the_glossary_is_short() {
    let glossary = page("docs/src/glossary.md").text;
    let terms = glossary.lines().filter_map(|line| line.strip_prefix("| *")?.split('*').next());
    let mut terms: Vec<_> = terms.collect();
    let count = terms.len();
    terms.sort_unstable();
    terms.dedup();
    assert_eq!(terms.len(), count, "a term stands twice: {terms:?}");
    assert!((15..=20).contains(&count), "{count} terms: {terms:?}");
}

#[test]
fn the_readme_has_two_commands() {
    let commands = pages::commands(&page("README.md").text);
    assert_eq!(commands, ["cargo run --example order", "cargo test --workspace"]);
}

#[test]
fn the_guarantees_are_the_same_everywhere() {
    let readme = pages::numbered(&page("README.md").text, "## Guarantees");
    assert_eq!(readme.len(), 10, "{readme:?}");
    assert_eq!(readme, pages::numbered(&page("docs/src/reliability.md").text, "# Reliability"));
}

#[test]
fn the_main_types_have_compiled_examples() {
    let facade = page("lib.rs").text;
    none(sources::MAIN_ITEMS.iter().flat_map(|item| sources::uncompiled(item, &facade)).collect());
}

#[test]
fn the_architecture_names_what_exists() {
    let pages = ["ARCHITECTURE.md", "CONTRIBUTING.md", "docs/storage.md"].map(page);
    none(pages.iter().flat_map(sources::missing).collect());
    none(pages.iter().flat_map(sources::unknown_methods).collect());
}

#[test]
fn the_architecture_is_short() {
    let length = page("ARCHITECTURE.md").text.len();
    assert!(length <= 22_000, "{length} bytes: what is stored belongs into docs/storage.md");
}

#[test]
fn the_architecture_names_every_module() {
    none(sources::off_the_map(&page("ARCHITECTURE.md")));
}

#[test]
fn every_warning_is_explained() {
    let operating = page("docs/src/operating.md");
    let quoted = pages::quotes(&operating.text, "message");
    none(sources::unexplained(&sources::warnings(), &quoted));
}

#[test]
fn every_kind_of_error_is_explained() {
    let errors = page("docs/src/errors.md").text;
    let kinds = pages::quotes(&errors, "kind");
    assert_eq!(kinds, sources::error_kinds());
}

#[test]
fn quoted_messages_are_said() {
    let said = sources::texts();
    let pages = ["docs/src/errors.md", "docs/src/operating.md"].map(page);
    none(pages.iter().flat_map(|page| pages::unsaid(page, &said)).collect());
}

#[test]
fn printed_blocks_come_from_runs() {
    none(guide().iter().flat_map(printed::unexplained).collect());
    none(printed::unused(&guide()));
}

#[test]
fn the_compiler_says_what_is_shown() {
    none(guide().iter().flat_map(printed::unsaid_by_the_compiler).collect());
}

#[test]
fn every_kind_of_event_is_listed() {
    let starting = page("docs/src/starting.md").text;
    let unlisted = sources::event_names().into_iter();
    none(unlisted.filter(|name| !starting.contains(&format!("`{name}`"))).collect());
}

#[test]
fn every_kind_of_event_is_in_a_recorded_history() {
    let recorded = pages::recorded_histories();
    let missing = sources::event_names().into_iter();
    none(missing.filter(|name| !recorded.contains(&format!("\"kind\": \"{name}\""))).collect());
}

#[tokio::test]
async fn the_sql_of_operating_runs() -> flows::Result<()> {
    sql::runs_on_a_schema(&pages::fences(&page("docs/src/operating.md").text, "sql")).await
}

#[tokio::test]
async fn an_administrators_sql_is_enough() -> flows::Result<()> {
    sql::prepares_a_server(&pages::fences(&page("docs/src/tenants.md").text, "sql")).await
}
