//! `ctx.patched`: decided once in a run, the same at every replay, and never for what an earlier
//! build may have done.

use std::time::Duration;

use expect_test::{Expect, expect};
use serde_json::json;

use super::script::{charge, email, ship};
use super::stage::{Cancel, Fires, Happens, Stage, completes, replay_events, signal};
use super::{check, check_stuck, shown};
use crate::combinators::{Select2, select};
use crate::definition::WorkflowDef;
use crate::journal::Event;

/// The build before the change: charges, then ships.
fn before() -> WorkflowDef {
    script!(|ctx| {
        let cents = charge(ctx, 1).await?;
        ship(ctx, cents).await
    })
}

/// The build with the change: who takes part writes an email first.
fn with_patch() -> WorkflowDef {
    script!(|ctx| {
        let cents = charge(ctx, 1).await?;
        let cents = if ctx.patched("email") { email(ctx, cents).await? } else { cents };
        ship(ctx, cents).await
    })
}

/// The build that has retired the patch.
fn retired() -> WorkflowDef {
    script!(|ctx| {
        let cents = charge(ctx, 1).await?;
        let cents = email(ctx, cents).await?;
        ship(ctx, cents).await
    })
}

fn patched(id: &str) -> Event {
    Event::Patched { id: id.into() }
}

/// Plays a history in one build, and what comes after it in another; shows every turn.
#[track_caller]
fn deployed(
    old: WorkflowDef,
    first: &[Happens],
    new: WorkflowDef,
    then: &[Happens],
    expected: Expect,
) {
    let (mut stage, turn) = Stage::begin(old, &json!({}));
    let mut lines = vec![format!("begin: {}", shown::turn(&turn))];
    let play = |stage: &mut Stage, happens: &Happens| {
        let turn = stage.happen(happens).expect("not stuck").expect("wanted");
        stage.assert_replays();
        format!("{}: {}", shown::happens(happens), shown::turn(&turn))
    };
    lines.extend(first.iter().map(|happens| play(&mut stage, happens)));
    let turn = stage.deploy(new).expect("not stuck");
    lines.push(format!("deployed: {}", shown::turn(&turn)));
    stage.assert_replays();
    lines.extend(then.iter().map(|happens| play(&mut stage, happens)));
    expected.assert_eq(&(lines.join("\n") + "\n"));
}

#[test]
fn a_fresh_run_takes_part() {
    check(
        with_patch(),
        &[completes(0, 10), completes(1, 20), completes(2, 30)],
        expect![[r#"
            begin: run charge(1) #0
            #0 completes with 10: run email(10) #1, record patch email
            #1 completes with 20: run ship(20) #2
            #2 completes with 30: gives 30
        "#]],
    );
}

#[test]
fn the_first_turn_of_a_fresh_run_takes_part() {
    let script = script!(|ctx| {
        if ctx.patched("email") {
            email(ctx, 1).await?;
        }
        charge(ctx, 2).await
    });
    check(
        script.clone(),
        &[completes(0, 10), completes(1, 20)],
        expect![[r#"
            begin: run email(1) #0, record patch email
            #0 completes with 10: run charge(2) #1
            #1 completes with 20: gives 20
        "#]],
    );
    // Its first turn was committed before there was the patch.
    let turn = replay_events(&script, &[Event::RunStarted]).expect("not stuck");
    assert_eq!(shown::turn(&turn), "run charge(2) #0");
}

#[test]
fn a_run_that_has_not_come_there_takes_part() {
    deployed(
        before(),
        &[],
        with_patch(),
        &[completes(0, 10), completes(1, 20), completes(2, 30)],
        expect![[r#"
            begin: run charge(1) #0
            deployed: run charge(1) #0
            #0 completes with 10: run email(10) #1, record patch email
            #1 completes with 20: run ship(20) #2
            #2 completes with 30: gives 30
        "#]],
    );
    let script = script!(|ctx| {
        ctx.signal::<u64>("go").await?;
        let cents = charge(ctx, 1).await?;
        let cents = if ctx.patched("email") { email(ctx, cents).await? } else { cents };
        ship(ctx, cents).await
    });
    let old = script!(|ctx| {
        ctx.signal::<u64>("go").await?;
        let cents = charge(ctx, 1).await?;
        ship(ctx, cents).await
    });
    deployed(
        old,
        &[signal("go", 1)],
        script,
        &[completes(1, 10), completes(2, 20)],
        expect![[r#"
            begin: waits
            signal go 1: run charge(1) #1
            deployed: run charge(1) #1
            #1 completes with 10: run email(10) #2, record patch email
            #2 completes with 20: run ship(20) #3
        "#]],
    );
}

#[test]
fn a_run_that_may_have_come_past_it_does_not() {
    // The earlier build has asked for the shipping already; nothing of that is in the journal.
    deployed(
        before(),
        &[completes(0, 10)],
        with_patch(),
        &[completes(1, 20)],
        expect![[r#"
            begin: run charge(1) #0
            #0 completes with 10: run ship(10) #1
            deployed: run ship(10) #1
            #1 completes with 20: gives 20
        "#]],
    );
}

#[test]
fn the_decision_holds_for_the_whole_run() {
    let asks = script!(|ctx| {
        let mut seen = Vec::new();
        for round in 0..3 {
            seen.push(ctx.patched("email"));
            charge(ctx, round).await?;
        }
        seen.push(ctx.patched("email"));
        Ok(seen)
    });
    let does_not_ask = script!(|ctx| {
        for round in 0..3 {
            charge(ctx, round).await?;
        }
        Ok(())
    });
    check(
        asks.clone(),
        &[completes(0, 1), completes(1, 2), completes(2, 3)],
        expect![[r#"
            begin: run charge(0) #0, record patch email
            #0 completes with 1: run charge(1) #1
            #1 completes with 2: run charge(2) #2
            #2 completes with 3: gives [true,true,true,true]
        "#]],
    );
    deployed(
        does_not_ask,
        &[completes(0, 1)],
        asks,
        &[completes(1, 2), completes(2, 3)],
        expect![[r#"
            begin: run charge(0) #0
            #0 completes with 1: run charge(1) #1
            deployed: run charge(1) #1
            #1 completes with 2: run charge(2) #2
            #2 completes with 3: gives [false,false,false,false]
        "#]],
    );
}

#[test]
fn each_id_has_its_own_decision() {
    let asks = script!(|ctx| {
        let first = ctx.patched("a");
        charge(ctx, 1).await?;
        let second = (ctx.patched("b"), ctx.patched("a"));
        ship(ctx, 2).await?;
        let third = (ctx.patched("c"), ctx.patched("b"), ctx.patched("a"));
        Ok((first, second, third))
    });
    let old = script!(|ctx| {
        charge(ctx, 1).await?;
        ship(ctx, 2).await
    });
    deployed(
        old,
        &[completes(0, 1)],
        asks,
        &[completes(1, 2)],
        expect![[r#"
            begin: run charge(1) #0
            #0 completes with 1: run ship(2) #1
            deployed: run ship(2) #1
            #1 completes with 2: record patch c, gives [false,[false,false],[true,false,false]]
        "#]],
    );
}

#[test]
fn operations_are_numbered_alike_with_and_without_it() {
    let journal = [super::stage::completed(0, "charge", 1, 10), patched("other"), patched("email")];
    let turn = replay_events(&with_patch(), &journal).expect("not stuck");
    assert_eq!(shown::turn(&turn), "run email(10) #1");
    let turn = replay_events(&with_patch(), &journal[..1]).expect("not stuck");
    assert_eq!(shown::turn(&turn), "run ship(10) #1");
}

#[test]
fn it_is_retired_when_every_run_takes_part() {
    deployed(
        with_patch(),
        &[completes(0, 10), completes(1, 20)],
        retired(),
        &[completes(2, 30)],
        expect![[r#"
            begin: run charge(1) #0
            #0 completes with 10: run email(10) #1, record patch email
            #1 completes with 20: run ship(20) #2
            deployed: run ship(20) #2
            #2 completes with 30: gives 30
        "#]],
    );
}

#[test]
fn it_is_retired_too_early() {
    let journal =
        [super::stage::completed(0, "charge", 1, 10), super::stage::completed(1, "ship", 10, 20)];
    check_stuck(
        retired(),
        &journal,
        expect![[r#"
            the journal does not match this build
              journal: activity `ship` (#1) completed
              code:    activity `email` (#1), called at flows-core/src/replay/tests/patching.rs
            This run needs the code that wrote its journal. Keep that code for it, as the `else` of an `if ctx.patched("…")` or under its own `version` of the workflow; or deploy that build again.
        "#]],
    );
}

#[test]
fn a_turn_that_was_never_committed_decides_anew() {
    let (mut stage, _) = Stage::begin(before(), &json!({}));
    stage.deploy(with_patch()).expect("not stuck");
    let turn = stage.happen(&completes(0, 10)).expect("not stuck").expect("wanted");
    assert_eq!(shown::turn(&turn), "run email(10) #1, record patch email");
    stage.crash(1);
    assert!(stage.journal.is_empty(), "{:?}", stage.journal);
    let turn = stage.happen(&completes(0, 11)).expect("not stuck").expect("wanted");
    assert_eq!(shown::turn(&turn), "run email(11) #1, record patch email");
}

#[test]
fn an_event_that_was_committed_without_its_turn_decides_against_it() {
    // As after a transactional activity: its own transaction writes the event, and the worker dies.
    let (mut stage, _) = Stage::begin(with_patch(), &json!({}));
    stage.happen(&completes(0, 10)).expect("not stuck").expect("wanted");
    assert_eq!(stage.journal.pop().map(|mark| mark.event), Some(patched("email")));
    let (_, turn) = stage.replayed();
    assert_eq!(shown::turn(&turn), "run ship(10) #1");
}

#[test]
fn in_a_cancelled_run() {
    let script = script!(|ctx| {
        let slept = ctx.sleep(Duration::from_secs(1)).await;
        if ctx.patched("refund") {
            ctx.shield(email(ctx, 1)).await?;
        }
        slept
    });
    check(
        script,
        &[Cancel("enough"), completes(1, 10)],
        expect![[r#"
            begin: timer #0 at 1s
            cancel: enough: cancel timer #0, run email(1) #1, record patch refund
            #1 completes with 10: gives error cancelled: the run was cancelled: enough
        "#]],
    );
}

#[test]
fn in_the_branches_of_a_select() {
    let script = script!(|ctx| {
        let mail = crate::durable::block(async {
            ctx.sleep(Duration::from_secs(1)).await?;
            if ctx.patched("late") { email(ctx, 1).await } else { Ok(0) }
        });
        let won = match select((charge(ctx, 2), mail)).await {
            Select2::_0(cents) => cents?,
            Select2::_1(cents) => cents?,
        };
        Ok((won, ctx.patched("late")))
    });
    check(
        script.clone(),
        &[Fires(1), completes(2, 7)],
        expect![[r#"
            begin: run charge(2) #0, timer #1 at 1s
            #1 fires: run email(1) #2, record patch late
            #2 completes with 7: cancel activity #0, gives [7,true]
        "#]],
    );
    check(
        script,
        &[completes(0, 7)],
        expect![[r#"
            begin: run charge(2) #0, timer #1 at 1s
            #0 completes with 7: cancel timer #1, record patch late, gives [7,true]
        "#]],
    );
}

#[test]
fn a_mark_that_is_there_twice() {
    check_stuck(
        with_patch(),
        &[patched("email"), patched("email")],
        expect![[r#"
            the journal has two records of one patch
        "#]],
    );
}
