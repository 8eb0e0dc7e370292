//! Runs begin with the history of another run: reruns from a failure, forks, resets.

use flows::Description;
use flows::prelude::*;
use flows_core::engine::AnyWorkflow;
use uuid::Uuid;

use crate::harness::{Env, events, until};
use crate::world::World;

on_every_store! {
    a_rerun_from_the_failure_keeps_what_is_finished,
    a_step_that_failed_has_all_its_attempts_again,
    what_ended_beside_the_failure_is_kept,
    what_went_on_behind_its_failure_is_not_rerun_from_there,
    a_child_that_failed_goes_on_from_its_own_failure,
    a_run_that_ran_out_of_time_goes_on,
    only_a_dead_letter_is_rerun_from_its_failure,
    a_fork_at_any_event_comes_to_the_same_end,
    a_fork_at_any_event_survives_eviction,
    the_same_call_has_the_same_key,
    keys_outlive_forks_of_forks,
    another_result_is_another_call,
    a_failure_is_edited_into_a_result,
    another_input_is_seen_from_the_beginning,
    what_cannot_be_forked_is_refused,
    a_fork_waits_for_its_own_child,
    a_fork_of_other_code_is_stuck_and_says_where,
    a_reset_takes_the_place_of_an_open_run,
    a_reset_keeps_later_signals_if_told,
    a_reset_of_an_ended_run_frees_its_dead_letter,
    a_run_that_went_on_is_not_reset,
    a_run_that_continued_as_new_is_forked_by_itself,
    a_dead_letter_is_dismissed_with_a_reason,
}

/// Notes its key, and fails for as long as the ledger has no note that it is mended.
#[activity(retry(max_attempts = 2, initial_interval = "5ms"))]
async fn ship(ctx: &ActivityContext, order: u32) -> Result<u32> {
    let world = ctx.state::<World>()?;
    world.note(format!("ship {order} {} {}", ctx.attempt(), ctx.idempotency_key()));
    if world.count("mended") == 0 { Err(Error::retryable("no truck")) } else { Ok(order * 10) }
}

#[activity]
async fn charge(ctx: &ActivityContext, cents: u32) -> Result<u32> {
    ctx.state::<World>()?.note(format!("charge {cents} {}", ctx.idempotency_key()));
    Ok(cents + 1)
}

#[activity]
async fn refund(ctx: &ActivityContext, cents: u32) -> Result<()> {
    ctx.state::<World>()?.note(format!("refund {cents}"));
    Ok(())
}

#[activity]
async fn gated(ctx: &ActivityContext, order: u32) -> Result<u32> {
    let world = ctx.state::<World>()?;
    world.note(format!("gated {order}"));
    world.pass("gate").await;
    Ok(order)
}

#[workflow]
async fn job(ctx: &WorkflowContext, order: u32) -> Result<(u32, u32, Uuid)> {
    let charged = charge(ctx, order).await?;
    let id = ctx.uuid();
    Ok((charged, ship(ctx, charged).await?, id))
}

#[workflow]
async fn both(ctx: &WorkflowContext, order: u32) -> Result<u32> {
    let (shipped, other) = flows::join!(ship(ctx, order), gated(ctx, order));
    Ok(shipped? + other?)
}

#[workflow]
async fn undoes(ctx: &WorkflowContext, order: u32) -> Result<u32> {
    let charged = charge(ctx, order).await?;
    match ship(ctx, order).await {
        Ok(shipped) => Ok(shipped),
        Err(error) => {
            refund(ctx, charged).await?;
            Err(error)
        }
    }
}

#[workflow]
async fn parent(ctx: &WorkflowContext, order: u32) -> Result<u32> {
    let charged = charge(ctx, order).await?;
    let (_, shipped, _) = job(ctx, charged).await?;
    Ok(shipped)
}

#[workflow]
async fn approval(ctx: &WorkflowContext, order: u32) -> Result<Vec<u32>> {
    let mut all = vec![charge(ctx, order).await?];
    for _ in 0..2 {
        let cents: u32 = ctx.signal("approve").await?;
        all.push(charge(ctx, cents).await?);
    }
    Ok(all)
}

#[workflow]
async fn nap(ctx: &WorkflowContext, n: u32) -> Result<u32> {
    ctx.sleep(Duration::from_millis(5)).await?;
    Ok(n + 1)
}

/// Something of everything that a journal holds.
#[workflow]
async fn everything(ctx: &WorkflowContext, n: u32) -> Result<(u32, u32, Uuid, u32, Vec<u32>)> {
    let charged = charge(ctx, n).await?;
    let random: u32 = ctx.random();
    let recorded = ctx.side_effect(move || n + 7).await?;
    ctx.set_query("stage", &"charged")?;
    let (napped, first) = flows::join!(nap(ctx, n), ctx.signal::<u32>("go"));
    ctx.sleep(Duration::from_millis(5)).await?;
    let second: u32 = ctx.signal("go").await?;
    let last = charge(ctx, random % 1000).await?;
    let all = vec![first?, second, last, random];
    Ok((charged, recorded, ctx.uuid(), napped?, all))
}

#[workflow(name = "changing", version = 1)]
async fn changing(ctx: &WorkflowContext, n: u32) -> Result<u32> {
    let n = charge(ctx, n).await?;
    charge(ctx, n).await
}

#[workflow(name = "changing", version = 2)]
async fn changing_2(ctx: &WorkflowContext, n: u32) -> Result<u32> {
    refund(ctx, n).await?;
    charge(ctx, n).await
}

#[workflow]
async fn counts(ctx: &WorkflowContext, n: u32) -> Result<u32> {
    let next = charge(ctx, n).await?;
    if next < 3 { ctx.continue_as_new(counts::Input { n: next }) } else { Ok(next) }
}

fn registry() -> Registry {
    register_all![
        job, both, undoes, parent, approval, nap, everything, changing, changing_2, counts, ship,
        charge, refund, gated
    ]
}

/// What the ledger says of an activity: the key is behind the last space.
fn keys(env: &Env, what: &str) -> Vec<String> {
    let notes = env.world.notes().into_iter().filter(|note| note.starts_with(what));
    notes.filter_map(|note| Some(note.rsplit_once(' ')?.1.to_owned())).collect()
}

async fn describe(env: &Env, run: Uuid) -> Result<Description> {
    env.engine.execution::<AnyWorkflow>(run.to_string()).describe().await
}

async fn failed(env: &Env) -> Result<Execution<job::Workflow>> {
    let exec = env.engine.start(job::Input { order: 7 }).id("job").await?;
    assert_eq!(exec.result().await.unwrap_err().message(), "no truck");
    Ok(exec)
}

async fn a_rerun_from_the_failure_keeps_what_is_finished(env: Env) -> Result<()> {
    let _worker = env.serve(registry())?;
    let exec = failed(&env).await?;
    env.world.note("mended");
    let again = env.engine.rerun(exec.run_id()).from_failure().await?;
    let (charged, shipped, id) = again.clone().typed::<job::Workflow>().result().await?;
    assert_eq!((charged, shipped), (8, 80));
    assert_eq!(env.world.notes().iter().filter(|note| note.starts_with("charge")).count(), 1);
    let shipments = keys(&env, "ship");
    assert_eq!(shipments.len(), 3, "{shipments:?}");
    assert!(shipments.iter().all(|key| *key == format!("{}-1", exec.run_id())), "{shipments:?}");

    let new = describe(&env, again.run_id()).await?;
    assert_eq!((&*new.workflow_id, new.predecessor), ("job", Some(exec.run_id())));
    assert_eq!(new.forked_from.map(|(run, _)| run), Some(exec.run_id()));
    let old = describe(&env, exec.run_id()).await?;
    assert_eq!((old.status, old.successor), (Status::Failed, Some(again.run_id())));
    assert_eq!(old.forks, [again.run_id()]);
    assert!(env.engine.dead_letters().list().await?.is_empty());
    assert_eq!(exec.result().await?.2, id, "who awaits the old run gets the new one's result");
    let twice = env.engine.rerun(exec.run_id()).from_failure().await.unwrap_err();
    assert_eq!(twice.kind(), ErrorKind::NotFound, "{twice}");

    let kinds: Vec<_> = again.history().await?.into_iter().map(|event| event.kind).collect();
    let kept =
        ["forked", "run_started", "activity_completed", "activity_completed", "run_completed"];
    assert_eq!(kinds, kept);
    Ok(())
}

async fn a_step_that_failed_has_all_its_attempts_again(env: Env) -> Result<()> {
    let _worker = env.serve(registry())?;
    let exec = failed(&env).await?;
    let again = env.engine.rerun(exec.run_id()).from_failure().await?;
    assert_eq!(again.result().await.unwrap_err().message(), "no truck");
    let attempts: Vec<_> =
        env.world.notes().into_iter().filter(|note| note.starts_with("ship")).collect();
    let attempt = |note: &String| note.split(' ').nth(2).map(str::to_owned);
    let attempts: Vec<_> = attempts.iter().filter_map(attempt).collect();
    assert_eq!(attempts, ["1", "2", "1", "2"]);
    let dead = env.engine.dead_letters().list().await?;
    assert_eq!(dead.iter().map(|dead| dead.run_id).collect::<Vec<_>>(), [again.run_id()]);
    env.world.note("mended");
    let last = env.engine.rerun(again.run_id()).from_failure().await?;
    assert_eq!(last.typed::<job::Workflow>().result().await?.1, 80);
    let shipments = keys(&env, "ship");
    assert!(shipments.iter().all(|key| *key == format!("{}-1", exec.run_id())), "{shipments:?}");
    Ok(())
}

async fn what_ended_beside_the_failure_is_kept(env: Env) -> Result<()> {
    let _worker = env.serve(registry())?;
    let exec = env.engine.start(both::Input { order: 7 }).await?;
    let is_failed = || async { Ok(events(&exec, "activity_failed").await?.len() == 1) };
    until(is_failed).await?;
    env.world.open("gate");
    exec.result().await.unwrap_err();
    env.world.note("mended");
    let again = env.engine.rerun(exec.run_id()).from_failure().await?;
    assert_eq!(again.typed::<both::Workflow>().result().await?, 77);
    assert_eq!(env.world.count("gated 7"), 1);
    Ok(())
}

async fn what_went_on_behind_its_failure_is_not_rerun_from_there(env: Env) -> Result<()> {
    let _worker = env.serve(registry())?;
    let exec = env.engine.start(undoes::Input { order: 7 }).await?;
    exec.result().await.unwrap_err();
    assert_eq!(env.world.count("refund 8"), 1);
    env.world.note("mended");
    let refused = env.engine.rerun(exec.run_id()).from_failure().await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::InvalidInput);
    assert!(refused.message().contains("activity_failed `ship` (#1)"), "{refused}");
    assert!(refused.message().contains("activity_completed `refund` (#2)"), "{refused}");
    assert_eq!(env.engine.dead_letters().list().await?.len(), 1, "it is still there");
    let again = env.engine.reset(exec.run_id(), 0).await?;
    assert_eq!(again.typed::<undoes::Workflow>().result().await?, 70);
    assert!(env.engine.dead_letters().list().await?.is_empty());
    Ok(())
}

async fn a_child_that_failed_goes_on_from_its_own_failure(env: Env) -> Result<()> {
    let _worker = env.serve(registry())?;
    let exec = env.engine.start(parent::Input { order: 1 }).await?;
    exec.result().await.unwrap_err();
    let child = env.engine.list().workflow("job").await?.remove(0);
    env.world.note("mended");
    let again = env.engine.rerun(exec.run_id()).from_failure().await?;
    assert_eq!(again.clone().typed::<parent::Workflow>().result().await?, 30);
    assert_eq!(keys(&env, "charge").len(), 2, "once by the parent, once by the child");
    let key = format!("{}-1", child.run_id);
    assert!(keys(&env, "ship").iter().all(|used| *used == key), "{:?}", env.world.notes());
    let old = describe(&env, child.run_id).await?;
    let new = describe(&env, old.successor.expect("the child was rerun too")).await?;
    assert_eq!((new.parent, new.status), (Some(again.run_id()), Status::Completed));
    assert!(
        env.engine.dead_letters().list().await?.is_empty(),
        "neither of the two is one any more"
    );
    Ok(())
}

async fn a_run_that_ran_out_of_time_goes_on(env: Env) -> Result<()> {
    let _worker = env.serve(registry())?;
    let start = env.engine.start(approval::Input { order: 1 });
    let exec = start.timeout(Duration::from_millis(300)).await?;
    exec.signal("approve", &2).await?;
    assert!(exec.result().await.unwrap_err().is_timeout());
    let again = env.engine.rerun(exec.run_id()).from_failure().await?;
    again.signal("approve", &3).await?;
    assert_eq!(again.typed::<approval::Workflow>().result().await?, [2, 3, 4]);
    assert_eq!(keys(&env, "charge").len(), 3);
    Ok(())
}

async fn only_a_dead_letter_is_rerun_from_its_failure(env: Env) -> Result<()> {
    let _worker = env.serve(registry())?;
    env.world.note("mended");
    let done = env.engine.start(job::Input { order: 1 }).await?;
    done.result().await?;
    let open = env.engine.start(approval::Input { order: 1 }).await?;
    for run in [done.run_id(), open.run_id(), Uuid::now_v7()] {
        let refused = env.engine.rerun(run).from_failure().await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::NotFound, "{refused}");
    }
    Ok(())
}

async fn a_fork_at_any_event_comes_to_the_same_end(env: Env) -> Result<()> {
    let worker = env.serve(registry())?;
    forks_of_everything(&env, worker).await
}

async fn a_fork_at_any_event_survives_eviction(env: Env) -> Result<()> {
    let worker = env.worker(registry()).resident_for(Duration::ZERO).build()?;
    forks_of_everything(&env, crate::harness::Serving::begin(worker)).await
}

async fn forks_of_everything(env: &Env, _worker: crate::harness::Serving) -> Result<()> {
    let exec = env.engine.start(everything::Input { n: 1 }).id("first").await?;
    exec.signal("go", &1).await?;
    exec.signal("go", &2).await?;
    let end = exec.result().await?;
    let history = exec.history().await?;
    for position in 0..=history.len() {
        let fork = env.engine.fork(exec.run_id(), position).keep_signals().await?;
        let fork = fork.typed::<everything::Workflow>();
        let (charged, recorded, id, napped, all) = fork.result().await?;
        assert_eq!(
            (charged, recorded, napped, &all),
            (end.0, end.1, end.3, &end.4),
            "at {position}"
        );
        // an id holds the time of its turn, and behind that random bits: those are the same
        assert_eq!(id.as_u128() << 64, end.2.as_u128() << 64, "at {position}");
        assert_eq!(
            fork.query::<String>("stage").await?.as_deref(),
            Some("charged"),
            "at {position}"
        );
        let described = describe(env, fork.run_id()).await?;
        let most = history.len() - 1; // its end is not repeated
        assert_eq!(described.forked_from, Some((exec.run_id(), position.min(most))));
        assert_eq!(
            (described.predecessor, described.workflow_id),
            (None, fork.run_id().to_string())
        );
    }
    assert_eq!(describe(env, exec.run_id()).await?.forks.len(), history.len() + 1);
    let of = |what| keys(env, what).into_iter().collect::<std::collections::BTreeSet<_>>();
    assert_eq!(of("charge").len(), 2, "whichever run does it: {:?}", env.world.notes());
    Ok(())
}

async fn the_same_call_has_the_same_key(env: Env) -> Result<()> {
    let _worker = env.serve(registry())?;
    env.world.note("mended");
    let exec = env.engine.start(job::Input { order: 1 }).id("job").await?;
    let done = exec.result().await?;
    let charged = events(&exec, "activity_completed").await?.remove(0);
    let fork = env.engine.fork(exec.run_id(), charged.index).id("job-2").await?;
    assert_eq!(fork.id(), "job-2");
    let again = fork.typed::<job::Workflow>().result().await?;
    assert_eq!((again.0, again.1), (done.0, done.1));
    let keys = [keys(&env, "charge"), keys(&env, "ship")].concat();
    let of = |op| format!("{}-{op}", exec.run_id());
    assert_eq!(keys, [of(0), of(0), of(1), of(1)]);
    assert_eq!(exec.describe().await?.status, Status::Completed);
    assert_eq!(exec.result().await?, done, "a fork does not touch the other run");
    Ok(())
}

async fn keys_outlive_forks_of_forks(env: Env) -> Result<()> {
    let _worker = env.serve(registry())?;
    env.world.note("mended");
    let exec = env.engine.start(job::Input { order: 1 }).await?;
    exec.result().await?;
    let second = env.engine.fork(exec.run_id(), exec.history().await?.len()).await?;
    second.result().await?;
    let history = second.history().await?;
    for position in 0..=history.len() {
        let third = env.engine.fork(second.run_id(), position).await?;
        third.result().await?;
        let fourth = env.engine.fork(third.run_id(), 1).await?;
        fourth.result().await?;
    }
    let of = |op| format!("{}-{op}", exec.run_id());
    assert!(keys(&env, "charge").iter().all(|key| *key == of(0)), "{:?}", env.world.notes());
    assert!(keys(&env, "ship").iter().all(|key| *key == of(1)), "{:?}", env.world.notes());
    Ok(())
}

async fn another_result_is_another_call(env: Env) -> Result<()> {
    let _worker = env.serve(registry())?;
    env.world.note("mended");
    let exec = env.engine.start(job::Input { order: 1 }).await?;
    exec.result().await?;
    let [charged, shipped] = &events(&exec, "activity_completed").await?[..] else {
        panic!("two steps")
    };
    let fork = env.engine.fork(exec.run_id(), shipped.index);
    let fork = fork.activity_result(charged.index, &50).await?;
    let (charged, shipped, _) = fork.clone().typed::<job::Workflow>().result().await?;
    assert_eq!((charged, shipped), (50, 500));
    let of = |run| format!("{run}-1");
    assert_eq!(
        keys(&env, "ship"),
        [of(exec.run_id()), of(fork.run_id())],
        "it ships something else"
    );
    assert_eq!(keys(&env, "charge").len(), 1);
    Ok(())
}

async fn a_failure_is_edited_into_a_result(env: Env) -> Result<()> {
    let _worker = env.serve(registry())?;
    let exec = failed(&env).await?;
    let failure = events(&exec, "activity_failed").await?.remove(0);
    let behind = failure.index + 1;
    let fork = env.engine.reset(exec.run_id(), behind).activity_result(failure.index, &5).await?;
    assert_eq!(fork.typed::<job::Workflow>().result().await?.1, 5);
    Ok(())
}

async fn another_input_is_seen_from_the_beginning(env: Env) -> Result<()> {
    let _worker = env.serve(registry())?;
    env.world.note("mended");
    let exec = env.engine.start(job::Input { order: 1 }).await?;
    exec.result().await?;
    let fork = env.engine.fork(exec.run_id(), 1).input(&job::Input { order: 20 }).await?;
    assert_eq!(fork.clone().typed::<job::Workflow>().result().await?.0, 21);
    let of = |run| format!("{run}-0");
    assert_eq!(keys(&env, "charge"), [of(exec.run_id()), of(fork.run_id())]);
    Ok(())
}

async fn what_cannot_be_forked_is_refused(env: Env) -> Result<()> {
    let _worker = env.serve(registry())?;
    env.world.note("mended");
    let exec = env.engine.start(job::Input { order: 1 }).id("job").await?;
    exec.result().await?;
    let length = exec.history().await?.len();
    let fork = |position| env.engine.fork(exec.run_id(), position);
    let far = fork(length + 1).await.unwrap_err();
    assert!(far.message().contains(&format!("has {length} events")), "{far}");
    let taken = fork(1).id("job").await.unwrap_err();
    assert_eq!(taken.kind(), ErrorKind::AlreadyExists, "{taken}");
    let not_kept = fork(1).activity_result(1, &1).await.unwrap_err();
    assert!(not_kept.message().contains("the fork does not keep that event"), "{not_kept}");
    let no_result = fork(1).activity_result(0, &1).await.unwrap_err();
    assert!(no_result.message().contains("it is `run_started`"), "{no_result}");
    let named = env.engine.reset(exec.run_id(), 1).id("other").await.unwrap_err();
    assert_eq!(named.kind(), ErrorKind::InvalidInput, "{named}");
    let unknown = env.engine.fork(Uuid::now_v7(), 0).await.unwrap_err();
    assert_eq!(unknown.kind(), ErrorKind::NotFound, "{unknown}");
    assert_eq!(env.engine.list().await?.len(), 1, "nothing was started");
    Ok(())
}

async fn a_fork_waits_for_its_own_child(env: Env) -> Result<()> {
    let _worker = env.serve(registry())?;
    env.world.note("mended");
    let exec = env.engine.start(parent::Input { order: 1 }).await?;
    exec.result().await?;
    let started = events(&exec, "child_started").await?.remove(0);
    let fork = env.engine.fork(exec.run_id(), started.index + 1).await?;
    assert_eq!(fork.clone().typed::<parent::Workflow>().result().await?, 30);
    let children = env.engine.list().workflow("job").await?;
    let of = |run| children.iter().filter(|child| child.parent == Some(run)).count();
    assert_eq!((of(exec.run_id()), of(fork.run_id())), (1, 1));
    assert_eq!(
        keys(&env, "charge").len(),
        2,
        "the child of the fork has what the other child has done"
    );
    Ok(())
}

async fn a_fork_of_other_code_is_stuck_and_says_where(env: Env) -> Result<()> {
    let _worker = env.serve(registry())?;
    let exec = env.engine.start(changing::Input { n: 1 }).await?;
    exec.result().await?;
    let fork = env.engine.fork(exec.run_id(), 2).version(2).await?;
    let is_stuck = || async { Ok(describe(&env, fork.run_id()).await?.stuck.is_some()) };
    until(is_stuck).await?;
    let stuck = describe(&env, fork.run_id()).await?.stuck.unwrap_or_default();
    assert!(stuck.contains("journal: activity `charge` (#0) completed"), "{stuck}");
    assert!(stuck.contains("code:    activity `refund` (#0)"), "{stuck}");
    let fresh = env.engine.fork(exec.run_id(), 1).version(2).await?;
    assert_eq!(fresh.result().await?, 2);
    Ok(())
}

/// An open run that has received one of two signals, and charged for it.
async fn half_approved(env: &Env) -> Result<Execution<approval::Workflow>> {
    let exec = env.engine.start(approval::Input { order: 1 }).id("approval").await?;
    exec.signal("approve", &10).dedup("ten").await?;
    let is_charged = || async { Ok(events(&exec, "activity_completed").await?.len() == 2) };
    until(is_charged).await?;
    Ok(exec)
}

async fn a_reset_takes_the_place_of_an_open_run(env: Env) -> Result<()> {
    let _worker = env.serve(registry())?;
    let exec = half_approved(&env).await?;
    let signal = events(&exec, "signal_received").await?.remove(0);
    let reset = env.engine.reset(exec.run_id(), signal.index).await?;
    assert_eq!(reset.id(), "approval");
    let old = describe(&env, exec.run_id()).await?;
    assert_eq!((old.status, old.successor), (Status::Terminated, Some(reset.run_id())));
    assert!(old.error.is_some_and(|error| error.message().contains("it was reset")));
    let now = env.engine.execution::<approval::Workflow>("approval");
    assert_eq!(now.describe().await?.run_id, reset.run_id());
    now.signal("approve", &20).await?;
    now.signal("approve", &30).await?;
    assert_eq!(
        exec.result().await?,
        [2, 21, 31],
        "the run that was reset is forgotten from there on"
    );
    assert!(events(&exec, "run_terminated").await?.len() == 1);
    Ok(())
}

async fn a_reset_keeps_later_signals_if_told(env: Env) -> Result<()> {
    let _worker = env.serve(registry())?;
    let exec = half_approved(&env).await?;
    let signal = events(&exec, "signal_received").await?.remove(0);
    let reset = env.engine.reset(exec.run_id(), signal.index).keep_signals().await?;
    reset.signal("approve", &10).dedup("ten").await?; // it has this one
    reset.signal("approve", &20).await?;
    assert_eq!(reset.typed::<approval::Workflow>().result().await?, [2, 11, 21]);
    let charges = keys(&env, "charge 10");
    assert_eq!(charges.len(), 2);
    assert_eq!(charges[0], charges[1], "the same call");
    Ok(())
}

async fn a_reset_of_an_ended_run_frees_its_dead_letter(env: Env) -> Result<()> {
    let _worker = env.serve(registry())?;
    let exec = failed(&env).await?;
    exec.signal("late", &1).await.unwrap_err();
    env.world.note("mended");
    let reset = env.engine.reset(exec.run_id(), 1).await?;
    assert_eq!(reset.typed::<job::Workflow>().result().await?.1, 80);
    assert!(env.engine.dead_letters().list().await?.is_empty());
    assert_eq!(keys(&env, "charge").len(), 2);
    assert_eq!(describe(&env, exec.run_id()).await?.status, Status::Failed, "it stays what it was");
    Ok(())
}

async fn a_run_that_went_on_is_not_reset(env: Env) -> Result<()> {
    let _worker = env.serve(registry())?;
    let exec = half_approved(&env).await?;
    let reset = env.engine.reset(exec.run_id(), 1).await?;
    let again = env.engine.reset(exec.run_id(), 1).await.unwrap_err();
    assert_eq!(again.kind(), ErrorKind::Closed, "{again}");
    assert!(again.message().contains("another run goes on in place of run"), "{again}");
    env.engine.reset(reset.run_id(), 1).await?;
    env.engine.fork(exec.run_id(), 1).await?; // a fork takes no place
    Ok(())
}

async fn a_run_that_continued_as_new_is_forked_by_itself(env: Env) -> Result<()> {
    let _worker = env.serve(registry())?;
    let exec = env.engine.start(counts::Input { n: 0 }).await?;
    assert_eq!(exec.result().await?, 3);
    assert_eq!(describe(&env, exec.run_id()).await?.status, Status::Continued);
    let fork = env.engine.fork(exec.run_id(), exec.history().await?.len()).await?;
    assert_eq!(fork.result().await?, 3);
    assert_eq!(keys(&env, "charge 0").len(), 1, "that run's own step is kept");
    assert_eq!(keys(&env, "charge 1").len(), 2, "the runs behind it are other runs");
    Ok(())
}

async fn a_dead_letter_is_dismissed_with_a_reason(env: Env) -> Result<()> {
    let _worker = env.serve(registry())?;
    let exec = failed(&env).await?;
    let letters = || env.engine.dead_letters();
    letters().dismiss(exec.run_id(), "the customer has gone").await?;
    assert!(letters().list().await?.is_empty());
    let dismissed = letters().dismissed().list().await?;
    let [letter] = &dismissed[..] else { panic!("one: {dismissed:?}") };
    assert_eq!(letter.run_id, exec.run_id());
    let (at, reason) = letter.dismissed.clone().expect("it is dismissed");
    assert_eq!(reason, "the customer has gone");
    assert!(at >= letter.failed_at);
    let twice = letters().dismiss(exec.run_id(), "again").await.unwrap_err();
    assert_eq!(twice.kind(), ErrorKind::NotFound, "{twice}");
    env.world.note("mended");
    let again = env.engine.rerun(letter).from_failure().await?;
    assert_eq!(again.typed::<job::Workflow>().result().await?.1, 80);
    assert!(letters().dismissed().list().await?.is_empty(), "it is no dead letter any more");
    Ok(())
}
