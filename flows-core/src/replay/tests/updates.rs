//! Updates: in the journal when they are accepted and not before, each answered once.

use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use expect_test::expect;
use serde::{Deserialize, Serialize};

use super::script::charge;
use super::stage::{Happens, Stage, completes, envelope, replay_events};
use super::{check, check_stuck, shown};
use crate::context::Update;
use crate::error::{Error, Result};
use crate::journal::Event;
use crate::payload::Payload;

#[derive(Serialize, Deserialize)]
#[serde(transparent)]
struct Add(u64);

impl Update for Add {
    const NAME: &'static str = "add";
    type Response = u64;
    type Error = Error;
}

fn add(id: &'static str, value: u64) -> Happens {
    Happens::Update("add", id, value.into())
}

fn small(add: &Add) -> Result<()> {
    if add.0 < 10 { Ok(()) } else { Err(Error::terminal("too large")) }
}

#[test]
fn what_is_accepted_is_an_event_and_what_is_refused_is_nothing() {
    let script = script!(|ctx| {
        let mut sum = 0;
        while sum < 5 {
            let add = ctx.update::<Add>().validate(small).await?;
            sum += add.0;
            add.reply(sum);
        }
        Ok(sum)
    });
    let wrong = Happens::Update("add", "w", "text".into());
    check(
        script,
        &[add("a", 1), add("b", 10), wrong, add("c", 2), add("d", 3)],
        expect![[r#"
            begin: waits
            update add a: 1: answer a with 1
            update add b: 10: refuses b
            update add w: "text": refuses w
            update add c: 2: answer c with 3
            update add d: 3: answer d with 6, gives 6
        "#]],
    );
}

#[test]
fn what_comes_before_the_code_asks_is_taken_with_a_mark() {
    let script = script!(|ctx| {
        let receipt = charge(ctx, 1).await?;
        let first = ctx.update::<Add>().validate(small).await?;
        let second = ctx.try_update::<Add>()?.map(|add| add.0);
        let none = ctx.try_update::<Add>()?.map(|add| add.0);
        charge(ctx, receipt + first.0).await?;
        first.reply(receipt);
        Ok((second, none))
    });
    check(
        script,
        &[add("a", 11), add("b", 1), add("c", 2), completes(0, 10), completes(4, 20)],
        expect![[r#"
            begin: run charge(1) #0
            update add a: 11: not wanted
            update add b: 1: not wanted
            update add c: 2: not wanted
            #0 completes with 10: refuse 1: a, consume 2, consume 3, run charge(11) #4, take an update #1, take an update #2, answer c with error unanswered
            #4 completes with 20: answer b with 10, gives [2,null]
        "#]],
    );
}

#[test]
fn a_request_that_is_dropped_or_outlives_its_run_is_unanswered() {
    let script = script!(|ctx| {
        drop(ctx.update::<Add>().await?);
        let _kept = ctx.update::<Add>().await?;
        charge(ctx, 1).await
    });
    check(
        script,
        &[add("a", 1), add("b", 2), completes(2, 3)],
        expect![[r#"
            begin: waits
            update add a: 1: answer a with error unanswered
            update add b: 2: run charge(1) #2
            #2 completes with 3: answer b with error unanswered, gives 3
        "#]],
    );
}

/// A validator is asked when an update arrives, and never about one that was accepted.
#[test]
fn a_replay_asks_no_validator() {
    static ASKED: AtomicU32 = AtomicU32::new(0);
    let script = script!(|ctx| {
        let counting = |add: &Add| {
            ASKED.fetch_add(1, Relaxed);
            small(add)
        };
        let add = ctx.update::<Add>().validate(counting).await?;
        let value = add.0;
        charge(ctx, value).await?;
        add.reply(value);
        Ok(value)
    });
    let (mut stage, _) = Stage::begin(script, &serde_json::json!({}));
    for update in [add("a", 10), add("b", 20), add("c", 3)] {
        stage.happen(&update).expect("not stuck").expect("it waits");
    }
    assert_eq!(ASKED.load(Relaxed), 3);
    stage.assert_replays();
    stage.happen(&completes(1, 1)).expect("not stuck");
    stage.assert_replays();
    assert_eq!(ASKED.load(Relaxed), 3);
    let kinds: Vec<_> = stage.journal.iter().map(|recorded| recorded.event.name()).collect();
    assert_eq!(kinds, ["update_received", "activity_completed", "update_replied"]);
}

#[test]
fn a_validator_that_leaves_a_trace_stops_the_run() {
    let script = script!(|ctx| {
        let draws = |_: &Add| match ctx.random::<u64>() {
            0 => Ok(()),
            _ => Err(Error::terminal("no luck")),
        };
        ctx.update::<Add>().validate(draws).await?.reply(1);
        Ok(1)
    });
    let (mut stage, _) = Stage::begin(script, &serde_json::json!({}));
    let stuck = stage.happen(&add("a", 1)).expect_err("stuck").to_string();
    assert!(
        stuck.contains("the validator of update `add` has used the workflow's context"),
        "{stuck}"
    );
}

#[test]
fn a_changed_answer_is_reported_and_a_missing_one_stops_the_run() {
    let answers = |value: u64| Event::UpdateReplied {
        id: "a".into(),
        result: Payload::json(&value).map_err(|e| (&e).into()),
    };
    let received = Event::UpdateReceived { name: "add".into(), payload: envelope("a", &1.into()) };
    let script = || {
        script!(|ctx| {
            let add = ctx.update::<Add>().await?;
            add.reply(7);
            charge(ctx, 1).await
        })
    };
    let turn = replay_events(&script(), &[received.clone(), answers(8)]).expect("it goes on");
    let warning = turn.warnings.first().expect("a warning").to_string();
    assert!(shown::without_lines(&warning).contains("reply to update `add` (#0)"), "{warning}");
    check_stuck(
        script!(|ctx| {
            let add = ctx.update::<Add>().await?;
            charge(ctx, 1).await?;
            add.reply(7);
            Ok(1)
        }),
        &[received, answers(7)],
        expect![[r#"
            the journal does not match this build
              journal: the update with the id `a` answered
              code:    nothing answers it, up to the end of the journal; its last await was at flows-core/src/replay/tests/updates.rs
            This run needs the code that wrote its journal. Keep that code for it, as the `else` of an `if ctx.patched("…")` or under its own `version` of the workflow; or deploy that build again.
        "#]],
    );
}
