//! Bodies, and what is read from them.

use expect_test::{Expect, expect};
use syn::ItemFn;
use syn::visit::Visit;

use super::Node;
use super::read::Reader;
use crate::model::context_names;

/// Shows what is read from the statements of a body, as kinds and labels.
#[track_caller]
fn check(body: &str, expected: &Expect) {
    let source = format!("async fn f(ctx: &WorkflowContext) {{ {body} }}");
    let item: ItemFn = syn::parse_str(&source).expect("a function");
    let contexts = context_names(&item.sig);
    let mut reader = Reader::new(&contexts);
    reader.visit_block(&item.block);
    let mut out = String::new();
    show(&reader.finish(), 0, &mut out);
    expected.assert_eq(&out);
}

fn show(nodes: &[Node], depth: usize, out: &mut String) {
    for Node { kind, label, options, parts, .. } in nodes {
        let indent = "  ".repeat(depth);
        out.push_str(format!("{indent}{kind} {label}").trim_end());
        out.push('\n');
        for (name, given) in options {
            out.push_str(format!("{indent}  with {name} {given}").trim_end());
            out.push('\n');
        }
        for part in parts {
            if parts.len() > 1 || !part.label.is_empty() {
                out.push_str(format!("{indent}- {}", part.label).trim_end());
                out.push('\n');
            }
            show(&part.nodes, depth + 1, out);
        }
    }
}

#[test]
fn call_sites() {
    check(
        "charge(ctx, customer.clone(), 100).await?;",
        &expect![[r#"
        Call charge
    "#]],
    );
    check(
        "payments::charge(&ctx).retry(policy).await?; wallet.debit(ctx, 1).await",
        &expect![[r#"
        Call payments::charge
        Method debit
    "#]],
    );
    check(
        "let a = charge(ctx).start(); log(a); a.await?;",
        &expect![[r#"
        Call charge
    "#]],
    );
    check(
        "add(ctx, add(ctx, 1).await?, 2).await",
        &expect![[r#"
        Call add
        Call add
    "#]],
    );
    check(
        "Box::pin(again(ctx, 1)).await; self.ctx.sleep(SECOND).await",
        &expect![[r#"
        Call again
        Sleep SECOND
    "#]],
    );
    check("plain(1); pure(ctx.now(), ctx.run_id()); other.sleep(d)", &expect![[r#""#]]);
}

#[test]
fn the_context() {
    check(
        "ctx.sleep(Duration::from_secs(60)).await?; ctx.sleep_until(at).await?; ctx.uuid();
         let c: Confirmation = ctx.signal(\"ready\").await?; ctx.receive::<a::Ready>().await?;
         ctx.try_signal::<u8>(name)?; ctx.update::<a::Ask>().validate(ok).await?;
         ctx.try_update::<Ask>()?; ctx.cancelled().await;
         ctx.side_effect(|| ctx_free()).await?; ctx.patched(\"x\"); ctx.pay(1).await?;",
        &expect![[r#"
            Sleep Duration::from_secs(60)
            SleepUntil at
            Value uuid
            Signal "ready"
            Receive a::Ready
            TrySignal name
            Update a::Ask
            TryUpdate Ask
            Cancelled
            SideEffect
            Patched "x"
            Method pay
        "#]],
    );
    check(
        "ctx.timeout(LIMIT, charge(ctx)).await?; ctx.timeout(LIMIT, a).await?;
         ctx.shield(async { a(ctx).await?; b(ctx).await }).await?; ctx.shield(a).await?;",
        &expect![[r#"
            Timeout LIMIT
              Call charge
            Timeout LIMIT
            Shield
              Call a
              Call b
        "#]],
    );
    check(
        "return ctx.continue_as_new(meter::Input { round: round + 1 })",
        &expect![[r#"
        ContinueAsNew meter
    "#]],
    );
}

#[test]
fn branches() {
    check(
        "if !ready(ctx).await? { a(ctx).await?; } else if x > 1 { return Err(no()); } else { b(ctx).await?; }",
        &expect![[r#"
            Call ready
            If !ready(ctx).await?
            -
              Call a
            -
              If x > 1
              -
                Return Err(no())
              -
                Call b
        "#]],
    );
    check("if x { y() } else { z() } match x { A => 1, B => 2 };", &expect![[r#""#]]);
    check(
        "match fetch(ctx).await { Ok(n) if n > 0 => n, Ok(_) => a(ctx).await?, Err(e) => return Err(e) }",
        &expect![[r#"
            Call fetch
            Match fetch(ctx).await
            - Ok(n) if n > 0
            - Ok(_)
              Call a
            - Err(e)
              Return Err(e)
        "#]],
    );
    check(
        "let Ok(said) = echo(ctx).await else { return Err(silent()) };",
        &expect![[r#"
        Call echo
        LetElse Ok(said) = echo(ctx).await
          Return Err(silent())
    "#]],
    );
    check(
        "if let Ok(b) = a(ctx).await && b > 2 && c(ctx).await? || d(ctx).await? {}",
        &expect![[r#"
            Call a
            If let Ok(b) = a(ctx).await && b > 2
              Call c
            If !(let Ok(b) = a(ctx).await && b > 2 && c(ctx).await?)
              Call d
        "#]],
    );
}

#[test]
fn patches() {
    let of = |condition: &str| {
        format!("if {condition} {{ new(ctx).await? }} else {{ old(ctx).await? }}")
    };
    check(
        &of("ctx.patched(\"x\")"),
        &expect![[r#"
        IfPatched "x"
        -
          Call new
        -
          Call old
    "#]],
    );
    check(
        &of("!ctx.patched(\"x\")"),
        &expect![[r#"
        IfPatched "x"
        -
          Call old
        -
          Call new
    "#]],
    );
    check(
        &of("ctx.patched(\"x\") && y"),
        &expect![[r#"
        Patched "x"
        If ctx.patched("x") && y
        -
          Call new
        -
          Call old
    "#]],
    );
    check(
        "if ctx.patched(\"retired\") {}",
        &expect![[r#"
        IfPatched "retired"
        -
        -
    "#]],
    );
}

#[test]
fn loops() {
    check(
        "'outer: for (at, n) in numbers.iter().enumerate() {
             while add(ctx, n).await? < 3 { if at == 1 { continue 'outer; } break; }
             loop { ctx.sleep(d).await?; }
         }",
        &expect![[r#"
            For (at, n) in numbers.iter().enumerate() 'outer
              While add(ctx, n).await? < 3
                Call add
                If at == 1
                -
                  Continue 'outer
                -
                Break
              Loop
                Sleep d
        "#]],
    );
    check(
        "for n in numbers { sum += n; } let x = 'found: { if y { break 'found 1; } a(ctx).await? };",
        &expect![[r#"
            Block 'found
              If y
              -
                Break 'found
              -
              Call a
        "#]],
    );
}

#[test]
fn several_at_once() {
    check(
        "let (a, b) = flows::try_join!(ship(ctx, id), async { a(ctx).await?; b(ctx).await })?; flows::join!(x, y);",
        &expect![[r#"
            TryJoin
            -
              Call ship
            -
              Call a
              Call b
        "#]],
    );
    check(
        "flows::select! {
             answer = ctx.signal::<bool>(\"answer\") => return answer,
             slept = ctx.sleep(DAY) => { slept?; remind(ctx).await?; },
         }",
        &expect![[r#"
            Select
            - answer
              Signal "answer"
            -
              Return answer
            - slept
              Sleep DAY
            -
              Call remind
        "#]],
    );
    check(
        "flows::try_join_all((3..=pages).map(|page| fetch(ctx, page))).await?; race(ready).await;",
        &expect![[r#"
            TryJoinAll
              Closure |page|
                Call fetch
        "#]],
    );
    check(
        "flows::map_concurrent(pages, 20, |page| fetch(ctx, page)).await?;
         let mut rest = stream_concurrent(ctx.signal::<Vec<u8>>(\"more\").await?, limit, |n| async move {
             a(ctx, n).await?; b(ctx, n).await
         });
         while let Some(next) = rest.next().await { c(ctx, next).await?; }
         let all = ctx.batch(pages, 100, |page| fetch(ctx, page)).await;",
        &expect![[r#"
            MapConcurrent 20
              Closure |page|
                Call fetch
            StreamConcurrent limit
              Signal "more"
              Closure |n|
                Call a
                Call b
            While let Some(next) = rest.next().await
              Call c
            Batch 100
              Closure |page|
                Call fetch
        "#]],
    );
    check(
        "twice(|| ping(ctx, \"a\".into())).await?; let f = async move { a(ctx).await };",
        &expect![[r#"
            Closure ||
              Call ping
            Async
              Call a
        "#]],
    );
}

#[test]
fn macros_and_items() {
    check(
        "format!(\"{} {x}\", a(ctx).await?, x = b(ctx).await?); vec![c(ctx).await?; 3];
         matches!(d(ctx).await, Ok(x) if x > 1); own!(anything => goes @ here);
         async fn g(ctx: &WorkflowContext) { h(ctx).await }
         unreachable!(\"never\")",
        &expect![[r#"
            Call a
            Call b
            Call c
            Call d
            Panic
        "#]],
    );
}

#[test]
fn options_of_calls() {
    check(
        "a(ctx, b(ctx).await?).queue(name(ctx)).retry(policy).cancellation(CancellationType::Wait).await?; \
         (c(ctx).detach()); other.queue(\"x\"); ctx.sleep(SECOND).queue(1)",
        &expect![[r#"
            Call b
            Call a
              with queue name(ctx)
            Call name
              with cancellation CancellationType::Wait
            Call c
              with detach
            Sleep SECOND
        "#]],
    );
}

#[test]
fn scopes() {
    check(
        "let scope = ctx.scope(); scope.run(async { a(ctx).await?; b(ctx).await }).await; \
         other.run(c(ctx)).await; scope.cancel(\"reason\")",
        &expect![[r#"
            Scope
              Call a
              Call b
            Call c
        "#]],
    );
}
