//! Every attribute and macro of the library, which has another name here.
#![forbid(dead_code, missing_docs, unsafe_code)]
#![deny(warnings, clippy::all, clippy::pedantic)]

use durable::prelude::*;

/// Why it fails.
#[derive(Debug, thiserror::Error, ErrorClass)]
#[error("it fails")]
#[error_class(terminal, crate = ::durable)]
pub struct Fails;

/// A signal.
#[signal(crate = ::durable)]
#[derive(Debug)]
pub struct Ready {}

#[activity(crate = "::durable", retry(max_attempts = 2, non_retryable(Fails)))]
async fn add(a: u64, b: u64) -> Result<u64, Fails> {
    a.checked_add(b).ok_or(Fails)
}

#[durable(crate = ::durable)]
async fn twice(ctx: &WorkflowContext, number: u64) -> Result<(u64, u64)> {
    durable::try_join!(add(ctx, number, 1), add(ctx, number, 2))
}

#[workflow(crate = ::durable)]
async fn sums(ctx: &WorkflowContext, number: u64) -> Result<u64> {
    let (one, two) = twice(ctx, number).await?;
    let ready = durable::select! {
        ready = ctx.receive::<Ready>() => ready.is_ok(),
        slept = ctx.sleep(Duration::from_secs(60)) => slept.is_err(),
    };
    Ok(one + two + u64::from(ready))
}

/// All of them.
#[must_use]
pub fn all() -> Registry {
    register_all!(crate = ::durable)
}

/// Two of them.
#[must_use]
pub fn two() -> Registry {
    register_all![crate = ::durable, sums, add]
}

#[cfg(test)]
mod tests {
    use durable::testing::TestEnv;

    use super::{all, sums, two};

    #[test]
    fn both_are_registered() {
        for registry in [all(), two()] {
            assert_eq!((registry.workflows().count(), registry.activities().count()), (1, 1));
        }
    }

    #[durable::test(crate = ::durable)]
    async fn it_runs(env: TestEnv) {
        assert_eq!(env.start(sums::Input { number: 3 }).await?.result().await?, 9);
    }
}
