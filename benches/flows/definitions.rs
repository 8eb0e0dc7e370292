//! The workflows and activities that are measured.

use flows::pg::tokio_postgres::types::Type;
use flows::prelude::*;

#[activity]
pub(crate) async fn step(n: u64) -> Result<u64> {
    Ok(n + 1)
}

#[activity(transaction)]
async fn booked(tx: &flows::pg::Transaction<'_>, n: u64) -> Result<u64> {
    let insert = "INSERT INTO bookings (amount) VALUES ($1)";
    tx.execute_typed(insert, &[(&i64::try_from(n)?, Type::INT8)]).await?;
    Ok(n + 1)
}

#[workflow]
pub(crate) async fn noop(ctx: &WorkflowContext, n: u64) -> Result<u64> {
    let _ = ctx.run_id();
    Ok(n)
}

#[workflow]
pub(crate) async fn sequence(ctx: &WorkflowContext, steps: u64) -> Result<u64> {
    let mut n = 0;
    for _ in 0..steps {
        n = step(ctx, n).await?;
    }
    Ok(n)
}

#[workflow]
pub(crate) async fn bookings(ctx: &WorkflowContext, steps: u64) -> Result<u64> {
    let mut n = 0;
    for _ in 0..steps {
        n = booked(ctx, n).await?;
    }
    Ok(n)
}

#[workflow]
pub(crate) async fn fan_out(ctx: &WorkflowContext, steps: u64) -> Result<u64> {
    let calls = (0..steps).map(|n| step(ctx, n));
    Ok(flows::try_join_all(calls).await?.into_iter().sum())
}

/// The queue whose workers run [`elsewhere`].
pub(crate) const ELSEWHERE: &str = "elsewhere";

#[activity(queue = "elsewhere")]
async fn elsewhere(n: u64) -> Result<u64> {
    Ok(n + 1)
}

/// One after the other, on workers of another queue.
#[workflow]
pub(crate) async fn remote_sequence(ctx: &WorkflowContext, steps: u64) -> Result<u64> {
    let mut n = 0;
    for _ in 0..steps {
        n = elsewhere(ctx, n).await?;
    }
    Ok(n)
}

/// All at once, on workers of another queue.
#[workflow]
pub(crate) async fn remote_fan_out(ctx: &WorkflowContext, steps: u64) -> Result<u64> {
    let calls = (0..steps).map(|n| elsewhere(ctx, n));
    Ok(flows::try_join_all(calls).await?.into_iter().sum())
}

/// Steps that each say how far it is.
#[workflow]
pub(crate) async fn reporting(ctx: &WorkflowContext, steps: u64) -> Result<u64> {
    let mut n = 0;
    for _ in 0..steps {
        ctx.set_query("steps", &n)?;
        n = step(ctx, n).await?;
    }
    Ok(n)
}

/// Text that does not compress well, the same every time.
pub(crate) fn noise(bytes: usize) -> String {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let letters = (0..bytes).map(|_| {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        match char::from(b'0' + (state >> 58) as u8) {
            '\\' => 'z', // the only one that JSON would write in two
            letter => letter,
        }
    });
    letters.collect()
}

/// Whether the activities of this process never end.
pub(crate) struct Doom(pub(crate) bool);

#[activity]
async fn doomed(ctx: &ActivityContext, n: u64) -> Result<u64> {
    if ctx.state::<Doom>()?.0 {
        std::future::pending::<()>().await;
    }
    Ok(n + 1)
}

/// Waits in an activity until a worker comes whose activities end.
#[workflow]
pub(crate) async fn survivor(ctx: &WorkflowContext, n: u64) -> Result<u64> {
    doomed(ctx, n).await
}

/// Makes `steps` events, then waits for a signal.
#[workflow]
pub(crate) async fn listener(ctx: &WorkflowContext, steps: u64) -> Result<u64> {
    let mut n = 0;
    for _ in 0..steps {
        n = step(ctx, n).await?;
    }
    Ok(n + ctx.signal::<u64>("go").await?)
}

#[update(response = u64)]
pub(crate) struct Add {
    pub(crate) n: u64,
}

/// Answers updates with their sum, until it is so much.
#[workflow]
pub(crate) async fn adder(ctx: &WorkflowContext, most: u64) -> Result<u64> {
    let mut sum = 0;
    while sum < most {
        let add = ctx.update::<Add>().await?;
        sum += add.n;
        add.reply(sum);
    }
    Ok(sum)
}

/// Sleeps until a time, and gives the time by the machine's clock when its code goes on; both in
/// microseconds since 1970.
#[workflow]
pub(crate) async fn sleeper(ctx: &WorkflowContext, due: u64) -> Result<u64> {
    ctx.sleep_until(std::time::UNIX_EPOCH + Duration::from_micros(due)).await?;
    ctx.side_effect(|| micros_since_1970(std::time::SystemTime::now())).await
}

pub(crate) fn micros_since_1970(time: std::time::SystemTime) -> u64 {
    let since = time.duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
}

#[activity]
async fn hand_on(text: String) -> Result<String> {
    Ok(text)
}

/// Ten activities hand on a text; the result is the sum of the bytes that arrive.
#[workflow]
pub(crate) async fn carry(ctx: &WorkflowContext, text: String) -> Result<u64> {
    let mut text = text;
    for _ in 0..10 {
        text = hand_on(ctx, text).await?;
    }
    Ok(text.bytes().map(u64::from).sum())
}
