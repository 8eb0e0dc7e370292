//! Workflow code that blocks its thread: it is reported, other runs go on, and nothing of the run is
//! lost or doubled. In real time, on threads, because that is what is blocked.

use std::sync::Arc;

use flows::memory::MemoryStore;
use flows::pg::Transaction;
use flows::pg::dev::fresh_database;
use flows::prelude::*;
use flows_core::ids::RunKey;
use flows_core::store::{Placement, Store};

use crate::gates::{Gate, Log, blocks_at};
use crate::harness::{
    Env, Serving, events, on_memory_in_real_time, on_postgres, same_shard, until,
};
use crate::world::World;

const BLOCKS: &str = "workflow code blocks its thread";
const ENDS: &str = "workflow code that blocked its thread";

/// Tests of each behaviour on a runtime with a thread beside that of the test: were that blocked,
/// nothing would go on, not even time.
macro_rules! on_threads {
    ($($behaviour:ident,)*) => {$(
        mod $behaviour {
            #[tokio::test(flavor = "multi_thread", worker_threads = 1)]
            async fn memory() -> flows::Result<()> {
                crate::harness::on_memory_in_real_time(super::$behaviour).await
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 1)]
            async fn postgres() -> flows::Result<()> {
                crate::harness::on_postgres(super::$behaviour).await
            }
        }
    )*};
}

on_threads! {
    other_runs_go_on,
    what_comes_meanwhile_is_taken_in_afterwards,
    a_cancellation_that_comes_meanwhile_is_seen_afterwards,
    the_very_first_turn_may_block,
    a_replay_may_block,
    two_runs_may_block_at_once,
    dropped_values_may_block,
    it_can_be_terminated,
    its_time_limit_holds,
    who_never_gives_it_back_is_given_up,
    shutdown_does_not_wait_for_it,
    a_slow_loop_that_calls_its_context_is_stopped,
    shutdown_does_not_wait_for_dropped_values,
}

#[activity]
async fn step(ctx: &ActivityContext, name: String) -> Result<u64> {
    let world = ctx.state::<World>()?;
    world.note(&name);
    Ok(name.len() as u64)
}

#[activity]
async fn waits_at(ctx: &ActivityContext, gate: String) -> Result<String> {
    let world = ctx.state::<World>()?;
    world.note(format!("at {gate}"));
    world.pass(&gate).await;
    Ok(gate)
}

/// Steps and signals: what every other run does.
#[workflow]
async fn other(ctx: &WorkflowContext, name: String) -> Result<u64> {
    let first = step(ctx, name.clone()).await?;
    let second = ctx.signal::<u64>("go").await?;
    ctx.sleep(Duration::from_millis(1)).await?;
    Ok(first + second + step(ctx, name).await?)
}

/// Blocks between an activity and a signal.
#[workflow]
async fn blocker(ctx: &WorkflowContext, gate: String) -> Result<u64> {
    let before = step(ctx, "before".into()).await?;
    let at_once = waits_at(ctx, "meanwhile".into()).start();
    blocks_at(&gate);
    let after = step(ctx, "after".into()).await?;
    let mut signals = Vec::new();
    for _ in 0..3 {
        signals.push(ctx.signal::<u64>("go").await?);
    }
    assert_eq!(signals, [1, 2, 3], "in order, each once");
    assert_eq!(at_once.await?, "meanwhile");
    Ok(before + after)
}

/// Blocks at its first line.
#[workflow]
async fn at_first(ctx: &WorkflowContext, gate: String) -> Result<u64> {
    blocks_at(&gate);
    step(ctx, "after".into()).await
}

/// Blocks behind a signal, in this turn and at every replay.
#[workflow]
async fn after_signal(ctx: &WorkflowContext, gate: String) -> Result<u64> {
    let sum = ctx.signal::<u64>("go").await?;
    blocks_at(&gate);
    Ok(sum + ctx.signal::<u64>("more").await? + step(ctx, "after".into()).await?)
}

/// Cleans up when it is cancelled.
#[workflow]
async fn cleans_up(ctx: &WorkflowContext, gate: String) -> Result<()> {
    step(ctx, "before".into()).await?;
    blocks_at(&gate);
    let ended = ctx.sleep(Duration::from_secs(3_600)).await;
    ctx.shield(step(ctx, "cleaned up".into())).await?;
    ended
}

#[activity(transaction)]
async fn debit(ctx: &ActivityContext, tx: &Transaction<'_>, cents: u64) -> Result<u64> {
    let world = ctx.state::<World>()?;
    world.note("in its transaction");
    world.pass("commit").await;
    tx.execute("SELECT 1", &[]).await?;
    Ok(cents)
}

#[workflow]
async fn pays(ctx: &WorkflowContext, gates: Vec<String>) -> Result<u64> {
    let paid = debit(ctx, 1).start();
    let before = step(ctx, "before".into()).await?;
    blocks_at(&gates[0]);
    let paid = paid.await?;
    blocks_at(&gates[1]);
    let signal = ctx.signal::<u64>("go").await?;
    Ok(before + paid + signal + step(ctx, "after".into()).await?)
}

/// A loop whose time cannot come. Its calls are too few to be counted out.
#[workflow]
async fn waits_in_a_loop(ctx: &WorkflowContext) -> Result<u64> {
    let before = step(ctx, "before".into()).await?;
    let until = ctx.now() + Duration::from_secs(3_600);
    while ctx.now() < until {
        pause(Duration::from_millis(2));
    }
    Ok(before)
}

fn pause(duration: Duration) {
    std::thread::sleep(duration);
}

struct BlocksWhenDropped(String);

impl Drop for BlocksWhenDropped {
    fn drop(&mut self) {
        blocks_at(&self.0);
    }
}

#[workflow]
async fn holds_a_value(ctx: &WorkflowContext, gate: String) -> Result<u64> {
    let value = BlocksWhenDropped(gate);
    step(ctx, "before".into()).await?;
    let sum = ctx.signal::<u64>("go").await;
    drop(value);
    sum
}

fn registry() -> Registry {
    register_all![
        other,
        blocker,
        at_first,
        after_signal,
        cleans_up,
        holds_a_value,
        pays,
        waits_in_a_loop,
        debit,
        step,
        waits_at
    ]
}

/// Short, so that the tests are.
const BUDGET: Duration = Duration::from_millis(60);

fn serve(env: &Env, log: &Log) -> Result<Serving> {
    let worker = env.worker(registry()).blocking_threshold(BUDGET).lease(Duration::from_secs(3));
    let worker = worker.shutdown_grace(Duration::from_millis(200)).build()?;
    Ok(Serving::begin_logging(worker, log.clone()))
}

/// Enough runs that some share the executor with any other.
const OTHERS: usize = 24;

async fn start_others(env: &Env) -> Result<Vec<Execution<other::Workflow>>> {
    let mut others = Vec::new();
    for number in 0..OTHERS {
        others.push(env.engine.start(other::Input { name: format!("other {number}") }).await?);
    }
    Ok(others)
}

/// They begin, run activities, get signals, and complete.
async fn others_go_on(env: &Env) -> Result<()> {
    let others = start_others(env).await?;
    complete(&others).await
}

async fn complete(others: &[Execution<other::Workflow>]) -> Result<()> {
    for other in others {
        other.signal("go", &100_u64).await?;
    }
    for (number, other) in others.iter().enumerate() {
        let name = format!("other {number}").len() as u64;
        assert_eq!(other.result().await?, 100 + 2 * name);
    }
    Ok(())
}

/// The journal has these kinds of events so often.
async fn has_events<W: Workflow>(exec: &Execution<W>, expected: &[(&str, usize)]) -> Result<()> {
    for (kind, times) in expected {
        assert_eq!(events(exec, kind).await?.len(), *times, "{kind}: {:?}", exec.history().await?);
    }
    Ok(())
}

/// What was logged about a run.
fn reports<W: Workflow>(log: &Log, what: &str, exec: &Execution<W>) -> Vec<String> {
    log.lines(what, exec.run_id())
}

fn number_behind(line: &str, name: &str) -> u64 {
    let (_, behind) = line.split_once(name).expect("it has that field");
    let digits = behind.split(' ').next().unwrap_or_default();
    digits.parse().expect("a number")
}

async fn signal_thrice<W: Workflow>(exec: &Execution<W>) -> Result<()> {
    for number in 1..=3_u64 {
        exec.signal("go", &number).await?;
    }
    Ok(())
}

async fn other_runs_go_on(env: Env) -> Result<()> {
    let (gate, log) = (Gate::new(), Log::default());
    let _worker = serve(&env, &log)?;
    let early = start_others(&env).await?;
    let exec = env.engine.start(blocker::Input { gate: gate.name.clone() }).await?;
    gate.arrived(1).await;
    complete(&early).await?;
    others_go_on(&env).await?;

    assert!(exec.try_result().await?.is_none(), "it still blocks");
    log.heard(BLOCKS, exec.run_id()).await;
    let report = reports(&log, BLOCKS, &exec).concat();
    let place = format!("after=\"#1, called at {}:", file!());
    assert!(report.contains(&place), "{report}");
    assert!(report.contains("workflow=blocker"), "{report}");
    let blocked_for = number_behind(&report, "blocked_ms=");
    assert!((60..60_000).contains(&blocked_for), "{report}");
    assert!(report.contains("monotonic_counter.flows_blocked_polls=1"), "{report}");
    assert!(reports(&log, ENDS, &exec).is_empty());

    gate.open();
    env.world.open("meanwhile");
    signal_thrice(&exec).await?;
    assert_eq!(exec.result().await?, 11);
    log.heard(ENDS, exec.run_id()).await;
    assert_eq!(
        (reports(&log, BLOCKS, &exec).len(), reports(&log, ENDS, &exec).len()),
        (1, 1),
        "said once"
    );
    assert_eq!((env.world.count("before"), env.world.count("after"), gate.arrivals()), (1, 1, 1));
    has_events(&exec, &[("activity_completed", 3), ("signal_received", 3)]).await
}

async fn what_comes_meanwhile_is_taken_in_afterwards(env: Env) -> Result<()> {
    let (gate, log) = (Gate::new(), Log::default());
    let _worker = serve(&env, &log)?;
    let exec = env.engine.start(blocker::Input { gate: gate.name.clone() }).await?;
    log.heard(BLOCKS, exec.run_id()).await;
    signal_thrice(&exec).await?;
    others_go_on(&env).await?; // by now its mail has been collected
    gate.open();
    env.world.noted("at meanwhile", 1).await;
    env.world.open("meanwhile");
    assert_eq!(exec.result().await?, 11);
    assert_eq!(env.world.count("at meanwhile"), 1);
    has_events(&exec, &[("activity_completed", 3), ("signal_received", 3), ("run_completed", 1)])
        .await
}

async fn a_cancellation_that_comes_meanwhile_is_seen_afterwards(env: Env) -> Result<()> {
    let (gate, log) = (Gate::new(), Log::default());
    let _worker = serve(&env, &log)?;
    let exec = env.engine.start(cleans_up::Input { gate: gate.name.clone() }).await?;
    log.heard(BLOCKS, exec.run_id()).await;
    exec.cancel().await?;
    others_go_on(&env).await?;
    assert_eq!(env.world.count("cleaned up"), 0);
    gate.open();
    assert!(exec.result().await.unwrap_err().is_cancelled());
    assert_eq!((env.world.count("cleaned up"), gate.arrivals()), (1, 1));
    has_events(&exec, &[("cancel_requested", 1), ("activity_completed", 2)]).await
}

async fn the_very_first_turn_may_block(env: Env) -> Result<()> {
    let (gate, log) = (Gate::new(), Log::default());
    let _worker = serve(&env, &log)?;
    let exec = env.engine.start(at_first::Input { gate: gate.name.clone() }).await?;
    gate.arrived(1).await;
    others_go_on(&env).await?;
    log.heard(BLOCKS, exec.run_id()).await;
    let report = reports(&log, BLOCKS, &exec).concat();
    assert!(report.contains("after=\"its beginning\""), "{report}");
    gate.open();
    assert_eq!(exec.result().await?, 5);
    assert_eq!((env.world.count("after"), gate.arrivals()), (1, 1));
    has_events(&exec, &[("run_started", 1), ("activity_completed", 1)]).await
}

async fn a_replay_may_block(env: Env) -> Result<()> {
    let (gate, log) = (Gate::closed_for(2, 1), Log::default());
    let first = serve(&env, &log)?;
    let exec = env.engine.start(after_signal::Input { gate: gate.name.clone() }).await?;
    exec.signal("go", &1_u64).await?;
    gate.arrived(1).await;
    until(async || Ok(!events(&exec, "signal_received").await?.is_empty())).await?;
    first.stop().await?;

    let _second = serve(&env, &log)?;
    exec.signal("more", &2_u64).await?; // it takes the run up
    gate.arrived(2).await;
    others_go_on(&env).await?;
    log.heard(BLOCKS, exec.run_id()).await;
    gate.open();
    assert_eq!(exec.result().await?, 8);
    assert_eq!((env.world.count("after"), gate.arrivals()), (1, 2));
    has_events(&exec, &[("signal_received", 2), ("activity_completed", 1)]).await
}

async fn two_runs_may_block_at_once(env: Env) -> Result<()> {
    let (gate, log) = (Gate::new(), Log::default());
    let _worker = serve(&env, &log)?;
    let start = |id: String| env.engine.start(at_first::Input { gate: gate.name.clone() }).id(id);
    let [one, two] = same_shard();
    let execs = [start(one).await?, start(two).await?];
    gate.arrived(2).await;
    others_go_on(&env).await?;
    for exec in &execs {
        log.heard(BLOCKS, exec.run_id()).await;
    }
    gate.open();
    for exec in &execs {
        log.heard(ENDS, exec.run_id()).await;
        assert_eq!(exec.result().await?, 5);
        has_events(exec, &[("activity_completed", 1)]).await?;
    }
    assert_eq!((env.world.count("after"), gate.arrivals()), (2, 2));
    Ok(())
}

async fn dropped_values_may_block(env: Env) -> Result<()> {
    let (gate, log) = (Gate::new(), Log::default());
    let _worker = serve(&env, &log)?;
    let exec = env.engine.start(holds_a_value::Input { gate: gate.name.clone() }).await?;
    env.world.noted("before", 1).await;
    exec.terminate("enough").await?;
    gate.arrived(1).await;
    others_go_on(&env).await?;
    log.heard(BLOCKS, exec.run_id()).await;
    gate.open();
    log.heard(ENDS, exec.run_id()).await;
    assert_eq!(exec.result().await.unwrap_err().kind(), ErrorKind::Terminated);
    Ok(())
}

async fn it_can_be_terminated(env: Env) -> Result<()> {
    let (gate, log) = (Gate::new(), Log::default());
    let _worker = serve(&env, &log)?;
    let exec = env.engine.start(blocker::Input { gate: gate.name.clone() }).await?;
    log.heard(BLOCKS, exec.run_id()).await;
    exec.terminate("enough").await?;
    assert_eq!(exec.result().await.unwrap_err().kind(), ErrorKind::Terminated);
    others_go_on(&env).await?;
    gate.open();
    log.heard(ENDS, exec.run_id()).await;
    others_go_on(&env).await?; // by now what came back has been dropped
    assert_eq!(exec.describe().await?.status, Status::Terminated);
    assert_eq!((env.world.count("after"), gate.arrivals()), (0, 1), "its code got no say");
    let history = exec.history().await?;
    assert_eq!(history.last().map(|event| event.kind), Some("run_terminated"));
    Ok(())
}

async fn its_time_limit_holds(env: Env) -> Result<()> {
    let (gate, log) = (Gate::new(), Log::default());
    let _worker = serve(&env, &log)?;
    let input = at_first::Input { gate: gate.name.clone() };
    let exec = env.engine.start(input).timeout(Duration::from_millis(300)).await?;
    gate.arrived(1).await;
    assert!(exec.result().await.unwrap_err().is_timeout());
    gate.open();
    log.heard(ENDS, exec.run_id()).await;
    others_go_on(&env).await?;
    assert_eq!(exec.describe().await?.status, Status::TimedOut);
    assert_eq!(env.world.count("after"), 0);
    has_events(&exec, &[("run_started", 1), ("run_failed", 1)]).await
}

/// It costs a thread each time, so that is not done for ever. Its worker is none the worse.
async fn who_never_gives_it_back_is_given_up(env: Env) -> Result<()> {
    let gate = Gate::closed_for(1, 3);
    let (worker, short) = (env.worker(registry()), Duration::from_millis(10));
    let _serving = Serving::begin(worker.blocking_threshold(short).retry_stuck(short).build()?);
    let exec = env.engine.start(after_signal::Input { gate: gate.name.clone() }).await?;
    exec.signal("go", &1_u64).await?;
    let stuck = async || Ok::<_, Error>(exec.describe().await?.stuck.unwrap_or_default());
    gate.arrived(1).await;
    until(async || Ok(stuck().await?.contains("its code has held a thread"))).await?;
    gate.arrived(3).await;
    until(async || Ok(stuck().await?.starts_with("3 workers in a row"))).await?;
    others_go_on(&env).await?;
    exec.signal("more", &2_u64).await?; // it waits with the run, which has it in its next replay
    assert!(gate.arrivals() == 3 && exec.retry_stuck().await?, "as if somebody had mended it");
    assert_eq!(exec.result().await?, 8);
    gate.open();
    others_go_on(&env).await?; // what comes back of its first threads has been dropped
    assert_eq!((gate.arrivals(), env.world.count("after")), (4, 1));
    Ok(())
}

async fn shutdown_does_not_wait_for_dropped_values(env: Env) -> Result<()> {
    let (gate, log) = (Gate::closed_for(1, 1), Log::default());
    let worker = serve(&env, &log)?;
    let exec = env.engine.start(holds_a_value::Input { gate: gate.name.clone() }).await?;
    until(async || Ok(!events(&exec, "activity_completed").await?.is_empty())).await?;
    worker.stop().await?;
    assert_eq!(gate.arrivals(), 1);
    let _other = serve(&env, &log)?;
    exec.signal("go", &3_u64).await?;
    assert_eq!(exec.result().await?, 3, "the value of the first worker still blocks");
    Ok(())
}

async fn shutdown_does_not_wait_for_it(env: Env) -> Result<()> {
    let (gate, log) = (Gate::closed_for(1, 1), Log::default());
    let worker = serve(&env, &log)?;
    let exec = env.engine.start(blocker::Input { gate: gate.name.clone() }).await?;
    signal_thrice(&exec).await?;
    gate.arrived(1).await;
    worker.stop().await?;
    log.has_heard("activities, or workflow code that blocks, still ran").await;

    let other = serve(&env, &log)?;
    env.world.open("meanwhile");
    assert_eq!(exec.result().await?, 11, "its thread is still blocked");
    gate.open();
    others_go_on(&env).await?;
    other.stop().await?;
    assert_eq!((env.world.count("after"), gate.arrivals()), (1, 2), "once by each worker");
    has_events(&exec, &[("activity_completed", 3), ("signal_received", 3), ("run_completed", 1)])
        .await
}

async fn a_slow_loop_that_calls_its_context_is_stopped(env: Env) -> Result<()> {
    let log = Log::default();
    let _worker = serve(&env, &log)?;
    let exec = env.engine.start(waits_in_a_loop::Input {}).await?;
    log.heard(BLOCKS, exec.run_id()).await;
    others_go_on(&env).await?;
    log.heard(ENDS, exec.run_id()).await; // its thread is free
    until(async || Ok(exec.describe().await?.stuck.is_some())).await?;
    let why = exec.describe().await?.stuck.unwrap_or_default();
    assert!(why.contains("calls the library again and again, for many seconds"), "{why}");
    assert!(why.contains(&format!("`ctx.now()`, called at {}:", file!())), "{why}");
    assert_eq!(env.world.count("before"), 1);
    exec.terminate("enough").await?;
    others_go_on(&env).await
}

/// What an activity's own transaction wants to record waits while its run blocks, and the turn that
/// follows from it may block in its turn.
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn transactional_activities_wait_for_it() -> Result<()> {
    on_postgres(async |env| {
        let (before, behind, log) = (Gate::new(), Gate::new(), Log::default());
        let _worker = serve(&env, &log)?;
        let gates = [&before, &behind].map(|gate| gate.name.clone()).into();
        let exec = env.engine.start(pays::Input { gates }).await?;
        env.world.noted("in its transaction", 1).await;
        before.arrived(1).await;
        env.world.open("commit");
        others_go_on(&env).await?;
        has_events(&exec, &[("activity_completed", 0)]).await?; // an event is kept with its turn

        before.open();
        behind.arrived(1).await;
        has_events(&exec, &[("activity_completed", 2)]).await?;
        exec.signal("go", &30_u64).await?;
        others_go_on(&env).await?;
        behind.open();
        assert_eq!(exec.result().await?, 42);
        assert_eq!((reports(&log, BLOCKS, &exec).len(), reports(&log, ENDS, &exec).len()), (2, 2));
        assert_eq!(env.world.count("in its transaction"), 1);
        has_events(&exec, &[("activity_completed", 3), ("signal_received", 1)]).await
    })
    .await
}

/// Both ways to lose a lease, on the memory store.
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_lease_that_is_lost_meanwhile_fences_it_on_memory() -> Result<()> {
    let store = Arc::new(MemoryStore::new());
    on_memory_in_real_time(async |mut env| {
        env.engine = flows_core::Engine::new(store.clone());
        its_lease_is_lost(&env, &*store).await?;
        values_block_when_the_lease_is_lost(&env, &*store).await
    })
    .await
}

/// The same on PostgreSQL.
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_lease_that_is_lost_meanwhile_fences_it_on_postgres() -> Result<()> {
    let database = fresh_database().await?;
    let engine = Engine::connect(database.url()).await?;
    engine.migrate().await?;
    on_memory_in_real_time(async |mut env| {
        env.engine = (&engine).into();
        its_lease_is_lost(&env, engine.store().unwrap()).await?;
        values_block_when_the_lease_is_lost(&env, engine.store().unwrap()).await
    })
    .await
}

async fn its_lease_is_lost(env: &Env, store: &dyn Store) -> Result<()> {
    let (gate, log) = (Gate::closed_for(1, 2), Log::default());
    let _worker = serve(env, &log)?;
    let exec = env.engine.start(blocker::Input { gate: gate.name.clone() }).await?;
    signal_thrice(&exec).await?;
    log.heard(BLOCKS, exec.run_id()).await;
    env.world.open("meanwhile");
    for blocked in 1..=2 {
        gate.arrived(blocked).await;
        take_lease(store, exec.run_id()).await?;
    }
    assert_eq!(exec.result().await?, 11, "the worker took it up again, on other threads");
    gate.open();
    others_go_on(env).await?;
    assert_eq!((env.world.count("after"), gate.arrivals()), (1, 3));
    has_events(&exec, &[("activity_completed", 3), ("signal_received", 3), ("run_completed", 1)])
        .await
}

/// What the session forgets at its end may block, too: the next one begins all the same.
async fn values_block_when_the_lease_is_lost(env: &Env, store: &dyn Store) -> Result<()> {
    let (gate, log) = (Gate::closed_for(1, 1), Log::default());
    let _worker = serve(env, &log)?;
    let exec = env.engine.start(holds_a_value::Input { gate: gate.name.clone() }).await?;
    until(async || Ok(!events(&exec, "activity_completed").await?.is_empty())).await?;
    take_lease(store, exec.run_id()).await?;
    gate.arrived(1).await;
    exec.signal("go", &3_u64).await?;
    assert_eq!(exec.result().await?, 3);
    assert_eq!(gate.arrivals(), 2, "once by each session");
    others_go_on(env).await
}

/// As if its worker had been away for too long.
async fn take_lease(store: &dyn Store, run: uuid::Uuid) -> Result<()> {
    let key = RunKey::of_run(uuid::Uuid::nil(), run);
    let placement = store.describe(key).await?.expect("it was started").placement;
    let Some(Placement::Owned { worker, .. }) = placement else { panic!("{placement:?}") };
    store.retire(worker, &[]).await
}

/// Where everything runs on one thread, everything waits; it is reported all the same.
#[tokio::test]
async fn on_a_current_thread_runtime_it_is_reported() -> Result<()> {
    on_memory_in_real_time(async |env| {
        let gate = Gate::new();
        let log = Log::opening(&gate);
        let _worker = serve(&env, &log)?;
        let exec = env.engine.start(at_first::Input { gate: gate.name.clone() }).await?;
        assert_eq!(exec.result().await?, 5);
        assert_eq!((reports(&log, BLOCKS, &exec).len(), reports(&log, ENDS, &exec).len()), (1, 1));
        Ok(())
    })
    .await
}
