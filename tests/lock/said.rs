//! What is said of each edit, there (`>`) and back (`<`). The tables are files: `UPDATE_EXPECT=1` writes them.

use expect_test::{expect, expect_file};

use crate::stage::{table, whole};

#[test]
fn edits_of_a_body() {
    expect_file!["steps.txt"].assert_eq(&table("steps"));
}

#[test]
fn edits_of_types() {
    expect_file!["shapes.txt"].assert_eq(&table("shapes"));
}

#[test]
fn edits_of_definitions() {
    expect_file!["definitions.txt"].assert_eq(&table("definitions"));
}

#[test]
fn a_report_says_where_and_what_to_do() {
    whole(
        "steps::inserted",
        &expect![[r#"
            workflow order 1
              error: `activity b` was put in before `activity c`
                --> tests/lock/steps.rs:…
                help: open runs may be past this place: put it under `if ctx.patched("…") { … }`, which they skip; or give the workflow a new `version`, and keep this one for its open runs
        "#]],
    );
    whole(
        "steps::exchanged",
        &expect![[r#"
            workflow order 1
              error: `activity a` became `activity b`
                --> tests/lock/steps.rs:…
                help: if only the function was renamed, keep the recorded name: `#[activity(name = "a")]`; else open runs may have gone the old way: keep both, `if ctx.patched("…") { new } else { old }`; or give the workflow a new `version`, and keep this one for its open runs
        "#]],
    );
}

#[test]
fn a_report_names_the_attribute() {
    whole(
        "shapes::required_field",
        &expect![[r#"
            workflow order 1
              error: the new field `input.b` is missing in what is recorded
                --> tests/lock/shapes.rs:…
                help: give it `#[serde(default)]`, or make it an `Option`; or give the workflow a new `version`, and keep this one for its open runs
        "#]],
    );
    whole(
        "shapes::renamed_field",
        &expect![[r#"
            workflow order 1
              error: the field `input.client` became `input.customer`
                --> tests/lock/shapes.rs:…
                help: `#[serde(alias = "client")]` reads what is recorded; or give the workflow a new `version`, and keep this one for its open runs
        "#]],
    );
}

#[test]
fn a_report_says_how_to_keep_a_name() {
    whole(
        "definitions::a_renamed_activity",
        &expect![[r#"
            activity pay
              error: `pay` is gone, and `charge` looks the same; open runs know `pay`
                --> tests/lock/definitions.rs:…
                help: if it was renamed, keep the recorded name: `#[activity(name = "pay")]`; else keep the old one for open runs
        "#]],
    );
    whole(
        "definitions::a_version",
        &expect![[r#"
            workflow order 1
              error: this version is gone: no worker could take up its open runs
                help: keep its function, as `#[workflow(name = "order", version = 1)]`, until `engine.list().workflow("order").version(1)` shows no open run; then accept that with `FLOWS_LOCK=update cargo test`
        "#]],
    );
}
