//! Several futures at once.

use std::pin::Pin;
use std::time::Duration;

use flows::prelude::*;

use super::{add, echo, fail, world};

const SECOND: Duration = Duration::from_secs(1);

#[workflow]
async fn joins(ctx: &WorkflowContext) -> Result<(u64, String, u64)> {
    let (a, b, c) = flows::join!(add(ctx, 1, 2), echo(ctx, "b".into()), async {
        ctx.sleep(SECOND).await?;
        add(ctx, 3, 4).await
    },);
    Ok((a?, b?, c?))
}

#[workflow]
async fn try_joins(ctx: &WorkflowContext) -> Result<String> {
    let failed = flows::try_join!(add(ctx, 1, 2), fail(ctx, "no".into()), ctx.sleep(SECOND));
    let nested = flows::try_join!(
        async move { flows::try_join!(add(ctx, 1, 1), add(ctx, 2, 2)) },
        add(ctx, add(ctx, 1, 1).await?, 1),
    )?;
    let one = flows::try_join!(add(ctx, 0, 1))?;
    Ok(format!("{} {nested:?} {one:?}", failed.unwrap_err()))
}

#[workflow]
async fn selects(ctx: &WorkflowContext) -> Result<u64> {
    let mut total = 0;
    let mut ticks = 0;
    'wait: loop {
        let got = flows::select! {
            sum = add(ctx, total, 1) => sum?,
            _ = ctx.sleep(SECOND) => return Err(Error::terminal("too late")),
        };
        total = got;
        flows::select! {
            approved = ctx.signal::<bool>("approved") => {
                if approved? {
                    total = add(ctx, total, 100).await?;
                    break 'wait;
                }
            }
            _ = ctx.sleep(SECOND) => {
                ticks += 1;
                continue;
            }
        }
    }
    Ok(total * 10 + ticks)
}

#[workflow]
async fn nested_select_and_timeout(ctx: &WorkflowContext) -> Result<String> {
    let slow = async {
        flows::select! {
            _ = async { ctx.sleep(SECOND * 60).await } => "minute",
            name = ctx.signal::<String>("never") => {
                let _ = name?;
                "named"
            },
        };
        Ok::<_, Error>(1)
    };
    let late = ctx.timeout(SECOND, slow).await;
    let on_time = ctx.timeout(SECOND, add(ctx, 1, 1)).await?;
    Ok(format!("{} {on_time}", late.unwrap_err().is_timeout()))
}

#[workflow]
async fn futures_in_variables(ctx: &WorkflowContext) -> Result<u64> {
    let started = add(ctx, 1, 1).start();
    let lazy = async { add(ctx, 2, 2).await };
    let moved = async move { lazy.await };
    let mut pending = add(ctx, 3, 3);
    let mut rounds = 0;
    let last = loop {
        flows::select! {
            done = &mut pending => break done?,
            _ = ctx.sleep(SECOND) => if rounds < 9 { rounds += 1 } else { break 0 }
        }
    };
    Ok(started.await? + moved.await? + last + rounds)
}

#[workflow]
async fn many(ctx: &WorkflowContext, count: u64) -> Result<u64> {
    let squares = (0..count).map(|n| async move {
        let doubled = add(ctx, n, n).await?;
        add(ctx, doubled, 1).await
    });
    let all = flows::try_join_all(squares).await?;
    let some: Vec<_> = flows::join_all((0..count).map(|n| add(ctx, n, 0))).await;
    let first = flows::race([ctx.sleep(SECOND), ctx.sleep(SECOND * 2)]).await;
    first?;
    Ok(all.iter().sum::<u64>() + some.into_iter().filter_map(Result::ok).sum::<u64>())
}

#[workflow]
async fn some_at_once(ctx: &WorkflowContext, words: Vec<String>) -> Result<(Vec<String>, u64)> {
    let prefix = echo(ctx, "a".into()).await?;
    let joined = flows::map_concurrent(&words, 2, |word| async {
        let word = echo(ctx, word.clone()).await?;
        Ok::<_, Error>(format!("{prefix}{word}"))
    });
    let joined = joined.await?;
    let all = flows::map_concurrent(words, 2, |word| fail(ctx, word)).collect_all().await;
    let mut total = all.iter().filter(|result| result.is_err()).count() as u64;
    let mut sums = flows::stream_concurrent(0..4, 3, |number| add(ctx, number, number));
    while let Some(sum) = sums.next().await {
        total = add(ctx, total * 10, sum?).await?;
    }
    Ok((joined, total))
}

#[workflow]
async fn calls_in_collections(ctx: &WorkflowContext) -> Result<Vec<String>> {
    let mut out = Vec::new();
    let calls: Vec<_> = (0..3).map(|n| add(ctx, n, n).start()).collect();
    for call in calls {
        out.push(call.await?.to_string());
    }
    let mut either: Vec<Pin<Box<dyn Durable<Output = Result<String>> + Send>>> =
        vec![Box::pin(echo(ctx, "call".into())), Box::pin(async { Ok("block".to_owned()) })];
    while let Some(next) = either.pop() {
        out.push(next.await?);
    }
    let mut pending = Some(echo(ctx, "taken".into()));
    let slept: Result<()> = async { ctx.sleep(SECOND).await }.await;
    if let Some(call) = pending.take()
        && slept.is_ok()
    {
        out.push(call.await?);
    }
    Ok(out)
}

#[workflow]
async fn twelve_at_once(ctx: &WorkflowContext) -> Result<u64> {
    let (a, b, c, d, e, f, g, h, i, j, k, l) = flows::try_join!(
        add(ctx, 1, 0),
        add(ctx, 2, 0),
        add(ctx, 3, 0),
        add(ctx, 4, 0),
        add(ctx, 5, 0),
        add(ctx, 6, 0),
        add(ctx, 7, 0),
        add(ctx, 8, 0),
        add(ctx, 9, 0),
        add(ctx, 10, 0),
        add(ctx, 11, 0),
        add(ctx, 12, 0),
    )?;
    Ok(a + b + c + d + e + f + g + h + i + j + k + l)
}

#[test]
fn programs() {
    for backwards in [false, true] {
        let mut world = world();
        world.backwards = backwards;
        assert_eq!(world.run(joins::Input {}).unwrap(), (3, "b".into(), 7));
        assert_eq!(world.run(try_joins::Input {}).unwrap(), "no ((2, 4), 3) (1,)");
        assert_eq!(world.run(nested_select_and_timeout::Input {}).unwrap(), "true 2");
        assert_eq!(world.run(futures_in_variables::Input {}).unwrap(), 12);
        assert_eq!(world.run(many::Input { count: 4 }).unwrap(), 16 + 6);
        let words = || ["x", "y", "z"].map(str::to_owned).into();
        let (joined, total) = world.run(some_at_once::Input { words: words() }).unwrap();
        assert_eq!(joined, ["ax", "ay", "az"]);
        let sums = if backwards { 34_620 } else { 30_246 };
        assert_eq!(total, sums);
        let collected = world.run(calls_in_collections::Input {}).unwrap();
        assert_eq!(collected, ["0", "2", "4", "block", "call", "taken"]);
        assert_eq!(world.run(twelve_at_once::Input {}).unwrap(), 78);
        let approved = world.signal("approved", &false).signal("approved", &true);
        assert_eq!(approved.run(selects::Input {}).unwrap(), 1020);
    }
}
