//! Child workflows: started once, in the commit of the turn that asked.

use expect_test::expect;
use serde_json::json;

use super::check;
use super::script::{charge, seen};
use super::shown::{self, without_lines};
use super::stage::{Cancel, Child, Stage, completed, completes, replay_events, step};
use crate::calls::ChildCall;
use crate::combinators::select;
use crate::context::WorkflowContext;
use crate::definition::Workflow;
use crate::journal::Event;
use crate::replay::Command;

workflow!(pub(super) Packing "packing" |_ctx| { Ok(0_u64) });

#[track_caller]
pub(super) fn pack(ctx: &WorkflowContext) -> ChildCall<Packing> {
    ChildCall::new(ctx, <Packing as Workflow>::Input::default())
}

workflow!(pub(super) Loner "loner" |_ctx| { Ok(0_u64) });

/// The workflow that goes on by itself.
pub(super) const LONER: &str = Loner::NAME;

#[track_caller]
pub(super) fn leave_alone(ctx: &WorkflowContext) -> ChildCall<Loner> {
    ChildCall::new(ctx, <Loner as Workflow>::Input::default())
}

#[test]
fn a_child_gives_its_output() {
    let script = script!(|ctx| { pack(ctx).await });
    check(
        script,
        &[Child(0, Ok(json!(3)))],
        expect![[r#"
            begin: start packing({}) #0, record start of packing #0
            child #0 gives 3: gives 3
        "#]],
    );
}

#[test]
fn a_childs_error_is_the_calls_error() {
    let script = script!(|ctx| { Ok(pack(ctx).await.map_err(|e| seen(&e))) });
    check(
        script,
        &[Child(0, Err("no boxes"))],
        expect![[r#"
            begin: start packing({}) #0, record start of packing #0
            child #0 fails: no boxes: gives {"Err":"terminal: no boxes"}
        "#]],
    );
}

#[test]
fn a_child_is_asked_for_once() {
    let script = script!(|ctx| {
        let child = pack(ctx).start();
        charge(ctx, 1).await?;
        child.await
    });
    check(
        script,
        &[completes(1, 10), Child(0, Ok(json!(3)))],
        expect![[r#"
            begin: run charge(1) #1, start packing({}) #0, record start of packing #0
            #1 completes with 10: waits
            child #0 gives 3: gives 3
        "#]],
    );
}

#[test]
fn cancellation_reaches_the_child() {
    let script = script!(|ctx| {
        let error = pack(ctx).await.unwrap_err();
        let again = pack(ctx).await.map_err(|e| e.is_cancelled());
        Ok((seen(&error), again))
    });
    check(
        script,
        &[Cancel("enough"), Child(0, Ok(json!(3)))],
        expect![[r#"
            begin: start packing({}) #0, record start of packing #0
            cancel: enough: tell a child: its parent was cancelled: enough, record cancellation of #0, gives ["cancelled: the run was cancelled: enough",{"Err":true}]
            child #0 gives 3: not wanted
        "#]],
    );
}

#[test]
fn a_child_that_nobody_waits_for_is_not_wanted() {
    let script = script!(|ctx| {
        drop(select((charge(ctx, 1), pack(ctx))).await);
        charge(ctx, 2).await
    });
    let history = [completes(0, 10), Child(1, Ok(json!(3))), completes(2, 20)];
    check(
        script,
        &history,
        expect![[r#"
            begin: run charge(1) #0, start packing({}) #1, record start of packing #1
            #0 completes with 10: tell a child: its parent does not wait for it any more, run charge(2) #2, record cancellation of #1
            child #1 gives 3: not wanted
            #2 completes with 20: gives 20
        "#]],
    );
}

#[test]
fn a_child_that_is_dropped_at_once_starts_all_the_same() {
    let script = script!(|ctx| {
        drop(pack(ctx).start());
        charge(ctx, 1).await?;
        drop(pack(ctx).start());
        charge(ctx, 2).await
    });
    check(
        script,
        &[completes(1, 10), completes(3, 20)],
        expect![[r#"
            begin: run charge(1) #1, tell a child: its parent does not wait for it any more, start packing({}) #0, record start of packing #0, record cancellation of #0
            #1 completes with 10: tell a child: its parent does not wait for it any more, run charge(2) #3, start packing({}) #2, record start of packing #2, record cancellation of #2
            #3 completes with 20: gives 20
        "#]],
    );
}

#[test]
fn a_child_that_is_abandoned_goes_on() {
    let script = script!(|ctx| {
        drop(select((charge(ctx, 1), leave_alone(ctx).abandon_on_drop())).await);
        leave_alone(ctx).detach();
        let late = leave_alone(ctx).abandon_on_drop().start();
        charge(ctx, 2).await?;
        drop(late);
        charge(ctx, 3).await
    });
    let history = [completes(0, 10), completes(4, 20), Child(1, Ok(json!(3))), completes(5, 30)];
    check(
        script,
        &history,
        expect![[r#"
        begin: run charge(1) #0, start loner({}) #1, record start of loner #1
        #0 completes with 10: run charge(2) #4, start loner({}) #2, start loner({}) #3, record start of loner #2, record start of loner #3
        #4 completes with 20: run charge(3) #5
        child #1 gives 3: not wanted
        #5 completes with 30: gives 30
    "#]],
    );
}

#[test]
fn a_child_is_asked_to_cancel_when_its_parent_ends() {
    let script = script!(|ctx| {
        let _left = pack(ctx).start();
        let _abandoned = leave_alone(ctx).abandon_on_drop().start();
        charge(ctx, 1).await
    });
    check(
        script,
        &[completes(2, 10)],
        expect![[r#"
        begin: run charge(1) #2, start packing({}) #0, start loner({}) #1, record start of packing #0, record start of loner #1
        #2 completes with 10: tell a child: its parent does not wait for it any more, record cancellation of #0, gives 10
    "#]],
    );
}

#[test]
fn a_shielded_child_is_not_cancelled() {
    let script = script!(|ctx| { ctx.shield(pack(ctx)).await });
    check(
        script,
        &[Cancel("enough"), Child(0, Ok(json!(3)))],
        expect![[r#"
        begin: start packing({}) #0, record start of packing #0
        cancel: enough: waits
        child #0 gives 3: gives 3
    "#]],
    );
}

/// A journal of a build in which a child went on when its call was dropped.
fn without_the_mark(after: &[Event]) -> Vec<Event> {
    let started =
        Event::ChildStarted { step: step(1, "packing", &json!({})), run: uuid::Uuid::from_u128(7) };
    [&[started, completed(0, "charge", 1, 10)], after].concat()
}

#[test]
fn a_child_that_was_let_go_by_an_older_build_is_let_go() {
    let script = || {
        script!(|ctx| {
            drop(select((charge(ctx, 1), pack(ctx))).await);
            charge(ctx, 2).await?;
            charge(ctx, 3).await
        })
    };
    let journal = without_the_mark(&[completed(2, "charge", 2, 20)]);
    let turn = replay_events(&script(), &journal).expect("it replays");
    expect!["run charge(3) #3"].assert_eq(&shown::turn(&turn));
    // What the last turn of the older build had dropped is asked to cancel: that turn is made again.
    let turn = replay_events(&script(), &without_the_mark(&[])).expect("it replays");
    expect!["run charge(2) #2, tell a child: its parent does not wait for it any more, record cancellation of #1"].assert_eq(&shown::turn(&turn));
}

#[test]
fn a_build_that_awaits_a_child_that_was_cancelled_is_stuck() {
    let script = script!(|ctx| {
        charge(ctx, 1).await?;
        pack(ctx).await
    });
    let journal = without_the_mark(&[Event::ChildCancelRequested { op: 1 }]);
    let stuck = replay_events(&script, &journal).expect_err("nobody would tell it of the end");
    expect![[r#"
        the journal does not match this build
          journal: child workflow (#1) asked to cancel: the workflow had dropped its call
          code:    child workflow `packing` (#1), called at flows-core/src/replay/tests/children.rs
        This run needs the code that wrote its journal. Keep that code for it, as the `else` of an `if ctx.patched("…")` or under its own `version` of the workflow; or deploy that build again."#]].assert_eq(&without_lines(&stuck.to_string()));
}

#[test]
fn each_call_has_a_run_id_of_its_own_that_stays() {
    let script = || script!(|ctx| { crate::combinators::join((pack(ctx), pack(ctx))).await.0 });
    let ids = || {
        let (_, turn) = Stage::begin(script(), &json!({}));
        let ids = turn.commands.iter().map(|command| match command {
            Command::StartChild(child) => child.run,
            other => panic!("{other:?}"),
        });
        ids.collect::<Vec<_>>()
    };
    let (first, second) = (ids(), ids());
    assert_eq!(first, second, "a turn that is run again asks for the same children");
    assert_ne!(first[0], first[1]);
    assert_eq!(first[0].get_version_num(), 7);
}

#[test]
fn a_child_that_has_started_is_told_what_the_code_says() {
    let script = script!(|ctx| {
        let child = pack(ctx).start();
        child.signal("boxes", &2)?;
        charge(ctx, 1).await?;
        child.signal("boxes", &3)?;
        child.cancel("too slow");
        Ok(child.await.map_err(|e| seen(&e)))
    });
    check(
        script,
        &[completes(1, 10), Child(0, Err("cancelled"))],
        expect![[r#"
        begin: run charge(1) #1, signal a child boxes 2, start packing({}) #0, record start of packing #0, record signal boxes to #0
        #1 completes with 10: signal a child boxes 3, tell a child: too slow, record signal boxes to #0, record request to #0: too slow
        child #0 fails: cancelled: gives {"Err":"terminal: cancelled"}
    "#]],
    );
}

#[test]
fn what_an_older_build_did_not_send_is_not_sent_later() {
    let script = script!(|ctx| {
        let child = pack(ctx).start();
        child.signal("boxes", &2)?;
        charge(ctx, 1).await?;
        child.signal("boxes", &3)?;
        charge(ctx, 2).await?;
        child.await
    });
    let started =
        Event::ChildStarted { step: step(0, "packing", &json!({})), run: uuid::Uuid::from_u128(7) };
    let journal = [started, completed(1, "charge", 1, 10)];
    let turn = replay_events(&script, &journal).expect("it replays");
    expect!["run charge(2) #2, signal a child boxes 3, record signal boxes to #0"]
        .assert_eq(&shown::turn(&turn));
}

#[test]
fn a_child_is_told_by_the_run_id_of_the_journal() {
    let script = script!(|ctx| {
        let child = pack(ctx).id("another in this build").start();
        charge(ctx, 1).await?;
        child.cancel("too slow");
        child.await
    });
    let run = uuid::Uuid::from_u128(7);
    let started = Event::ChildStarted { step: step(0, "packing", &json!({})), run };
    let turn = replay_events(&script, &[started, completed(1, "charge", 1, 10)]);
    let told = turn.expect("it replays").commands.into_iter().find_map(|command| match command {
        Command::CancelChild { run, .. } => Some(run),
        _ => None,
    });
    assert_eq!(told, Some(run));
}
