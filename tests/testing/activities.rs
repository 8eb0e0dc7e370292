//! Activities by themselves: `ActivityContext::test()`.

use flows::prelude::*;
use flows::testing::TestActivity;
use uuid::Uuid;

struct Gateway {
    fee: u64,
}

#[activity]
async fn charge(ctx: &ActivityContext, cents: u64) -> Result<(u64, String)> {
    let gateway = ctx.state::<Gateway>()?;
    if ctx.attempt() == 1 {
        return Err(Error::retryable("busy"));
    }
    Ok((cents + gateway.fee, ctx.idempotency_key().to_owned()))
}

#[flows::test]
async fn state_and_attempts_are_as_the_test_says() {
    let test = ActivityContext::test().state(Gateway { fee: 5 });
    assert_eq!(charge::run(&test, 100).await.expect_err("busy").message(), "busy");
    let test = ActivityContext::test().state(Gateway { fee: 5 }).attempt(2).activity_id(7);
    let (cents, key) = charge::run(&test, 100).await?;
    assert_eq!((cents, key), (105, format!("{}-7", Uuid::nil())));
}

#[flows::test]
async fn missing_state_is_named() {
    let error = charge::run(&ActivityContext::test(), 1).await.expect_err("no gateway");
    let wanted = "asks for state `testing::activities::Gateway`";
    assert!(error.message().contains(wanted), "{error}");
}

/// Copies pages from where the last attempt has come, and says how far it is.
#[activity]
async fn copy(ctx: &ActivityContext, pages: u64) -> Result<u64> {
    let mut page = ctx.last_heartbeat::<u64>().unwrap_or(0);
    while page < pages {
        let next_page = tokio::time::sleep(Duration::from_secs(1));
        tokio::select! {
            () = ctx.cancelled() => return Err(Error::terminal(format!("stopped at {page}"))),
            () = next_page => page += 1,
        }
        ctx.heartbeat(&page)?;
    }
    Ok(page)
}

/// Paused, so that its seconds cost nothing.
#[tokio::test(start_paused = true)]
async fn heartbeats_are_recorded() -> Result<()> {
    let test = ActivityContext::test().last_heartbeat(&7_u64);
    assert!(test.heartbeats::<u64>().is_empty());
    assert_eq!(copy::run(&test, 10).await?, 10);
    assert_eq!(test.heartbeats::<u64>(), [8, 9, 10]);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn it_can_be_cancelled() {
    let test = ActivityContext::test();
    let (copied, ()) = tokio::join!(copy::run(&test, 10), async {
        tokio::time::sleep(Duration::from_millis(2_500)).await;
        test.cancel();
    });
    assert_eq!(copied.expect_err("cancelled").message(), "stopped at 2");
    assert_eq!(test.heartbeats::<u64>(), [1, 2]);
}

#[test]
fn ids_are_as_the_test_says() {
    let (run, tenant) = (Uuid::from_u128(1), Uuid::from_u128(2));
    let test: TestActivity = ActivityContext::test().run_id(run).tenant_id(tenant);
    let ctx: &ActivityContext = &test;
    assert_eq!((ctx.run_id(), ctx.tenant_id()), (run, tenant));
    assert_eq!(ctx.workflow_id(), run.to_string());
    let test = ActivityContext::test().workflow_id("order-1");
    assert_eq!(ActivityContext::workflow_id(&test), "order-1");
}
