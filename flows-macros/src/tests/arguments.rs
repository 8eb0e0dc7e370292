//! What attribute arguments may look like, and that parsing goes on after an error.

use expect_test::{Expect, expect};
use proc_macro2::TokenStream;

use crate::args::activity::ActivityArgs;
use crate::args::workflow::WorkflowArgs;
use crate::errors::Errors;

/// The options that arguments make, or all the errors, one a line.
#[track_caller]
fn check(kind: &str, args: &str, expected: &Expect) {
    let krate = syn::parse_quote!(flows);
    let (tokens, mut errors) = (super::tokens(args), Errors::new());
    let options = match kind {
        "activity" => ActivityArgs::parse(tokens, &mut errors).options(&krate),
        _ => WorkflowArgs::parse(tokens, &mut errors).options(&krate),
    };
    let shown = match errors.finish() {
        None => short(&options.unwrap_or_default().to_string()),
        Some(errors) => messages(errors),
    };
    expected.assert_eq(&shown);
}

fn short(options: &str) -> String {
    let short = options.replace(' ', "").replace("flows::__private::", "");
    ["option::Option", "convert::From", "time::Duration", "default::Default"]
        .iter()
        .fold(short, |short, path| short.replace(&format!("::std::{path}::"), ""))
}

/// The first line of each message.
fn messages(errors: TokenStream) -> String {
    let all = super::messages(errors);
    all.iter().map(|all| all.lines().next().unwrap_or_default().to_owned() + "\n").collect()
}

#[test]
fn all_default() {
    check("activity", "", &expect![""]);
    check("workflow", "version = 4,", &expect![""]);
    check("activity", "name = \"a\", transaction, module = \"b\", crate = \"c\"", &expect![""]);
}

#[test]
fn what_is_set() {
    check(
        "workflow",
        "retry(), queue = \"q\"",
        &expect![[
            r#"WorkflowOptions{retry:Some(RetryPolicy::default()),queue:Some(from("q")),..default()}"#
        ]],
    );
    check(
        "activity",
        "heartbeat = \"1500ms\"",
        &expect!["ActivityOptions{heartbeat:Some(from_millis(1500u64)),..default()}"],
    );
}

#[test]
fn goes_on_after_broken_syntax() {
    check(
        "activity",
        "name = , retri(), \"x\", queue \"q\", start_to_close = 3",
        &expect![[r#"
            expected a value: `name = …`
            expected a key of `#[activity]`
            expected a comma between arguments
            unknown key `retri` of `#[activity]`; did you mean `retry`?
            `queue` takes text: `queue = "default"`
            `start_to_close = 3` has no unit; a duration is written like "500ms", "30s", "1h30m" or "2d"
        "#]],
    );
    check(
        "workflow",
        ",",
        &expect![[r#"
            expected a key of `#[workflow]`
        "#]],
    );
}

#[test]
fn wrong_values() {
    check(
        "workflow",
        "version = \"2\", timeout, retry",
        &expect![[r#"
            `version` takes a whole number from 1: `version = 1`
            `retry` takes a list in parentheses: `retry(max_attempts = 5)`
            `timeout` takes a duration in quotes: `timeout = "30s"`
        "#]],
    );
    check(
        "workflow",
        "version = -1, retry(jitter = 1.5, backoff = nan)",
        &expect![[r#"
            `version` takes a whole number from 1: `version = 1`
            `backoff` takes a factor from 1: `backoff = 2.0`
            `jitter` takes a share from 0 to 1: `jitter = 0.1`
        "#]],
    );
    check(
        "activity",
        "crate = \"super::flows\", module = \"a-b\", transaction()",
        &expect![[r#"
            `module` takes an identifier: `module = "order_workflow"`
            `crate` takes an absolute path: `crate = "::flows"` or `"crate::flows"`
            `transaction` takes no value: write just `transaction`
        "#]],
    );
}
