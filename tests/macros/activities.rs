//! What an activity hands its context to: functions of any shape are called as they are, and only stubs are
//! refused (`tests/ui/activity_calls_activity.rs`).

use flows::prelude::*;

use super::world;

async fn helper(ctx: &ActivityContext, number: u64) -> Result<u64> {
    Ok(number * u64::from(ctx.attempt()))
}

async fn generic<T: Into<u64>>(ctx: &ActivityContext, number: T) -> Result<u64> {
    helper(ctx, number.into()).await
}

async fn by_impl(ctx: &ActivityContext, number: impl Into<u64>) -> Result<u64> {
    generic(ctx, number).await
}

async fn borrows(ctx: &ActivityContext, text: &str, list: &[u64]) -> Result<u64> {
    helper(ctx, text.len() as u64 + list.iter().sum::<u64>()).await
}

async fn constant<const NUMBER: u64>(ctx: &ActivityContext) -> Result<u64> {
    helper(ctx, NUMBER).await
}

trait Attempts {
    fn attempts(&self) -> u64;
}

impl Attempts for ActivityContext {
    fn attempts(&self) -> u64 {
        u64::from(self.attempt())
    }
}

impl Attempts for WorkflowContext {
    fn attempts(&self) -> u64 {
        u64::MAX
    }
}

/// A workflow may call it as well.
fn either<C: Attempts>(ctx: &C, number: u64) -> u64 {
    ctx.attempts() * number
}

fn dynamic(ctx: &dyn Attempts) -> u64 {
    ctx.attempts()
}

struct Client;

impl Client {
    async fn post(ctx: &ActivityContext, number: u64) -> Result<u64> {
        helper(ctx, number).await
    }
}

#[activity]
async fn inner(ctx: &ActivityContext, number: u64) -> Result<u64> {
    helper(ctx, number).await
}

#[activity]
async fn outer(ctx: &ActivityContext) -> Result<Vec<u64>> {
    async fn own(ctx: &ActivityContext) -> u64 {
        dynamic(ctx)
    }
    let local = |ctx: &ActivityContext, number: u64| number * dynamic(ctx);
    let waiting = [1, 2].map(|number| helper(ctx, number));
    let mut sum = 0;
    for future in waiting {
        sum += future.await?;
    }
    let chosen = match sum {
        0 => helper(ctx, 1).await?,
        _ if dynamic(ctx) > 9 => 0,
        number => helper(ctx, number).await?,
    };
    Ok(vec![
        generic(ctx, 1_u32).await?,
        generic::<u8>(ctx, 2).await?,
        by_impl(ctx, 3_u16).await?,
        borrows(ctx, &String::from("four"), &[0; 9]).await?,
        constant::<5>(ctx).await?,
        either(ctx, 6),
        Client::post(ctx, 7).await?,
        inner::run(ctx, 8).await?,
        local(ctx, 9) + own(ctx).await,
        chosen,
    ])
}

#[workflow]
async fn calls(ctx: &WorkflowContext) -> Result<Vec<u64>> {
    outer(ctx).await
}

#[test]
fn an_activity_calls_what_it_likes() {
    let world = world().with::<outer::Activity>();
    assert_eq!(world.run(calls::Input {}).unwrap(), [1, 2, 3, 4, 5, 6, 7, 8, 10, 3]);
}
