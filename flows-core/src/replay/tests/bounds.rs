//! Loops that never wait: every one ends at a bound, and is told with the place of its call.
//!
//! Each script runs on a thread of its own, so that a loop without an end is a failure and does not
//! take the test with it.

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::mpsc::channel;
use std::task::{Context, Poll, Wake, Waker};
use std::time::{Duration, SystemTime};

use super::script::{charge, ship};
use super::stage::{Cancel, Stage, completes, replay_events, signal};
use crate::calls::ChildCall;
use crate::combinators::{join, join_all, select};
use crate::context::WorkflowContext;
use crate::definition::WorkflowDef;
use crate::durable::{block, durable};
use crate::error::Result;
use crate::replay::bounds::{BYTES, CALLS, OPERATIONS};

/// Far more than any of them takes.
const PATIENCE: Duration = Duration::from_secs(120);

/// What comes of something that may never end.
#[track_caller]
fn ends<T: Send + 'static>(play: impl FnOnce() -> T + Send + 'static) -> T {
    let (done, result) = channel();
    std::thread::spawn(move || done.send(play()));
    result.recv_timeout(PATIENCE).expect("it neither ends nor panics")
}

/// The first turn is stuck: with this text, and the place of a call in this file.
#[track_caller]
fn is_stuck(script: WorkflowDef, said: &str, call: &str) {
    let stuck = ends(move || replay_events(&script, &[]).expect_err("stuck").to_string());
    let place = format!("  where:    {call}, called at {}:", file!());
    assert!(stuck.starts_with(said) && stuck.contains(&place), "{stuck}");
    assert!(stuck.contains("  workflow: `script`, "), "{stuck}");
}

const MANY_CALLS: &str = "the workflow calls the library 1000000 times in one turn";
const MANY_OPERATIONS: &str = "the workflow calls more than 100000 operations in one turn";
const BLOCKS: &str = "the workflow polls a durable future by itself, as `block_on` does";

fn far() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(4_000_000_000)
}

#[test]
fn a_cancelled_workflow_that_ignores_its_errors() {
    let stuck = ends(|| {
        let script = script!(|ctx| {
            loop {
                let _ = ctx.sleep(Duration::from_secs(1)).await;
            }
            #[expect(unreachable_code, reason = "the type of the script")]
            Ok(())
        });
        let (mut stage, _) = Stage::begin(script, &serde_json::json!({}));
        stage.happen(&Cancel("enough")).expect_err("stuck").to_string()
    });
    let place = format!("  where:    timer, called at {}:", file!());
    assert!(stuck.starts_with(MANY_OPERATIONS) && stuck.contains(&place), "{stuck}");
    assert!(stuck.contains("leave a loop at the first error"), "{stuck}");
}

#[test]
fn time_that_stands_still() {
    let script = script!(|ctx| {
        while ctx.now() < far() {}
        Ok(())
    });
    is_stuck(script, MANY_CALLS, "`ctx.now()`");
}

#[test]
fn a_signal_that_cannot_arrive() {
    let script = script!(|ctx| {
        while ctx.try_signal::<u64>("go")?.is_none() {}
        Ok(())
    });
    is_stuck(script, MANY_CALLS, "`ctx.try_signal(..)`");
}

#[test]
fn values_that_are_never_right() {
    let script = script!(|ctx| {
        while !ctx.uuid().is_nil() {}
        Ok(())
    });
    is_stuck(script, MANY_CALLS, "`ctx.uuid()`");
    let script = script!(|ctx| {
        while u64::from(ctx.random::<u32>()) < 1 << 32 {}
        Ok(())
    });
    is_stuck(script, MANY_CALLS, "`ctx.random()`");
    let script = script!(|ctx| {
        let mut rng = ctx.rng();
        while u64::from(rand::RngExt::random::<u32>(&mut rng)) < 1 << 32 {}
        Ok(())
    });
    is_stuck(script, MANY_CALLS, "a number of `ctx.rng()`");
}

#[test]
fn answers_that_never_change() {
    let script = script!(|ctx| {
        while ctx.patched("vat") {}
        Ok(())
    });
    is_stuck(script, MANY_CALLS, "`ctx.patched(..)`");
    let script = script!(|ctx| {
        while !ctx.is_replaying() {}
        Ok(())
    });
    is_stuck(script, MANY_CALLS, "`ctx.is_replaying()`");
    let script = script!(|ctx| {
        while ctx.attempt() == 1 {}
        Ok(())
    });
    is_stuck(script, MANY_CALLS, "`ctx.attempt()`");
    let script = script!(|ctx| {
        while !ctx.run_id().is_nil() {}
        Ok(())
    });
    is_stuck(script, MANY_CALLS, "`ctx.run_id()`");
    let script = script!(|ctx| {
        while ctx.tenant_id().is_nil() {}
        Ok(())
    });
    is_stuck(script, MANY_CALLS, "`ctx.tenant_id()`");
    let script = script!(|ctx| {
        while !ctx.workflow_id().is_empty() {}
        Ok(())
    });
    is_stuck(script, MANY_CALLS, "`ctx.workflow_id()`");
}

#[test]
fn operations_without_end() {
    let script = script!(|ctx| {
        loop {
            drop(charge(ctx, 1).start());
        }
        #[expect(unreachable_code, reason = "the type of the script")]
        Ok(())
    });
    is_stuck(script, MANY_OPERATIONS, "activity `charge`");
    let script = script!(|ctx| {
        let mut started = Vec::new();
        loop {
            started.push(charge(ctx, 1).start());
        }
        #[expect(unreachable_code, reason = "the type of the script")]
        Ok(())
    });
    is_stuck(script, MANY_OPERATIONS, "activity `charge`");
    let script = script!(|ctx| {
        while ctx.side_effect(|| 1).await? == 1 {}
        Ok(())
    });
    is_stuck(script, MANY_OPERATIONS, "`ctx.side_effect(..)`");
    let script = script!(|ctx| {
        loop {
            drop(ctx.signal::<u64>("never"));
        }
        #[expect(unreachable_code, reason = "the type of the script")]
        Ok(())
    });
    is_stuck(script, MANY_OPERATIONS, "signal `never`");
}

workflow!(Other "other" |_ctx| { Ok(()) });

#[test]
fn children_without_end() {
    let script = script!(|ctx| {
        loop {
            drop(ChildCall::<Other>::new(ctx, Default::default()).start());
        }
        #[expect(unreachable_code, reason = "the type of the script")]
        Ok(())
    });
    is_stuck(script, MANY_OPERATIONS, "child workflow `other`");
}

#[test]
fn many_bytes_in_one_turn() {
    let script = script!(|ctx| {
        let before = || unreachable!("it is the most");
        ctx.shared().bounds.bytes(BYTES - 10, before, std::panic::Location::caller());
        ctx.side_effect(|| 1_234_567).await?;
        ctx.side_effect(|| 1_234_567).await
    });
    let said = "the workflow asks for more than 1073741824 bytes to be stored in one turn";
    is_stuck(script, said, "`ctx.side_effect(..)`");
}

#[test]
fn combinators_over_what_is_ready() {
    let script = script!(|ctx| {
        loop {
            let both = join((ctx.side_effect(|| 1), ctx.side_effect(|| 2)));
            drop(select((both, ctx.sleep(Duration::ZERO))).await);
        }
        #[expect(unreachable_code, reason = "the type of the script")]
        Ok(())
    });
    is_stuck(script, MANY_OPERATIONS, "`ctx.side_effect(..)`");
    let script = script!(|ctx| {
        let _ = ctx;
        loop {
            drop(durable(join_all(Vec::<std::future::Ready<()>>::new())).await);
        }
        #[expect(unreachable_code, reason = "the type of the script")]
        Ok(())
    });
    is_stuck(script, MANY_CALLS, "an await of what is ready at once");
}

/// Waits on its thread, as `block_on` of other crates does.
fn block_on<F: Future>(future: F) -> F::Output {
    struct Thread(std::thread::Thread);
    impl Wake for Thread {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Waker::from(Arc::new(Thread(std::thread::current())));
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(done) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            return done;
        }
        std::thread::park();
    }
}

#[test]
fn a_durable_future_that_blocks() {
    let script = script!(|ctx| { block_on(charge(ctx, 1)) });
    is_stuck(script, BLOCKS, "activity `charge` (#0)");
    let script = script!(|ctx| { block_on(async { ctx.sleep(Duration::from_secs(1)).await }) });
    is_stuck(script, BLOCKS, "timer (#0)");
    let script = script!(|ctx| { block_on(ctx.shield(block(ctx.signal::<u64>("go")))) });
    is_stuck(script, BLOCKS, "signal `go` (#0)");
    let script = script!(|ctx| {
        let all = join_all([charge(ctx, 1), charge(ctx, 2)]);
        block_on(all).into_iter().sum::<Result<u64>>()
    });
    is_stuck(script, BLOCKS, "`join_all`");
    let script = script!(|ctx| {
        join((ctx.sleep(far_away()), async { block_on(charge(ctx, 1)) })).await.1
    });
    is_stuck(script, BLOCKS, "activity `charge` (#1)");
}

fn far_away() -> Duration {
    Duration::from_secs(3_600)
}

#[test]
fn a_durable_future_that_blocks_a_thread_of_its_own() {
    let stuck = ends(|| {
        let script = script!(|ctx| {
            let call = charge(ctx, 1);
            let waits = std::thread::spawn(move || block_on(call));
            waits.join().map_err(|_| crate::Error::terminal("it has ended"))?
        });
        replay_events(&script, &[]).expect_err("stuck").to_string()
    });
    assert!(stuck.starts_with("a durable future was polled outside of its workflow"), "{stuck}");
}

#[test]
fn a_poll_by_hand_that_never_ends() {
    let script = script!(|ctx| {
        let mut call = charge(ctx, 1);
        loop {
            let polled = Pin::new(&mut call).poll(&mut Context::from_waker(Waker::noop()));
            if let Poll::Ready(done) = polled {
                break done;
            }
        }
    });
    is_stuck(script, MANY_CALLS, "a poll by hand");
}

#[test]
fn one_poll_by_hand_is_none_of_our_business() {
    let script = script!(|ctx| {
        let mut go = ctx.signal::<u64>("go");
        let early = Pin::new(&mut go).poll(&mut Context::from_waker(Waker::noop()));
        Ok((early.is_ready(), go.await?))
    });
    let (mut stage, _) = Stage::begin(script, &serde_json::json!({}));
    stage.happen(&signal("go", 7)).expect("not stuck");
    assert_eq!(stage.outcome.as_deref(), Some("gives [false,7]"));
}

#[test]
fn destructors_run_and_may_call() {
    static DROPPED: AtomicU32 = AtomicU32::new(0);
    struct Counts<'a>(&'a WorkflowContext);
    impl Drop for Counts<'_> {
        fn drop(&mut self) {
            drop((self.0.now(), self.0.uuid(), self.0.sleep(Duration::ZERO)));
            DROPPED.fetch_add(1, Ordering::Relaxed);
        }
    }
    let script = script!(|ctx| {
        let _held = (Counts(ctx), Counts(ctx));
        ctx.side_effect(|| ()).await?;
        while ctx.now() < far() {}
        Ok(())
    });
    is_stuck(script, MANY_CALLS, "`ctx.now()`");
    assert_eq!(DROPPED.load(Ordering::Relaxed), 2);
}

#[test]
fn a_loop_in_a_destructor() {
    struct Loops<'a>(&'a WorkflowContext);
    impl Drop for Loops<'_> {
        fn drop(&mut self) {
            while self.0.now() < far() {}
        }
    }
    let script = script!(|ctx| {
        drop(Loops(ctx));
        Ok(())
    });
    is_stuck(script, MANY_CALLS, "`ctx.now()`");
    ends(|| {
        let script = script!(|ctx| {
            let _held = Loops(ctx);
            charge(ctx, 1).await
        });
        drop(Stage::begin(script, &serde_json::json!({}))); // the run is given up
    });
}

#[test]
fn who_catches_the_panic_is_stuck_nonetheless() {
    let script = script!(|ctx| {
        let caught = catch_unwind(AssertUnwindSafe(|| while ctx.now() < far() {}));
        Ok(caught.is_err())
    });
    is_stuck(script, MANY_CALLS, "`ctx.now()`");
}

#[test]
fn what_lasts_too_long_is_unwound_if_it_calls_and_only_then() {
    static GOES_ON: AtomicBool = AtomicBool::new(true);
    let (probe, machine) = channel();
    let (done, result) = channel();
    std::thread::spawn(move || {
        let script = script!(|ctx| {
            charge(ctx, 1).await?;
            while GOES_ON.load(Ordering::Relaxed) {
                ctx.now();
                std::thread::sleep(Duration::from_millis(1)); // few calls, and no end
            }
            Ok(())
        });
        let (mut stage, _) = Stage::begin(script, &serde_json::json!({}));
        probe.send(stage.machine.probe()).expect("the test waits");
        done.send(stage.happen(&completes(0, 1)).map(drop)).expect("the test waits");
    });
    let probe = machine.recv_timeout(PATIENCE).expect("it begins");
    for _ in 0..PATIENCE.as_secs() * 5 {
        probe.look_again();
        match result.recv_timeout(Duration::from_millis(200)) {
            Ok(turn) => {
                let stuck = turn.expect_err("stuck").to_string();
                assert!(stuck.contains("again and again, for many seconds"), "{stuck}");
                assert!(stuck.contains("`ctx.now()`, called at"), "{stuck}");
                return;
            }
            Err(_) => continue,
        }
    }
    GOES_ON.store(false, Ordering::Relaxed);
    panic!("it is not unwound");
}

#[test]
fn what_only_computes_is_not_unwound_however_often_it_is_looked_at() {
    let script = script!(|ctx| {
        charge(ctx, 1).await?;
        PROBE.with_borrow(|probe| {
            for _ in 0..10 {
                probe.as_ref().expect("it is set").look_again();
                ctx.now();
            }
        });
        ship(ctx, 2).await
    });
    thread_local! {
        static PROBE: std::cell::RefCell<Option<crate::replay::Probe>> =
            const { std::cell::RefCell::new(None) };
    }
    let (mut stage, _) = Stage::begin(script, &serde_json::json!({}));
    PROBE.set(Some(stage.machine.probe()));
    stage.happen(&completes(0, 1)).expect("not stuck").expect("wanted");
    PROBE.set(None);
}

#[test]
fn much_work_in_one_turn_is_allowed() {
    let script = script!(|ctx| {
        let calls: Vec<_> = (0..u64::from(OPERATIONS)).map(|n| charge(ctx, n).start()).collect();
        for _ in 0..CALLS / 100 {
            ctx.random::<u32>();
        }
        Ok(calls.len())
    });
    let turn = ends(move || replay_events(&script, &[]).expect("not stuck"));
    assert!(turn.outcome.is_some_and(|outcome| outcome.is_ok()));
}

#[test]
fn signals_that_have_arrived_do_not_count() {
    let script = script!(|ctx| {
        charge(ctx, 1).await?;
        let mut sum = 0;
        for _ in 0..5 {
            sum += ctx.signal::<u64>("go").await?;
        }
        Ok((sum, ctx.shared().bounds.operations()))
    });
    let (mut stage, _) = Stage::begin(script, &serde_json::json!({}));
    for n in 0..5_u64 {
        stage.happen(&signal("go", n)).expect("not stuck");
    }
    stage.happen(&completes(0, 1)).expect("not stuck");
    assert_eq!(stage.outcome.as_deref(), Some("gives [10,0]"));
}
