//! The workflows and activities that are measured.

use flows::prelude::*;

#[activity]
pub(crate) async fn step(n: u64) -> Result<u64> {
    Ok(n + 1)
}

#[activity(transaction)]
async fn booked(tx: &flows::pg::Transaction<'_>, n: u64) -> Result<u64> {
    tx.execute("INSERT INTO bookings (amount) VALUES ($1)", &[&i64::try_from(n)?]).await?;
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

/// Text that does not compress well, the same every time.
pub(crate) fn noise(bytes: usize) -> String {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let letters = (0..bytes).map(|_| {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        char::from(b'0' + (state >> 58) as u8)
    });
    letters.filter(|letter| *letter != '\\').collect()
}
