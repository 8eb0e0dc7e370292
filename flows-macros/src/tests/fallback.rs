//! After an error, every name is still there, and nothing is registered.

use crate::definition;

/// The expansion of something wrong.
fn expand(args: &str, item: &str) -> String {
    super::pretty(definition::workflow(super::tokens(args), super::tokens(item)))
}

#[test]
fn names_stay() {
    let shown =
        expand("version = 0", "pub fn order<T>(a: &str, (b, c): X, d: u64) -> Option<T> {}");
    for name in [
        "pub fn order<T>(",
        "a: &str",
        "arg1: X",
        "d: u64",
        "pub mod order {",
        "pub struct Workflow;",
        "pub type Input",
        "pub type Output",
        "impl ::flows::__private::WorkflowInput for __order_Input",
        "impl ::flows::__private::Definition for order::Workflow",
    ] {
        assert!(shown.contains(name), "no `{name}` in\n{shown}");
    }
    assert!(!shown.contains("inventory"), "registered:\n{shown}");
}

#[test]
fn what_is_no_free_function_stays_as_it_is() {
    let shown = expand("", "async fn order(&self) -> Result<()> { self.go().await }");
    assert!(shown.contains("async fn order(&self) -> Result<()> {"), "{shown}");
    assert!(shown.contains("compile_error!"), "{shown}");
    let shown = expand("", "struct Order;");
    assert!(shown.contains("struct Order;") && shown.contains("compile_error!"), "{shown}");
}
