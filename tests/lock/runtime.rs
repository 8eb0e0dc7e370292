//! Whether the lock is right: runs begin with one side of an edit, their worker dies, and a worker
//! with the other side takes them up. Every edit of `steps.rs`, there and back, at every place.

use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use expect_test::expect;
use flows::memory::MemoryStore;
use flows::prelude::*;
use flows::testing::Level;
use flows_core::Engine;

use crate::stage::{build, edits, report};

/// The most activities that a run does before its worker dies: all that most edits have.
const BEFORE: usize = 4;
/// The most that it does afterwards; some would go on for ever.
const AFTERWARDS: usize = 8;

/// Lets so many activities end; all others are still at it when their worker dies.
#[derive(Clone)]
pub(crate) struct Gate(Arc<AtomicUsize>);

impl Gate {
    pub(crate) async fn pass(&self, value: u64) -> Result<u64> {
        let left = |left: usize| left.checked_sub(1);
        if self.0.fetch_update(Ordering::SeqCst, Ordering::SeqCst, left).is_err() {
            pending::<()>().await;
        }
        Ok(value)
    }
}

/// Has the name and the input of the workflows in `steps.rs`; no worker here has it.
mod any {
    use flows::prelude::*;

    #[workflow]
    pub(super) async fn order(_ctx: &WorkflowContext, flag: bool) -> Result<()> {
        let _ = flag;
        Ok(())
    }
}

/// Serves with the definitions of a module for a while of virtual time, then dies.
async fn serve(engine: &Engine, module: &str, passes: usize) -> Result<()> {
    let worker = Worker::builder(engine, build(module))
        .state(Gate(Arc::new(AtomicUsize::new(passes))))
        .lease(Duration::from_secs(5))
        .poll_interval(Duration::from_secs(5))
        .build()?;
    let working = tokio::spawn(async move { worker.run().await });
    tokio::time::sleep(Duration::from_secs(20)).await;
    working.abort();
    assert!(working.await.is_err_and(|error| error.is_cancelled()), "the worker lived so long");
    Ok(())
}

/// Whether a run that has come so far with one side of an edit is stuck with the other.
async fn is_stuck(edit: [&str; 2], flag: bool, passes: usize) -> Result<bool> {
    let engine = Engine::new(Arc::new(MemoryStore::new()));
    let exec = engine.start(any::order::Input { flag }).await?;
    exec.signal("one", &1).await?;
    exec.signal("two", &1).await?;
    serve(&engine, edit[0], passes).await?;
    if exec.describe().await?.status != Status::Running {
        return Ok(false);
    }
    serve(&engine, edit[1], AFTERWARDS).await?;
    Ok(exec.describe().await?.stuck.is_some())
}

async fn stuck_somewhere(edit: [&str; 2]) -> Result<bool> {
    for (flag, passes) in (0..=BEFORE).flat_map(|passes| [(false, passes), (true, passes)]) {
        if is_stuck(edit, flag, passes).await? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The worst that the lock says of an edit, and whether a run is stuck; and never the one without
/// the other.
async fn outcome(name: &str, [from, to]: [&str; 2]) -> Result<(Option<Level>, bool)> {
    let sides = [from, to].map(|side| format!("lock::{name}::{side}"));
    let stuck = stuck_somewhere([&sides[0], &sides[1]]).await?;
    let report = report(name, from, to);
    let worst = report.findings.iter().map(|finding| finding.level).max();
    let passes = worst.is_none_or(|level| level == Level::Note);
    assert!(
        !(passes && stuck),
        "{name}, {from} to {to}: a run is stuck, and the lock says\n{report}"
    );
    Ok((worst, stuck))
}

/// What the lock says and what becomes of runs, where these are not plainly the same.
async fn unlike(name: &str, direction: [&str; 2]) -> Result<Option<String>> {
    let (worst, stuck) = outcome(name, direction).await?;
    let (worst_open, stuck_open) = outcome(&format!("{name}::open"), direction).await?;
    let said = match (worst.max(worst_open), stuck || stuck_open) {
        (None | Some(Level::Note), _) | (Some(Level::Error), true) => return Ok(None),
        (Some(Level::Warning), true) => "a warning, and one is stuck",
        (Some(Level::Warning), false) => "a warning, and none is stuck",
        (Some(Level::Error), false) => "an error, and none is stuck",
    };
    let [from, to] = direction;
    Ok(Some(format!("{}, {from} to {to}: {said}\n", name.trim_start_matches("steps::"))))
}

/// No run is stuck that the lock has let pass; and where it says more than comes true, that is known:
/// what a run has only asked for is in no journal, other values and signals stop nobody, and a run
/// of here decides one way only.
#[tokio::test(start_paused = true)]
async fn what_the_lock_says_comes_true() -> Result<()> {
    let mut said = String::new();
    for name in edits("steps").into_iter().map(|name| format!("steps::{name}")) {
        said += &unlike(&name, ["old", "new"]).await?.unwrap_or_default();
        said += &unlike(&name, ["new", "old"]).await?.unwrap_or_default();
    }
    expect![[r#"
        all_at_once, old to new: an error, and none is stuck
        all_at_once, new to old: an error, and none is stuck
        another_loop, old to new: a warning, and one is stuck
        another_loop, new to old: a warning, and one is stuck
        appended, old to new: an error, and none is stuck
        arm_of_a_select, old to new: an error, and none is stuck
        arm_of_a_select, new to old: an error, and none is stuck
        before_a_return, new to old: an error, and none is stuck
        body_of_an_arm, old to new: an error, and none is stuck
        cancellation, old to new: a warning, and none is stuck
        cancellation, new to old: a warning, and none is stuck
        condition, old to new: a warning, and none is stuck
        condition, new to old: a warning, and none is stuck
        early_return, old to new: a warning, and one is stuck
        early_return, new to old: a warning, and none is stuck
        fewer_at_once, old to new: an error, and none is stuck
        fewer_at_once, new to old: an error, and none is stuck
        in_the_last_branch, old to new: an error, and none is stuck
        into_a_helper, old to new: a warning, and none is stuck
        into_a_helper, new to old: a warning, and one is stuck
        lanes, old to new: an error, and none is stuck
        let_else, new to old: an error, and none is stuck
        one_after_the_other, old to new: an error, and none is stuck
        one_after_the_other, new to old: an error, and none is stuck
        patched_and_more, old to new: an error, and none is stuck
        patched_with_return, new to old: an error, and none is stuck
        queue_of_a_call, old to new: a warning, and none is stuck
        queue_of_a_call, new to old: a warning, and none is stuck
        retired, old to new: a warning, and none is stuck
        scoped, old to new: a warning, and none is stuck
        scoped, new to old: a warning, and none is stuck
        signal_name, old to new: an error, and none is stuck
        signal_name, new to old: an error, and none is stuck
        smaller_batch, old to new: an error, and none is stuck
        smaller_batch, new to old: an error, and none is stuck
        unknown_call, old to new: a warning, and none is stuck
        unknown_call, new to old: a warning, and none is stuck
        value_before_another, old to new: an error, and none is stuck
        value_before_another, new to old: an error, and none is stuck
    "#]]
    .assert_eq(&said);
    Ok(())
}
