//! The file: what is read, what is refused, and when it is written. Edits and what is said of them
//! are tables in `tests/lock/` of the facade, which has the macros.

use expect_test::{Expect, expect};

use super::check::{Mode, Verdict, decide};
use super::snapshot::Lock;

const FILE: &str = "\
format 1

activity pay
  codec: postcard 0123 4567
  queue: gpu
  input: struct
    cents: u64
  output: unit

signal ready
  payload: struct
    available: bool

update add
  request: struct
    sku: str
  response: u32

workflow order 1
  input: struct
  output: option of u8
  steps
    activity pay
    signal \"ready\"
    if patched \"fast\"
      child order
        with id format!(\"{x}\")
        with abandon_on_drop
    else
      sleep Duration::from_secs(1)
    match kind
      Some(1) =>
        again order
      _ =>
    let Some(x) = y else
      continue 'outer
    for x in xs 'outer
      break
    try_join
      lane
        call plain
      lane
    select
      arm _
        cancelled
      then
        return Ok(())
      arm x
        timeout LIMIT
          side_effect
    if a
    else
      value uuid
    scope
      activity pay
        with queue \"gpu\"
    continue_as_new order
";

#[test]
fn what_is_written_is_read() {
    let text = Lock::parse(FILE).expect("a lock").to_text();
    let (about, rest) = text.split_once("format 1").expect("a format");
    assert!(about.lines().all(|line| line.starts_with("# ")), "{about}");
    assert_eq!(format!("format 1{rest}"), FILE);
}

#[track_caller]
fn refused(text: &str, expected: &Expect) {
    expected.assert_eq(&Lock::parse(text).expect_err("no lock"));
}

#[test]
fn what_nobody_wrote_is_refused() {
    refused("", &expect!["it is empty"]);
    refused("format 2\n", &expect!["line 1: expected `format 1`, found `format 2`"]);
    let file = |rest: &str| format!("format 1\n{rest}\n");
    refused(&file("activity"), &expect!["line 2: `activity` is no entry"]);
    refused(&file("workflow order x"), &expect!["line 2: `workflow order x` is no entry"]);
    refused(&file("<<<<<<< HEAD"), &expect!["line 2: `<<<<<<< HEAD` is no entry"]);
    refused(&file("activity a\nactivity a"), &expect!["line 3: `activity a` is here twice"]);
    refused(&file("activity a\n  name: b"), &expect!["line 3: `name: b` is no part of an entry"]);
    refused(
        &file("activity a\n   b"),
        &expect!["line 3: it is not indented by two spaces for each step"],
    );
    let steps = |rest: &str| file(&format!("workflow a 1\n  steps\n    {rest}"));
    refused(&steps("wait"), &expect!["line 4: `wait` is no step of a workflow"]);
    refused(&steps("else"), &expect!["line 4: `else` without an `if`"]);
    refused(
        &steps("join\n      activity a"),
        &expect!["line 5: `activity a` is no part of `join`"],
    );
    refused(&steps("select\n      then"), &expect!["line 5: `then` is no part of `select`"]);
}

/// The lock of one workflow.
fn lock(steps: &[&str]) -> Lock {
    let steps: String = steps.iter().map(|step| format!("    activity {step}\n")).collect();
    Lock::parse(&format!("format 1\nworkflow order 1\n  steps\n{steps}")).expect("a lock")
}

/// What is done in each mode: to check, to update, in CI.
#[track_caller]
fn decided(old: Option<&str>, new: &Lock, expected: &Expect) {
    let modes = [Mode::Check, Mode::Update, Mode::Ci];
    let verdicts = modes.map(|mode| match decide("flows.lock", old, new, mode) {
        Verdict::Pass => format!("{mode:?}: pass\n"),
        Verdict::Write { text, told } => {
            assert_eq!(text, new.to_text());
            format!("{mode:?}: write. {told}")
        }
        Verdict::Fail(report) => format!("{mode:?}: fail. {report}\n"),
    });
    expected.assert_eq(&verdicts.concat());
}

#[test]
fn a_file_is_written_when_nothing_breaks() {
    let old = lock(&["a", "b"]).to_text();
    decided(
        Some(&old),
        &lock(&["a", "b"]),
        &expect![[r#"
        Check: pass
        Update: pass
        Ci: pass
    "#]],
    );
    decided(
        None,
        &lock(&["a"]),
        &expect![[r#"
        Check: write. flows.lock is new: commit it
        Update: write. flows.lock is new: commit it
        Ci: fail. flows.lock is missing: run this test where `CI` is not set, and commit the file
    "#]],
    );
    decided(
        Some(&old),
        &lock(&["a", "b", "c"]),
        &expect![[r#"
        Check: write. flows.lock was updated: commit it

        workflow order 1
          note: `activity c` was added at the end
            help: a run that has passed everything before it has ended
        Update: write. flows.lock was updated

        workflow order 1
          note: `activity c` was added at the end
            help: a run that has passed everything before it has ended
        Ci: fail. flows.lock is outdated: run this test where `CI` is not set, and commit the file

        workflow order 1
          note: `activity c` was added at the end
            help: a run that has passed everything before it has ended

    "#]],
    );
}

#[test]
fn a_file_stays_when_something_breaks() {
    let old = lock(&["a", "b"]).to_text();
    decided(
        Some(&old),
        &lock(&["b"]),
        &expect![[r#"
        Check: fail. 1 edit would break open runs (flows.lock)

        workflow order 1
          error: `activity a` was removed; it stood before `activity b`
            help: open runs may have made this call: keep it for them, under `if !ctx.patched("…") { … }`; or give the workflow a new `version`, and keep this one for its open runs

        If no run is open that could break, accept it: FLOWS_LOCK=update cargo test

        Update: write. flows.lock was updated

        workflow order 1
          error: `activity a` was removed; it stood before `activity b`
            help: open runs may have made this call: keep it for them, under `if !ctx.patched("…") { … }`; or give the workflow a new `version`, and keep this one for its open runs
        Ci: fail. 1 edit would break open runs (flows.lock)

        workflow order 1
          error: `activity a` was removed; it stood before `activity b`
            help: open runs may have made this call: keep it for them, under `if !ctx.patched("…") { … }`; or give the workflow a new `version`, and keep this one for its open runs

        If no run is open that could break, accept it: FLOWS_LOCK=update cargo test

    "#]],
    );
    decided(
        Some("format 2"),
        &lock(&["a"]),
        &expect![[r#"
        Check: fail. cannot read flows.lock: line 1: expected `format 1`, found `format 2`. Restore the file, or write it anew from the code as it is with `FLOWS_LOCK=update cargo test`
        Update: write. flows.lock was written anew
        Ci: fail. cannot read flows.lock: line 1: expected `format 1`, found `format 2`. Restore the file, or write it anew from the code as it is with `FLOWS_LOCK=update cargo test`
    "#]],
    );
    decided(
        None,
        &Lock::default(),
        &expect![[r#"
        Check: fail. no definition is linked into this test: name the crate that has them, `use my_app as _;`
        Update: fail. no definition is linked into this test: name the crate that has them, `use my_app as _;`
        Ci: fail. no definition is linked into this test: name the crate that has them, `use my_app as _;`
    "#]],
    );
}

/// A comment is no reason to write a file, nor a reason to fail.
#[test]
fn comments_are_the_users() {
    let text = format!("# ours\n{}", lock(&["a"]).to_text());
    assert_eq!(decide("flows.lock", Some(&text), &lock(&["a"]), Mode::Ci), Verdict::Pass);
}
