//! `debug` replays one run in this process, turn by turn.

use std::sync::atomic::{AtomicUsize, Ordering};

use flows::prelude::*;
use flows::testing::{TestEnv, debug, debug_history};

use crate::shop::{Confirmation, Receipt, charge_payment, input, order};

static POLLED: AtomicUsize = AtomicUsize::new(0);

/// What a breakpoint or a `dbg!` in it would see.
#[workflow]
async fn watched(ctx: &WorkflowContext, days: u64) -> Result<u64> {
    #[flows(allow(nondeterminism))]
    let _ = POLLED.fetch_add(1, Ordering::Relaxed);
    ctx.sleep(Duration::from_secs(days * 86_400)).await?;
    #[flows(allow(nondeterminism))]
    let _ = POLLED.fetch_add(1, Ordering::Relaxed);
    let more: u64 = ctx.signal("more").await?;
    Ok(days + more)
}

#[flows::test]
async fn it_shows_each_turn_and_what_the_run_waits_for(env: TestEnv) {
    env.mock(charge_payment::Activity, |_| Ok(Receipt { id: 1 }));
    let exec = env.start(input()).id("order-42").await?;
    exec.signal("hello", &1).await?;
    let waits = || async { exec.history().await.map(|events| events.len() > 2) };
    while !waits().await? {
        tokio::task::yield_now().await;
    }
    let before = exec.export().await?;
    let shown = debug(env.engine(), "order-42").await?;
    assert!(shown.difference.is_none(), "{shown}");
    assert_eq!((shown.turns.len(), shown.ended), (3, None), "{shown}");
    let first = &shown.turns[0];
    assert_eq!(first.delivered, "the run starts");
    let [charge] = &first.asked[..] else { panic!("one call: {shown}") };
    assert!(charge.starts_with("activity `charge_payment` (#0), called at "), "{charge}");
    assert!(charge.contains("shop.rs:"), "{charge}");
    let delivered: Vec<_> = shown.turns.iter().map(|turn| &*turn.delivered).collect();
    assert!(delivered.contains(&"signal_received `hello`: 1"), "{delivered:?}");
    let waiting = shown.waiting_for.as_deref().unwrap_or_default();
    assert!(waiting.contains("signal `warehouse-ready`"), "{waiting}");
    assert!(shown.to_string().contains("it waits for "), "{shown}");
    assert_eq!(exec.export().await?, before, "nothing is written");
    env.assert_called(charge_payment::Activity, 1);
}

#[flows::test]
async fn it_comes_to_the_end_of_a_run_that_has_ended(env: TestEnv) {
    env.mock(charge_payment::Activity, |_| Ok(Receipt { id: 1 }));
    let exec = env.start(input()).await?;
    exec.signal("warehouse-ready", &Confirmation { available: true }).await?;
    exec.result().await?;
    let shown = debug(env.engine(), exec.id()).quiet().await?;
    assert_eq!(shown.ended, Some(Status::Completed), "{shown}");
    assert!(shown.to_string().ends_with("it has ended here: completed"), "{shown}");
    let again = debug_history(&exec.export().await?)?;
    assert_eq!(again.to_string(), shown.to_string());
}

#[flows::test]
async fn the_code_runs_in_the_callers_task(env: TestEnv) {
    let exec = env.start(watched::Input { days: 1 }).await?;
    exec.signal("more", &1_u64).await?;
    assert_eq!(exec.result().await?, 2);
    let before = POLLED.load(Ordering::Relaxed);
    let shown = debug(env.engine(), exec.id()).await?;
    assert_eq!(POLLED.load(Ordering::Relaxed) - before, 2, "{shown}");
}

#[flows::test]
async fn it_stops_at_the_first_difference_and_shows_both_sides(env: TestEnv) {
    env.mock(charge_payment::Activity, |_| Ok(Receipt { id: 1 }));
    let exec = env.start(input()).await?;
    exec.signal("warehouse-ready", &Confirmation { available: true }).await?;
    exec.result().await?;
    let json = exec.export().await?.to_json()?.replace("\"ship\"", "\"send\"");
    let shown = debug_history(json.as_str())?;
    let difference = shown.difference.as_ref().expect("a difference");
    assert!(difference.why().contains("journal: activity `send`"), "{difference}");
    assert!(difference.why().contains("code:    activity `ship`"), "{difference}");
    assert_eq!(
        shown.turns.last().map(|turn| turn.asked.len()),
        Some(0),
        "it stops before that turn"
    );
    assert!(shown.turns.len() > 2, "what came before is shown: {shown}");
    let nowhere = debug(env.engine(), "nobody").await.unwrap_err();
    assert_eq!(nowhere.kind(), ErrorKind::NotFound, "{nowhere}");
    let _ = order::Workflow;
}
