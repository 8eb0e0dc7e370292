//! What the repository promises about its own sources, checked on all of them.
//!
//! The checks are functions over text, in `rules`; here they meet the files. Each has a test in its
//! own file that shows it failing.

#[path = "tidy/functions.rs"]
mod functions;
#[path = "tidy/layers.rs"]
mod layers;
#[path = "tidy/names.rs"]
mod names;
#[path = "tidy/purity.rs"]
mod purity;
#[path = "tidy/rules.rs"]
mod rules;
#[path = "tidy/source.rs"]
mod source;
#[path = "tidy/sql.rs"]
mod sql;

use source::File;

/// Applies a check to some of the files, and fails with everything it found.
#[track_caller]
fn check(wanted: impl Fn(&str) -> bool, rule: impl Fn(&File) -> Vec<String>) {
    let files = source::files();
    let chosen: Vec<_> = files.iter().filter(|file| wanted(&file.path)).collect();
    assert!(!chosen.is_empty(), "no file to check: the check looks in the wrong place");
    let found: Vec<_> = chosen.into_iter().flat_map(rule).collect();
    assert!(found.is_empty(), "\n{}\n", found.join("\n"));
}

fn is_rust(path: &str) -> bool {
    path.ends_with(".rs")
}

/// Inputs of compile tests: wrong on purpose.
fn is_specimen(path: &str) -> bool {
    path.starts_with("tests/ui/") || path.starts_with("tests/expand/")
}

fn is_source(path: &str) -> bool {
    is_rust(path) && !is_specimen(path)
}

/// The lists of words and names in the checks themselves, and the words of others in the glossary.
fn is_list(path: &str) -> bool {
    path.starts_with("tests/tidy/") || path == "docs/src/glossary.md"
}

#[test]
fn every_file_says_what_it_is() {
    check(is_source, rules::opens_with_a_sentence);
}

#[test]
fn files_are_short() {
    check(|path| is_rust(path) || path.ends_with(".sql"), rules::is_short);
}

#[test]
fn test_modules_have_tests() {
    check(|path| path.ends_with("/tests.rs"), rules::has_tests);
}

#[test]
fn modules_use_what_is_lower() {
    check(is_source, layers::uses_what_is_lower);
}

#[test]
fn no_two_types_have_one_name() {
    let found = names::used_twice(&source::files());
    assert!(found.is_empty(), "\n{}\n", found.join("\n"));
}

#[test]
fn functions_fit_a_screen() {
    check(is_source, functions::fit_a_screen);
}

#[test]
fn nothing_is_left_to_do() {
    check(|path| is_source(path) || path.ends_with(".sql"), rules::nothing_left_to_do);
}

/// The replay machine, without its tests.
fn is_machine(path: &str) -> bool {
    let within = |folder: &str| path.starts_with(folder);
    path == "flows-core/src/replay.rs"
        || within("flows-core/src/replay/") && !within("flows-core/src/replay/tests")
}

#[test]
fn the_replay_machine_is_pure() {
    check(is_machine, rules::is_pure);
}

/// A run in the worker: it, and all that it stands on.
#[test]
fn a_run_is_pure() {
    let files = source::files();
    let modules = purity::Modules::of("flows-core/src/", &files);
    let found = modules.impurities("worker/run");
    assert!(found.is_empty(), "\n{}\n", found.join("\n"));
}

#[test]
fn the_core_does_not_know_the_database() {
    check(
        |path| path == "flows-core/Cargo.toml",
        |file| rules::does_not_depend_on(file, &["flows", "flows-pg", "flows-macros"]),
    );
}

#[test]
fn the_macros_do_not_know_the_runtime() {
    check(
        |path| path == "flows-macros/Cargo.toml",
        |file| rules::does_not_depend_on(file, &["flows", "flows-pg", "flows-core"]),
    );
}

#[test]
fn the_core_names_no_database_client() {
    check(|path| is_rust(path) && path.starts_with("flows-core/"), rules::names_no_client);
}

#[test]
fn words_are_those_of_the_glossary() {
    let written = |path: &str| is_source(path) || path.ends_with(".sql") || path.ends_with(".md");
    check(|path| written(path) && !is_list(path), rules::uses_known_words);
}

#[test]
fn pages_read_well() {
    let is_log = |path: &str| path == "docs/experiments.md"; // in the words of its time
    let is_page = |path: &str| !path.contains('/') || path.starts_with("docs/");
    check(|path| path.ends_with(".md") && is_page(path) && !is_log(path), rules::reads_well);
}

#[test]
fn statements_say_who_sends_them() {
    check(sql::is_statement, sql::has_a_header);
}

#[test]
fn statements_are_used_once() {
    let uses = sql::uses(&source::files());
    check(sql::is_statement, |file| sql::is_used_once(file, &uses));
}

#[test]
fn idempotency_is_written_down() {
    check(sql::is_statement, sql::explains_its_conflicts);
}
