//! Legal programs that look odd: none of them may be taken for a wait on something foreign.

use std::mem;
use std::pin::{Pin, pin};
use std::sync::Mutex;
use std::time::Duration;

use flows::prelude::*;

use super::{add, echo, fail, world};

const SECOND: Duration = Duration::from_secs(1);

type Boxed<'a, T> = Pin<Box<dyn Durable<Output = Result<T>> + Send + 'a>>;

/// Futures that wait in one place and go on waiting in another. The block calls for its signal when
/// it is polled first, which is after the other call.
#[workflow]
async fn kept_and_moved(ctx: &WorkflowContext) -> Result<Vec<u64>> {
    struct Held<'a> {
        first: Option<Boxed<'a, u64>>,
        rest: Vec<Boxed<'a, u64>>,
    }
    let mut held = Held { first: Some(Box::pin(add(ctx, 1, 0))), rest: Vec::new() };
    held.rest.push(Box::pin(async { ctx.signal::<u64>("late").await }));
    held.rest.push(Box::pin(ctx.timeout(SECOND * 9, ctx.signal::<u64>("late"))));
    let mut out = Vec::new();
    while let Some(first) = held.first.as_mut() {
        // All of them are polled once; the tick wins, or the call.
        flows::select! {
            late = flows::race(held.rest.iter_mut()) => out.push(late?),
            sum = first => {
                out.push(sum?);
                held.first = None;
            }
        }
    }
    let mut rest = mem::take(&mut held.rest);
    let last = rest.pop().ok_or_else(|| Error::terminal("taken"))?;
    let moved = async move { flows::join!(last, rest.remove(0)) };
    let (second, first) = ctx.timeout(SECOND, async { Ok(moved.await) }).await?;
    out.extend([first?, second?]);
    Ok(out)
}

/// Waits that are given up before anything came of them.
#[workflow]
async fn given_up(ctx: &WorkflowContext) -> Result<u64> {
    add(ctx, 1, 1).cancel();
    add(ctx, 1, 1).start().cancel();
    let given_up = ctx.sleep(SECOND);
    drop(given_up);
    let never = async { ctx.signal::<u64>("never").await };
    let mut polled = Box::pin(never);
    let ticked = flows::select! {
        _ = &mut polled => false,
        _ = ctx.sleep(SECOND) => true,
    };
    drop(polled);
    let sum = add(ctx, u64::from(ticked), 1).await?;
    let mut slot = Some(add(ctx, sum, 1).start());
    slot.replace(add(ctx, sum, 2)).into_iter().for_each(forget_about);
    slot.ok_or_else(|| Error::terminal("empty"))?.await
}

fn forget_about(call: impl Durable) {
    drop(call);
}

/// Sets in selects in limits, and all of it again.
#[workflow]
async fn nested(ctx: &WorkflowContext) -> Result<u64> {
    let mut total = 0;
    for limit in [Duration::ZERO, SECOND * 5] {
        let inner = async {
            let lanes = (0..3).map(|n| async move {
                let pair = [add(ctx, n, 1), add(ctx, n, 2)].map(Box::pin);
                let both = flows::try_join_all(pair).await?;
                ctx.sleep(SECOND * u32::try_from(n)?).await?;
                Ok::<_, Error>(both.iter().sum::<u64>())
            });
            flows::select! {
                all = flows::join_all(lanes) => all.into_iter().sum::<Result<u64>>(),
                _ = ctx.sleep(SECOND * 3) => Ok(1000),
            }
        };
        total += match ctx.timeout(limit, ctx.shield(inner)).await {
            Err(error) if error.is_timeout() => 100,
            other => other?,
        };
    }
    Ok(total)
}

/// One signal: waited for twice at once, and then as a stream.
#[workflow]
async fn signals(ctx: &WorkflowContext) -> Result<Vec<u64>> {
    let (second, first) = (ctx.signal::<u64>("n"), ctx.signal::<u64>("n"));
    let (first, second) = flows::try_join!(first, second)?;
    let mut seen = vec![first, second];
    let mut stream = Stream { ctx, end: 9 };
    while let Some(next) = stream.next().await? {
        seen.push(next);
    }
    Ok(seen)
}

struct Stream<'a> {
    ctx: &'a WorkflowContext,
    end: u64,
}

impl Stream<'_> {
    #[durable]
    async fn next(&mut self) -> Result<Option<u64>> {
        let next = flows::select! {
            next = self.one() => next?,
            _ = self.ctx.cancelled() => return Ok(None),
        };
        Ok((next != self.end).then_some(next))
    }

    /// No `async`, and durable all the same.
    fn one(&self) -> impl Durable<Output = Result<u64>> + Send + use<> {
        self.ctx.signal("n")
    }
}

/// Recursion through boxes, in both directions, and through a table of closures.
#[workflow]
async fn recursion(ctx: &WorkflowContext) -> Result<u64> {
    type Step<'a> = Box<dyn Fn(u64) -> Boxed<'a, u64> + Send + Sync + 'a>;
    let steps: Vec<Step<'_>> = vec![
        Box::new(|n| even(ctx, n)),
        Box::new(|n| Box::pin(add(ctx, n, 10))),
        Box::new(|n| Box::pin(async move { Ok(n + odd(ctx, 3).await?) })),
    ];
    let mut value = 4;
    for step in &steps {
        value = step(value).await?;
    }
    Ok(value)
}

fn even(ctx: &WorkflowContext, n: u64) -> Boxed<'_, u64> {
    Box::pin(odd(ctx, n))
}

#[durable]
async fn odd(ctx: &WorkflowContext, n: u64) -> Result<u64> {
    if n == 0 {
        return Ok(0);
    }
    let (one, below) = flows::join!(add(ctx, 1, 0), even(ctx, n - 1));
    Ok(one? + below?)
}

/// Awaits where few would write them.
#[workflow]
async fn odd_places(ctx: &WorkflowContext) -> Result<Vec<u64>> {
    let mut seen = Vec::new();
    while add(ctx, seen.len() as u64, 1).await? < 3 {
        let Some(next) = [1, 2, 3].get(usize::try_from(add(ctx, 0, 1).await?)?) else { break };
        seen.push(*next);
    }
    seen.push(match add(ctx, 1, 1).await? {
        n if add(ctx, n, 1).await? > 5 => 5,
        n if matches!(add(ctx, n, 2).await?, 4..) => 4,
        n => n,
    });
    let Ok(parsed) = echo(ctx, "7".into()).await?.parse::<u64>() else { return Ok(seen) };
    seen.extend(0..add(ctx, parsed, 1).await? - parsed);
    let inner = async { async { async { add(ctx, 8, 0).await }.await }.await };
    seen.push(inner.await.and(fail(ctx, "no".into()).await).or(add(ctx, 9, 0).await)?);
    #[allow(clippy::async_yields_async, reason = "a future that gives a future")]
    let two = async { async { 6 } };
    seen.push(two.await.await);
    let each = seen
        .iter()
        .copied()
        .map(|n| async move { if n > 7 { add(ctx, n, n).await } else { Ok(n) } });
    seen = flows::try_join_all(each).await?;
    let Err(error) = async { Err::<u64, _>(fail(ctx, "x".into()).await.unwrap_err()) }.await else {
        return Ok(seen);
    };
    seen.push(error.message().len() as u64);
    Ok(seen)
}

/// A value that does something when it goes, held while the workflow waits.
struct Guard<'a>(&'a Mutex<Vec<&'static str>>, &'static str);

impl Drop for Guard<'_> {
    fn drop(&mut self) {
        if let Ok(mut log) = self.0.lock() {
            log.push(self.1);
        }
    }
}

#[workflow]
async fn guards(ctx: &WorkflowContext) -> Result<Vec<String>> {
    let log = Mutex::new(Vec::new());
    let outer = Guard(&log, "outer");
    let loser = async {
        let _inner = Guard(&log, "loser");
        let call = add(ctx, 1, 1).start();
        let _kept = (ctx.sleep(SECOND), Guard(&log, "kept"));
        ctx.signal::<u64>("never").await?;
        call.await
    };
    let late = ctx.timeout(SECOND / 2, loser).await;
    Guard(&log, "temporary").0.clear_poison();
    ctx.sleep(SECOND).await?;
    drop((outer, late.is_err()));
    let order = log.into_inner().map_err(|_| Error::terminal("poisoned"))?;
    Ok(order.into_iter().map(String::from).collect())
}

/// Local values that are made in closures, and by iterators.
#[workflow]
async fn values_in_closures(ctx: &WorkflowContext) -> Result<(u64, bool)> {
    let mut made = 0;
    let mut make = || {
        made += 1;
        ctx.side_effect(move || made * 10)
    };
    let (first, second) = (make(), make());
    let all = (0..3_u64).map(|n| ctx.side_effect(move || n)).collect::<Vec<_>>();
    let sum = flows::try_join_all(all).await?.iter().sum::<u64>();
    let ids: Vec<_> = (0..2).map(|_| (ctx.uuid(), ctx.random::<u8>())).collect();
    Ok((second.await? + first.await? + sum, ids[0].0 != ids[1].0))
}

/// Breaking and going on, out of arms of a `select!` that is itself somewhere else.
#[workflow]
async fn out_of_selects(ctx: &WorkflowContext) -> Result<(u64, u64)> {
    let (mut rounds, mut call) = (0, Some(add(ctx, 40, 2)));
    let found = 'found: {
        loop {
            rounds += 1;
            match flows::select! {
                tick = ctx.sleep(SECOND) => tick.map(|()| None),
                go = async { flows::select! {
                    go = ctx.signal::<bool>("go") => go,
                    _ = ctx.sleep(SECOND * 7) => Ok(false),
                } } => if go? { go_on(call.take()).await } else { continue },
            }? {
                Some(sum) => break 'found sum,
                None if rounds > 9 => break,
                None => {}
            }
        }
        0
    };
    Ok((found, rounds))
}

#[durable]
async fn go_on<F: Durable<Output = Result<u64>> + Send>(call: Option<F>) -> Result<Option<u64>> {
    match call {
        Some(call) => call.await.map(Some),
        None => Ok(None),
    }
}

/// Somebody's macros, the bodies of which await what is durable.
macro_rules! wait {
    ($call:expr) => {
        $call.await?
    };
    (block $call:expr) => {
        async { $call.await }.await?
    };
    (let $name:ident = $call:expr) => {
        let $name = $call.await?;
    };
}

#[workflow]
async fn in_macros(ctx: &WorkflowContext) -> Result<u64> {
    wait!(let one = add(ctx, 1, 0));
    let lanes = (0..3).map(|n| async move {
        if wait!(add(ctx, n, 0)) == 1 {
            wait!(ctx.sleep(SECOND));
        }
        Ok::<u64, Error>(wait!(block add(ctx, n, one)))
    });
    let all: u64 = wait!(flows::try_join_all(lanes)).iter().sum();
    let won = flows::select! {
        won = async { Ok::<_, Error>(wait!(ctx.signal::<u64>("never"))) } => won?,
        _ = ctx.sleep(SECOND) => wait!(block ctx.timeout(SECOND, add(ctx, all, 1))),
    };
    let mut pinned = pin!(async { add(ctx, won, 0).await });
    let late = ctx.sleep(SECOND);
    tokio::pin!(late);
    let sum = flows::select! {
        sum = &mut pinned => sum?,
        _ = late.as_mut() => 0,
    };
    late.await?;
    let text = concat!("l", "o", "g");
    tracing::info!(sum, "{text}");
    #[allow(clippy::useless_vec, reason = "an await inside of a known macro")]
    let logged = vec![sum, wait!(add(ctx, 0, 1))];
    assert!(logged.len() == 2 && matches!(add(ctx, 1, 1).await, Ok(2)), "{}", stringify!(sum));
    Ok(wait!(add(ctx, logged[0], logged[1])))
}

#[test]
fn programs() {
    for backwards in [false, true] {
        let mut world = world();
        world.backwards = backwards;
        let late = world.clone().signal("late", &5).signal("late", &6);
        assert_eq!(late.run(kept_and_moved::Input {}).unwrap(), [1, 6, 5]);
        assert_eq!(world.run(given_up::Input {}).unwrap(), 4);
        assert_eq!(world.run(nested::Input {}).unwrap(), 100 + 15);
        let stream = [1, 2, 3, 4, 9].iter().fold(world.clone(), |world, n| world.signal("n", n));
        assert_eq!(stream.run(signals::Input {}).unwrap(), [2, 1, 3, 4]);
        assert_eq!(world.run(recursion::Input {}).unwrap(), 4 + 10 + 3);
        assert_eq!(world.run(odd_places::Input {}).unwrap(), [2, 2, 4, 0, 18, 6, 1]);
        let order = ["kept", "loser", "temporary", "outer"];
        assert_eq!(world.run(guards::Input {}).unwrap(), order);
        assert_eq!(world.run(values_in_closures::Input {}).unwrap(), (10 + 20 + 3, true));
        let go = world.clone().signal("go", &false).signal("go", &true);
        assert_eq!(go.run(out_of_selects::Input {}).unwrap(), (42, 2));
        assert_eq!(world.run(in_macros::Input {}).unwrap(), 3 + 3 + 1 + 1);
    }
}
