//! Workflows that look deterministic and are not: `crash_everywhere` finds them.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime as Clock;

use expect_test::{Expect, expect};
use flows::prelude::*;
use flows::testing::crash_everywhere;

/// The guide's page on the kit, which quotes reports.
const GUIDE: &str = include_str!("../../docs/src/testing.md");

/// A report that the guide quotes, too.
#[track_caller]
fn check_quoted<T: std::fmt::Debug>(result: Result<T>, expected: &Expect) {
    let report = report(result);
    expected.assert_eq(&report);
    assert!(GUIDE.contains(&report), "the guide has another report");
}

/// The report of a workflow that does not survive.
#[track_caller]
fn check<T: std::fmt::Debug>(result: Result<T>, expected: &Expect) {
    expected.assert_eq(&report(result));
}

#[track_caller]
fn report<T: std::fmt::Debug>(result: Result<T>) -> String {
    let report = format!("{}\n", result.expect_err("it is not deterministic"));
    without_times(&report)
}

/// Nanoseconds since the epoch, by the order in which they are named.
fn without_times(report: &str) -> String {
    let words = report.split(|c: char| !c.is_ascii_digit()).filter(|word| word.len() == 19);
    let mut times: Vec<_> = words.collect();
    times.sort_unstable();
    times.dedup();
    (1..).zip(times).fold(report.to_owned(), |report, (number, time): (u64, _)| {
        report.replace(time, &format!("{}", 1_796_022_209_888_300_000 + number))
    })
}

#[activity]
async fn left(n: u64) -> Result<u64> {
    Ok(n)
}

#[activity]
async fn right(n: u64) -> Result<u64> {
    Ok(n)
}

static RUNS: AtomicU64 = AtomicU64::new(0);

/// A counter of the process decides.
#[workflow]
async fn by_turns(ctx: &WorkflowContext) -> Result<u64> {
    let first = left(ctx, 1).await?;
    #[flows(allow(nondeterminism))]
    let even = RUNS.fetch_add(1, Ordering::Relaxed).is_multiple_of(2);
    if even { left(ctx, first).await } else { right(ctx, first).await }
}

#[flows::test]
async fn a_global_counter_is_found() {
    check(
        crash_everywhere(by_turns::Input {}).await,
        &expect![[r#"
            workflow `by_turns` is not the same when it is run again, without any crash
              what differs: what it has recorded
                the first time:  activity_completed `left` (#0), activity_completed `left` (#1)
                the second time: activity_completed `left` (#0), activity_completed `right` (#1)
              the first operation that differs: one time activity `left` (#1), called at tests/testing/hidden.rs:63, the other time activity `right` (#1), called at tests/testing/hidden.rs:63
              usual causes, and what to write instead:
                - a clock (`SystemTime::now`, `Instant::now`): `ctx.now()`
                - chance (`rand`, `Uuid::new_v4`): `ctx.random()`, `ctx.rng()`, `ctx.uuid()`
                - the environment, a file, a setting: an activity, `ctx.side_effect(|| …)`, or the workflow's input
                - a counter, a cache or another `static`: a local variable, or state of an activity
                - the order of a `HashMap` or `HashSet`: a `BTreeMap`, or sort before the loop
              the journal of the second run:
                0 +0s run_started
                0 +0s activity_completed `left` (#0) = 1
                1 +0s activity_completed `right` (#1) = 1
                1 +0s run_completed
        "#]],
    );
}

static STAMPS: AtomicU64 = AtomicU64::new(0);

/// The machine's clock, under a name that no list of names has. (And a counter, since a clock may be
/// read twice in one nanosecond.)
fn stamp() -> u64 {
    let nanos = Clock::UNIX_EPOCH.elapsed().unwrap_or_default().as_nanos();
    u64::try_from(nanos).unwrap_or(0) + STAMPS.fetch_add(1, Ordering::Relaxed)
}

#[workflow]
async fn stamped(ctx: &WorkflowContext) -> Result<u64> {
    let begun = stamp();
    left(ctx, begun).await?;
    right(ctx, 1).await
}

/// The input of an activity is another one when it is called again.
#[flows::test]
async fn a_clock_behind_an_alias_is_found() {
    check_quoted(
        crash_everywhere(stamped::Input {}).mock_value(left::Activity, 1).await,
        &expect![[r#"
            workflow `stamped` does not survive the death of its worker after commit 1 was applied and before it was told
              (commits in an undisturbed run: 2; attempts of activities: 2)
              what differs: its outcome
                undisturbed: 1
                crashed:     error: run `01b8dac5-b401-715b-9d39-b5bf90ae8891` of workflow `stamped` is stuck: activity `left` (#0) at tests/testing/hidden.rs:103 is called with another input than the journal has for it; its recorded result is used (a worker in production only warns)
                             recorded: {"n":1796022209888300001}
                             now:      {"n":1796022209888300002}
                             differs at .n: 1796022209888300001, now 1796022209888300002
              usual causes, and what to write instead:
                - a clock (`SystemTime::now`, `Instant::now`): `ctx.now()`
                - chance (`rand`, `Uuid::new_v4`): `ctx.random()`, `ctx.rng()`, `ctx.uuid()`
                - the environment, a file, a setting: an activity, `ctx.side_effect(|| …)`, or the workflow's input
                - a counter, a cache or another `static`: a local variable, or state of an activity
                - the order of a `HashMap` or `HashSet`: a `BTreeMap`, or sort before the loop
              the journal of the crashed run:
                0 +0s run_started
                0 +0s activity_completed `left` (#0) = 1
        "#]],
    );
}

#[workflow]
async fn told_the_time(ctx: &WorkflowContext) -> Result<u64> {
    left(ctx, 1).await?;
    Ok(stamp())
}

/// The difference shows in the outcome alone.
#[flows::test]
async fn an_outcome_that_differs_is_found() {
    let report = report(crash_everywhere(told_the_time::Input {}).await);
    let told = report.split("  usual causes").next().expect("a beginning");
    expect![[r#"
        workflow `told_the_time` is not the same when it is run again, without any crash
          what differs: its outcome
            the first time:  1796022209888300001
            the second time: 1796022209888300002
          no operation differs: the difference is made by the workflow's own code, behind activity `left` (#0), called at tests/testing/hidden.rs:136
    "#]].assert_eq(told);
}

#[workflow]
async fn unordered(ctx: &WorkflowContext) -> Result<u64> {
    let parts: HashMap<u64, ()> = (0..20).map(|part| (part, ())).collect();
    let mut sum = 0;
    #[flows(allow(nondeterminism))]
    for part in parts.into_keys() {
        sum += left(ctx, part).await?;
    }
    Ok(sum)
}

static INVOKED: AtomicU64 = AtomicU64::new(0);

/// What it gives depends on how often it was invoked, and the report says whose fault that is.
#[activity]
async fn counts() -> Result<u64> {
    Ok(INVOKED.fetch_add(1, Ordering::Relaxed))
}

#[workflow]
async fn counted(ctx: &WorkflowContext) -> Result<u64> {
    let count = counts(ctx).await?;
    left(ctx, count).await
}

#[flows::test]
async fn an_activity_that_gives_another_result_is_named() {
    let report = report(crash_everywhere(counted::Input {}).await);
    let named = report.lines().find(|line| line.contains("first operation")).expect("a line");
    expect!["  the first operation that differs: activity `counts` (#0), called at tests/testing/hidden.rs:175: its input is the same, and the activity has given another result; mock it, if it must"].assert_eq(named);
}

/// The order of a hash map is another one in every process, and for every map.
#[flows::test]
async fn the_order_of_a_hash_map_is_found() {
    let error = crash_everywhere(unordered::Input {}).await.expect_err("it differs");
    let changed = "is called with another input than the journal has for it";
    assert!(error.message().contains(changed), "{error}");
    assert!(error.message().contains("activity_completed `left` (#0)"), "{error}");
}

/// It does something else when it is replayed.
#[workflow]
async fn two_faced(ctx: &WorkflowContext) -> Result<u64> {
    left(ctx, 1).await?;
    if ctx.is_replaying() { right(ctx, 2).await } else { left(ctx, 2).await }
}

/// Its outcome is the same; what it has recorded on the way is not.
#[flows::test]
async fn another_way_to_the_same_outcome_is_found() {
    check_quoted(
        crash_everywhere(two_faced::Input {}).await,
        &expect![[r#"
            workflow `two_faced` does not survive the death of its worker after commit 1 was applied and before it was told
              (commits in an undisturbed run: 2; attempts of activities: 2)
              what differs: what it has recorded
                undisturbed: activity_completed `left` (#0), activity_completed `left` (#1)
                crashed:     activity_completed `left` (#0), activity_completed `right` (#1)
              the first operation that differs: one time activity `left` (#1), the other time activity `right` (#1), called at tests/testing/hidden.rs:199
              usual causes, and what to write instead:
                - a clock (`SystemTime::now`, `Instant::now`): `ctx.now()`
                - chance (`rand`, `Uuid::new_v4`): `ctx.random()`, `ctx.rng()`, `ctx.uuid()`
                - the environment, a file, a setting: an activity, `ctx.side_effect(|| …)`, or the workflow's input
                - a counter, a cache or another `static`: a local variable, or state of an activity
                - the order of a `HashMap` or `HashSet`: a `BTreeMap`, or sort before the loop
              the journal of the crashed run:
                0 +0s run_started
                0 +0s activity_completed `left` (#0) = 1
                1 +0s activity_completed `right` (#1) = 2
                1 +0s run_completed
        "#]],
    );
}

#[workflow]
async fn deaf(ctx: &WorkflowContext) -> Result<u64> {
    ctx.signal::<u64>("word").await
}

/// Without a crash it is an error of its own.
#[flows::test]
async fn a_run_that_does_not_end_even_undisturbed_says_why() {
    let error = crash_everywhere(deaf::Input {}).id("x").await.expect_err("nobody speaks");
    assert!(
        error.message().starts_with("run `x` of workflow `deaf` waits for signal `word`"),
        "{error}"
    );
}

thread_local! {
    static OF_THREAD: std::cell::Cell<u64> = const { std::cell::Cell::new(0) };
}

fn next_of_thread() -> u64 {
    OF_THREAD.with(|next| next.replace(next.get() + 1))
}

/// So does a counter of a thread.
#[workflow]
async fn numbered(ctx: &WorkflowContext) -> Result<u64> {
    left(ctx, next_of_thread()).await
}

#[flows::test]
async fn a_counter_of_a_thread_is_found() {
    let report = report(crash_everywhere(numbered::Input {}).await);
    assert!(report.contains("`numbered` is not the same when it is run again"), "{report}");
    assert!(report.contains("differs at .n: 0, now 1"), "{report}");
}
