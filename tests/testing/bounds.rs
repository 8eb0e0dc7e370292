//! Loops that never wait are failures of the test, within seconds, and say what to write instead.

use std::sync::mpsc::channel;

use flows::prelude::*;
use flows::testing::{TestEnv, crash_everywhere};

use crate::shop::charge_payment;

/// Far more than any of them takes.
const PATIENCE: Duration = Duration::from_secs(120);

/// Runs a test on a thread of its own: one that never ends is a failure.
#[track_caller]
fn ends<T: Send + 'static>(test: impl FnOnce() -> T + Send + 'static) -> T {
    let (done, result) = channel();
    std::thread::spawn(move || done.send(test()));
    result.recv_timeout(PATIENCE).expect("it neither ends nor panics")
}

/// What a test is told that awaits the result of this workflow.
#[track_caller]
fn told<I: WorkflowInput>(input: I, cancel: bool) -> String {
    let test = async move |env: TestEnv| {
        let exec = env.start(input).id("x").await?;
        if cancel {
            env.waits_for(&exec).await?;
            exec.cancel().await?;
        }
        exec.result().await.map(drop)
    };
    let result = ends(move || flows::testing::on_memory(test));
    result.expect_err("it is stuck").message().to_owned()
}

/// The message names what was called, with file and line, and what to write instead.
#[track_caller]
fn check(told: &str, call: &str, line: u32, instead: &str) {
    let place = format!("{call}, called at {}:{line}\n", file!());
    assert!(told.starts_with("run `x` of workflow `") && told.contains("` is stuck: "), "{told}");
    assert!(told.contains(&place) && told.contains(instead), "{told}");
}

const IGNORES: u32 = line!() + 4;
#[workflow]
async fn ignores(ctx: &WorkflowContext) -> Result<()> {
    loop {
        let _ = ctx.sleep(Duration::from_secs(60)).await;
    }
}

#[test]
fn a_cancelled_workflow_that_ignores_its_errors() {
    let told = told(ignores::Input {}, true);
    check(&told, "timer", IGNORES, "leave a loop at the first error (`?`)");
}

const SPINS: u32 = line!() + 4;
#[workflow]
async fn spins(ctx: &WorkflowContext) -> Result<()> {
    let until = ctx.now() + Duration::from_secs(60);
    while ctx.now() < until {}
    Ok(())
}

#[test]
fn a_loop_that_waits_for_the_time() {
    check(&told(spins::Input {}, false), "`ctx.now()`", SPINS, "`ctx.sleep(..).await`");
}

const POLLS: u32 = line!() + 3;
#[workflow]
async fn polls(ctx: &WorkflowContext) -> Result<()> {
    while ctx.try_signal::<u64>("go")?.is_none() {}
    Ok(())
}

#[test]
fn a_loop_that_waits_for_a_signal() {
    check(&told(polls::Input {}, false), "`ctx.try_signal(..)`", POLLS, "`ctx.receive().await`");
}

const BLOCKS: u32 = line!() + 2;
fn charge_now(ctx: &WorkflowContext) -> Result<u64> {
    block_on(charge_payment(ctx, "Ann".into(), 5)).map(|receipt| receipt.id)
}

/// What `futures::executor::block_on` does.
fn block_on<F: Future>(future: F) -> F::Output {
    struct Thread(std::thread::Thread);
    impl std::task::Wake for Thread {
        fn wake(self: std::sync::Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = std::sync::Arc::new(Thread(std::thread::current())).into();
    let mut future = std::pin::pin!(future);
    loop {
        let polled = future.as_mut().poll(&mut std::task::Context::from_waker(&waker));
        match polled {
            std::task::Poll::Ready(done) => return done,
            std::task::Poll::Pending => std::thread::park(),
        }
    }
}

#[workflow]
async fn blocks(ctx: &WorkflowContext) -> Result<u64> {
    charge_now(ctx)
}

#[test]
fn a_helper_that_blocks() {
    let told = told(blocks::Input {}, false);
    check(&told, "activity `charge_payment` (#0)", BLOCKS, "`.await` it");
}

const AWAITS: u32 = line!() + 4;
#[workflow]
async fn awaits(_ctx: &WorkflowContext) -> Result<()> {
    loop {
        std::future::ready(()).await;
    }
}

#[test]
fn a_loop_that_awaits_what_is_ready() {
    check(
        &told(awaits::Input {}, false),
        "an await of what is ready at once",
        AWAITS,
        "`ctx.sleep",
    );
}

#[test]
fn a_crash_test_ends_too() {
    let error =
        ends(|| flows::testing::on_memory(async |_| crash_everywhere(spins::Input {}).await));
    let message = format!("{:#}", error.expect_err("it is stuck"));
    assert!(message.contains(&format!("`ctx.now()`, called at {}:{SPINS}", file!())), "{message}");
}
