//! Code that cannot go on: the reason is told, and nothing else is touched.

use crate::replay::Code;
use expect_test::{Expect, expect};
use serde_json::json;

use super::script::charge;
use super::stage::{Stage, completes, signal};
use super::{check_stuck, shown};
use crate::combinators::{join, race};
use crate::definition::WorkflowDef;
use crate::durable::block;
use crate::error::Result;
use crate::replay::{Machine, RunInfo};

/// Plays one event and compares why the run is stuck then.
#[track_caller]
fn check_stuck_live(script: WorkflowDef, expected: Expect) {
    let (mut stage, _) = Stage::begin(script, &json!({}));
    let stuck = stage.happen(&completes(0, 10)).expect_err("stuck");
    expected.assert_eq(&(shown::without_lines(&stuck.to_string()) + "\n"));
}

#[test]
fn a_panic() {
    let script = script!(|ctx| {
        let receipt = charge(ctx, 1).await?;
        assert_eq!(receipt, 11, "the wrong receipt");
        Ok(())
    });
    check_stuck_live(
        script,
        expect![[r#"
            the workflow panicked at flows-core/src/replay/tests/stuck.rs: assertion `left == right` failed: the wrong receipt
              left: 10
             right: 11
        "#]],
    );
}

#[test]
fn a_panic_with_a_value() {
    let script = script!(|ctx| {
        if charge(ctx, 1).await? == 10 {
            std::panic::panic_any(3_u8);
        }
        Ok(())
    });
    check_stuck_live(
        script,
        expect![[r#"
            the workflow panicked at flows-core/src/replay/tests/stuck.rs: a value that is not text
        "#]],
    );
}

#[test]
fn a_panic_at_the_first_poll() {
    let script = script!(|ctx| {
        assert!(ctx.is_replaying(), "a configured amount");
        Ok(())
    });
    check_stuck(
        script,
        &[],
        expect![[r#"
            the workflow panicked at flows-core/src/replay/tests/stuck.rs: a configured amount
        "#]],
    );
}

#[test]
fn waiting_on_nothing_durable() {
    let script = script!(|ctx| {
        charge(ctx, 1).await?;
        std::future::pending::<Result<()>>().await
    });
    check_stuck_live(
        script,
        expect![[r#"
            the workflow waits for something that is not durable: a replay could not repeat it
              where:    behind the await at flows-core/src/replay/tests/stuck.rs
              workflow: `script`, flows-core/src/replay/tests/stuck.rs
            Await activities, children, `ctx.sleep`, `ctx.signal` and the like, or `flows::join!` and `flows::select!` of them; put other waiting into an `#[activity]`.
        "#]],
    );
}

#[test]
fn a_race_of_nothing() {
    let script = script!(|ctx| { race((0..0).map(|input| charge(ctx, input))).await });
    check_stuck(
        script,
        &[],
        expect![[r#"
            the workflow waits, but on nothing durable, so no event could ever wake it
              workflow: `script`, flows-core/src/replay/tests/stuck.rs
            Await activities, children, `ctx.sleep`, `ctx.signal` and the like, or `flows::join!` and `flows::select!` of them; put other waiting into an `#[activity]`.
        "#]],
    );
}

#[test]
fn waking_itself_without_end() {
    let script = script!(|ctx| {
        let spins = block(std::future::poll_fn(|cx| {
            cx.waker().wake_by_ref();
            std::task::Poll::<()>::Pending
        }));
        join((charge(ctx, 1), spins)).await.0
    });
    check_stuck(
        script,
        &[],
        expect![[r#"
            the workflow wakes itself again and again instead of waiting
        "#]],
    );
}

#[test]
fn a_future_that_yields_once_goes_on() {
    let script = script!(|ctx| {
        let mut yielded = false;
        let yields = block(std::future::poll_fn(move |cx| {
            if std::mem::replace(&mut yielded, true) {
                return std::task::Poll::Ready(());
            }
            cx.waker().wake_by_ref();
            std::task::Poll::Pending
        }));
        yields.await;
        charge(ctx, 1).await
    });
    super::check(
        script,
        &[completes(0, 10)],
        expect![[r#"
            begin: run charge(1) #0
            #0 completes with 10: gives 10
        "#]],
    );
}

#[test]
fn input_of_another_shape() {
    use serde::{Deserialize, Serialize};

    #[derive(Serialize, Deserialize)]
    struct Input {
        cents: u64,
    }
    struct Paying;
    impl crate::definition::WorkflowInput for Input {
        type Workflow = Paying;
    }
    impl crate::definition::Workflow for Paying {
        const NAME: &'static str = "paying";
        const VERSION: u32 = 1;
        const SOURCE: crate::definition::SourceLocation =
            crate::definition::SourceLocation { file: file!(), line: line!() };
        type Input = Input;
        type Output = u64;
        async fn run(_: crate::context::WorkflowContext, input: Input) -> Result<u64> {
            Ok(input.cents)
        }
    }
    let input = crate::payload::Payload::from_json(r#"{"euros":3}"#);
    let stuck = Machine::new(info(), &WorkflowDef::of::<Paying>(), &input).err().expect("stuck");
    expect![[r#"
        input of `paying`: cannot decode as `flows_core::replay::tests::stuck::input_of_another_shape::Input`: missing field `cents` at line 1 column 11
    "#]].assert_eq(&(stuck.to_string() + "\n"));
}

fn info() -> RunInfo {
    let (stage, _) = Stage::begin(script!(|_ctx| { Ok(()) }), &json!({}));
    stage.machine.info().clone()
}

#[test]
fn an_output_of_another_type() {
    let script = script!(|ctx| { Ok(charge(ctx, 1).await.is_err()) });
    let output = crate::payload::Payload::from_json("\"text\"");
    let step = super::stage::step(0, "charge", &1);
    let completed = crate::journal::Event::ActivityCompleted { step, attempt: 1, output };
    check_stuck(
        script,
        &[completed],
        expect![[r#"
        output of `charge`: cannot decode as `u64`: invalid type: string "text", expected u64 at line 1 column 6; deploy a build that can read it
    "#]],
    );
}

#[test]
fn an_ended_run_takes_no_more_events() {
    let (mut stage, _) = Stage::begin(script!(|_ctx| { Ok(()) }), &json!({}));
    let go = crate::journal::Event::CancelRequested { reason: "late".into() };
    let recorded = crate::journal::Recorded { at: super::stage::START, event: go };
    let stuck = stage.machine.apply(recorded).expect_err("stuck");
    expect![[r#"
        the workflow has ended and its journal goes on
    "#]]
    .assert_eq(&(stuck.to_string() + "\n"));
}

#[test]
fn what_has_come_is_not_waited_for() {
    let script = script!(|ctx| {
        let early = ctx.signal::<u64>("go");
        charge(ctx, 1).await?;
        early.await
    });
    let (mut stage, _) = Stage::begin(script, &json!({}));
    assert!(stage.machine.expects_messages(), "a signal is waited for");
    stage.happen(&signal("go", 1)).expect("not stuck");
    assert!(!stage.machine.expects_messages(), "it has come");
    assert!(stage.machine.waiting_for().starts_with("activity `charge` (#1), called at"));
}

#[test]
fn what_a_run_waits_for_is_told_in_words() {
    let script = script!(|ctx| {
        let first = charge(ctx, 1);
        let sleep = ctx.sleep(std::time::Duration::from_secs(5));
        let (a, b, c, ()) = join((first, sleep, ctx.signal::<u64>("go"), ctx.cancelled())).await;
        Ok((a?, b?, c?))
    });
    let (stage, _) = Stage::begin(script, &json!({}));
    let waits = shown::without_lines(&stage.machine.waiting_for()).replace("; ", "\n");
    expect![[r#"
        activity `charge` (#0), called at flows-core/src/replay/tests/stuck.rs
        timer (#1), called at flows-core/src/replay/tests/stuck.rs
        signal `go` (#2), called at flows-core/src/replay/tests/stuck.rs
        cancellation (#3), called at flows-core/src/replay/tests/stuck.rs
    "#]]
    .assert_eq(&(waits + "\n"));
}
