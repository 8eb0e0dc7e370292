//! What nobody could ever do or send is refused by the call, instead of awaited for ever.

use crate::replay::Code;
use std::time::{Duration, SystemTime};

use super::script::{charge, seen};
use super::stage::{Stage, replay_events};
use crate::calls::ChildCall;
use crate::definition::WorkflowDef;

workflow!(Other "other" |_ctx| { Ok(()) });

/// The first turn gives this error, and asks for nothing.
#[track_caller]
fn check(script: WorkflowDef, refused: &str) {
    let turn = replay_events(&script, &[]).expect("not stuck");
    assert!(turn.commands.is_empty() && turn.marks.is_empty(), "{turn:?}");
    let error = turn.outcome.expect("it does not wait").expect_err("refused");
    assert_eq!(seen(&error), format!("invalid_input: {refused}"));
}

const YEARS_200: Duration = Duration::from_secs(200 * 365 * 86_400);

#[test]
fn signals_that_nobody_can_send() {
    let script = script!(|ctx| { ctx.signal::<u64>("").await });
    check(script, "the signal name is empty; allowed are 1 to 255 bytes of text");
    let script = script!(|ctx| { ctx.signal::<u64>("a\0b").await });
    check(script, "the signal name contains a NUL character; allowed are 1 to 255 bytes of text");
    let script = script!(|ctx| { ctx.signal::<u64>(&"x".repeat(256)).await });
    check(script, "the signal name has 256 bytes; allowed are 1 to 255 bytes of text");
    let script = script!(|ctx| { ctx.try_signal::<u64>("") });
    check(script, "the signal name is empty; allowed are 1 to 255 bytes of text");
    let script = script!(|ctx| {
        ctx.timeout(Duration::from_secs(1), ctx.signal::<u64>(""))
            .await
            .inspect_err(|error| assert!(!error.is_timeout()))
    });
    let turn = replay_events(&script, &[]).expect("not stuck");
    assert!(turn.outcome.is_some_and(|outcome| outcome.is_err()), "at once");
}

#[test]
fn waits_that_nobody_could_live_to_see() {
    let script = script!(|ctx| { ctx.sleep(YEARS_200).await });
    check(script, "the sleep of 6307200000 s is longer than the limit of 100 years");
    let script = script!(|ctx| { ctx.sleep(Duration::MAX).await });
    check(script, "the sleep of 9221672036854 s is longer than the limit of 100 years");
    let script = script!(|ctx| { ctx.sleep_until(ctx.now() + YEARS_200).await });
    check(script, "the sleep of 6307200000 s is longer than the limit of 100 years");
    let script = script!(|ctx| { ctx.timeout(YEARS_200, ctx.signal::<u64>("go")).await });
    check(script, "the time limit of 6307200000 s is longer than the limit of 100 years");
}

#[test]
fn a_time_long_past_is_none_to_wait_for() {
    let script = script!(|ctx| {
        ctx.sleep_until(SystemTime::UNIX_EPOCH - Duration::from_secs(400_000_000_000)).await
    });
    let (stage, turn) = Stage::begin(script, &serde_json::json!({}));
    assert_eq!((turn.commands.len(), stage.machine.waiting_for().is_empty()), (1, false));
}

#[test]
fn calls_that_could_never_be_made() {
    let script = script!(|ctx| { charge(ctx, 1).queue("").await });
    let text = "is empty; allowed are 1 to 255 bytes of text";
    check(script, &format!("the `queue` of activity `charge` {text}"));
    let script = script!(|ctx| { charge(ctx, 1).start_to_close(Duration::ZERO).await });
    check(
        script,
        "the `start_to_close` of activity `charge` is 0 s: nothing could be done within it",
    );
    let script = script!(|ctx| { charge(ctx, 1).schedule_to_close(Duration::ZERO).start().await });
    let text = "is 0 s: nothing could be done within it";
    check(script, &format!("the `schedule_to_close` of activity `charge` {text}"));
    let script = script!(|ctx| { charge(ctx, 1).schedule_to_start(Duration::MAX).await });
    let text = "of 18446744073709551615 s is longer than the limit of 100 years";
    check(script, &format!("the `schedule_to_start` of activity `charge` {text}"));
    let script =
        script!(|ctx| { ChildCall::<Other>::new(ctx, Default::default()).queue("a\0").await });
    let text = "contains a NUL character; allowed are 1 to 255 bytes of text";
    check(script, &format!("the queue of workflow `other` {text}"));
}
