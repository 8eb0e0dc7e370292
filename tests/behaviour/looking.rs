//! Looking at runs: what they wait for, what happened to them, which there are.

use std::time::SystemTime;

use flows::prelude::*;
use flows::{AnyWorkflow, HistoryEvent};

use crate::harness::{Env, Serving, events, until};
use crate::world::World;

on_every_store! {
    a_description_says_what_a_run_waits_for,
    a_description_has_everything_about_a_run,
    a_history_tells_what_happened_in_order,
    a_list_is_filtered_and_newest_first,
    a_result_can_be_asked_for_without_waiting,
    a_result_of_a_run_that_does_not_exist_is_an_error,
    a_run_is_looked_at_without_its_types,
    a_handle_of_another_workflow_is_refused,
    many_can_wait_for_one_result,
}

#[activity(retry(initial_interval = "5ms"))]
async fn fetch(ctx: &ActivityContext, page: u32) -> Result<String> {
    let world = ctx.state::<World>()?;
    world.note(format!("fetch {page}"));
    world.pass("fetch").await;
    if ctx.attempt() == 1 { Err(Error::retryable("offline")) } else { Ok(format!("page {page}")) }
}

#[workflow]
async fn reads(ctx: &WorkflowContext, page: u32) -> Result<String> {
    let text = fetch(ctx, page).await?;
    ctx.side_effect(|| 7).await?;
    ctx.sleep(Duration::from_millis(1)).await?;
    let name: String = ctx.signal("name").await?;
    Ok(format!("{text} for {name}"))
}

#[workflow]
async fn sleeps(ctx: &WorkflowContext) -> Result<()> {
    ctx.sleep(Duration::from_secs(3_600)).await
}

#[workflow]
async fn fails(ctx: &WorkflowContext) -> Result<()> {
    let _ = ctx;
    Err(Error::terminal("no"))
}

fn registry() -> Registry {
    register_all![reads, sleeps, fails, fetch]
}

async fn waiting_for<W: Workflow>(exec: &Execution<W>) -> Result<String> {
    Ok(exec.describe().await?.waiting_for.unwrap_or_default())
}

async fn a_description_says_what_a_run_waits_for(env: Env) -> Result<()> {
    let exec = env.engine.start(reads::Input { page: 1 }).await?;
    let nobody =
        "a worker: none that is alive serves workflow `reads` version 1 on queue `default`";
    assert_eq!(waiting_for(&exec).await?, nobody);

    let worker = env.worker(registry()).name("reader").resident_for(Duration::ZERO);
    let _worker = Serving::begin(worker.build()?);
    env.world.noted("fetch 1", 1).await;
    assert_eq!(waiting_for(&exec).await?, "worker reader, which runs it");

    env.world.open("fetch");
    let site = "signal `name` (#3), called at tests/behaviour/looking.rs:";
    until(async || Ok(waiting_for(&exec).await?.starts_with(site))).await?;

    let sleeping = env.engine.start(sleeps::Input {}).await?;
    let timer = "timer (#0), called at tests/behaviour/looking.rs:";
    until(async || Ok(waiting_for(&sleeping).await?.starts_with(timer))).await?;
    assert!(waiting_for(&sleeping).await?.contains("(wakes at "), "it says when");
    Ok(())
}

async fn a_description_has_everything_about_a_run(env: Env) -> Result<()> {
    let _worker = env.serve(registry())?;
    let exec = env.engine.start(reads::Input { page: 4 }).id("reading").await?;
    env.world.open("fetch");
    exec.signal("name", &"Ada").await?;
    exec.result().await?;
    let info = exec.describe().await?;
    assert_eq!((&*info.workflow_id, info.run_id), ("reading", exec.run_id()));
    assert_eq!((&*info.workflow, info.version, &*info.queue), ("reads", 1, "default"));
    assert_eq!((info.status, info.attempt), (Status::Completed, 1));
    let [input, output] = [info.input, info.output].map(|value| value.expect("a value"));
    assert_eq!(input.decode::<serde_json::Value>()?, serde_json::json!({"page": 4}));
    assert_eq!(output.decode::<String>()?, "page 4 for Ada");
    assert!(info.error.is_none() && info.stuck.is_none() && info.waiting_for.is_none());
    assert!(info.closed_at.is_some_and(|closed| closed >= info.created_at));
    assert_eq!((info.predecessor, info.successor, info.parent), (None, None, None));
    Ok(())
}

async fn a_history_tells_what_happened_in_order(env: Env) -> Result<()> {
    let _worker = env.serve(registry())?;
    let exec = env.engine.start(reads::Input { page: 4 }).await?;
    env.world.open("fetch");
    until(async || Ok(!events(&exec, "timer_fired").await?.is_empty())).await?;
    exec.signal("name", &"Ada").await?;
    exec.result().await?;

    let history = exec.history().await?;
    let lines: Vec<_> = history.iter().map(line).collect();
    let expected = [
        "run_started",
        "activity_attempt_failed #0 fetch attempt 1: offline",
        "activity_completed #0 fetch attempt 2 = \"page 4\"",
        "side_effect #1 = 7",
        "timer_fired #2",
        "signal_received name = \"Ada\"",
        "run_completed",
    ];
    assert_eq!(lines, expected);
    assert!(history.windows(2).all(|pair| pair[0].at <= pair[1].at), "times rise");
    assert!(history.windows(2).all(|pair| pair[0].position <= pair[1].position));
    Ok(())
}

fn line(event: &HistoryEvent) -> String {
    let parts = [
        event.operation.map(|op| format!(" #{op}")),
        event.name.as_ref().map(|name| format!(" {name}")),
        event.attempt.map(|attempt| format!(" attempt {attempt}")),
        event.value.as_ref().map(|value| format!(" = {value:?}")),
        event.error.as_ref().map(|error| format!(": {error}")),
    ];
    event.kind.to_owned() + &parts.into_iter().flatten().collect::<String>()
}

async fn a_list_is_filtered_and_newest_first(env: Env) -> Result<()> {
    let _worker = env.serve(registry())?;
    let first = env.engine.start(fails::Input {}).id("f-1").await?;
    first.result().await.unwrap_err();
    let closed_at = first.describe().await?.closed_at;
    until(async || Ok(Some(now(&env).await?) > closed_at)).await?;
    let between = now(&env).await?;
    for id in ["s-1", "s-2"] {
        let before = now(&env).await?;
        until(async || Ok(now(&env).await? > before)).await?;
        env.engine.start(sleeps::Input {}).id(id).await?;
    }
    let ids = async |list: flows_core::engine::List| -> Result<Vec<String>> {
        let runs = list.await?.into_iter().filter(|run| run.workflow != "reads");
        Ok(runs.map(|run| run.workflow_id).collect())
    };
    let list = || env.engine.list();
    assert_eq!(ids(list()).await?, ["s-2", "s-1", "f-1"]);
    assert_eq!(ids(list().workflow("sleeps")).await?, ["s-2", "s-1"]);
    assert_eq!(ids(list().status(Status::Failed)).await?, ["f-1"]);
    assert_eq!(ids(list().workflow("sleeps").status(Status::Failed)).await?, [""; 0]);
    assert_eq!(ids(list().workflow("sleeps").limit(1)).await?, ["s-2"]);
    assert_eq!(ids(list().created_after(between)).await?, ["s-2", "s-1"]);
    assert_eq!(ids(list().created_before(between)).await?, ["f-1"]);
    assert_eq!(ids(list().version(2)).await?, [""; 0]);
    let refused = list().limit(10_001).await.unwrap_err();
    assert_eq!(refused.message(), "a list's limit is 10001; allowed are 1 to 10000");
    Ok(())
}

/// The store's time.
async fn now(env: &Env) -> Result<SystemTime> {
    let exec = env.engine.start(reads::Input { page: 0 }).delay(Duration::from_secs(60)).await?;
    let now = exec.describe().await?.created_at;
    exec.terminate("only a clock").await?;
    Ok(now)
}

async fn a_result_can_be_asked_for_without_waiting(env: Env) -> Result<()> {
    let exec = env.engine.start(reads::Input { page: 1 }).await?;
    assert_eq!(exec.try_result().await?, None);
    let _worker = env.serve(registry())?;
    env.world.open("fetch");
    exec.signal("name", &"Ada").await?;
    exec.result().await?;
    assert_eq!(exec.try_result().await?.as_deref(), Some("page 1 for Ada"));

    let failed = env.engine.start(fails::Input {}).await?;
    failed.result().await.unwrap_err();
    assert_eq!(failed.try_result().await.unwrap_err().message(), "no");
    Ok(())
}

async fn a_result_of_a_run_that_does_not_exist_is_an_error(env: Env) -> Result<()> {
    for id in ["nobody", "019328f0-0000-7000-8000-000000000000"] {
        let nobody = env.engine.execution::<reads::Workflow>(id);
        for error in [
            nobody.result().await.map(drop),
            nobody.try_result().await.map(drop),
            nobody.describe().await.map(drop),
            nobody.history().await.map(drop),
        ] {
            let error = error.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
            assert!(error.message().starts_with(&format!("there is no run `{id}`")), "{error}");
        }
    }
    Ok(())
}

async fn a_run_is_looked_at_without_its_types(env: Env) -> Result<()> {
    let _worker = env.serve(registry())?;
    env.world.open("fetch");
    let exec = env.engine.start(reads::Input { page: 1 }).id("reading").await?;
    let any = env.engine.execution::<AnyWorkflow>("reading");
    any.signal("name", &"Ada").await?;
    assert_eq!(any.result().await?, serde_json::json!("page 1 for Ada"));
    assert_eq!(any.typed::<reads::Workflow>().result().await?, exec.result().await?);
    Ok(())
}

async fn a_handle_of_another_workflow_is_refused(env: Env) -> Result<()> {
    env.engine.start(sleeps::Input {}).id("sleeping").await?;
    let wrong = env.engine.execution::<reads::Workflow>("sleeping");
    for error in [wrong.describe().await.map(drop), wrong.result().await.map(drop)] {
        let text = "run `sleeping` is of workflow `sleeps`, not `reads`";
        assert_eq!(error.unwrap_err().message(), text);
    }
    Ok(())
}

async fn many_can_wait_for_one_result(env: Env) -> Result<()> {
    let exec = env.engine.start(reads::Input { page: 1 }).await?;
    let waiting: Vec<_> = (0..20)
        .map(|_| {
            let exec = exec.clone();
            tokio::spawn(async move { exec.result().await })
        })
        .collect();
    let _worker = env.serve(registry())?;
    env.world.open("fetch");
    exec.signal("name", &"Ada").await?;
    for result in waiting {
        assert_eq!(result.await??, "page 1 for Ada");
    }
    Ok(())
}
