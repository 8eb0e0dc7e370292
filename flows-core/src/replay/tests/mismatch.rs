//! Journals that belong to other code: the run stops with what was found and what was expected.

use std::time::Duration;

use expect_test::expect;

use super::check_stuck;
use super::children::pack;
use super::script::{charge, ship};
use super::stage::{START, completed, replay_events, step};
use crate::definition::WorkflowDef;
use crate::journal::{Event, StoredError};
use crate::payload::Payload;

/// Charges, then ships.
fn charges_then_ships() -> WorkflowDef {
    script!(|ctx| {
        charge(ctx, 1).await?;
        ship(ctx, 2).await
    })
}

fn side_effect(op: u32, value: u64) -> Event {
    Event::SideEffect { op, value: Payload::from_json(value.to_string()) }
}

fn child_started(op: u32, name: &str) -> Event {
    let run = uuid::Uuid::from_u128(7);
    Event::ChildStarted { step: step(op, name, &serde_json::json!({})), run }
}

#[test]
fn another_name() {
    let journal = [completed(0, "charge", 1, 10), completed(1, "email", 2, 20)];
    check_stuck(
        charges_then_ships(),
        &journal,
        expect![[r#"
            the journal does not match this build
              journal: activity `email` (#1) completed
              code:    activity `ship` (#1), called at flows-core/src/replay/tests/mismatch.rs
            This run needs the code that wrote its journal. Keep that code for it, as the `else` of an `if ctx.patched("…")` or under its own `version` of the workflow; or deploy that build again.
        "#]],
    );
}

#[test]
fn another_order() {
    let journal = [completed(0, "ship", 2, 10), completed(1, "charge", 1, 20)];
    check_stuck(
        charges_then_ships(),
        &journal,
        expect![[r#"
            the journal does not match this build
              journal: activity `ship` (#0) completed
              code:    activity `charge` (#0), called at flows-core/src/replay/tests/mismatch.rs
            This run needs the code that wrote its journal. Keep that code for it, as the `else` of an `if ctx.patched("…")` or under its own `version` of the workflow; or deploy that build again.
        "#]],
    );
}

#[test]
fn a_step_was_taken_out() {
    let script = script!(|ctx| { ship(ctx, 2).await });
    let journal = [completed(0, "charge", 1, 10), completed(1, "ship", 2, 20)];
    check_stuck(
        script,
        &journal,
        expect![[r#"
            the journal does not match this build
              journal: activity `charge` (#0) completed
              code:    activity `ship` (#0), called at flows-core/src/replay/tests/mismatch.rs
            This run needs the code that wrote its journal. Keep that code for it, as the `else` of an `if ctx.patched("…")` or under its own `version` of the workflow; or deploy that build again.
        "#]],
    );
}

#[test]
fn a_timer_where_there_was_an_activity() {
    let script = script!(|ctx| { ctx.sleep(Duration::from_secs(1)).await });
    check_stuck(
        script,
        &[completed(0, "charge", 1, 10)],
        expect![[r#"
            the journal does not match this build
              journal: activity `charge` (#0) completed
              code:    timer (#0), called at flows-core/src/replay/tests/mismatch.rs
            This run needs the code that wrote its journal. Keep that code for it, as the `else` of an `if ctx.patched("…")` or under its own `version` of the workflow; or deploy that build again.
        "#]],
    );
}

#[test]
fn an_activity_where_there_was_a_timer() {
    check_stuck(
        charges_then_ships(),
        &[Event::TimerFired { op: 0 }],
        expect![[r#"
            the journal does not match this build
              journal: timer (#0) fired
              code:    activity `charge` (#0), called at flows-core/src/replay/tests/mismatch.rs
            This run needs the code that wrote its journal. Keep that code for it, as the `else` of an `if ctx.patched("…")` or under its own `version` of the workflow; or deploy that build again.
        "#]],
    );
}

#[test]
fn a_signal_where_there_was_an_attempt() {
    let script = script!(|ctx| { ctx.signal::<u64>("go").await });
    let error = StoredError("{}".into());
    let step = step(0, "charge", &1);
    let failed = Event::ActivityAttemptFailed {
        step: step.clone(),
        attempt: 3,
        error: error.clone(),
        retry_at: START,
        heartbeat: None,
    };
    check_stuck(
        script.clone(),
        &[failed],
        expect![[r#"
            the journal does not match this build
              journal: attempt 3 of activity `charge` (#0) failed
              code:    signal `go` (#0), called at flows-core/src/replay/tests/mismatch.rs
            This run needs the code that wrote its journal. Keep that code for it, as the `else` of an `if ctx.patched("…")` or under its own `version` of the workflow; or deploy that build again.
        "#]],
    );
    check_stuck(
        script,
        &[Event::ActivityFailed { step, attempt: 3, error }],
        expect![[r#"
            the journal does not match this build
              journal: activity `charge` (#0) failed
              code:    signal `go` (#0), called at flows-core/src/replay/tests/mismatch.rs
            This run needs the code that wrote its journal. Keep that code for it, as the `else` of an `if ctx.patched("…")` or under its own `version` of the workflow; or deploy that build again.
        "#]],
    );
}

#[test]
fn an_activity_where_there_was_a_child() {
    let closed = Event::ChildClosed { op: 0, result: Ok(Payload::from_json("3")) };
    let journal = [child_started(0, "packing"), closed];
    check_stuck(
        charges_then_ships(),
        &journal,
        expect![[r#"
            the journal does not match this build
              journal: child workflow (#0) ended
              code:    activity `charge` (#0), called at flows-core/src/replay/tests/mismatch.rs
            This run needs the code that wrote its journal. Keep that code for it, as the `else` of an `if ctx.patched("…")` or under its own `version` of the workflow; or deploy that build again.
        "#]],
    );
}

#[test]
fn another_child() {
    let script = script!(|ctx| { pack(ctx).await });
    check_stuck(
        script,
        &[child_started(0, "wrapping")],
        expect![[r#"
            the journal does not match this build
              journal: child workflow `wrapping` (#0) started
              code:    child workflow `packing` (#0), called at flows-core/src/replay/tests/mismatch.rs
            This run needs the code that wrote its journal. Keep that code for it, as the `else` of an `if ctx.patched("…")` or under its own `version` of the workflow; or deploy that build again.
        "#]],
    );
}

#[test]
fn a_child_where_there_was_a_side_effect() {
    let script = script!(|ctx| { pack(ctx).await });
    check_stuck(
        script,
        &[side_effect(0, 5)],
        expect![[r#"
            the journal does not match this build
              journal: side effect (#0)
              code:    child workflow `packing` (#0), called at flows-core/src/replay/tests/mismatch.rs
            This run needs the code that wrote its journal. Keep that code for it, as the `else` of an `if ctx.patched("…")` or under its own `version` of the workflow; or deploy that build again.
        "#]],
    );
}

#[test]
fn a_side_effect_where_there_was_a_child_is_not_carried_out() {
    static TIMES: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
    let script = script!(|ctx| {
        drop(ctx.side_effect(|| TIMES.fetch_add(1, std::sync::atomic::Ordering::Relaxed)).await);
        charge(ctx, 1).await
    });
    check_stuck(
        script,
        &[child_started(0, "packing")],
        expect![[r#"
            the journal does not match this build
              journal: child workflow `packing` (#0) started
              code:    side effect (#0), called at flows-core/src/replay/tests/mismatch.rs
            This run needs the code that wrote its journal. Keep that code for it, as the `else` of an `if ctx.patched("…")` or under its own `version` of the workflow; or deploy that build again.
        "#]],
    );
    assert_eq!(TIMES.load(std::sync::atomic::Ordering::Relaxed), 0);
}

#[test]
fn the_code_ends_early() {
    let script = script!(|ctx| { charge(ctx, 1).await });
    let journal = [completed(0, "charge", 1, 10), completed(1, "ship", 2, 20)];
    check_stuck(
        script,
        &journal,
        expect![[r#"
            the journal does not match this build
              journal: activity `ship` (#1) completed
              code:    the workflow has returned before this; its last await was at flows-core/src/replay/tests/mismatch.rs
            This run needs the code that wrote its journal. Keep that code for it, as the `else` of an `if ctx.patched("…")` or under its own `version` of the workflow; or deploy that build again.
        "#]],
    );
}

#[test]
fn the_journal_ends_early() {
    let ended = [
        Event::RunCompleted,
        Event::RunFailed { error: StoredError("{}".into()) },
        Event::RunTerminated { reason: "enough".into() },
    ];
    let stuck = ended.map(|ended| {
        let journal = [completed(0, "charge", 1, 10), ended];
        replay_events(&charges_then_ships(), &journal).expect_err("stuck").to_string()
    });
    expect![[r#"
        the journal does not match this build
          journal: run_completed: the run has ended here
          code:    the workflow still waits for activity `ship` (#1), called at flows-core/src/replay/tests/mismatch.rs
        This run needs the code that wrote its journal. Keep that code for it, as the `else` of an `if ctx.patched("…")` or under its own `version` of the workflow; or deploy that build again.

        the journal does not match this build
          journal: run_failed: the run has ended here
          code:    the workflow still waits for activity `ship` (#1), called at flows-core/src/replay/tests/mismatch.rs
        This run needs the code that wrote its journal. Keep that code for it, as the `else` of an `if ctx.patched("…")` or under its own `version` of the workflow; or deploy that build again.

        the journal does not match this build
          journal: run_terminated: the run has ended here
          code:    the workflow still waits for activity `ship` (#1), called at flows-core/src/replay/tests/mismatch.rs
        This run needs the code that wrote its journal. Keep that code for it, as the `else` of an `if ctx.patched("…")` or under its own `version` of the workflow; or deploy that build again.
    "#]].assert_eq(&super::shown::without_lines(&(stuck.join("\n\n") + "\n")));
}

#[test]
fn a_value_that_nobody_asks_for() {
    let journal = [completed(0, "charge", 1, 10), side_effect(1, 5)];
    check_stuck(
        charges_then_ships(),
        &journal,
        expect![[r#"
            the journal does not match this build
              journal: side effect (#1)
              code:    activity `ship` (#1), called at flows-core/src/replay/tests/mismatch.rs
            This run needs the code that wrote its journal. Keep that code for it, as the `else` of an `if ctx.patched("…")` or under its own `version` of the workflow; or deploy that build again.
        "#]],
    );
}

#[test]
fn a_value_that_the_journal_lacks() {
    let script = script!(|ctx| {
        charge(ctx, 1).await?;
        let now_here = ctx.side_effect(|| 5).await?;
        Ok((now_here, ctx.signal::<u64>("go").await?, ctx.signal::<u64>("go").await?))
    });
    let go = Event::SignalReceived { name: "go".into(), payload: Payload::from_json("1") };
    check_stuck(
        script,
        &[completed(0, "charge", 1, 10), go],
        expect![[r#"
            the journal does not match this build
              journal: nothing recorded as #1
              code:    side effect (#1), called at flows-core/src/replay/tests/mismatch.rs
            This run needs the code that wrote its journal. Keep that code for it, as the `else` of an `if ctx.patched("…")` or under its own `version` of the workflow; or deploy that build again.
        "#]],
    );
}

#[test]
fn a_child_that_the_journal_lacks() {
    let script = script!(|ctx| {
        let child = pack(ctx).start();
        ctx.signal::<u64>("go").await?;
        child.await
    });
    let go = Event::SignalReceived { name: "go".into(), payload: Payload::from_json("1") };
    check_stuck(
        script,
        &[go],
        expect![[r#"
            the journal does not match this build
              journal: nothing recorded as #0
              code:    child workflow `packing` (#0), called at flows-core/src/replay/tests/mismatch.rs
            This run needs the code that wrote its journal. Keep that code for it, as the `else` of an `if ctx.patched("…")` or under its own `version` of the workflow; or deploy that build again.
        "#]],
    );
}

#[test]
fn a_row_that_is_there_twice() {
    let journal = [completed(0, "charge", 1, 10), completed(0, "charge", 1, 10)];
    check_stuck(
        charges_then_ships(),
        &journal,
        expect![[r#"
            the journal does not match this build
              journal: activity `charge` (#0) completed
              code:    nothing waits for #0; the workflow waits for activity `ship` (#1), called at flows-core/src/replay/tests/mismatch.rs
            This run needs the code that wrote its journal. Keep that code for it, as the `else` of an `if ctx.patched("…")` or under its own `version` of the workflow; or deploy that build again.
        "#]],
    );
}

#[test]
fn a_row_that_is_there_twice_before_its_await() {
    let script = script!(|ctx| {
        let early = charge(ctx, 1).start();
        ship(ctx, 2).await?;
        early.await
    });
    let journal = [completed(0, "charge", 1, 10), completed(0, "charge", 1, 99)];
    check_stuck(
        script,
        &journal,
        expect![[r#"
            the journal does not match this build
              journal: activity `charge` (#0) completed
              code:    #0 has its result already
            This run needs the code that wrote its journal. Keep that code for it, as the `else` of an `if ctx.patched("…")` or under its own `version` of the workflow; or deploy that build again.
        "#]],
    );
}

#[test]
fn a_value_that_is_there_twice() {
    let script = script!(|ctx| {
        let value = ctx.side_effect(|| 5).await?;
        charge(ctx, value).await
    });
    check_stuck(
        script,
        &[side_effect(0, 5), side_effect(0, 6)],
        expect![[r#"
            the journal has two records for operation #0
        "#]],
    );
}

#[test]
fn a_row_that_is_missing() {
    check_stuck(
        charges_then_ships(),
        &[completed(1, "ship", 2, 20)],
        expect![[r#"
            the journal does not match this build
              journal: activity `ship` (#1) completed
              code:    nothing waits for #1; the workflow waits for activity `charge` (#0), called at flows-core/src/replay/tests/mismatch.rs
            This run needs the code that wrote its journal. Keep that code for it, as the `else` of an `if ctx.patched("…")` or under its own `version` of the workflow; or deploy that build again.
        "#]],
    );
}

#[test]
fn the_message_names_the_line_of_the_call() {
    let script = script!(|ctx| { charge(ctx, 1).await });
    let line = line!() - 1;
    let stuck = replay_events(&script, &[completed(0, "ship", 1, 10)]).expect_err("stuck");
    let site = format!("called at {}:{line}\n", file!());
    assert!(stuck.to_string().contains(&site), "{stuck} should contain {site}");
}

#[test]
fn another_input_is_a_warning() {
    let journal = [completed(0, "charge", 99, 10), completed(1, "ship", 99, 20)];
    let turn = replay_events(&charges_then_ships(), &journal).expect("not stuck");
    expect![[r#"
        activity `charge` (#0) at flows-core/src/replay/tests/mismatch.rs is called with another input than the journal has for it; its recorded result is used
        activity `ship` (#1) at flows-core/src/replay/tests/mismatch.rs is called with another input than the journal has for it; its recorded result is used
    "#]].assert_eq(&super::shown::without_lines(&turn.warnings.iter().map(|it| format!("{it}\n")).collect::<String>()));
    assert_eq!(super::shown::turn(&turn), "gives 20", "what was recorded counts");
}

#[test]
fn a_new_child_behind_the_end_of_the_journal_starts() {
    let script = script!(|ctx| {
        charge(ctx, 1).await?;
        pack(ctx).await
    });
    let turn = replay_events(&script, &[completed(0, "charge", 1, 10)]).expect("not stuck");
    expect![[r#"
        start packing({}) #1, record start of packing #1
    "#]]
    .assert_eq(&(super::shown::turn(&turn) + "\n"));
}

#[test]
fn new_code_behind_the_end_of_the_journal_is_welcome() {
    let script = script!(|ctx| {
        charge(ctx, 1).await?;
        let new = ctx.side_effect(|| 5).await?;
        ship(ctx, new).await
    });
    let turn = replay_events(&script, &[completed(0, "charge", 1, 10)]).expect("not stuck");
    expect![[r#"
        run ship(5) #2, record #1 = 5
    "#]]
    .assert_eq(&(super::shown::turn(&turn) + "\n"));
}

#[test]
fn a_new_step_stands_in_front() {
    let script = script!(|ctx| {
        ctx.sleep(Duration::from_secs(1)).await?;
        charge(ctx, 1).await
    });
    check_stuck(
        script,
        &[completed(0, "charge", 1, 10)],
        expect![[r#"
            the journal does not match this build
              journal: activity `charge` (#0) completed
              code:    timer (#0), called at flows-core/src/replay/tests/mismatch.rs
            This run needs the code that wrote its journal. Keep that code for it, as the `else` of an `if ctx.patched("…")` or under its own `version` of the workflow; or deploy that build again.
        "#]],
    );
}

#[test]
fn two_awaits_have_changed_places() {
    let script = script!(|ctx| {
        let (first, second) = (charge(ctx, 1), ship(ctx, 2));
        second.await?;
        first.await
    });
    check_stuck(
        script,
        &[completed(0, "charge", 1, 10), completed(1, "ship", 2, 20)],
        expect![[r#"
            the journal does not match this build
              journal: activity `charge` (#0) completed
              code:    nothing waits for #0; the workflow waits for activity `ship` (#1), called at flows-core/src/replay/tests/mismatch.rs
            This run needs the code that wrote its journal. Keep that code for it, as the `else` of an `if ctx.patched("…")` or under its own `version` of the workflow; or deploy that build again.
        "#]],
    );
}

#[test]
fn a_child_where_there_was_an_activity() {
    let script = script!(|ctx| { pack(ctx).await });
    check_stuck(
        script,
        &[completed(0, "charge", 1, 10)],
        expect![[r#"
            the journal does not match this build
              journal: activity `charge` (#0) completed
              code:    child workflow `packing` (#0), called at flows-core/src/replay/tests/mismatch.rs
            This run needs the code that wrote its journal. Keep that code for it, as the `else` of an `if ctx.patched("…")` or under its own `version` of the workflow; or deploy that build again.
        "#]],
    );
}

#[test]
fn a_timer_where_there_was_a_child() {
    let script = script!(|ctx| { ctx.sleep(Duration::from_secs(1)).await });
    check_stuck(
        script,
        &[child_started(0, "packing")],
        expect![[r#"
            the journal does not match this build
              journal: child workflow `packing` (#0) started
              code:    timer (#0), called at flows-core/src/replay/tests/mismatch.rs
            This run needs the code that wrote its journal. Keep that code for it, as the `else` of an `if ctx.patched("…")` or under its own `version` of the workflow; or deploy that build again.
        "#]],
    );
}

#[test]
fn a_side_effect_where_there_was_a_timer() {
    let script = script!(|ctx| { ctx.side_effect(|| 5).await });
    check_stuck(
        script,
        &[Event::TimerFired { op: 0 }],
        expect![[r#"
            the journal does not match this build
              journal: timer (#0) fired
              code:    side effect (#0), called at flows-core/src/replay/tests/mismatch.rs
            This run needs the code that wrote its journal. Keep that code for it, as the `else` of an `if ctx.patched("…")` or under its own `version` of the workflow; or deploy that build again.
        "#]],
    );
}

#[test]
fn a_cancellation_where_there_was_a_timer() {
    let script = script!(|ctx| {
        ctx.cancelled().await;
        Ok(())
    });
    check_stuck(
        script,
        &[Event::TimerFired { op: 0 }],
        expect![[r#"
            the journal does not match this build
              journal: timer (#0) fired
              code:    cancellation (#0), called at flows-core/src/replay/tests/mismatch.rs
            This run needs the code that wrote its journal. Keep that code for it, as the `else` of an `if ctx.patched("…")` or under its own `version` of the workflow; or deploy that build again.
        "#]],
    );
}

/// The journal has what came, and that is a signal that nobody has received yet. What the code did
/// with it shows in what follows.
#[test]
fn a_signal_of_another_name() {
    let script = script!(|ctx| {
        let cents = ctx.signal::<u64>("stop").await?;
        charge(ctx, cents).await
    });
    let go = Event::SignalReceived { name: "go".into(), payload: Payload::from_json("1") };
    let turn = replay_events(&script, std::slice::from_ref(&go)).expect("not stuck");
    assert_eq!(super::shown::turn(&turn), "waits");
    check_stuck(
        script,
        &[go, completed(1, "charge", 1, 10)],
        expect![[r#"
            the journal does not match this build
              journal: activity `charge` (#1) completed
              code:    nothing waits for #1; the workflow waits for signal `stop` (#0), called at flows-core/src/replay/tests/mismatch.rs
            This run needs the code that wrote its journal. Keep that code for it, as the `else` of an `if ctx.patched("…")` or under its own `version` of the workflow; or deploy that build again.
        "#]],
    );
}

#[test]
fn a_started_child_that_nobody_asks_for() {
    check_stuck(
        charges_then_ships(),
        &[completed(0, "charge", 1, 10), child_started(7, "packing")],
        expect![[r#"
            the journal does not match this build
              journal: child workflow `packing` (#7) started
              code:    nothing asks for #7, up to the end of the journal; its last await was at flows-core/src/replay/tests/mismatch.rs
            This run needs the code that wrote its journal. Keep that code for it, as the `else` of an `if ctx.patched("…")` or under its own `version` of the workflow; or deploy that build again.
        "#]],
    );
}
