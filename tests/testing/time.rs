//! Virtual time: it moves only while the test waits for it.

use std::sync::Arc;
use std::time::UNIX_EPOCH;

use flows::prelude::*;
use flows::testing::TestEnv;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::Notify;

use crate::shop::{self, Receipt, charge_payment, refund};

const HOUR: Duration = Duration::from_secs(3_600);

/// Waits for another thread, while nothing else can run.
async fn something_real() {
    let (done, wait) = tokio::sync::oneshot::channel();
    std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(5));
        done.send(())
    });
    wait.await.expect("the other thread");
}

#[workflow]
async fn reminder(ctx: &WorkflowContext, hours: u64) -> Result<bool> {
    let call = ctx.timeout(Duration::from_secs(hours * 3_600), ctx.signal::<bool>("stop"));
    call.await.or_else(|error| if error.is_timeout() { Ok(false) } else { Err(error) })
}

#[flows::test]
async fn it_begins_at_the_same_time_always(env: TestEnv) {
    assert_eq!(env.now().duration_since(UNIX_EPOCH)?.as_secs(), 1_893_456_000);
    let exec = env.start(reminder::Input { hours: 1 }).await?;
    assert_eq!(exec.run_id().to_string(), "01b8dac5-b401-715b-9d39-b5bf90ae8891");
}

#[flows::test]
async fn signals_come_at_a_given_time(env: TestEnv) {
    let begun = env.now();
    let exec = env.start(reminder::Input { hours: 5 }).await?;
    env.after(4 * HOUR, exec.signal("stop", &true));
    assert!(exec.result().await?);
    assert_eq!(env.now().duration_since(begun)?, 4 * HOUR);
}

#[flows::test]
async fn a_signal_that_comes_too_late_changes_nothing(env: TestEnv) {
    let exec = env.start(reminder::Input { hours: 5 }).await?;
    env.after(6 * HOUR, exec.signal("stop", &true));
    assert!(!exec.result().await?);
}

#[flows::test]
async fn a_scheduled_action_that_fails_fails_the_result(env: TestEnv) {
    let exec = env.start(reminder::Input { hours: 5 }).await?;
    env.after(HOUR, env.execution::<shop::order::Workflow>("nobody").signal("stop", &true));
    let error = exec.result().await.expect_err("nobody to signal");
    assert_eq!(
        error.message(),
        "an action that was scheduled with `env.after` failed: there is no run `nobody` in this \
         tenant"
    );
}

#[flows::test]
async fn what_is_due_happens_while_the_test_sleeps(env: TestEnv) {
    env.mock_value(charge_payment::Activity, Receipt { id: 1 });
    let exec = env.start(shop::input()).await?;
    env.sleep(23 * HOUR).await;
    env.assert_called(refund::Activity, 0);
    env.sleep(2 * HOUR).await;
    env.assert_called(refund::Activity, 1);
    assert_eq!(exec.result().await.expect_err("too late").message(), "out of stock");
}

/// Neither what the test does by itself nor real input and output move the clock.
#[flows::test]
async fn it_stands_still_while_the_test_does_something_else(env: TestEnv) {
    let exec = env.start(reminder::Input { hours: 5 }).await?;
    env.settle().await?;
    let before = env.now();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    // A server in another thread, which takes its time.
    let server = std::thread::spawn(move || -> std::io::Result<()> {
        std::thread::sleep(Duration::from_millis(30));
        std::io::Write::write_all(&mut std::net::TcpStream::connect(address)?, b"late")
    });
    let mut text = String::new();
    listener.accept().await?.0.read_to_string(&mut text).await?;
    server.join().expect("the server")?;
    assert_eq!((text.as_str(), env.now()), ("late", before));
    exec.signal("stop", &true).await?;
    assert!(exec.result().await?);
    assert_eq!(env.now().duration_since(before)?, Duration::ZERO);
}

#[activity]
async fn hash(text: String) -> Result<usize> {
    let hashing = tokio::task::spawn_blocking(move || {
        std::thread::sleep(Duration::from_millis(20));
        text.len()
    });
    Ok(hashing.await?)
}

#[workflow]
async fn hashed(ctx: &WorkflowContext) -> Result<usize> {
    hash(ctx, "text".into()).await
}

/// A blocking thread holds the clock, so nothing times out for it.
#[flows::test]
async fn it_stands_still_while_blocking_work_is_done(env: TestEnv) {
    let before = env.now();
    assert_eq!(env.start(hashed::Input {}).await?.result().await?, 4);
    assert_eq!(env.now(), before);
}

#[flows::test]
async fn other_tasks_of_the_test_go_on_while_it_waits(env: TestEnv) {
    let exec = env.start(reminder::Input { hours: 5 }).await?;
    let (told, late) = (Arc::new(Notify::new()), exec.clone());
    let task = {
        let told = Arc::clone(&told);
        tokio::spawn(async move {
            told.notified().await;
            tokio::time::sleep(2 * HOUR).await;
            late.signal("stop", &true).await
        })
    };
    told.notify_one();
    assert!(exec.result().await?);
    task.await??;
}

#[flows::test]
async fn a_duplex_stream_is_not_outside(env: TestEnv) {
    let (mut one, mut other) = tokio::io::duplex(8);
    let before = env.now();
    one.write_all(b"x").await?;
    assert_eq!((other.read_u8().await?, env.now()), (b'x', before));
}

#[flows::test]
async fn two_environments_share_the_time_of_their_test(env: TestEnv) {
    let other = TestEnv::new();
    let (one, two) = (
        env.start(reminder::Input { hours: 1 }).await?,
        other.start(reminder::Input { hours: 2 }).await?,
    );
    assert!(!two.result().await?);
    assert_eq!(one.try_result().await?, Some(false));
    drop(env);
    let before = other.now();
    something_real().await;
    assert_eq!(other.now(), before, "it is still the other's");
}

/// Nothing was due for long, so no worker looks soon; it is told of the new timer.
#[flows::test]
async fn a_timer_is_exact_after_a_quiet_month(env: TestEnv) {
    env.sleep(30 * 24 * HOUR).await;
    let begun = env.now();
    assert!(!env.start(reminder::Input { hours: 1 }).await?.result().await?);
    assert_eq!(env.now().duration_since(begun)?, HOUR);
    env.sleep(30 * 24 * HOUR).await;
    let begun = env.now();
    let delayed = env.start(reminder::Input { hours: 1 }).delay(HOUR);
    assert!(!delayed.await?.result().await?);
    assert_eq!(env.now().duration_since(begun)?, 2 * HOUR);
}
