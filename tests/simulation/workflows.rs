//! Small workflows, each with something that a fault could break.

use std::sync::atomic::{AtomicU64, Ordering};

use flows::prelude::*;

#[activity]
pub(crate) async fn step(number: u64) -> Result<u64> {
    Ok(number + 1)
}

/// Each step needs what the one before gave.
#[workflow]
pub(crate) async fn steps(ctx: &WorkflowContext, count: u64) -> Result<u64> {
    let mut number = 0;
    for _ in 0..count {
        number = step(ctx, number).await?;
    }
    Ok(number)
}

#[workflow]
pub(crate) async fn fan_out(ctx: &WorkflowContext, width: u64) -> Result<u64> {
    let all = flows::try_join_all((0..width).map(|number| step(ctx, number))).await?;
    step(ctx, all.into_iter().sum()).await
}

/// Some steps at once; those of the stream end in an order that the faults decide.
#[workflow]
pub(crate) async fn some_at_once(ctx: &WorkflowContext, count: u64) -> Result<(Vec<u64>, u64)> {
    let mapped = flows::map_concurrent(0..count, 2, |number| step(ctx, number)).await?;
    let mut stream = flows::stream_concurrent(0..count, 2, |number| async move {
        ctx.sleep(Duration::from_millis(number % 3)).await?;
        step(ctx, number).await
    });
    let mut sum = 0;
    while let Some(number) = stream.next().await {
        sum = step(ctx, sum + number?).await?;
    }
    Ok((mapped, sum))
}

/// An attempt counts too if its worker dies or loses its lease in the middle, so the number of the one
/// that succeeds depends on the faults.
#[activity(retry(max_attempts = 100, initial_interval = "20ms"))]
async fn fails_twice(ctx: &ActivityContext) -> Result<u32> {
    if ctx.attempt() < 3 {
        return Err(Error::retryable(std::io::Error::other("not yet")));
    }
    Ok(ctx.attempt().min(3))
}

#[workflow]
pub(crate) async fn flaky(ctx: &WorkflowContext) -> Result<u32> {
    let local = ctx.side_effect(|| 7_u32).await?;
    ctx.sleep(Duration::from_millis(30)).await?;
    Ok(fails_twice(ctx).await? + local)
}

#[activity(queue = "gpu", retry(max_attempts = 100, initial_interval = "20ms"))]
async fn render(number: u64) -> Result<u64> {
    Ok(number + 1)
}

/// Steps that workers of another queue run, and one that loses.
#[workflow]
pub(crate) async fn film(ctx: &WorkflowContext, frames: u64, patience: u64) -> Result<u64> {
    let all = flows::try_join_all((0..frames).map(|number| render(ctx, number))).await?;
    let last = flows::select! {
        last = render(ctx, all.into_iter().sum()) => last?,
        slept = ctx.sleep(Duration::from_millis(patience)) => { slept?; 0 }
    };
    step(ctx, last).await
}

#[activity(spill, retry(max_attempts = 100, initial_interval = "20ms"))]
async fn grind(number: u64) -> Result<u64> {
    Ok(number + 1)
}

/// Steps that are shared, where their worker has no slot for them, and one behind them.
#[workflow]
pub(crate) async fn mill(ctx: &WorkflowContext, width: u64) -> Result<u64> {
    let all = flows::try_join_all((0..width).map(|number| grind(ctx, number))).await?;
    grind(ctx, all.into_iter().sum()).await
}

/// Takes signals, with a step between two of them.
#[workflow]
pub(crate) async fn collect(ctx: &WorkflowContext, count: usize) -> Result<Vec<u32>> {
    let mut items = Vec::new();
    while items.len() < count {
        items.push(ctx.signal("item").await?);
        step(ctx, items.len() as u64).await?;
    }
    Ok(items)
}

/// Asks three times.
#[workflow]
pub(crate) async fn remind(ctx: &WorkflowContext, patience: u64) -> Result<String> {
    for round in 0..3 {
        let asked = ctx.now();
        flows::select! {
            answer = ctx.signal::<bool>("answer") => return answer.map(|answer| answer.to_string()),
            slept = ctx.sleep(Duration::from_millis(patience)) => {
                slept?;
                let waited = ctx.now().duration_since(asked)?;
                if waited < Duration::from_millis(patience) {
                    return Err(Error::terminal(format!("a timer fired after {waited:?}")));
                }
                step(ctx, round).await?;
            },
        }
    }
    Ok("nobody answered".into())
}

#[workflow]
pub(crate) async fn child(ctx: &WorkflowContext, number: u64) -> Result<u64> {
    ctx.sleep(Duration::from_millis(10 * number)).await?;
    if number == 2 {
        return Err(Error::terminal("number 2 always fails"));
    }
    step(ctx, number).await
}

#[workflow]
pub(crate) async fn family(ctx: &WorkflowContext, children: u64) -> Result<String> {
    let all = flows::join_all((0..children).map(|number| child(ctx, number))).await;
    let all =
        all.into_iter().map(|end| end.map_or_else(|e| e.message().to_owned(), |n| n.to_string()));
    Ok(all.collect::<Vec<_>>().join(", "))
}

/// Waits until somebody says stop.
#[workflow]
pub(crate) async fn hare(ctx: &WorkflowContext) -> Result<u64> {
    step(ctx, 1).await?;
    ctx.cancelled().await;
    ctx.shield(step(ctx, 2)).await
}

/// Three hares: one is overtaken, one is dropped, one runs until the end.
#[workflow]
pub(crate) async fn hunt(ctx: &WorkflowContext) -> Result<u64> {
    let _until_the_end = hare(ctx).start();
    hare(ctx).start().cancel("too fast");
    flows::select! {
        _ = hare(ctx) => Err(Error::terminal("a hare stops by itself")),
        slept = ctx.sleep(Duration::from_millis(50)) => slept,
    }?;
    step(ctx, 3).await
}

/// Takes its share; who is told to stop says goodbye.
#[workflow]
pub(crate) async fn heir(ctx: &WorkflowContext) -> Result<u64> {
    match ctx.signal("share").await {
        Ok(share) => step(ctx, share).await,
        Err(error) => {
            ctx.shield(step(ctx, 0)).await?;
            Err(error)
        }
    }
}

/// Five heirs: one gets its share, one is stopped with its scope, and of three that are open at the end one gets its
/// share behind it.
#[workflow]
pub(crate) async fn estate(ctx: &WorkflowContext, waits: u64) -> Result<(u64, bool)> {
    let policies = [ClosePolicy::Cancel, ClosePolicy::Terminate, ClosePolicy::Abandon];
    let [_cancelled, _terminated, abandoned] =
        policies.map(|policy| heir(ctx).id(format!("{policy:?}")).close_policy(policy).start());
    let first = heir(ctx).id("first").start();
    first.signal("share", &7_u64)?;
    let scope = ctx.scope();
    let stopped = scope.run(heir(ctx).cancellation(CancellationType::Wait));
    let ends = async {
        ctx.sleep(Duration::from_millis(waits)).await?;
        scope.cancel("nothing is left");
        first.await
    };
    let (stopped, share) = flows::join!(stopped, ends);
    abandoned.signal("share", &step(ctx, 1).await?)?;
    Ok((share?, stopped.is_err_and(|error| error.is_cancelled())))
}

#[activity(retry(max_attempts = 100, initial_interval = "20ms"))]
async fn unstep(number: u64) -> Result<u64> {
    Ok(number - 1)
}

#[activity(compensate = unstep)]
async fn saga_step(number: u64) -> Result<u64> {
    Ok(number + 1)
}

/// Undoes three steps, unless it is stopped while it waits.
#[workflow]
pub(crate) async fn undone(ctx: &WorkflowContext, patience: u64) -> Result<u64> {
    let saga = ctx.saga();
    for number in 0..3 {
        saga.run(saga_step(ctx, number)).await?;
    }
    let limit = Duration::from_millis(patience);
    ctx.timeout(limit, saga.run(saga_step(ctx, 3))).await?;
    ctx.sleep(limit).await?;
    Err(Error::terminal("all for nothing"))
}

/// Waits, and cleans up when it is cancelled.
#[workflow]
pub(crate) async fn stay(ctx: &WorkflowContext) -> Result<u64> {
    step(ctx, 1).await?;
    let waited = ctx.sleep(Duration::from_millis(700)).await;
    if let Err(error) = waited {
        ctx.shield(step(ctx, 2)).await?;
        return Err(error);
    }
    step(ctx, 3).await
}

/// One signal for each round, which may come before its round.
#[workflow]
pub(crate) async fn rounds(ctx: &WorkflowContext, round: u64, sum: u64) -> Result<u64> {
    let item: u64 = ctx.signal("item").await?;
    let sum = sum * 10 + item;
    if round == 2 {
        return Ok(sum);
    }
    step(ctx, round).await?;
    ctx.continue_as_new(rounds::Input { round: round + 1, sum })
}

#[workflow(retry(max_attempts = 3, initial_interval = "50ms"))]
pub(crate) async fn stubborn(ctx: &WorkflowContext) -> Result<u32> {
    step(ctx, 1).await?;
    if ctx.attempt() < 3 {
        return Err(Error::retryable(std::io::Error::other("not yet")));
    }
    Ok(ctx.attempt())
}

/// How often something was done, in a schedule.
#[derive(Default)]
pub(crate) struct Counter(AtomicU64);

/// Counts, and gives what does not depend on it.
#[activity]
async fn count(ctx: &ActivityContext) -> Result<u64> {
    ctx.state::<Counter>()?.0.fetch_add(1, Ordering::Relaxed);
    Ok(7)
}

#[workflow]
pub(crate) async fn counted(ctx: &WorkflowContext) -> Result<u64> {
    let number = step(ctx, 1).await?;
    Ok(number + count(ctx).await?)
}

/// Gives how often it was invoked.
#[activity]
async fn careless_count(ctx: &ActivityContext) -> Result<u64> {
    Ok(ctx.state::<Counter>()?.0.fetch_add(1, Ordering::Relaxed))
}

/// Relies on an activity that is invoked once.
#[workflow]
pub(crate) async fn careless(ctx: &WorkflowContext) -> Result<bool> {
    ctx.sleep(Duration::from_secs(1)).await?;
    Ok(careless_count(ctx).await? <= 1)
}

/// Publishes how far it has come, and waits for one signal more than come.
#[workflow]
pub(crate) async fn staged(ctx: &WorkflowContext, signals: u64) -> Result<u64> {
    ctx.set_query("stage", &"begun")?;
    ctx.publish("begun")?;
    let mut sum = 0;
    for left in (0..=signals).rev() {
        sum += step(ctx, left).await?;
        ctx.set_query("left", &left)?;
        ctx.set_query("sum", &sum)?;
        ctx.publish(&left)?;
        ctx.set_attribute("sum", i64::try_from(sum).unwrap_or(0))?;
        let _: u64 = ctx.signal("item").await?;
    }
    Ok(sum)
}

#[update(response = Vec<u32>)]
pub(crate) struct Put {
    pub(crate) n: u32,
}

/// Takes so many of what it is given, refuses the others, and goes on as a new run after a while.
#[workflow]
pub(crate) async fn answers(ctx: &WorkflowContext, room: usize, rounds: u32) -> Result<Vec<u32>> {
    let mut taken = Vec::new();
    loop {
        let has_room = |put: &Put| match put.n.is_multiple_of(2) || taken.len() >= room {
            true => Ok(()),
            false => Err(Error::terminal("it is odd")),
        };
        flows::select! {
            put = ctx.update::<Put>().validate(has_room) => {
                let put = put?;
                if taken.len() >= room {
                    put.reject(Error::terminal("it is full"));
                    return Ok(taken);
                }
                taken.push(put.n);
                put.reply(taken.clone());
            }
            slept = ctx.sleep(Duration::from_secs(5)) => {
                slept?;
                if rounds > 0 {
                    return ctx.continue_as_new(answers::Input { room, rounds: rounds - 1 });
                }
                return Ok(taken);
            }
        }
    }
}
