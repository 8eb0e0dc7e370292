//! Items for the run's stream: each turn tells its own, a replay tells those of the last turn again.

use expect_test::expect;

use super::script::charge;
use super::shown;
use super::stage::{Stage, completes};
use crate::definition::WorkflowDef;

fn script() -> WorkflowDef {
    script!(|ctx| {
        ctx.publish("begun")?;
        ctx.publish("charging")?;
        let receipt = charge(ctx, 2).await?;
        ctx.publish(&receipt)?;
        let receipt = charge(ctx, receipt).await?;
        ctx.publish(&receipt)?;
        charge(ctx, receipt).await
    })
}

/// Another build, which has published nothing in the first turn.
fn terse() -> WorkflowDef {
    script!(|ctx| {
        let receipt = charge(ctx, 2).await?;
        ctx.publish(&receipt)?;
        let receipt = charge(ctx, receipt).await?;
        ctx.publish(&receipt)?;
        charge(ctx, receipt).await
    })
}

fn played() -> (Stage, Vec<String>) {
    let (mut stage, first) = Stage::begin(script(), &serde_json::json!({}));
    let then = [completes(0, 20), completes(1, 30)].map(|happens| stage.happen(&happens));
    let turns = then.map(|turn| turn.expect("not stuck").expect("it is wanted"));
    let told = [&first].into_iter().chain(&turns).map(shown::turn).collect();
    (stage, told)
}

#[test]
fn each_turn_tells_what_it_has_published() {
    let (_, told) = played();
    expect![[r#"
        run charge(2) #0, add item 0.0: "begun", add item 0.1: "charging"
        run charge(20) #1, add item 1.0: 20
        run charge(30) #2, add item 2.0: 30"#]]
    .assert_eq(&told.join("\n"));
}

#[test]
fn a_replay_tells_what_its_last_turn_has_published() {
    let (stage, _) = played();
    let (_, turn) = stage.replayed();
    expect!["run charge(30) #2, add item 2.0: 30"].assert_eq(&shown::turn(&turn));
}

#[test]
fn numbers_do_not_depend_on_what_was_published_before() {
    let (mut stage, _) = played();
    let turn = stage.deploy(terse()).expect("it replays");
    expect!["run charge(30) #2, add item 2.0: 30"].assert_eq(&shown::turn(&turn));
}
