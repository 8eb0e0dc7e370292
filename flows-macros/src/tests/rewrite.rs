//! What becomes of awaits, blocks and macro calls in a body.

use expect_test::{Expect, expect};
use syn::ItemFn;

use crate::args::common::default_crate;
use crate::errors::Errors;
use crate::model::context_names;
use crate::rewrite;

/// Rewrites the statements of a body; shows them, or the errors.
#[track_caller]
fn check(body: &str, expected: &Expect) {
    let source = format!("async fn f(ctx: &WorkflowContext) {{ {body} }}");
    let mut item: ItemFn = syn::parse_str(&source).expect("a function");
    let mut errors = Errors::new();
    let contexts = context_names(&item.sig);
    rewrite::body(&mut item.block, &contexts, &default_crate(), &mut errors);
    let tokens = errors.finish().unwrap_or_else(|| quote::quote!(#item));
    let shown = super::pretty(tokens).replace("::flows::__private::", "");
    let lines: Vec<_> = shown.lines().collect();
    let inside = match &lines[..] {
        ["async fn f(ctx: &WorkflowContext) {", inside @ .., "}"] => inside,
        errors => errors,
    };
    let inside: Vec<_> =
        inside.iter().map(|line| line.strip_prefix("    ").unwrap_or(line)).collect();
    expected.assert_eq(&inside.join("\n"));
}

#[test]
fn awaits() {
    check(
        "a(ctx).await?; (b).await;",
        &expect![[r#"
        durable(a(ctx)).await?;
        durable(b).await;"#]],
    );
    check(
        "x(y(ctx).await).await.z().await",
        &expect![[r#"
            durable(
                    durable(x(durable(y(ctx)).await))
                        .await
                        .z(),
                )
                .await"#]],
    );
    check(
        "(&mut pending).await; (if c { a } else { b }).await",
        &expect![[r#"
        durable(&mut pending).await;
        durable(if c { a } else { b }).await"#]],
    );
}

#[test]
fn blocks() {
    check(
        "let f = async move { a.await };",
        &expect![[r#"
            let f = block(async move {
                durable(a).await
            });"#]],
    );
    check(
        "items.map(|x| async { ship(x).await }).collect()",
        &expect![[r#"
            items
                .map(|x| block(async {
                    durable(ship(x)).await
                }))
                .collect()"#]],
    );
    check(
        "async { async { 1 } }.await.await",
        &expect![[r#"
            durable(
                    durable(
                            block(async {
                                block(async { 1 })
                            }),
                        )
                        .await,
                )
                .await"#]],
    );
    check(
        "let f = async |x| x.await;",
        &expect![[r#"
            ::core::compile_error! {
            "an async closure is not durable; write `|x| async move { … }`"
            }"#]],
    );
}

#[test]
fn items_inside_are_left_alone() {
    check(
        "async fn g() { h().await } fn i() -> impl Future { async {} }",
        &expect![[r#"
        async fn g() {
            h().await
        }
        fn i() -> impl Future {
            async {}
        }"#]],
    );
}

#[test]
fn well_known_macros() {
    check(
        "let v = vec![a.await, b]; vec![a.await; 3]",
        &expect![[r#"
            let v = vec![durable(a). await, b];
            vec![durable(a). await; 3]"#]],
    );
    check(
        "format!(\"{} {x}\", a.await, x = b.await?)",
        &expect![[r#"
            format!(
                "{} {x}", durable(a). await, x =
                durable(b). await ?
            )"#]],
    );
    check(
        "matches!(a.await, Ok(x) if x > 1)",
        &expect!["matches!(durable(a). await, Ok(x) if x > 1)"],
    );
    check("assert_eq!(a == b.await, true)", &expect!["assert_eq!(a == durable(b). await, true)"]);
}

#[test]
fn our_macros() {
    check("join!(a, async { b.await })", &expect!["join!(a, block(async { durable(b). await }))"]);
    check(
        "flows::select! { x = a(b.await) => x.await?, Some(y) | None = c => { y.await } _ = d => {} }",
        &expect![[r#"
            flows::select! {
                x = a(durable(b). await) => durable(x).
                await ?, Some(y) | None = c => { durable(y). await }, _ = d
                => {},
            }"#]],
    );
}

#[test]
fn foreign_macros() {
    check(
        "sqlx::query!(\"select\", a.await)",
        &expect![[r#"
            ::core::compile_error! {
            "`.await` inside `query!` cannot be made durable; take the value before it: `let value = ….await;`"
            }"#]],
    );
    check(
        "own!(anything => goes @ here); own!(async fn later() {})",
        &expect![[r#"
            let _inside = entering();
            own!(anything => goes @ here);
            #[allow(unreachable_code)] ::core::mem::drop(_inside);
            let _inside = entering();
            own!(async fn later() {})"#]],
    );
    check(
        "futures_util::try_join!(a, b)",
        &expect![[r#"
            ::core::compile_error! {
            "`futures_util::try_join!` is not durable; use `flows::try_join!`, which does the same on every replay"
            }"#]],
    );
}

#[test]
fn logging_may_ask_what_costs_nothing() {
    check(
        "info!(id = %ctx.run_id(), ctx = 1, \"{}\", order.ctx.uuid())",
        &expect![[r#"info!(id = % ctx.run_id(), ctx = 1, "{}", order.ctx.uuid())"#]],
    );
}

#[test]
fn every_error_comes_out() {
    check(
        "info!(\"{}\", ctx.uuid()); own!(a.await); warn!(\"{}\", f(ctx));",
        &expect![[r#"
            ::core::compile_error! {
            "`info!` evaluates its arguments only where its level is enabled, and never in a replay; take the value before it: `let value = …;`"
            }
            ::core::compile_error! {
            "`.await` inside `own!` cannot be made durable; take the value before it: `let value = ….await;`"
            }
            ::core::compile_error! {
            "`warn!` evaluates its arguments only where its level is enabled, and never in a replay; take the value before it: `let value = …;`"
            }"#]],
    );
}

#[test]
fn statements_with_a_macro_that_nobody_can_see_into() {
    check(
        "let x = own!(a); flows::pipe!(x); x.unwrap()",
        &expect![[r#"
            let _inside = entering();
            let x = own!(a);
            #[allow(unreachable_code)] ::core::mem::drop(_inside);
            let _inside = entering();
            flows::pipe!(x);
            #[allow(unreachable_code)] ::core::mem::drop(_inside);
            x.unwrap()"#]],
    );
    check(
        "if own!(a) { b.await; other!(c) } else { return own!(d); }",
        &expect![[r#"
            let _inside = entering();
            if own!(a) {
                durable(b).await;
                let _inside = entering();
                other!(c)
            } else {
                let _inside = entering();
                return own!(d);
            }"#]],
    );
    check(
        "let f = async move { own!(a) }; own! { b } f.await",
        &expect![[r#"
            let f = block(async move {
                let _inside = entering();
                own!(a)
            });
            let _inside = entering();
            own! {
                b
            }
            #[allow(unreachable_code)] ::core::mem::drop(_inside);
            durable(f).await"#]],
    );
    check(
        "info!(\"{}\", own!(a)); vec![own!(a), b.await]; vec![a != b, c];",
        &expect![[r#"
            let _inside = entering();
            info!("{}", own!(a));
            #[allow(unreachable_code)] ::core::mem::drop(_inside);
            let _inside = entering();
            vec![own!(a), durable(b). await];
            #[allow(unreachable_code)] ::core::mem::drop(_inside);
            vec![a != b, c];"#]],
    );
    check(
        "let a = [0; own!(3)]; let b: own!(u8) = const { own!(1) }; macro_rules! x { () => { own!() } }",
        &expect![[r#"
            let a = [0; own!(3)];
            let b: own!(u8) = const { own!(1) };
            macro_rules! x {
                () => {
                    own!()
                };
            }"#]],
    );
}
