//! Workflows that survive the death of their worker at every place.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use flows::prelude::*;
use flows::testing::{Simulation, crash_everywhere};
use serde::{Deserialize, Serialize};

use crate::shop::{self, Confirmation, Receipt, charge_payment};

const HOUR: Duration = Duration::from_secs(3_600);

/// What the outside has seen: how often each key was used.
#[derive(Clone, Default)]
struct Ledger(Arc<Mutex<BTreeMap<String, u32>>>);

impl Ledger {
    fn note(&self, what: &str) {
        let mut notes = self.0.lock().expect("a ledger");
        *notes.entry(what.to_owned()).or_default() += 1;
    }

    fn counts(&self) -> Vec<u32> {
        self.0.lock().expect("a ledger").values().copied().collect()
    }
}

#[flows::test]
async fn the_order_survives() {
    let shipped = crash_everywhere(shop::input())
        .signal("warehouse-ready", &Confirmation { available: true })
        .mock(charge_payment::Activity, |input| Ok(Receipt { id: input.cents }))
        .await?;
    assert_eq!(shipped.tracking, "T-1");
}

/// The order's own failure is its outcome, and comes back as it is.
#[flows::test]
async fn a_failure_is_an_outcome_too() {
    let error = crash_everywhere(shop::input())
        .signal_after(23 * HOUR, "warehouse-ready", &Confirmation { available: false })
        .mock_value(charge_payment::Activity, Receipt { id: 1 })
        .await
        .expect_err("out of stock");
    assert_eq!(error.message(), "out of stock");
}

#[activity(retry(max_attempts = 5, initial_interval = "1h", jitter = 1.0))]
async fn post(ctx: &ActivityContext, what: String) -> Result<String> {
    ctx.state::<Ledger>()?.note(ctx.idempotency_key());
    if ctx.attempt() < 3 {
        return Err(Error::retryable("not yet"));
    }
    Ok(format!("{what} posted"))
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Letter {
    texts: Vec<String>,
    random: u64,
    signals: Vec<u32>,
    /// Since the epoch.
    at: Duration,
}

#[workflow]
async fn leg(ctx: &WorkflowContext, name: String) -> Result<String> {
    ctx.sleep(2 * HOUR).await?;
    post(ctx, format!("{name} {}", ctx.random::<u16>())).await
}

/// A bit of everything whose values are the same at every replay.
#[workflow]
async fn everything(ctx: &WorkflowContext, rounds: u32, before: Vec<String>) -> Result<Letter> {
    let id = ctx.side_effect(|| 7).await?;
    let (one, two) = flows::try_join!(leg(ctx, format!("leg {id}")), post(ctx, "own".into()))?;
    let texts = before.into_iter().chain([one, two]).collect();
    if rounds > 0 {
        return ctx.continue_as_new(everything::Input { rounds: rounds - 1, before: texts });
    }
    let mut signals = Vec::new();
    loop {
        flows::select! {
            word = ctx.signal::<u32>("word") => signals.push(word?),
            slept = ctx.sleep(HOUR) => { slept?; break; }
        }
    }
    let at = ctx.now().duration_since(std::time::UNIX_EPOCH)?;
    Ok(Letter { texts, random: ctx.random(), signals, at })
}

/// Timers, retries, children, signals, side effects, a run that goes on as a new one: all of it
/// to the same millisecond and the same random number.
#[flows::test]
async fn everything_survives() {
    let ledger = Ledger::default();
    let letter = crash_everywhere(everything::Input { rounds: 1, before: Vec::new() })
        .signal("word", &1)
        .signal("word", &2)
        .signal_after(20 * HOUR, "word", &3)
        .state(ledger.clone())
        .await?;
    assert_eq!(letter.texts.len(), 4);
    assert_eq!(letter.signals, [1, 2], "the third comes too late");
    // Every attempt has happened in every run, some of them twice.
    let counts = ledger.counts();
    assert_eq!(counts.len(), 4, "the same calls in every run: {counts:?}");
    assert!(counts.iter().all(|count| *count > 3 * 20), "{counts:?}");
}

#[flows::test]
async fn state_is_made_anew_for_each_run_if_asked() {
    let (made, counter) = (Ledger::default(), Ledger::default());
    let count = counter.clone();
    crash_everywhere(leg::Input { name: "x".into() })
        .id("leg-1")
        .registry(flows::register_all![leg, post])
        .state_with(move || {
            count.note("made");
            made.clone()
        })
        .await?;
    assert!(counter.counts()[0] > 10, "{:?}", counter.counts());
}

#[workflow]
async fn measures(ctx: &WorkflowContext, text: String) -> Result<usize> {
    ctx.sleep(HOUR).await?;
    Ok(text.len())
}

/// One turn of 9 MB: marks of all kinds, and starts of children.
#[workflow]
async fn bulky(ctx: &WorkflowContext, rounds: u32) -> Result<usize> {
    let mut calls = Vec::new();
    for round in 0..rounds {
        let text = ctx.side_effect(|| "x".repeat(1_500_000)).await?;
        if ctx.patched(&format!("round {round}")) {
            calls.push(measures(ctx, text).start());
        }
    }
    Ok(flows::try_join_all(calls).await?.iter().sum())
}

/// A worker may die between the records of one turn.
#[flows::test]
async fn a_turn_of_several_records_survives() {
    let size = crash_everywhere(bulky::Input { rounds: 3 }).await?;
    assert_eq!(size, 3 * 1_500_000);
}

#[activity]
async fn double(number: u32) -> Result<u32> {
    Ok(2 * number)
}

/// The calls of a turn depend on what has ended before it.
#[workflow]
async fn some_at_once(ctx: &WorkflowContext) -> Result<(Vec<u32>, Vec<u32>)> {
    let doubled = flows::map_concurrent(0..5, 2, |number| double(ctx, number)).await?;
    let mut slow = flows::stream_concurrent(doubled.clone(), 3, |number| async move {
        ctx.sleep(HOUR * (10 - number) + HOUR / 60 * number * number).await?;
        double(ctx, number).await
    });
    let mut ended = Vec::new();
    while let Some(number) = slow.next().await {
        ended.push(number?);
        ctx.sleep(HOUR / 2).await?;
    }
    Ok((doubled, ended))
}

#[flows::test]
async fn some_at_once_survive() {
    let (doubled, ended) = crash_everywhere(some_at_once::Input {}).await?;
    assert_eq!(doubled, [0, 2, 4, 6, 8]);
    assert_eq!(ended, [8, 4, 0, 12, 16]);
}

/// Odd numbers fail at the first attempt, multiples of five always.
#[activity(retry(max_attempts = 2))]
async fn halve(ctx: &ActivityContext, number: u32) -> Result<u32> {
    match number {
        _ if number % 5 == 0 => Err(Error::terminal(format!("not {number}"))),
        _ if number % 2 == 1 && ctx.attempt() == 1 => Err(Error::retryable("odd")),
        _ => Ok(number / 2),
    }
}

#[workflow]
async fn in_batches(ctx: &WorkflowContext) -> Result<Vec<Result<u32, String>>> {
    let results = ctx.batch(1..=7, 3, |number| halve(ctx, number)).await;
    Ok(results.into_iter().map(|result| result.map_err(|error| error.to_string())).collect())
}

#[flows::test]
async fn batches_survive() {
    let results = crash_everywhere(in_batches::Input {}).await?;
    assert_eq!(results, [Ok(0), Ok(1), Ok(1), Ok(2), Err("not 5".into()), Ok(3), Ok(3)]);
}

/// Notes whether it came to its end or was cancelled on the way.
#[workflow]
async fn detour(ctx: &WorkflowContext, name: String) -> Result<()> {
    let way = if ctx.sleep(3 * HOUR).await.is_ok() { "arrived" } else { "turned back" };
    ctx.shield(jot(ctx, format!("{name} {way}"))).await
}

#[activity]
async fn jot(ctx: &ActivityContext, what: String) -> Result<()> {
    ctx.state::<Ledger>()?.note(&what);
    Ok(())
}

/// Drops calls of children in three ways, and leaves two alone.
#[workflow]
async fn hasty(ctx: &WorkflowContext) -> Result<()> {
    let _until_the_end = detour(ctx, "left behind".into()).start();
    detour(ctx, "dropped at once".into()).start().cancel("not today");
    detour(ctx, "detached".into()).detach();
    flows::select! {
        _ = detour(ctx, "lost".into()) => {}
        slept = ctx.sleep(HOUR) => slept?,
    }
    let abandoned = detour(ctx, "abandoned".into()).abandon_on_drop();
    let error = ctx.timeout(HOUR, abandoned).await.expect_err("it takes three");
    assert!(error.is_timeout());
    ctx.sleep(HOUR / 2).await
}

/// After whichever commit a worker dies: children whose calls are dropped are cancelled, others go on.
#[flows::test]
async fn dropped_children_are_cancelled_wherever_a_worker_dies() {
    let (ledger, made) = (Ledger::default(), Ledger::default());
    let (noted, count) = (ledger.clone(), made.clone());
    crash_everywhere(outing::Input {})
        .state_with(move || {
            count.note("run");
            noted.clone()
        })
        .await?;
    let runs = made.counts()[0];
    assert!(runs > 20, "{runs} runs");
    let notes = ledger.0.lock().expect("a ledger").clone();
    let expected = [
        "abandoned arrived",
        "detached arrived",
        "dropped at once turned back",
        "left behind turned back",
        "lost turned back",
    ];
    assert_eq!(notes.keys().collect::<Vec<_>>(), expected);
    assert!(notes.values().all(|count| *count >= runs), "in each of {runs} runs: {notes:?}");
}

/// Lasts until what it has started has ended.
#[workflow]
async fn outing(ctx: &WorkflowContext) -> Result<()> {
    hasty(ctx).await?;
    ctx.sleep(24 * HOUR).await
}

/// Ends while two of its children are open, behind one that it has told to cancel.
#[workflow]
async fn leaves(ctx: &WorkflowContext) -> Result<String> {
    let _terminated = detour(ctx, "terminated".into()).close_policy(ClosePolicy::Terminate).start();
    let _left = detour(ctx, "left alone".into()).close_policy(ClosePolicy::Abandon).start();
    let told = detour(ctx, "told".into()).id(format!("told by {}", ctx.run_id())).start();
    ctx.sleep(HOUR / 2).await?;
    told.cancel("not today");
    told.await?;
    ctx.sleep(HOUR / 2).await?;
    Ok("left".into())
}

#[workflow]
async fn departure(ctx: &WorkflowContext) -> Result<String> {
    let left = leaves(ctx).await?;
    ctx.sleep(24 * HOUR).await?;
    Ok(left)
}

/// After whichever commit a worker dies: children are told once what their parent says, and by its end.
#[flows::test]
async fn children_are_told_wherever_a_worker_dies() {
    let (ledger, made) = (Ledger::default(), Ledger::default());
    let (noted, count) = (ledger.clone(), made.clone());
    let left = crash_everywhere(departure::Input {})
        .state_with(move || {
            count.note("run");
            noted.clone()
        })
        .await?;
    assert_eq!(left, "left");
    let runs = made.counts()[0];
    assert!(runs > 10, "{runs} runs");
    let notes = ledger.0.lock().expect("a ledger").clone();
    assert_eq!(notes.keys().collect::<Vec<_>>(), ["left alone arrived", "told turned back"]);
    assert!(notes.values().all(|count| *count >= runs), "in each of {runs} runs: {notes:?}");
}

/// Cancels a part of itself, which cleans up in two steps while another part goes on.
#[workflow]
async fn tidies(ctx: &WorkflowContext) -> Result<(String, u32)> {
    let scope = ctx.scope();
    let inside = scope.run(async {
        let ended = ctx.sleep(3 * HOUR).await.expect_err("it is cancelled");
        ctx.shield(async {
            jot(ctx, "first".into()).await?;
            ctx.sleep(HOUR).await?;
            jot(ctx, "second".into()).await
        })
        .await?;
        Ok::<_, Error>(ended.message().to_owned())
    });
    let beside = async {
        ctx.sleep(HOUR).await?;
        scope.cancel("enough");
        ctx.sleep(2 * HOUR).await?;
        Ok::<_, Error>(7)
    };
    flows::try_join!(inside, beside)
}

#[flows::test]
async fn clean_up_of_a_scope_survives() {
    let ledger = Ledger::default();
    let ended = crash_everywhere(tidies::Input {}).state(ledger.clone()).await?;
    assert_eq!(ended, ("the scope was cancelled: enough".to_owned(), 7));
    let notes = ledger.0.lock().expect("a ledger").clone();
    assert_eq!(notes.keys().collect::<Vec<_>>(), ["first", "second"]);
}

#[activity(codec = "postcard")]
async fn squared(of: u64) -> Result<u128> {
    Ok(u128::from(of) * u128::from(of))
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Sums {
    most: u128,
    least: i128,
    signalled: u128,
}

#[workflow]
async fn adds_up(ctx: &WorkflowContext, most: u128, least: i128) -> Result<Sums> {
    let square = squared(ctx, u64::MAX).await?;
    ctx.sleep(HOUR / 2).await?;
    let signalled: u128 = ctx.signal("more").await?;
    Ok(Sums { most: most.max(square), least, signalled })
}

/// A JSON value would round them.
#[flows::test]
async fn numbers_are_exact() {
    let sums = crash_everywhere(adds_up::Input { most: u128::MAX, least: i128::MIN })
        .signal("more", &(u128::MAX - 1))
        .await?;
    assert_eq!(sums, Sums { most: u128::MAX, least: i128::MIN, signalled: u128::MAX - 1 });
}

#[test]
fn a_simulation_has_exact_numbers() {
    let simulated = Simulation::new()
        .start(adds_up::Input { most: u128::MAX, least: i128::MIN })
        .signal("more", &u128::MAX)
        .schedules(3)
        .run();
    assert_eq!(simulated.unwrap_or_else(|error| panic!("{error}")).schedules, 3);
}
