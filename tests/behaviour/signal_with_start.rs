//! A signal that starts the run that receives it.

use flows::prelude::*;
use tokio::task::JoinSet;

use crate::harness::{Env, Serving};

on_every_store! {
    fifty_callers_race,
    an_entity_that_left_memory_receives_it,
    a_run_that_has_ended_is_followed_as_the_policy_says,
    a_continued_run_receives_it,
    options_hold_for_the_run_that_is_started,
    what_cannot_be_meant_is_refused,
}

#[workflow]
async fn cart(ctx: &WorkflowContext, customer: String) -> Result<Vec<String>> {
    let mut items = vec![customer];
    while let Some(item) = ctx.signal::<Option<String>>("item").await? {
        items.push(item);
    }
    Ok(items)
}

/// Goes on as a new run for each item.
#[workflow]
async fn visits(ctx: &WorkflowContext, seen: u32) -> Result<u32> {
    match ctx.signal::<Option<String>>("item").await? {
        Some(_) => ctx.continue_as_new(visits::Input { seen: seen + 1 }),
        None => Ok(seen),
    }
}

#[workflow]
async fn fails(ctx: &WorkflowContext) -> Result<()> {
    ctx.signal::<Option<String>>("item").await?;
    Err(Error::terminal("no"))
}

fn registry() -> Registry {
    register_all![cart, visits, fails]
}

fn input(customer: &str) -> cart::Input {
    cart::Input { customer: customer.into() }
}

const NOTHING: Option<String> = None;

async fn fifty_callers_race(env: Env) -> Result<()> {
    let _worker = env.serve(registry())?;
    let mut callers = JoinSet::new();
    for caller in 0..10 {
        let engine = env.engine.clone();
        callers.spawn(async move {
            let mut runs = Vec::new();
            for number in 0..5 {
                let item = Some(format!("{caller} {number}"));
                let sent = engine.signal_with_start(input("Ada"), "item", &item).id("cart").await?;
                runs.push(sent.run_id());
            }
            Ok::<_, Error>(runs)
        });
    }
    let mut runs = callers.join_all().await.into_iter().collect::<Result<Vec<_>>>()?.concat();
    runs.dedup();
    assert_eq!(runs.len(), 1, "{runs:?}");
    let exec = env.engine.signal_with_start(input("Eve"), "item", &NOTHING).id("cart").await?;
    let items = exec.result().await?;
    assert_eq!((items.len(), items[0].as_str()), (51, "Ada"));
    for caller in 0..10 {
        let own: Vec<_> = items.iter().filter(|it| it.starts_with(&format!("{caller} "))).collect();
        assert!(own.len() == 5 && own.is_sorted(), "{own:?}");
    }
    assert_eq!(env.engine.list().await?.len(), 1);
    Ok(())
}

async fn an_entity_that_left_memory_receives_it(env: Env) -> Result<()> {
    let worker = env.worker(registry()).resident_for(Duration::ZERO).build()?;
    let _worker = Serving::begin(worker);
    for item in ["book", "pen"] {
        let send = env.engine.signal_with_start(input("Ada"), "item", &Some(item)).id("cart");
        let exec = send.await?;
        crate::harness::until(async || {
            let waiting_for = exec.describe().await?.waiting_for.unwrap_or_default();
            Ok(waiting_for.starts_with("signal `item`"))
        })
        .await?;
    }
    let exec = env.engine.signal_with_start(input("Ada"), "item", &NOTHING).id("cart").await?;
    assert_eq!(exec.result().await?, ["Ada", "book", "pen"]);
    Ok(())
}

async fn a_run_that_has_ended_is_followed_as_the_policy_says(env: Env) -> Result<()> {
    let _worker = env.serve(registry())?;
    let send = |customer: &str| env.engine.signal_with_start(input(customer), "item", &NOTHING);
    let first = send("Ada").id("cart").dedup("checkout").await?;
    assert_eq!(first.result().await?, ["Ada"]);
    let closed = send("Bob").id("cart").await.unwrap_err();
    assert_eq!(closed.kind(), ErrorKind::Closed, "{closed}");
    let again = send("Bob").id("cart").dedup("checkout").await?;
    assert_eq!(again.run_id(), first.run_id(), "that run has had it");
    let failed = send("Bob").id("cart").on_conflict(ConflictPolicy::AllowIfFailed).await;
    assert_eq!(failed.unwrap_err().kind(), ErrorKind::Closed);
    let second = send("Bob").id("cart").on_conflict(ConflictPolicy::AllowIfClosed).await?;
    assert_eq!(second.result().await?, ["Bob"]);
    assert_eq!(first.describe().await?.status, Status::Completed);

    let fails = || env.engine.signal_with_start(fails::Input {}, "item", &NOTHING).id("fails");
    let first = fails().await?;
    first.result().await.unwrap_err();
    let second = fails().on_conflict(ConflictPolicy::AllowIfFailed).await?;
    assert_ne!(second.run_id(), first.run_id());
    second.result().await.unwrap_err();
    let start = env.engine.start(fails::Input {}).id("fails");
    let third = start.on_conflict(ConflictPolicy::AllowIfFailed).await?;
    assert_eq!(third.describe().await?.status, Status::Running);
    Ok(())
}

async fn a_continued_run_receives_it(env: Env) -> Result<()> {
    let _worker = env.serve(registry())?;
    let send = |item: Option<&str>| {
        let item = item.map(str::to_owned);
        env.engine.signal_with_start(visits::Input { seen: 0 }, "item", &item).id("visits")
    };
    for _ in 0..20 {
        send(Some("x")).await?;
    }
    assert_eq!(send(None).await?.result().await?, 20);
    Ok(())
}

async fn options_hold_for_the_run_that_is_started(env: Env) -> Result<()> {
    let _worker = env.worker(registry()).queues(["slow"]).build().map(Serving::begin)?;
    let send = || {
        let send = env.engine.signal_with_start(input("Ada"), "item", &NOTHING).id("cart");
        send.queue("slow").delay(Duration::from_millis(300)).timeout(Duration::from_secs(60))
    };
    let exec = send().await?;
    let run = exec.describe().await?;
    assert_eq!((run.queue.as_str(), run.status), ("slow", Status::Running));
    assert_eq!(exec.result().await?, ["Ada"]);
    Ok(())
}

async fn what_cannot_be_meant_is_refused(env: Env) -> Result<()> {
    let send = || env.engine.signal_with_start(input("Ada"), "item", &NOTHING);
    let no_id = send().await.unwrap_err();
    assert!(no_id.message().contains("needs the workflow id"), "{no_id}");
    let policy = ConflictPolicy::TerminateExisting;
    let terminates = send().id("cart").on_conflict(policy).await.unwrap_err();
    assert!(terminates.message().contains("AllowIfClosed"), "{terminates}");
    let no_name = env.engine.signal_with_start(input("Ada"), "", &NOTHING).id("cart").await;
    assert!(no_name.unwrap_err().message().starts_with("the signal name is empty"));
    env.engine.start(visits::Input { seen: 0 }).id("visits").await?;
    let other = send().id("visits").await.unwrap_err();
    assert_eq!(other.kind(), ErrorKind::AlreadyExists, "{other}");
    assert_eq!(env.engine.list().await?.len(), 1, "nothing else was started");
    Ok(())
}
