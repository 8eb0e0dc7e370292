//! The mistakes a newcomer makes with the macros, and what the compiler then says.
//!
//! One file for each mistake in `tests/ui`, named after it. Run with `TRYBUILD=overwrite` to accept
//! new messages, and read the diff.

#[test]
fn mistakes() {
    let cases = trybuild::TestCases::new();
    cases.compile_fail("tests/ui/*.rs");
}
