//! What is said of each edit of a workflow's body.

use expect_test::expect;

use crate::stage::{check, whole};

#[test]
fn nothing() {
    check("steps::nothing", &expect!["nothing"], &expect!["nothing"]);
}

#[test]
fn appended() {
    check(
        "steps::appended",
        &expect![[r#"
        note: `activity b` was added at the end
    "#]],
        &expect![[r#"
        error: `activity b` was removed; it stood last
    "#]],
    );
}

#[test]
fn inserted() {
    check(
        "steps::inserted",
        &expect![[r#"
        error: `activity b` was put in before `activity c`
    "#]],
        &expect![[r#"
        error: `activity b` was removed; it stood before `activity c`
    "#]],
    );
}

#[test]
fn first() {
    check(
        "steps::first",
        &expect![[r#"
        error: `activity a` was put in before `activity b`
    "#]],
        &expect![[r#"
        error: `activity a` was removed; it stood before `activity b`
    "#]],
    );
}

#[test]
fn reordered() {
    check(
        "steps::reordered",
        &expect![[r#"
        error: `activity a` was moved: it stood before `activity b`, and stands before `activity c`
    "#]],
        &expect![[r#"
        error: `activity b` was moved: it stood before `activity a`, and stands before `activity c`
    "#]],
    );
}

#[test]
fn exchanged() {
    check(
        "steps::exchanged",
        &expect![[r#"
        error: `activity a` became `activity b`
    "#]],
        &expect![[r#"
        error: `activity b` became `activity a`
    "#]],
    );
}

#[test]
fn made_conditional() {
    check(
        "steps::made_conditional",
        &expect![[r#"
            error: `activity a` was moved: something else is around it now
        "#]],
        &expect![[r#"
            error: `activity a` was moved: something else is around it now
        "#]],
    );
}

#[test]
fn condition() {
    check(
        "steps::condition",
        &expect![[r#"
        warning: `if flag` became `if flag && true`
    "#]],
        &expect![[r#"
        warning: `if flag && true` became `if flag`
    "#]],
    );
}

#[test]
fn in_a_branch() {
    check(
        "steps::in_a_branch",
        &expect![[r#"
        error: `activity b` was put in where open runs may have been
    "#]],
        &expect![[r#"
        error: `activity b` was removed; it stood last
    "#]],
    );
}

#[test]
fn in_the_last_branch() {
    check(
        "steps::in_the_last_branch",
        &expect![[r#"
        note: `activity b` was added at the end
    "#]],
        &expect![[r#"
        error: `activity b` was removed; it stood last
    "#]],
    );
}

#[test]
fn before_a_return() {
    check(
        "steps::before_a_return",
        &expect![[r#"
        note: `activity b` was added at the end
    "#]],
        &expect![[r#"
        error: `activity b` was removed; it stood before `return Ok(())`
    "#]],
    );
}

#[test]
fn early_return() {
    check(
        "steps::early_return",
        &expect![[r#"
            warning: `if flag … return Ok(())` is new
        "#]],
        &expect![[r#"
            warning: `if flag … return Ok(())` is gone
        "#]],
    );
}

#[test]
fn let_else() {
    check(
        "steps::let_else",
        &expect![[r#"
        note: `activity c` was added at the end
    "#]],
        &expect![[r#"
        error: `activity c` was removed; it stood before `return Ok(())`
    "#]],
    );
}

#[test]
fn new_else() {
    check(
        "steps::new_else",
        &expect![[r#"
        error: `activity b` was put in where open runs may have been
    "#]],
        &expect![[r#"
        error: `activity b` was removed; it stood last
    "#]],
    );
}

#[test]
fn arms() {
    check(
        "steps::arms",
        &expect![[r#"
        warning: the arm `true` became `true if 1 > 0`
        warning: the arm `true` is new
        error: `activity b` was put in where open runs may have been
    "#]],
        &expect![[r#"
            warning: the arm `true if 1 > 0` is gone
            warning: the arm `false` is new
            warning: the arm `false` is gone
            error: `activity a` was moved: something else is around it now
            error: `activity b` was removed; it stood last
        "#]],
    );
}

#[test]
fn in_a_loop() {
    check(
        "steps::in_a_loop",
        &expect![[r#"
        error: `activity b` was put in where open runs may have been
    "#]],
        &expect![[r#"
        error: `activity b` was removed; it stood last
    "#]],
    );
}

#[test]
fn another_loop() {
    check(
        "steps::another_loop",
        &expect![[r#"
        warning: `for _ in 0..3` became `while flag`
    "#]],
        &expect![[r#"
        warning: `while flag` became `for _ in 0..3`
    "#]],
    );
}

#[test]
fn into_a_loop() {
    check(
        "steps::into_a_loop",
        &expect![[r#"
            error: `activity a` was moved: something else is around it now
        "#]],
        &expect![[r#"
            error: `activity a` was moved: something else is around it now
        "#]],
    );
}

#[test]
fn lanes() {
    check(
        "steps::lanes",
        &expect![[r#"
        note: `activity c` was added at the end
    "#]],
        &expect![[r#"
        error: `activity c` was removed; it stood last
    "#]],
    );
}

#[test]
fn lanes_of_several() {
    check(
        "steps::lanes_of_several",
        &expect![[r#"
        error: `activity c` was put in where open runs may have been
    "#]],
        &expect![[r#"
        error: `activity c` was removed; it stood last
    "#]],
    );
}

#[test]
fn lanes_swapped() {
    check(
        "steps::lanes_swapped",
        &expect![[r#"
            error: `activity a` was moved: something else is around it now
        "#]],
        &expect![[r#"
            error: `activity b` was moved: something else is around it now
        "#]],
    );
}

#[test]
fn one_after_the_other() {
    check(
        "steps::one_after_the_other",
        &expect![[r#"
            error: `activity a` was moved: something else is around it now
            error: `activity b` was moved: something else is around it now
        "#]],
        &expect![[r#"
            error: `activity a` was moved: something else is around it now
            error: `activity b` was moved: something else is around it now
        "#]],
    );
}

#[test]
fn arm_of_a_select() {
    check(
        "steps::arm_of_a_select",
        &expect![[r#"
        error: `cancelled` was put in where open runs may have been
    "#]],
        &expect![[r#"
        error: `cancelled` was removed; it stood last
    "#]],
    );
}

#[test]
fn body_of_an_arm() {
    check(
        "steps::body_of_an_arm",
        &expect![[r#"
        note: `activity c` was added at the end
    "#]],
        &expect![[r#"
        error: `activity c` was removed; it stood last
    "#]],
    );
}

#[test]
fn longer_sleep() {
    check(
        "steps::longer_sleep",
        &expect![[r#"
        note: `sleep Duration::from_secs(1)` became `sleep Duration::from_secs(2)`
    "#]],
        &expect![[r#"
        note: `sleep Duration::from_secs(2)` became `sleep Duration::from_secs(1)`
    "#]],
    );
}

#[test]
fn limited() {
    check(
        "steps::limited",
        &expect![[r#"
            error: `activity a` was moved: something else is around it now
            error: `timeout Duration::from_secs(2)` was put in before `activity b`
        "#]],
        &expect![[r#"
            error: `activity a` was moved: something else is around it now
            error: `timeout Duration::from_secs(2)` was removed; it stood before `activity b`
        "#]],
    );
}

#[test]
fn signal_name() {
    check(
        "steps::signal_name",
        &expect![[r#"
        error: `signal "one"` became `signal "two"`
    "#]],
        &expect![[r#"
        error: `signal "two"` became `signal "one"`
    "#]],
    );
}

#[test]
fn unused_value() {
    check(
        "steps::unused_value",
        &expect![[r#"
        note: `value uuid` is new
    "#]],
        &expect![[r#"
        note: `value uuid` is gone
    "#]],
    );
}

#[test]
fn value_before_another() {
    check(
        "steps::value_before_another",
        &expect![[r#"
        error: `value random` was put in before `activity a`
    "#]],
        &expect![[r#"
        error: `value random` was removed; it stood before `activity a`
    "#]],
    );
}

#[test]
fn into_a_helper() {
    check(
        "steps::into_a_helper",
        &expect![[r#"
        warning: `if flag` became `if one > 9`
        warning: `panic` is gone
    "#]],
        &expect![[r#"
        warning: `if one > 9` became `if flag`
        warning: `leave` is gone
        warning: `panic` is new
    "#]],
    );
}

#[test]
fn helper() {
    check(
        "steps::helper",
        &expect![[r#"
            error: `activity a` was put in before `activity c`
            error: `activity b` was put in before `activity c`
            warning: `if one > 9 … leave` is new
        "#]],
        &expect![[r#"
            error: `activity a` was removed; it stood before `activity c`
            error: `activity b` was removed; it stood before `activity c`
            warning: `if one > 9 … leave` is gone
        "#]],
    );
}

#[test]
fn unknown_call() {
    check(
        "steps::unknown_call",
        &expect![[r#"
            warning: `call plain` is new, and what it does is not known
        "#]],
        &expect![[r#"
            warning: `call plain` is gone, and what it does is not known
        "#]],
    );
}

#[test]
fn patched() {
    check(
        "steps::patched",
        &expect![[r#"
        note: the patch "b" is new
    "#]],
        &expect![[r#"
        warning: the patch "b" is retired
        error: `activity b` became `activity a`
    "#]],
    );
}

#[test]
fn patched_in_between() {
    check(
        "steps::patched_in_between",
        &expect![[r#"
        note: the patch "b" is new
    "#]],
        &expect![[r#"
        warning: the patch "b" is retired
        error: `activity b` was removed; it stood before `activity c`
    "#]],
    );
}

#[test]
fn patched_by_negation() {
    check(
        "steps::patched_by_negation",
        &expect![[r#"
        note: the patch "b" is new
    "#]],
        &expect![[r#"
        warning: the patch "b" is retired
        error: `activity a` was put in before `activity c`
    "#]],
    );
}

#[test]
fn patched_with_return() {
    check(
        "steps::patched_with_return",
        &expect![[r#"
        note: the patch "b" is new
    "#]],
        &expect![[r#"
        warning: the patch "b" is retired
        error: `activity b` became `activity a`
        note: `activity c` was added at the end
        warning: `return Ok(())` is gone
    "#]],
    );
}

#[test]
fn patched_without_the_old() {
    check(
        "steps::patched_without_the_old",
        &expect![[r#"
        note: the patch "b" is new
        error: `activity a` was removed; it stood before `activity c`
    "#]],
        &expect![[r#"
        warning: the patch "b" is retired
        error: `activity b` became `activity a`
    "#]],
    );
}

#[test]
fn patched_and_more() {
    check(
        "steps::patched_and_more",
        &expect![[r#"
            note: the patch "b" is new
            error: `activity a` was moved: something else is around it now
            error: `activity b` was put in before `activity c`
        "#]],
        &expect![[r#"
            warning: the patch "b" is retired
            error: `activity a` was moved: something else is around it now
            error: `activity b` was removed; it stood before `activity c`
        "#]],
    );
}

#[test]
fn edited_patch() {
    check(
        "steps::edited_patch",
        &expect![[r#"
        error: `activity b` became `activity c`
    "#]],
        &expect![[r#"
        error: `activity c` became `activity b`
    "#]],
    );
}

#[test]
fn retired() {
    check(
        "steps::retired",
        &expect![[r#"
        warning: the patch "b" is retired
    "#]],
        &expect![[r#"
        note: the patch "b" is new
        error: `activity b` became `activity a`
    "#]],
    );
}

#[test]
fn taken_back() {
    check(
        "steps::taken_back",
        &expect![[r#"
        warning: the patch "b" is retired
        error: `activity b` became `activity a`
    "#]],
        &expect![[r#"
        note: the patch "b" is new
    "#]],
    );
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
