//! Side effects are recorded once; random values and times are the same at every replay.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use expect_test::expect;
use rand::RngExt;

use super::script::charge;
use super::stage::{Fires, START, Stage, completes};
use super::{check, shown, stage};
use crate::journal::{Event, Recorded};
use crate::payload::Payload;
use crate::time::Timestamp;

#[test]
fn a_side_effect_is_recorded_behind_the_event_that_led_to_it() {
    let script = script!(|ctx| {
        let before = ctx.side_effect(|| 1).await?;
        let receipt = charge(ctx, 2).await?;
        let after = ctx.side_effect(|| 3).await?;
        Ok((before, receipt, after))
    });
    check(
        script,
        &[completes(1, 20)],
        expect![[r#"
            begin: run charge(2) #1, record #0 = 1
            #1 completes with 20: record #2 = 3, gives [1,20,3]
        "#]],
    );
}

#[test]
fn a_side_effect_happens_once() {
    static TIMES: AtomicU32 = AtomicU32::new(0);
    let script = script!(|ctx| {
        let value = ctx.side_effect(|| TIMES.fetch_add(1, Ordering::Relaxed)).await?;
        charge(ctx, 1).await?;
        Ok(value)
    });
    let (mut stage, _) = Stage::begin(script, &serde_json::json!({}));
    stage.assert_replays();
    stage.take_over();
    stage.happen(&completes(1, 10)).expect("not stuck");
    stage.assert_replays();
    assert_eq!(TIMES.load(Ordering::Relaxed), 1);
    assert_eq!(stage.outcome.as_deref(), Some("gives 0"));
}

/// Everything that a workflow may call random, before and after an event.
fn random_values() -> crate::definition::WorkflowDef {
    script!(|ctx| {
        let values = || {
            let bytes: [u8; 4] = ctx.rng().random();
            (ctx.uuid(), ctx.random::<u64>(), ctx.random::<f64>(), bytes)
        };
        let before = values();
        charge(ctx, 1).await?;
        Ok((before, values()))
    })
}

#[test]
fn random_values_are_the_same_at_every_replay() {
    let (mut stage, _) = Stage::begin(random_values(), &serde_json::json!({}));
    stage.take_over();
    stage.happen(&completes(0, 10)).expect("not stuck");
    stage.assert_replays();
    assert!(stage.outcome.is_some());
}

#[test]
fn random_values_differ_from_each_other() {
    let script = script!(|ctx| {
        let distinct = [ctx.uuid(), ctx.uuid(), ctx.uuid()].map(|id| id.to_string());
        let numbers: std::collections::BTreeSet<u64> = (0..100).map(|_| ctx.random()).collect();
        Ok((distinct[0] != distinct[1] && distinct[1] != distinct[2], numbers.len()))
    });
    check(
        script,
        &[],
        expect![[r#"
            begin: gives [true,100]
        "#]],
    );
}

#[test]
fn a_uuid_tells_the_time_of_its_event() {
    let script = script!(|ctx| {
        let id = ctx.uuid();
        let (seconds, nanos) = id.get_timestamp().expect("a time").to_unix();
        Ok((id.get_version_num(), seconds, nanos))
    });
    check(
        script,
        &[],
        expect![[r#"
            begin: gives [7,1700000000,0]
        "#]],
    );
}

#[test]
fn now_is_the_time_of_the_event_and_stands_still_in_between() {
    let script = script!(|ctx| {
        let since = || Timestamp::from(ctx.now()).since(START).as_secs();
        let first = (since(), since());
        charge(ctx, 1).await?;
        let second = since();
        ctx.sleep(Duration::from_secs(60)).await?;
        Ok((first, second, since()))
    });
    check(
        script,
        &[completes(0, 10), Fires(1)],
        expect![[r#"
            begin: run charge(1) #0
            #0 completes with 10: timer #1 at 61s
            #1 fires: gives [[0,0],1,61]
        "#]],
    );
}

#[test]
fn the_first_turn_was_when_the_journal_says() {
    let script = script!(|ctx| {
        let since = Timestamp::from(ctx.now()).since(START).as_secs();
        ctx.sleep(Duration::from_secs(60)).await?;
        Ok(since)
    });
    let turn = stage::replay_events(&script, &[Event::RunStarted]).expect("not stuck");
    expect!["timer #0 at 61s"].assert_eq(&shown::turn(&turn));
    let journal = [Event::RunStarted, Event::TimerFired { op: 0 }];
    let turn = stage::replay_events(&script, &journal).expect("not stuck");
    expect!["gives 1"].assert_eq(&shown::turn(&turn));
}

#[test]
fn time_never_goes_back() {
    let script = script!(|ctx| {
        charge(ctx, 1).await?;
        ctx.signal::<()>("go").await?;
        Ok(Timestamp::from(ctx.now()).since(START).as_secs())
    });
    let (mut stage, _) = Stage::begin(script, &serde_json::json!({}));
    let early = stage::completed(0, "charge", 1, 10);
    let late = Event::SignalReceived { name: "go".into(), payload: Payload::from_json("null") };
    for (second, event) in [(10, early), (5, late)] {
        let recorded = Recorded { at: START.after(Duration::from_secs(second)), event };
        let turn = stage.machine.apply(recorded).expect("not stuck");
        stage.outcome = turn.outcome.as_ref().map(shown::outcome);
    }
    assert_eq!(stage.outcome.as_deref(), Some("gives 10"));
}

#[test]
fn a_sleep_begins_at_the_event_that_led_to_it() {
    let script = script!(|ctx| {
        charge(ctx, 1).await?;
        ctx.sleep(Duration::from_secs(10)).await?;
        ctx.sleep_until(START.after(Duration::from_secs(100)).into()).await?;
        ctx.sleep_until(Timestamp(0).into()).await
    });
    check(
        script,
        &[completes(0, 10), Fires(1), Fires(2)],
        expect![[r#"
            begin: run charge(1) #0
            #0 completes with 10: timer #1 at 11s
            #1 fires: timer #2 at 100s
            #2 fires: timer #3 at the start
        "#]],
    );
}

#[test]
fn replaying_is_known_and_ends_with_the_journal() {
    static SEEN: std::sync::Mutex<Vec<bool>> = std::sync::Mutex::new(Vec::new());
    let script = script!(|ctx| {
        let note = || SEEN.lock().expect("no panic").push(ctx.is_replaying());
        note();
        charge(ctx, 1).await?;
        note();
        charge(ctx, 2).await?;
        note();
        Ok(())
    });
    let (mut stage, _) = Stage::begin(script, &serde_json::json!({}));
    stage.happen(&completes(0, 10)).expect("not stuck");
    stage.take_over();
    stage.happen(&completes(1, 20)).expect("not stuck");
    let seen = std::mem::take(&mut *SEEN.lock().expect("no panic"));
    assert_eq!(seen, [false, false, true, true, false]);
}

/// Counts what is logged.
struct Counter(Arc<AtomicU32>);

impl tracing::Subscriber for Counter {
    fn enabled(&self, _: &tracing::Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, _: &tracing::span::Attributes<'_>) -> tracing::span::Id {
        tracing::span::Id::from_u64(1)
    }

    fn record(&self, _: &tracing::span::Id, _: &tracing::span::Record<'_>) {}

    fn record_follows_from(&self, _: &tracing::span::Id, _: &tracing::span::Id) {}

    fn event(&self, _: &tracing::Event<'_>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    fn enter(&self, _: &tracing::span::Id) {}

    fn exit(&self, _: &tracing::span::Id) {}
}

#[test]
fn a_replay_logs_nothing() {
    let script = script!(|ctx| {
        tracing::info!("before");
        charge(ctx, 1).await?;
        tracing::info!("after");
        charge(ctx, 2).await?;
        tracing::info!("at the end");
        Ok(())
    });
    let logged = Arc::new(AtomicU32::new(0));
    tracing::subscriber::with_default(Counter(Arc::clone(&logged)), || {
        let (mut stage, _) = Stage::begin(script, &serde_json::json!({}));
        stage.happen(&completes(0, 10)).expect("not stuck");
        assert_eq!(logged.load(Ordering::Relaxed), 2, "live");
        stage.take_over();
        assert_eq!(logged.load(Ordering::Relaxed), 2, "a replay says nothing again");
        stage.happen(&completes(1, 10)).expect("not stuck");
        assert_eq!(logged.load(Ordering::Relaxed), 3, "live again");
    });
}
