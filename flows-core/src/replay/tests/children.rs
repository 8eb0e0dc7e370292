//! Child workflows: started once, in the commit of the turn that asked.

use expect_test::expect;
use serde_json::json;

use super::check;
use super::script::{charge, seen};
use super::stage::{Cancel, Child, Stage, completes};
use crate::combinators::select;
use crate::context::{ChildCall, WorkflowContext};
use crate::definition::Workflow;
use crate::replay::Command;

workflow!(pub(super) Packing "packing" |_ctx| { Ok(0_u64) });

#[track_caller]
pub(super) fn pack(ctx: &WorkflowContext) -> ChildCall<Packing> {
    ChildCall::new(ctx, <Packing as Workflow>::Input::default())
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
fn cancellation_ends_the_waiting_and_not_the_child() {
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
            cancel: enough: gives ["cancelled: the run was cancelled: enough",{"Err":true}]
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
            #0 completes with 10: run charge(2) #2
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
        begin: run charge(1) #1, start packing({}) #0, record start of packing #0
        #1 completes with 10: run charge(2) #3, start packing({}) #2, record start of packing #2
        #3 completes with 20: gives 20
    "#]],
    );
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
