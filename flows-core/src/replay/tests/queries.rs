//! Values for queries are no events: each poll tells what has changed, a replay tells all of them.

use expect_test::expect;

use super::script::charge;
use super::shown;
use super::stage::{Stage, completes};
use crate::definition::WorkflowDef;

fn script() -> WorkflowDef {
    script!(|ctx| {
        ctx.set_query("stage", "begun")?;
        ctx.set_query("stage", "charging")?;
        let receipt = charge(ctx, 2).await?;
        ctx.set_query("receipt", &receipt)?;
        charge(ctx, receipt).await
    })
}

#[test]
fn each_poll_tells_the_last_value_of_what_has_changed() {
    let (mut stage, first) = Stage::begin(script(), &serde_json::json!({}));
    let then = [completes(0, 20), completes(1, 30)].map(|happens| stage.happen(&happens));
    let turns = then.map(|turn| turn.expect("not stuck").expect("it is wanted"));
    let told: Vec<_> = [&first].into_iter().chain(&turns).map(shown::turn).collect();
    expect![[r#"
        run charge(2) #0, publish stage = "charging"
        run charge(20) #1, publish receipt = 20
        gives 30"#]]
    .assert_eq(&told.join("\n"));
}

#[test]
fn a_replay_tells_all_of_them() {
    let (mut stage, _) = Stage::begin(script(), &serde_json::json!({}));
    stage.happen(&completes(0, 20)).expect("not stuck");
    let (_, turn) = stage.replayed();
    expect![[r#"run charge(20) #1, publish receipt = 20, publish stage = "charging""#]]
        .assert_eq(&shown::turn(&turn));
}
