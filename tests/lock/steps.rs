//! Edits of a workflow's body; `said.rs` has what is said of each.

/// Two bodies of one workflow; in `open` the same with something behind them that is waited for.
macro_rules! body {
    ($name:ident $ctx:ident $flag:ident { $($old:tt)* } => { $($new:tt)* }) => {
        #[allow(dead_code, unused_imports, unused_variables, clippy::all, reason = "only what is recorded of them matters")]
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

body! { fewer_at_once ctx flag {
    flows::map_concurrent(0..4_u8, 3, |_| a(ctx)).await?;
    b(ctx).await?;
} => {
    flows::map_concurrent(0..4_u8, 2, |_| a(ctx)).await?;
    b(ctx).await?;
} }

body! { smaller_batch ctx flag {
    drop(ctx.batch(0..4_u8, 3, |_| a(ctx)).await);
    b(ctx).await?;
} => {
    drop(ctx.batch(0..4_u8, 2, |_| a(ctx)).await);
    b(ctx).await?;
} }

body! { all_at_once ctx flag {
    flows::map_concurrent(0..4_u8, 2, |_| a(ctx)).await?;
    b(ctx).await?;
} => {
    flows::try_join_all((0..4_u8).map(|_| a(ctx))).await?;
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

body! { scoped ctx flag {
    let scope = ctx.scope();
    scope.run(a(ctx)).await?;
    b(ctx).await?;
} => {
    a(ctx).await?;
    b(ctx).await?;
} }

body! { in_a_scope ctx flag {
    let scope = ctx.scope();
    scope.run(async { a(ctx).await?; c(ctx).await }).await?;
} => {
    let scope = ctx.scope();
    scope.run(async { a(ctx).await?; b(ctx).await?; c(ctx).await }).await?;
} }

body! { cancellation ctx flag {
    a(ctx).await?;
    b(ctx).await?;
} => {
    a(ctx).cancellation(CancellationType::Wait).await?;
    b(ctx).await?;
} }

body! { queue_of_a_call ctx flag {
    a(ctx).await?;
    b(ctx).await?;
} => {
    a(ctx).queue("elsewhere").await?;
    b(ctx).await?;
} }
