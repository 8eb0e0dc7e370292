//! Blocks of the guide that show what is printed: each has a test that prints it, and compares.

use std::fs;

use super::pages::{Page, fences, place, says};

/// What a block on a page contains, and the test that compares it. The first entry that fits counts.
const PRINTED: &[(&str, &str, &str)] = &[
    ("determinism", "where:    in the macro", "tests/guide/journal.rs::a_wait_on_something_else"),
    (
        "determinism",
        "activity `charge` (#0) completed",
        "tests/guide/journal.rs::the_journal_and_the_code_disagree",
    ),
    ("determinism", "flows_changed_inputs=1", "tests/guide/logs.rs::another_input"),
    ("determinism", "flows_blocked_polls=1", "tests/guide/logs.rs::code_that_blocks"),
    (
        "determinism",
        "a worker: none that is alive",
        "tests/guide/journal.rs::a_version_that_nobody_serves",
    ),
    ("determinism", "`activity email` was put in", "tests/guide/lock.rs::a_step_that_was_put_in"),
    (
        "determinism",
        "the patch \"paid-mail\" is new",
        "tests/guide/lock.rs::a_patch_passes_and_is_written",
    ),
    ("determinism", "the new field `input.currency`", "tests/guide/lock.rs::a_new_parameter"),
    (
        "determinism",
        "`take_payment` looks the same",
        "tests/guide/lock.rs::an_activity_under_another_name",
    ),
    (
        "determinism",
        "some do not go on in this build",
        "tests/deploying/database.rs::an_edited_build_names_the_runs_that_get_stuck",
    ),
    ("determinism", "+async fn check_fraud", "tests/broken_edit/main.rs::the_edit"),
    (
        "determinism",
        "`activity check_fraud` was put in",
        "tests/broken_edit/main.rs::the_lock_says_so",
    ),
    (
        "determinism",
        "does not replay, at event 2 of 2",
        "tests/broken_edit/main.rs::a_replay_says_so",
    ),
    (
        "determinism",
        "the journal does not match this build\n  journal: activity `charge_payment`",
        "tests/broken_edit/main.rs::a_worker_says_so_and_nothing_is_lost",
    ),
    (
        "getting-started",
        "0 run_started None",
        "tests/behaviour/clockwork.rs::the_guide_shows_the_history_of_its_first_workflow",
    ),
    (
        "errors",
        "workflow `order` (order-42): child workflow",
        "tests/guide/errors.rs::an_error_through_a_child",
    ),
    ("starting", "\"format\": 1", "tests/guide/journal.rs::an_exported_history"),
    (
        "testing",
        "nothing in this test will move it",
        "tests/guide/kit.rs::a_run_that_nothing_moves",
    ),
    (
        "testing",
        "workflow `two_faced` does not survive",
        "tests/testing/hidden.rs::another_way_to_the_same_outcome_is_found",
    ),
    (
        "testing",
        "workflow `stamped` does not survive",
        "tests/testing/hidden.rs::a_clock_behind_an_alias_is_found",
    ),
    (
        "testing",
        "was dropped, and neither awaited",
        "tests/guide/kit.rs::a_call_that_nobody_awaits",
    ),
    (
        "testing",
        "uses the runtime of tokio",
        "tests/testing/tasks.rs::a_task_that_a_workflow_starts_fails_the_test",
    ),
    ("testing", "play it again with", "tests/guide/kit.rs::a_schedule_that_does_not_hold"),
    (
        "workers",
        "a worker: none that is alive",
        "tests/guide/journal.rs::a_version_that_nobody_serves",
    ),
    (
        "workers",
        "activity `charge` (#0) completed",
        "tests/guide/journal.rs::the_journal_and_the_code_disagree",
    ),
];

/// The printed blocks of a page, but for the compiler's.
fn printed(page: &Page) -> Vec<String> {
    let flat = page.text.replace("\n  ```", "\n```");
    let blocks = ["text", "json", "diff"].into_iter().flat_map(|language| fences(&flat, language));
    blocks.filter(|block| !is_of_the_compiler(block)).collect()
}

fn is_of_the_compiler(block: &str) -> bool {
    block.starts_with("error: `") || block.starts_with("error[")
}

fn is_on(page: &Page, name: &str) -> bool {
    page.path == format!("docs/src/{name}.md")
}

/// Blocks without a test, and tests that are not there.
pub(crate) fn unexplained(page: &Page) -> Vec<String> {
    let mut found = Vec::new();
    for block in printed(page) {
        let mut tests =
            PRINTED.iter().filter(|(name, part, _)| is_on(page, name) && block.contains(part));
        match tests.next() {
            Some((_, _, test)) if is_there(test) => {}
            Some((_, _, test)) => found.push(format!("{}: there is no {test}", page.path)),
            None => found.push(format!("{}: no test prints:\n{block}", page.path)),
        }
    }
    found
}

fn is_there(test: &str) -> bool {
    let (file, name) = test.split_once("::").unwrap_or((test, ""));
    fs::read_to_string(place(file)).is_ok_and(|text| text.contains(&format!("fn {name}(")))
}

/// Entries of the list that no block needs.
pub(crate) fn unused(pages: &[Page]) -> Vec<String> {
    let is_shown = |name: &str, part: &str| {
        let mut pages = pages.iter().filter(|page| is_on(page, name));
        pages.any(|page| printed(page).iter().any(|block| block.contains(part)))
    };
    let unused = PRINTED.iter().filter(|(name, part, _)| !is_shown(name, part));
    unused.map(|(name, part, _)| format!("docs/src/{name}.md: no block has `{part}`")).collect()
}

/// Errors of the compiler that are in no recorded output of `tests/ui`. `…` stands for anything.
pub(crate) fn unsaid_by_the_compiler(page: &Page) -> Vec<String> {
    let outputs = fs::read_dir(place("tests/ui")).into_iter().flatten().flatten();
    let outputs =
        outputs.filter(|entry| entry.path().extension().is_some_and(|end| end == "stderr"));
    let said: Vec<_> = outputs.filter_map(|entry| fs::read_to_string(entry.path()).ok()).collect();
    assert!(said.len() > 50, "the outputs are not where they were");
    let errors = fences(&page.text, "text").into_iter().filter(|block| is_of_the_compiler(block));
    let unsaid = errors.filter(|error| {
        let lines = || error.lines().filter(|line| !is_source(line));
        !said.iter().any(|said| lines().all(|line| says(said, line)))
    });
    unsaid.map(|error| format!("{}: the compiler does not say\n{error}", page.path)).collect()
}

/// A line that shows source code, or where it is.
fn is_source(line: &str) -> bool {
    let line = line.trim_start();
    line.starts_with("-->") || line.starts_with(|c: char| c.is_ascii_digit() || c == '|')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_invented_block_is_found() {
        let page = |text: &str| Page { path: "docs/src/workers.md".into(), text: text.into() };
        let invented = page("\n```text\nnobody prints this\n```\n");
        assert_eq!(unexplained(&invented).len(), 1);
        assert!(unused(&[invented]).len() > 2);
        let error = page("\n```text\nerror: `fear` cannot be awaited\n --> src/main.rs:1\n```\n");
        assert_eq!(unsaid_by_the_compiler(&error).len(), 1);
    }
}
