//! Edits of a workflow's body.

use expect_test::expect;

use crate::stage::{check, whole};

/// Two bodies of one workflow; in `open` the same with something behind them that is waited for.
macro_rules! body {
    ($name:ident $ctx:ident $flag:ident { $($old:tt)* } => { $($new:tt)* }) => {
        #[allow(dead_code, unused_imports, unused_variables, reason = "only what is recorded of them matters")]
        mod $name {
            use crate::stage::sides;
            sides! { {
                use crate::steps::plain;
                #[workflow]
                async fn order($ctx: &WorkflowContext, $flag: bool) -> Result<()> {
                    $($old)*
                    Ok(())
                }
            } => {
                use crate::steps::plain;
                #[workflow]
                async fn order($ctx: &WorkflowContext, $flag: bool) -> Result<()> {
                    $($new)*
                    Ok(())
                }
            } }
            mod open {
                use crate::stage::sides;
                sides! { {
                    use crate::steps::plain;
                    #[workflow]
                    async fn order($ctx: &WorkflowContext, $flag: bool) -> Result<()> {
                        $($old)*
                        $ctx.signal("end").await
                    }
                } => {
                    use crate::steps::plain;
                    #[workflow]
                    async fn order($ctx: &WorkflowContext, $flag: bool) -> Result<()> {
                        $($new)*
                        $ctx.signal("end").await
                    }
                } }
            }
        }
    };
}

fn plain(ctx: &flows::WorkflowContext) -> u32 {
    ctx.random()
}

body! { nothing ctx flag {
    a(ctx).await?;
    b(ctx).await?;
} => {
    a(ctx).start().await?;
 b(ctx).await?;
} }

body! { appended ctx flag {
    a(ctx).await?;
} => {
    a(ctx).await?;
    b(ctx).await?;
} }

body! { inserted ctx flag {
    a(ctx).await?;
    c(ctx).await?;
} => {
    a(ctx).await?;
    b(ctx).await?;
    c(ctx).await?;
} }

body! { first ctx flag {
    b(ctx).await?;
} => {
    a(ctx).await?;
    b(ctx).await?;
} }

body! { reordered ctx flag {
    a(ctx).await?;
    b(ctx).await?;
    c(ctx).await?;
} => {
    b(ctx).await?;
    a(ctx).await?;
    c(ctx).await?;
} }

body! { exchanged ctx flag {
    a(ctx).await?;
    c(ctx).await?;
} => {
    b(ctx).await?;
    c(ctx).await?;
} }

body! { made_conditional ctx flag {
    a(ctx).await?;
    b(ctx).await?;
} => {
    if flag { a(ctx).await?;
    } b(ctx).await?;
} }

body! { condition ctx flag {
    if flag { a(ctx).await?;
    } b(ctx).await?;
} => {
    if flag && true { a(ctx).await?;
    } b(ctx).await?;
} }

body! { in_a_branch ctx flag {
    if flag { a(ctx).await?;
    } c(ctx).await?;
} => {
    if flag { a(ctx).await?;
    b(ctx).await?;
    } c(ctx).await?;
} }

body! { in_the_last_branch ctx flag {
    c(ctx).await?;
    if flag { a(ctx).await?;
    }
} => {
    c(ctx).await?;
    if flag { a(ctx).await?;
    b(ctx).await?;
    }
} }

body! { before_a_return ctx flag {
    if flag { a(ctx).await?;
    return Ok(());
    } c(ctx).await?;
} => {
    if flag { a(ctx).await?;
    b(ctx).await?;
    return Ok(());
    } c(ctx).await?;
} }

body! { early_return ctx flag {
    a(ctx).await?;
    b(ctx).await?;
} => {
    a(ctx).await?;
    if flag { return Ok(());
    } b(ctx).await?;
} }

body! { let_else ctx flag {
    let Ok(_) = a(ctx).await else { return Ok(()) };
    b(ctx).await?;
} => {
    let Ok(_) = a(ctx).await else { c(ctx).await?;
    return Ok(()) };
    b(ctx).await?;
} }

body! { new_else ctx flag {
    if flag { a(ctx).await?;
    } c(ctx).await?;
} => {
    if flag { a(ctx).await?;
    } else { b(ctx).await?;
    } c(ctx).await?;
} }

body! { arms ctx flag {
    match flag { true => { a(ctx).await?;
    } false => {} } c(ctx).await?;
} => {
    match flag { true if 1 > 0 => { a(ctx).await?;
    } false => { b(ctx).await?;
    } true => {} } c(ctx).await?;
} }

body! { in_a_loop ctx flag {
    for _ in 0..3 { a(ctx).await?;
    }
} => {
    for _ in 0..3 { a(ctx).await?;
    b(ctx).await?;
    }
} }

body! { another_loop ctx flag {
    for _ in 0..3 { a(ctx).await?;
    } b(ctx).await?;
} => {
    while flag { a(ctx).await?;
    } b(ctx).await?;
} }

body! { into_a_loop ctx flag {
    a(ctx).await?;
    b(ctx).await?;
} => {
    for _ in 0..3 { a(ctx).await?;
    } b(ctx).await?;
} }

body! { lanes ctx flag {
    flows::try_join!(a(ctx), b(ctx))?;
} => {
    flows::try_join!(a(ctx), b(ctx), c(ctx))?;
} }

body! { lanes_of_several ctx flag {
    flows::try_join!(a(ctx), async { b(ctx).await?;
    a(ctx).await })?;
} => {
    flows::try_join!(a(ctx), async { b(ctx).await?;
    a(ctx).await }, c(ctx))?;
} }

body! { lanes_swapped ctx flag {
    flows::try_join!(a(ctx), b(ctx))?;
} => {
    flows::try_join!(b(ctx), a(ctx))?;
} }

body! { one_after_the_other ctx flag {
    flows::try_join!(a(ctx), b(ctx))?;
    c(ctx).await?;
} => {
    a(ctx).await?;
    b(ctx).await?;
    c(ctx).await?;
} }

body! { arm_of_a_select ctx flag {
    flows::select! { _ = a(ctx) => {}, _ = b(ctx) => {} }
} => {
    flows::select! { _ = a(ctx) => {}, _ = b(ctx) => {}, _ = ctx.cancelled() => {} }
} }

body! { body_of_an_arm ctx flag {
    flows::select! { _ = a(ctx) => {}, _ = b(ctx) => {} }
} => {
    flows::select! { _ = a(ctx) => { c(ctx).await?;
    }, _ = b(ctx) => {} }
} }

body! { longer_sleep ctx flag {
    ctx.sleep(Duration::from_secs(1)).await?;
    a(ctx).await?;
} => {
    ctx.sleep(Duration::from_secs(2)).await?;
    a(ctx).await?;
} }

body! { limited ctx flag {
    a(ctx).await?;
    b(ctx).await?;
} => {
    ctx.timeout(Duration::from_secs(2), a(ctx)).await?;
    b(ctx).await?;
} }

body! { signal_name ctx flag {
    let _: u8 = ctx.signal("one").await?;
    a(ctx).await?;
} => {
    let _: u8 = ctx.signal("two").await?;
    a(ctx).await?;
} }

body! { unused_value ctx flag {
    a(ctx).await?;
} => {
    let _id = ctx.uuid();
    a(ctx).await?;
} }

body! { value_before_another ctx flag {
    a(ctx).await?;
    let _id = ctx.uuid();
} => {
    let _n: u8 = ctx.random();
    a(ctx).await?;
    let _id = ctx.uuid();
} }

body! { into_a_helper ctx flag {
    a(ctx).await?;
    if flag { panic!() } b(ctx).await?;
} => {
    a_and_b(ctx).await?;
} }

body! { helper ctx flag {
    a_and_b(ctx).await?;
    c(ctx).await?;
} => {
    a_and_b(ctx).await?;
    a_and_b(ctx).await?;
    c(ctx).await?;
} }

body! { unknown_call ctx flag {
    a(ctx).await?;
    b(ctx).await?;
} => {
    a(ctx).await?;
    plain(ctx);
    b(ctx).await?;
} }

body! { patched ctx flag {
    a(ctx).await?;
    c(ctx).await?;
} => {
    if ctx.patched("b") { b(ctx).await?;
    } else { a(ctx).await?;
    } c(ctx).await?;
} }

body! { patched_in_between ctx flag {
    a(ctx).await?;
    c(ctx).await?;
} => {
    a(ctx).await?;
    if ctx.patched("b") { b(ctx).await?;
    } c(ctx).await?;
} }

body! { patched_by_negation ctx flag {
    a(ctx).await?;
    c(ctx).await?;
} => {
    if !ctx.patched("b") { a(ctx).await?;
    } c(ctx).await?;
} }

body! { patched_with_return ctx flag {
    a(ctx).await?;
    c(ctx).await?;
} => {
    if ctx.patched("b") { b(ctx).await?;
    return Ok(());
    } a(ctx).await?;
    c(ctx).await?;
} }

body! { patched_without_the_old ctx flag {
    a(ctx).await?;
    c(ctx).await?;
} => {
    if ctx.patched("b") { b(ctx).await?;
    } c(ctx).await?;
} }

body! { patched_and_more ctx flag {
    a(ctx).await?;
    c(ctx).await?;
} => {
    if ctx.patched("b") && flag { b(ctx).await?;
    } else { a(ctx).await?;
    } c(ctx).await?;
} }

body! { edited_patch ctx flag {
    if ctx.patched("b") { b(ctx).await?;
    } a(ctx).await?;
} => {
    if ctx.patched("b") { c(ctx).await?;
    } a(ctx).await?;
} }

body! { retired ctx flag {
    if ctx.patched("b") { b(ctx).await?;
    } else { a(ctx).await?;
    } c(ctx).await?;
} => {
    b(ctx).await?;
    c(ctx).await?;
} }

body! { taken_back ctx flag {
    if ctx.patched("b") { b(ctx).await?;
    } else { a(ctx).await?;
    } c(ctx).await?;
} => {
    a(ctx).await?;
    c(ctx).await?;
} }

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
