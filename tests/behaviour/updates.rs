//! Updates: requests to a running workflow, answered once, whatever happens in between.

use flows::prelude::*;
use flows::testing::crash_everywhere;
use serde::{Deserialize, Serialize};

use crate::harness::{Env, Serving, events, until};
use crate::world::World;

on_every_store! {
    an_update_is_answered,
    updates_wait_until_the_workflow_asks,
    names_do_not_mix,
    a_dedup_key_gives_one_reply,
    a_refusal_leaves_no_trace,
    what_was_refused_is_not_asked_for_again,
    a_rejection_carries_the_error,
    a_request_that_is_dropped_is_not_answered,
    an_update_needs_an_open_run,
    an_update_that_nobody_received_ends_with_the_run,
    an_unread_update_goes_on_with_the_run,
    what_cannot_be_read_or_stored_is_an_error_of_the_sender,
    callers_race,
    a_parked_run_answers,
    the_wait_is_bounded,
    what_has_arrived_is_taken,
    a_reply_is_awaited_later,
    an_update_is_answered_after_the_death_of_a_worker,
    a_validator_only_looks,
    a_validator_that_panics_stops_the_run_and_loses_nothing,
    a_run_updates_itself_by_an_activity,
    an_update_starts_the_run_that_answers_it,
    callers_that_race_to_start_agree_on_one_run,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, thiserror::Error, ErrorClass)]
#[error("no room for {item}")]
#[error_class(terminal)]
struct Full {
    item: String,
}

#[update(response = Vec<String>)]
struct AddItem {
    item: String,
}

#[update(name = "check-out", response = u64)]
struct CheckOut;

/// Another type under the same name.
#[update(name = "add-item", response = u8)]
struct AddNumber {
    item: u32,
}

#[update(response = String)]
struct Echo {
    text: String,
    times: usize,
}

#[activity]
async fn pause(ctx: &ActivityContext, gate: String) -> Result<()> {
    let world = ctx.state::<World>()?;
    world.note(&gate);
    world.pass(&gate).await;
    Ok(())
}

/// Takes items, at most so many, until somebody checks out.
#[workflow]
async fn cart(ctx: &WorkflowContext, room: usize, before: Option<String>) -> Result<Vec<String>> {
    if let Some(gate) = before {
        pause(ctx, gate).await?;
    }
    let mut items = Vec::<String>::new();
    loop {
        let full = |add: &AddItem| match items.len() < room {
            true => Ok(()),
            false => Err(Full { item: add.item.clone() }),
        };
        flows::select! {
            add = ctx.update::<AddItem>().validate(full) => {
                let add = add?;
                items.push(add.item.clone());
                add.reply(items.clone());
            }
            out = ctx.update::<CheckOut>() => {
                out?.reply(items.len() as u64);
                return Ok(items);
            }
        }
    }
}

/// Answers in ways that are not an answer, one after the other.
#[workflow]
async fn difficult(ctx: &WorkflowContext) -> Result<u32> {
    let add = ctx.update::<AddItem>().await?;
    let item = add.item.clone();
    add.reject(Full { item });
    drop(ctx.update::<AddItem>().await?);
    let (add, replier) = ctx.update::<AddItem>().await?.into_parts();
    pause(ctx, add.item).await?;
    let _kept = replier;
    Err(Error::terminal("it has had enough"))
}

#[workflow]
async fn goes_on(ctx: &WorkflowContext, round: u32) -> Result<u32> {
    if round == 0 {
        pause(ctx, "round".into()).await?;
        return ctx.continue_as_new(goes_on::Input { round: 1 });
    }
    ctx.update::<CheckOut>().await?.reply(u64::from(round));
    Ok(round)
}

#[workflow]
async fn echoes(ctx: &WorkflowContext) -> Result<u32> {
    for n in 0..3 {
        let echo = ctx.update::<Echo>().await?;
        let text = echo.text.repeat(echo.times);
        echo.reply(text);
        if n == 2 {
            return Ok(n);
        }
    }
    Ok(0)
}

#[workflow]
async fn drains(ctx: &WorkflowContext) -> Result<Vec<String>> {
    let mut taken = Vec::new();
    assert!(ctx.try_update::<AddItem>()?.is_none());
    pause(ctx, "drain".into()).await?;
    while let Some(add) = ctx.try_update::<AddItem>()? {
        taken.push(add.item.clone());
        add.reply(taken.clone());
    }
    pause(ctx, "drained".into()).await?;
    Ok(taken)
}

#[workflow]
async fn meddles(ctx: &WorkflowContext) -> Result<()> {
    let draws = |_: &AddItem| match ctx.random::<bool>() {
        true => Ok(()),
        false => Err(Error::terminal("no luck")),
    };
    ctx.update::<AddItem>().validate(draws).await?.reply(Vec::new());
    Ok(())
}

#[activity]
async fn add_to(ctx: &ActivityContext) -> Result<usize> {
    let engine = ctx.state::<flows_core::Engine>()?;
    let run = engine.execution::<flows::AnyWorkflow>(ctx.run_id().to_string());
    Ok(run.update(add("own")).dedup(ctx.idempotency_key()).await?.len())
}

#[workflow]
async fn adds_to_itself(ctx: &WorkflowContext) -> Result<usize> {
    let (replied, add) = flows::try_join!(add_to(ctx), async {
        let add = ctx.update::<AddItem>().await?;
        let item = add.item.clone();
        add.reply(vec![item]);
        Ok(1)
    })?;
    Ok(replied + add)
}

#[workflow]
async fn panics(ctx: &WorkflowContext) -> Result<()> {
    let known = |add: &AddItem| match add.item.as_str() {
        "fine" => Ok::<_, Error>(()),
        item => panic!("no idea what {item} is"),
    };
    ctx.update::<AddItem>().validate(known).await?.reply(Vec::new());
    Ok(())
}

fn registry() -> Registry {
    register_all![cart, difficult, goes_on, echoes, drains, meddles, panics, pause]
}

async fn count<W: Workflow>(exec: &Execution<W>, kind: &'static str) -> Result<usize> {
    Ok(events(exec, kind).await?.len())
}

type Cart = Execution<cart::Workflow>;

fn add(item: &str) -> AddItem {
    AddItem { item: item.to_owned() }
}

async fn open_cart(env: &Env, room: usize) -> Result<Cart> {
    env.engine.start(cart::Input { room, before: None }).await
}

async fn an_update_is_answered(env: Env) -> Result<()> {
    let _worker = env.serve(registry())?;
    let exec = open_cart(&env, 9).await?;
    assert_eq!(exec.update(add("tea")).await?, ["tea"]);
    assert_eq!(exec.update(add("milk")).await?, ["tea", "milk"]);
    assert_eq!(exec.update(CheckOut).await?, 2);
    assert_eq!(exec.result().await?, ["tea", "milk"]);
    let history = exec.history().await?;
    let kinds: Vec<_> = history.iter().map(|event| event.kind).collect();
    let received = kinds.iter().filter(|kind| **kind == "update_received").count();
    let replied = kinds.iter().filter(|kind| **kind == "update_replied").count();
    assert_eq!((received, replied), (3, 3), "{kinds:?}");
    Ok(())
}

async fn updates_wait_until_the_workflow_asks(env: Env) -> Result<()> {
    let _worker = env.serve(registry())?;
    let before = Some("gate".to_owned());
    let exec = env.engine.start(cart::Input { room: 9, before }).await?;
    env.world.noted("gate", 1).await;
    let mut sent = Vec::new();
    for item in ["a", "b", "c"] {
        sent.push(exec.update(add(item)).send().await?);
    }
    assert_eq!(count(&exec, "update_received").await?, 0, "nothing of them is in the journal yet");
    env.world.open("gate");
    for (n, update) in sent.into_iter().enumerate() {
        assert_eq!(update.reply().await?, ["a", "b", "c"][..=n], "first in, first out");
    }
    assert_eq!(exec.update(CheckOut).await?, 3);
    Ok(())
}

async fn names_do_not_mix(env: Env) -> Result<()> {
    let before = Some("gate".to_owned());
    let exec = env.engine.start(cart::Input { room: 9, before }).await?;
    let out = exec.update(CheckOut).send().await?;
    let item = exec.update(add("late")).send().await?;
    exec.signal("add-item", &1).await?; // a signal of an update's name is a signal
    env.world.open("gate");
    let _worker = env.serve(registry())?;
    assert_eq!(item.reply().await?, ["late"], "it is asked for first");
    assert_eq!(out.reply().await?, 1);
    assert_eq!(exec.describe().await?.unread_signals, 0);
    Ok(())
}

async fn a_dedup_key_gives_one_reply(env: Env) -> Result<()> {
    let exec = open_cart(&env, 9).await?;
    let first = exec.update(add("tea")).dedup("click-1").send().await?;
    let second = exec.update(add("tea")).dedup("click-1").send().await?;
    let worker = env.serve(registry())?;
    assert_eq!(first.reply().await?, ["tea"]);
    assert_eq!(second.reply().await?, ["tea"], "while the first had no answer");
    assert_eq!(exec.update(add("tea")).dedup("click-1").await?, ["tea"], "after it");
    exec.signal("update\u{1f}click-2", &0).dedup("click-2").await?;
    assert_eq!(exec.update(add("milk")).dedup("click-2").await?, ["tea", "milk"]);
    worker.stop().await?;
    assert_eq!(exec.update(add("tea")).dedup("click-1").await?, ["tea"], "without a worker");
    let _worker = env.serve(registry())?;
    assert_eq!(exec.update(CheckOut).await?, 2);
    exec.result().await?;
    assert_eq!(exec.update(add("tea")).dedup("click-1").await?, ["tea"], "after the end");
    Ok(())
}

async fn a_refusal_leaves_no_trace(env: Env) -> Result<()> {
    let _worker = env.serve(registry())?;
    let exec = open_cart(&env, 1).await?;
    exec.update(add("tea")).await?;
    let before = exec.history().await?.len();
    for _ in 0..3 {
        let error = exec.update(add("milk")).await.expect_err("no room");
        assert_eq!((error.kind(), error.message()), (ErrorKind::Rejected, "no room for milk"));
        assert_eq!(error.details(), Some(Full { item: "milk".into() }));
    }
    assert_eq!(exec.history().await?.len(), before, "nothing was written");
    assert_eq!(exec.update(CheckOut).await?, 1);
    Ok(())
}

async fn what_was_refused_is_not_asked_for_again(env: Env) -> Result<()> {
    let before = Some("gate".to_owned());
    let exec = env.engine.start(cart::Input { room: 0, before }).await?;
    let update = exec.update(add("milk")).dedup("milk").send().await?;
    let worker = env.serve(registry())?;
    env.world.open("gate");
    let first = update.reply().await.expect_err("no room");
    let again = exec.update(add("milk")).dedup("milk").await.expect_err("no room");
    assert_eq!(first.message(), again.message());
    worker.stop().await?;
    let _worker = env.serve(registry())?;
    assert_eq!(exec.update(CheckOut).await?, 0);
    assert_eq!(count(&exec, "update_taken").await?, 0);
    Ok(())
}

async fn a_rejection_carries_the_error(env: Env) -> Result<()> {
    let _worker = env.serve(registry())?;
    let exec = env.engine.start(difficult::Input {}).await?;
    let error = exec.update(add("tea")).dedup("it").await.expect_err("rejected");
    assert_eq!(error.kind(), ErrorKind::Rejected);
    assert_eq!(error.details(), Some(Full { item: "tea".into() }));
    let again = exec.update(add("tea")).dedup("it").await.expect_err("rejected");
    assert_eq!(again.message(), error.message());
    assert_eq!(count(&exec, "update_replied").await?, 1);
    Ok(())
}

async fn a_request_that_is_dropped_is_not_answered(env: Env) -> Result<()> {
    let _worker = env.serve(registry())?;
    let exec = env.engine.start(difficult::Input {}).await?;
    exec.update(add("rejected")).await.expect_err("rejected");
    let dropped = exec.update(add("dropped")).await.expect_err("dropped");
    assert_eq!(dropped.kind(), ErrorKind::Unanswered, "{dropped}");
    env.world.open("gate");
    let at_the_end = exec.update(add("gate")).dedup("gate").await.expect_err("the run fails");
    assert_eq!(at_the_end.kind(), ErrorKind::Unanswered, "{at_the_end}");
    exec.result().await.expect_err("it has had enough");
    let again = exec.update(add("gate")).dedup("gate").await.expect_err("the run has failed");
    assert_eq!(again.message(), at_the_end.message());
    Ok(())
}

async fn an_update_needs_an_open_run(env: Env) -> Result<()> {
    let _worker = env.serve(registry())?;
    let nobody = env.engine.update("nobody", CheckOut).await.expect_err("no such run");
    assert_eq!(nobody.kind(), ErrorKind::NotFound, "{nobody}");
    let exec = env.engine.start(cart::Input { room: 1, before: None }).id("cart").await?;
    assert_eq!(env.engine.update("cart", CheckOut).await?, 0);
    exec.result().await?;
    let ended = env.engine.update("cart", CheckOut).await.expect_err("it has ended");
    assert_eq!(ended.kind(), ErrorKind::Closed, "{ended}");
    Ok(())
}

async fn an_update_that_nobody_received_ends_with_the_run(env: Env) -> Result<()> {
    let exec = open_cart(&env, 9).await?;
    let late = exec.update(Echo { text: "x".into(), times: 1 }).send().await?;
    let out = exec.update(CheckOut).send().await?;
    let also_late = exec.update(CheckOut).send().await?;
    let _worker = env.serve(registry())?;
    assert_eq!(out.reply().await?, 0);
    for error in [late.reply().await.map(drop), also_late.reply().await.map(drop)] {
        let error = error.expect_err("it has ended");
        assert_eq!(error.kind(), ErrorKind::Closed, "{error}");
    }
    let exec = open_cart(&env, 9).await?;
    let late = exec.update(Echo { text: "x".into(), times: 1 }).send().await?;
    exec.terminate("no more").await?;
    assert_eq!(late.reply().await.expect_err("it has ended").kind(), ErrorKind::Closed);
    Ok(())
}

async fn an_unread_update_goes_on_with_the_run(env: Env) -> Result<()> {
    let _worker = env.serve(registry())?;
    let exec = env.engine.start(goes_on::Input { round: 0 }).await?;
    env.world.noted("round", 1).await;
    let update = exec.update(CheckOut).dedup("out").send().await?;
    env.world.open("round");
    assert_eq!(update.reply().await?, 1);
    assert_eq!(exec.result().await?, 1);
    assert_eq!(exec.update(CheckOut).dedup("out").await?, 1, "its key holds for both runs");
    Ok(())
}

async fn what_cannot_be_read_or_stored_is_an_error_of_the_sender(env: Env) -> Result<()> {
    let _worker = env.serve(registry())?;
    let exec = open_cart(&env, 9).await?;
    let other = exec.update(AddNumber { item: 7 }).await.expect_err("a number is no text");
    assert_eq!(other.kind(), ErrorKind::Rejected, "{other}");
    assert!(other.message().contains("update `add-item` was sent as something else"), "{other}");
    assert_eq!(exec.update(add("tea")).await?, ["tea"], "the workflow has not noticed");
    let echo = env.engine.start(echoes::Input {}).await?;
    let large = "x".repeat(3 << 20);
    let refused = echo.update(Echo { text: large, times: 1 }).await.expect_err("too large");
    assert_eq!(refused.kind(), ErrorKind::InvalidInput, "{refused}");
    assert_eq!(echo.update(Echo { text: "ab".into(), times: 2 }).await?, "abab");
    let reply = echo.update(Echo { text: "ab".into(), times: 2 << 20 }).await.expect_err("large");
    assert!(reply.message().contains("the reply to update `echo` has"), "{reply}");
    assert_eq!(echo.update(Echo { text: "a\u{1}b".into(), times: 1 }).await?, "a\u{1}b");
    assert_eq!(echo.result().await?, 2);
    Ok(())
}

async fn callers_race(env: Env) -> Result<()> {
    let _workers = [env.serve(registry())?, env.serve(registry())?];
    let exec = open_cart(&env, 50).await?;
    let calls = (0..50).map(|n| {
        let exec = exec.clone();
        async move { exec.update(add(&n.to_string())).await }
    });
    let replies: Vec<_> = futures_all(calls).await?;
    let mut lengths: Vec<_> = replies.iter().map(Vec::len).collect();
    lengths.sort_unstable();
    assert_eq!(
        lengths,
        (1..=50).collect::<Vec<_>>(),
        "each was applied once, and has its own reply"
    );
    assert_eq!(exec.update(CheckOut).await?, 50);
    Ok(())
}

async fn futures_all<T: Send + 'static>(
    calls: impl Iterator<Item = impl Future<Output = Result<T>> + Send + 'static>,
) -> Result<Vec<T>> {
    let calls: Vec<_> = calls.map(tokio::spawn).collect();
    let mut done = Vec::new();
    for call in calls {
        done.push(call.await??);
    }
    Ok(done)
}

async fn a_parked_run_answers(env: Env) -> Result<()> {
    let worker = env.worker(registry()).resident_for(Duration::ZERO);
    let _worker = Serving::begin(worker.build()?);
    let exec = open_cart(&env, 2).await?;
    for n in 1..=2 {
        let parked = async || Ok(exec.describe().await?.waiting_for.is_some());
        until(parked).await?;
        assert_eq!(exec.update(add("tea")).await?.len(), n);
    }
    assert_eq!(exec.update(add("milk")).await.expect_err("full").kind(), ErrorKind::Rejected);
    assert_eq!(exec.update(CheckOut).await?, 2);
    Ok(())
}

async fn the_wait_is_bounded(env: Env) -> Result<()> {
    let exec = open_cart(&env, 9).await?;
    let limit = Duration::from_millis(50);
    let update = exec.update(add("tea")).dedup("tea").timeout(limit);
    let error = update.await.expect_err("nobody serves the run");
    assert_eq!(error.timeout_kind(), Some(TimeoutKind::Reply), "{error}");
    let zero = exec.update(add("tea")).timeout(Duration::ZERO).await.expect_err("no time");
    assert_eq!(zero.kind(), ErrorKind::InvalidInput, "{zero}");
    let _worker = env.serve(registry())?;
    assert_eq!(exec.update(add("tea")).dedup("tea").await?, ["tea"]);
    Ok(())
}

async fn what_has_arrived_is_taken(env: Env) -> Result<()> {
    let worker = env.serve(registry())?;
    let exec = env.engine.start(drains::Input {}).await?;
    env.world.noted("drain", 1).await;
    let sent = [exec.update(add("a")).send().await?, exec.update(add("b")).send().await?];
    let wrong = exec.update(AddNumber { item: 1 }).send().await?;
    env.world.open("drain");
    env.world.noted("drained", 1).await;
    let [a, b] = sent;
    let taken = count(&exec, "update_taken").await?;
    worker.stop().await?;
    env.world.open("drained");
    let _worker = env.serve(registry())?;
    let all = exec.result().await?;
    assert_eq!(all.len(), taken, "what was taken is taken in a replay as well");
    match &all[..] {
        [] => assert_eq!(a.reply().await.expect_err("too late").kind(), ErrorKind::Closed),
        [_] => assert_eq!(b.reply().await.expect_err("too late").kind(), ErrorKind::Closed),
        _ => {
            assert_eq!(a.reply().await?, ["a"]);
            assert_eq!(b.reply().await?, ["a", "b"]);
        }
    }
    wrong.reply().await.expect_err("it was never taken");
    Ok(())
}

async fn a_reply_is_awaited_later(env: Env) -> Result<()> {
    let exec = open_cart(&env, 9).await?;
    let update = exec.update(add("tea")).dedup("tea").send().await?;
    assert_eq!(update.id(), "tea");
    let _worker = env.serve(registry())?;
    assert_eq!(exec.update(CheckOut).await?, 1);
    exec.result().await?;
    assert_eq!(update.reply().await?, ["tea"]);
    assert_eq!(update.reply().await?, ["tea"], "as often as one likes");
    Ok(())
}

async fn an_update_is_answered_after_the_death_of_a_worker(env: Env) -> Result<()> {
    let worker = env.serve(registry())?;
    let exec = env.engine.start(difficult::Input {}).await?;
    exec.update(add("rejected")).await.expect_err("rejected");
    exec.update(add("dropped")).await.expect_err("dropped");
    let update = exec.update(add("gate")).send().await?;
    env.world.noted("gate", 1).await;
    worker.die().await;
    env.world.open("gate");
    let _worker = env.serve(registry())?;
    assert_eq!(update.reply().await.expect_err("it ends").kind(), ErrorKind::Unanswered);
    exec.result().await.expect_err("it has had enough");
    assert_eq!(count(&exec, "update_replied").await?, 3);
    Ok(())
}

async fn a_validator_only_looks(env: Env) -> Result<()> {
    let _worker = env.serve(registry())?;
    let exec = env.engine.start(meddles::Input {}).await?;
    let update = exec.update(add("tea")).send().await?;
    until(async || Ok(exec.describe().await?.stuck.is_some())).await?;
    let stuck = exec.describe().await?.stuck.unwrap_or_default();
    assert!(
        stuck.contains("the validator of update `add-item` has used the workflow's context"),
        "{stuck}"
    );
    exec.terminate("it is stuck").await?;
    assert_eq!(update.reply().await.expect_err("it has ended").kind(), ErrorKind::Closed);
    Ok(())
}

async fn a_run_updates_itself_by_an_activity(env: Env) -> Result<()> {
    let worker = env.worker(register_all![adds_to_itself, add_to]).state(env.engine.clone());
    let _worker = Serving::begin(worker.build()?);
    let exec = env.engine.start(adds_to_itself::Input {}).await?;
    assert_eq!(exec.result().await?, 2);
    Ok(())
}

async fn a_validator_that_panics_stops_the_run_and_loses_nothing(env: Env) -> Result<()> {
    let _worker = env.serve(registry())?;
    let exec = env.engine.start(panics::Input {}).await?;
    let update = exec.update(add("tea")).send().await?;
    until(async || Ok(exec.describe().await?.stuck.is_some())).await?;
    let stuck = exec.describe().await?.stuck.unwrap_or_default();
    assert!(stuck.contains("no idea what tea is"), "{stuck}");
    assert_eq!(count(&exec, "update_received").await?, 0, "another build may accept it");
    exec.terminate("it is stuck").await?;
    assert_eq!(update.reply().await.expect_err("it has ended").kind(), ErrorKind::Closed);
    Ok(())
}

async fn an_update_starts_the_run_that_answers_it(env: Env) -> Result<()> {
    let _worker = env.serve(registry())?;
    let cart = || cart::Input { room: 2, before: None };
    let ask = |item| env.engine.start_with_update(cart(), add(item)).id("cart");
    assert_eq!(ask("tea").dedup("1").await?, ["tea"]);
    assert_eq!(ask("milk").await?, ["tea", "milk"]);
    assert_eq!(ask("tea").dedup("1").await?, ["tea"], "it has been received before");
    assert_eq!(ask("sugar").await.expect_err("full").kind(), ErrorKind::Rejected);
    let (exec, out) = env.engine.start_with_update(cart(), CheckOut).id("cart").send().await?;
    assert_eq!(out.reply().await?, 2);
    assert_eq!(exec.result().await?, ["tea", "milk"]);
    assert_eq!(ask("late").await.expect_err("it has ended").kind(), ErrorKind::Closed);
    assert_eq!(ask("tea").dedup("1").await?, ["tea"], "also after the end");
    let again = ask("new").on_conflict(ConflictPolicy::AllowIfClosed).await?;
    assert_eq!(again, ["new"], "another run");
    let refused = ask("x").on_conflict(ConflictPolicy::TerminateExisting).await;
    assert_eq!(refused.expect_err("it sends").kind(), ErrorKind::InvalidInput);
    let nameless = env.engine.start_with_update(cart(), add("x")).await;
    assert_eq!(nameless.expect_err("no id").kind(), ErrorKind::InvalidInput);
    let other = env.engine.start_with_update(echoes::Input {}, add("x")).id("cart").await;
    assert_eq!(other.expect_err("of another workflow").kind(), ErrorKind::AlreadyExists);
    Ok(())
}

async fn callers_that_race_to_start_agree_on_one_run(env: Env) -> Result<()> {
    let _workers = [env.serve(registry())?, env.serve(registry())?];
    let calls = (0..20).map(|n| {
        let cart = cart::Input { room: 20, before: None };
        env.engine.start_with_update(cart, add(&n.to_string())).id("cart").into_future()
    });
    let mut lengths: Vec<_> = futures_all(calls).await?.iter().map(Vec::len).collect();
    lengths.sort_unstable();
    assert_eq!(lengths, (1..=20).collect::<Vec<_>>());
    assert_eq!(env.engine.list().workflow("cart").count().await?, 1);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_workflow_with_updates_survives_crashes() -> Result<()> {
    let items = crash_everywhere(cart::Input { room: 2, before: None })
        .registry(registry())
        .update(add("tea"))
        .update(AddNumber { item: 3 })
        .update(add("milk"))
        .update(add("sugar"))
        .update_after(Duration::from_secs(3_600), add("honey"))
        .update_after(Duration::from_secs(7_200), CheckOut)
        .await?;
    assert_eq!(items, ["tea", "milk"]);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn answers_survive_crashes() -> Result<()> {
    let error = crash_everywhere(difficult::Input {})
        .registry(register_all![difficult, pause])
        .mock_value(pause::Activity, ())
        .update(add("rejected"))
        .update(add("dropped"))
        .update(add("kept"))
        .await
        .expect_err("it has had enough");
    assert_eq!(error.message(), "it has had enough");
    Ok(())
}
