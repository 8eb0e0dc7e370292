//! What a worker does when its commit was lost, or nobody can say whether it was; when the store fails
//! for a moment; and when no hint reaches it.
//!
//! All on the memory store, behind one that meddles, in virtual time.

use std::sync::Arc;

use flows::memory::MemoryStore;
use flows::prelude::*;
use flows_core::context::ExactlyOnce;
use flows_core::ids::RunKey;
use flows_core::payload::Payload;
use flows_core::store::traits::*;
use flows_core::store::{Committed, Placement, Record, TransactionOutcome};
use uuid::Uuid;

use crate::harness::{Env, Serving};
use crate::meddler::{Meddler, Meddling};
use crate::world::World;

/// An engine behind the meddler, and another process without one.
struct Scene {
    env: Env,
    store: Arc<dyn Store>,
    meddler: Arc<Meddler>,
    other: flows_core::Engine,
}

fn scene() -> Scene {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let other = flows_core::Engine::new(Arc::clone(&store));
    let mut env = Env::on_memory();
    let meddler = Meddler::new(Arc::clone(&store), &env.world);
    env.engine = flows_core::Engine::new(Arc::clone(&meddler) as Arc<dyn Store>);
    Scene { env, store, meddler, other }
}

/// Until nothing moves any more: only then does virtual time go on.
async fn all_is_quiet() {
    tokio::time::sleep(Duration::from_millis(100)).await;
}

#[activity]
async fn first(ctx: &ActivityContext) -> Result<u32> {
    ctx.state::<World>()?.note("first");
    Ok(1)
}

#[activity]
async fn second(ctx: &ActivityContext, from: u32) -> Result<u32> {
    ctx.state::<World>()?.note(format!("second from {from}"));
    Ok(from * 10)
}

#[workflow]
async fn chain(ctx: &WorkflowContext) -> Result<u32> {
    let one = first(ctx).await?;
    second(ctx, one).await
}

/// Runs the chain while its first result meets this; gives the result and who was invoked.
async fn chain_that_meets(meddling: Meddling) -> Result<(u32, Vec<String>)> {
    let Scene { env, meddler, .. } = scene();
    meddler.result_of("first", meddling);
    let _worker = env.serve(register_all![chain, first, second])?;
    let exec = env.engine.start(chain::Input {}).await?;
    let result = exec.result().await?;
    assert!(meddler.is_done(), "{meddling:?} has not happened");
    let kinds: Vec<_> = exec.history().await?.iter().map(|event| event.kind).collect();
    let completed = "activity_completed";
    assert_eq!(kinds, ["run_started", completed, completed, "run_completed"], "{meddling:?}");
    Ok((result, env.world.notes()))
}

fn invoked<const COUNT: usize>(names: [&str; COUNT]) -> Vec<String> {
    names.map(str::to_owned).to_vec()
}

#[tokio::test(start_paused = true)]
async fn a_lost_record_is_not_taken_as_committed() -> Result<()> {
    let met = chain_that_meets(Meddling::ComesSecond(7)).await?;
    assert_eq!(met, (70, invoked(["first", "second from 7"])));
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn what_somebody_else_has_written_is_not_taken_as_ones_own() -> Result<()> {
    let met = chain_that_meets(Meddling::ComesSecondUnheard(7)).await?;
    assert_eq!(met, (70, invoked(["first", "second from 7"])));
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_record_that_vanished_is_written_again() -> Result<()> {
    let met = chain_that_meets(Meddling::Vanishes).await?;
    assert_eq!(met, (10, invoked(["first", "second from 1"])));
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_record_that_was_written_unheard_is_written_once() -> Result<()> {
    let met = chain_that_meets(Meddling::IsUnheard).await?;
    assert_eq!(met, (10, invoked(["first", "second from 1"])));
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn an_activity_starts_behind_the_record_of_the_one_before() -> Result<()> {
    let Scene { env, meddler, .. } = scene();
    meddler.result_of("first", Meddling::Waits);
    let _worker = env.serve(register_all![chain, first, second])?;
    let exec = env.engine.start(chain::Input {}).await?;
    env.world.noted("a commit waits", 1).await;
    all_is_quiet().await;
    assert_eq!(env.world.count("second from 1"), 0, "nothing says yet that it is wanted");
    env.world.open("commit");
    assert_eq!(exec.result().await?, 10);
    Ok(())
}

/// Notes its invocation, waits at the gate of that number, and gives the number; on demand with a record
/// in a transaction of its own.
#[activity]
async fn slow(ctx: &ActivityContext, with_record: bool) -> Result<u32> {
    let world = ctx.state::<World>()?;
    let number = world.count("slow") + 1;
    world.note("slow");
    world.pass(&format!("slow {number}")).await;
    world.note(format!("slow {number} ends"));
    if with_record {
        let once = ctx.exactly_once().expect("it has a store");
        let record = once.record(Payload::json(&number)?).await;
        world.note(format!("record {number}: {}", record.is_ok()));
        commit(once, record?).await?;
    }
    Ok(u32::try_from(number)?)
}

#[activity]
async fn quick(ctx: &ActivityContext) -> Result<u32> {
    ctx.state::<World>()?.pass("quick").await;
    Ok(1)
}

#[workflow]
async fn both(ctx: &WorkflowContext, with_record: bool) -> Result<(u32, u32)> {
    let slow = slow(ctx, with_record).start();
    let quick = quick(ctx).await?;
    Ok((slow.await?, quick))
}

/// Its run was read again, and what runs for it now is another invocation with the same number.
async fn what_comes_late(with_record: bool) -> Result<World> {
    let Scene { env, meddler, .. } = scene();
    meddler.result_of("quick", Meddling::ComesSecond(7));
    let _worker = env.serve(register_all![both, slow, quick])?;
    let exec = env.engine.start(both::Input { with_record }).await?;
    env.world.noted("slow", 1).await;
    env.world.open("quick");
    env.world.noted("slow", 2).await;
    env.world.open("slow 1");
    env.world.noted("slow 1 ends", 1).await;
    all_is_quiet().await;
    env.world.open("slow 2");
    assert_eq!(exec.result().await?, (2, 7), "with a record: {with_record}");
    Ok(env.world)
}

#[tokio::test(start_paused = true)]
async fn a_result_of_an_earlier_residency_is_dropped() -> Result<()> {
    what_comes_late(false).await.map(drop)
}

#[tokio::test(start_paused = true)]
async fn an_earlier_residency_gets_no_record() -> Result<()> {
    let world = what_comes_late(true).await?;
    assert_eq!((world.count("record 1: false"), world.count("record 2: true")), (1, 1));
    Ok(())
}

/// Commits a record as a transactional activity does, and says so.
async fn commit(once: &ExactlyOnce, record: Record) -> Result<()> {
    let committed = once.store().commit(0, Uuid::nil(), &[record]).await?;
    assert_eq!(committed, [Committed::Done]);
    once.set(TransactionOutcome::Committed);
    Ok(())
}

/// Cannot say at first what became of its transaction.
#[activity]
async fn by_hand(ctx: &ActivityContext, is_kept: bool) -> Result<u32> {
    let world = ctx.state::<World>()?;
    world.note("by hand");
    let once = ctx.exactly_once().expect("it has a store");
    let record = once.record(Payload::json(&1)?).await?;
    if world.count("by hand") > 1 || is_kept {
        commit(once, record).await?;
    }
    if world.count("by hand") == 1 {
        once.set(TransactionOutcome::Unknown);
    }
    Ok(1)
}

#[workflow]
async fn pays(ctx: &WorkflowContext, is_kept: bool) -> Result<u32> {
    let paid = by_hand(ctx, is_kept).await?;
    second(ctx, paid).await
}

/// How often the activity is invoked whose first transaction ends so.
async fn unknown_commit(is_kept: bool) -> Result<usize> {
    let Scene { env, .. } = scene();
    let _worker = env.serve(register_all![pays, by_hand, second])?;
    let exec = env.engine.start(pays::Input { is_kept }).await?;
    assert_eq!(exec.result().await?, 10);
    let kinds: Vec<_> = exec.history().await?.iter().map(|event| event.kind).collect();
    let completed = "activity_completed";
    assert_eq!(kinds, ["run_started", completed, completed, "run_completed"], "kept: {is_kept}");
    assert_eq!(env.world.count("second from 1"), 1);
    Ok(env.world.count("by hand"))
}

#[tokio::test(start_paused = true)]
async fn an_unknown_commit_of_an_activity_is_looked_up() -> Result<()> {
    assert_eq!(unknown_commit(true).await?, 1, "it was kept");
    assert_eq!(unknown_commit(false).await?, 2, "it was not");
    Ok(())
}

#[activity]
async fn commits_late(ctx: &ActivityContext) -> Result<u32> {
    let world = ctx.state::<World>()?;
    let once = ctx.exactly_once().expect("it has a store");
    let record = once.record(Payload::json(&1)?).await?;
    world.note("has its record");
    world.pass("commit").await;
    commit(once, record).await?;
    Ok(1)
}

#[activity]
async fn ends_meanwhile(ctx: &ActivityContext) -> Result<u32> {
    let world = ctx.state::<World>()?;
    world.pass("meanwhile").await;
    world.note("ended meanwhile");
    Ok(2)
}

#[workflow]
async fn races(ctx: &WorkflowContext) -> Result<u32> {
    flows::select! {
        meanwhile = ends_meanwhile(ctx) => meanwhile,
        late = commits_late(ctx) => late,
    }
}

/// The journal has the record first, and a replay will go by the journal.
#[tokio::test(start_paused = true)]
async fn what_ends_while_a_record_is_written_comes_behind_it() -> Result<()> {
    let Scene { env, other, .. } = scene();
    let registry = || register_all![races, commits_late, ends_meanwhile];
    let _worker = env.serve(registry())?;
    let exec = env.engine.start(races::Input {}).id("race").await?;
    env.world.noted("has its record", 1).await;
    env.world.open("meanwhile");
    env.world.noted("ended meanwhile", 1).await;
    all_is_quiet().await;
    env.world.open("commit");
    assert_eq!(exec.result().await?, 1);
    let history = other.execution::<races::Workflow>("race").history().await?;
    let done: Vec<_> = history.iter().filter(|e| e.kind == "activity_completed").collect();
    assert_eq!(done.len(), 1, "what has lost is not recorded: {history:?}");
    Ok(())
}

#[workflow]
async fn waits(ctx: &WorkflowContext) -> Result<u32> {
    let slow = slow(ctx, false).start();
    let from: u32 = ctx.signal("go").await?;
    second(ctx, from).await?;
    slow.await
}

/// A signal from another process, while an activity keeps the run in memory.
async fn signalled(scene: &Scene) -> Result<()> {
    let Scene { env, other, .. } = scene;
    let _worker = env.serve(register_all![waits, slow, second])?;
    let exec = env.engine.start(waits::Input {}).id("waits").await?;
    env.world.noted("slow", 1).await;
    all_is_quiet().await;
    other.execution::<waits::Workflow>("waits").signal("go", &5_u32).await?;
    let began = tokio::time::Instant::now();
    env.world.noted("second from 5", 1).await;
    assert!(began.elapsed() < Duration::from_secs(60), "{:?}", began.elapsed());
    env.world.open("slow 1");
    assert_eq!(exec.result().await?, 1);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_lost_hint_of_mail_is_made_up_for_while_an_activity_runs() -> Result<()> {
    signalled(&scene()).await
}

/// Nor is anything else forgotten that fails for a moment.
#[tokio::test(start_paused = true)]
async fn a_store_that_fails_for_a_moment_is_asked_again() -> Result<()> {
    for verb in ["register", "poll", "collect", "commit", "renew"] {
        let scene = scene();
        scene.meddler.fails(verb, 2);
        tokio::time::timeout(Duration::from_secs(300), signalled(&scene)).await.expect(verb)?;
        if verb != "renew" {
            assert!(scene.meddler.is_done(), "`{verb}` was not called");
        }
    }
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_claim_that_fails_is_made_again() -> Result<()> {
    let Scene { env, meddler, other, .. } = scene();
    meddler.fails("claim", 2);
    let exec = other.start(chain::Input {}).await?; // before there is a worker
    let _worker = env.serve(register_all![chain, first, second])?;
    assert_eq!(exec.result().await?, 10);
    assert!(meddler.is_done());
    Ok(())
}

/// The worker was frozen while a claim was answered: it finds its lease over.
#[tokio::test(start_paused = true)]
async fn a_run_whose_claim_is_answered_behind_the_lease_has_no_setback() -> Result<()> {
    let Scene { env, meddler, other, .. } = scene();
    meddler.fails("renew", usize::MAX);
    meddler.claim_waits();
    let exec = other.start(chain::Input {}).await?; // before there is a worker
    let worker = env.worker(register_all![chain, first, second]).lease(Duration::from_secs(2));
    let _worker = Serving::begin(worker.build()?);
    env.world.noted("a claim waits", 1).await;
    tokio::time::advance(Duration::from_millis(2_100)).await; // as if nobody had run meanwhile
    meddler.fails("renew", 0);
    env.world.open("answer");
    assert_eq!(exec.result().await?, 10);
    let kinds: Vec<_> = exec.history().await?.iter().map(|event| event.kind).collect();
    let completed = "activity_completed";
    assert_eq!(kinds, ["run_started", completed, completed, "run_completed"]);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_run_that_cannot_be_read_again_is_read_later() -> Result<()> {
    let Scene { env, meddler, .. } = scene();
    meddler.result_of("first", Meddling::ComesSecond(7));
    meddler.fails("reload", 3);
    let _worker = env.serve(register_all![chain, first, second])?;
    assert_eq!(env.engine.start(chain::Input {}).await?.result().await?, 70);
    assert!(meddler.is_done());
    Ok(())
}

/// However long a lease is: what a worker has when it stops, others go on with at once.
#[tokio::test(start_paused = true)]
async fn a_worker_that_stops_is_not_waited_for() -> Result<()> {
    let Scene { env, .. } = scene();
    let worker = || {
        let worker = env.worker(register_all![waits, slow, second]);
        worker.lease(Duration::from_secs(3_600)).shutdown_grace(Duration::from_secs(1)).build()
    };
    let leaving = Serving::begin(worker()?);
    let exec = env.engine.start(waits::Input {}).await?;
    env.world.noted("slow", 1).await;
    leaving.stop().await?;
    let began = tokio::time::Instant::now();
    let _staying = Serving::begin(worker()?);
    env.world.noted("slow", 2).await;
    assert!(began.elapsed() < Duration::from_secs(60), "{:?}", began.elapsed());
    env.world.open("slow 2");
    exec.signal("go", &5_u32).await?;
    exec.result().await.map(drop)
}

#[workflow]
async fn listens(ctx: &WorkflowContext) -> Result<u32> {
    ctx.signal("go").await
}

/// The signal comes while the run is on its way out of memory: then it stays.
#[tokio::test(start_paused = true)]
async fn a_run_that_is_not_parked_goes_on() -> Result<()> {
    let Scene { env, meddler, .. } = scene();
    meddler.parking(Meddling::Waits);
    let worker = env.worker(register_all![listens]).resident_for(Duration::ZERO);
    let _worker = Serving::begin(worker.build()?);
    let exec = env.engine.start(listens::Input {}).await?;
    env.world.noted("a commit waits", 1).await;
    exec.signal("go", &5_u32).await?;
    all_is_quiet().await;
    env.world.open("commit");
    assert_eq!(exec.result().await?, 5);
    Ok(())
}

/// Its activities are given hours, and nobody takes them over meanwhile.
#[tokio::test(start_paused = true)]
async fn a_worker_that_waits_for_its_activities_holds_its_lease() -> Result<()> {
    let Scene { env, .. } = scene();
    let worker = || {
        env.worker(register_all![waits, slow, second])
            .lease(Duration::from_secs(2))
            .shutdown_grace(Duration::from_secs(3_600))
            .build()
    };
    let leaving = Serving::begin(worker()?);
    let exec = env.engine.start(waits::Input {}).await?;
    env.world.noted("slow", 1).await;
    let stopping = tokio::spawn(leaving.stop());
    let _staying = Serving::begin(worker()?);
    tokio::time::sleep(Duration::from_secs(600)).await; // virtual
    assert_eq!(env.world.count("slow"), 1, "it was taken over");
    env.world.open("slow 1");
    stopping.await??;
    exec.signal("go", &5_u32).await?;
    assert_eq!(exec.result().await?, 1);
    Ok(())
}

/// Nobody will read it any more: whoever has the run next finds out.
#[tokio::test(start_paused = true)]
async fn a_worker_that_stops_does_not_wait_for_what_it_could_not_read() -> Result<()> {
    let Scene { env, meddler, other, .. } = scene();
    meddler.result_of("first", Meddling::Vanishes);
    meddler.fails("reload", usize::MAX);
    let worker = env.worker(register_all![chain, first, second]);
    let worker = Serving::begin(worker.shutdown_grace(Duration::from_secs(3_600)).build()?);
    let exec = other.start(chain::Input {}).await?;
    env.world.noted("first", 1).await;
    all_is_quiet().await;
    let began = tokio::time::Instant::now();
    worker.stop().await?;
    assert!(began.elapsed() < Duration::from_secs(60), "{:?}", began.elapsed());
    let _next = env.serve(register_all![chain, first, second])?;
    assert_eq!(exec.result().await?, 10);
    Ok(())
}

#[activity]
async fn outlasts(ctx: &ActivityContext) -> Result<()> {
    let world = ctx.state::<World>()?;
    world.note("outlasts");
    world.pass("end").await;
    Ok(())
}

#[workflow]
async fn lasting(ctx: &WorkflowContext) -> Result<()> {
    outlasts(ctx).await
}

/// A run's setbacks, once it is owned by another worker than this.
async fn setbacks(store: &dyn Store, run: RunKey, not_by: Uuid) -> Result<(Uuid, i16)> {
    loop {
        let view = store.describe(run).await?.expect("it was started");
        if let Some(Placement::Owned { worker, .. }) = view.placement
            && worker != not_by
        {
            return Ok((worker, store.reload(worker, &[run]).await?[0].setbacks));
        }
        all_is_quiet().await;
    }
}

/// Its store is away, and comes back when others have taken its runs over.
#[tokio::test(start_paused = true)]
async fn nothing_is_held_against_runs_of_a_worker_that_was_cut_off() -> Result<()> {
    let Scene { env, store, meddler, other } = scene();
    let _worker = env.serve(register_all![lasting, outlasts])?;
    let exec = env.engine.start(lasting::Input {}).await?;
    env.world.noted("outlasts", 1).await;
    let run = RunKey::of_run(Uuid::nil(), exec.run_id());
    let (owner, before) = setbacks(&*store, run, Uuid::nil()).await?;
    assert_eq!(before, 0);
    meddler.fails("retire", 1);
    ["renew", "register"].iter().for_each(|verb| meddler.fails(verb, usize::MAX));
    let mut next = Env::on_memory();
    next.engine = other;
    let _next = next.serve(register_all![lasting, outlasts])?;
    assert_eq!(setbacks(&*store, run, owner).await?.1, -1, "its worker is away");
    ["renew", "register"].iter().for_each(|verb| meddler.fails(verb, 0));
    while setbacks(&*store, run, owner).await?.1 < 0 {
        all_is_quiet().await;
    }
    assert!(meddler.is_done(), "it could not hand back at first");
    next.world.open("end");
    exec.result().await
}
