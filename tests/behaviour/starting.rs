//! Starting runs: ids and what to do when they exist, delays, limits.

use std::time::SystemTime;

use flows::prelude::*;

use crate::harness::{Env, until};

on_every_store! {
    an_id_that_exists_is_refused,
    an_id_that_exists_can_be_used,
    an_id_that_exists_can_be_taken_over,
    an_id_belongs_to_one_workflow,
    an_id_of_a_run_that_ended_is_still_taken,
    a_start_can_be_delayed,
    a_start_can_wait_for_a_time,
    a_start_in_the_past_begins_at_once,
    mail_does_not_wake_a_delayed_run,
    a_delayed_run_is_cancelled_at_once,
    a_run_that_nobody_serves_ends_at_its_time_limit,
    ids_and_queues_have_some_length,
    a_run_without_an_id_is_known_by_its_run_id,
    many_starts_of_one_id_are_one_run,
    many_runs_are_started_at_once,
    a_workflow_is_started_by_its_name,
    an_input_that_does_not_fit_is_refused_before_the_start,
    what_this_program_does_not_know_is_started_unchecked,
}

#[workflow]
async fn hello(ctx: &WorkflowContext, name: String) -> Result<(String, SystemTime)> {
    let began = ctx.now();
    let greeting: String = ctx.signal("greeting").await?;
    Ok((format!("{greeting} {name}"), began))
}

#[workflow]
async fn other(ctx: &WorkflowContext) -> Result<()> {
    ctx.signal("go").await
}

fn registry() -> Registry {
    register_all![hello, other]
}

fn input(name: &str) -> hello::Input {
    hello::Input { name: name.to_owned() }
}

async fn greeted(exec: &Execution<hello::Workflow>) -> Result<String> {
    exec.signal("greeting", &"Hello").await?;
    Ok(exec.result().await?.0)
}

async fn an_id_that_exists_is_refused(env: Env) -> Result<()> {
    let _worker = env.serve(registry())?;
    let first = env.engine.start(input("Ada")).id("hi").await?;
    let refused = env.engine.start(input("Bob")).id("hi").await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::AlreadyExists);
    let names_it = format!("a run of workflow id `hi` exists: {}", first.run_id());
    assert!(refused.message().starts_with(&names_it), "{refused}");
    assert_eq!(env.engine.list().await?.len(), 1);
    assert_eq!(greeted(&first).await?, "Hello Ada");
    Ok(())
}

async fn an_id_that_exists_can_be_used(env: Env) -> Result<()> {
    let _worker = env.serve(registry())?;
    let first = env.engine.start(input("Ada")).id("hi").await?;
    let policy = ConflictPolicy::UseExisting;
    let second = env.engine.start(input("Bob")).id("hi").on_conflict(policy).await?;
    assert_eq!(second.run_id(), first.run_id());
    assert_eq!(greeted(&second).await?, "Hello Ada");
    let third = env.engine.start(input("Eve")).id("hi").on_conflict(policy).await?;
    assert_eq!(third.result().await?.0, "Hello Ada", "also after its end");
    Ok(())
}

async fn an_id_that_exists_can_be_taken_over(env: Env) -> Result<()> {
    let _worker = env.serve(registry())?;
    let first = env.engine.start(input("Ada")).id("hi").await?;
    let policy = ConflictPolicy::TerminateExisting;
    let second = env.engine.start(input("Bob")).id("hi").on_conflict(policy).await?;
    assert_ne!(second.run_id(), first.run_id());

    let ended = first.result().await.unwrap_err();
    assert_eq!(ended.kind(), ErrorKind::Terminated);
    let why = "the run was terminated: a new run with the same id was started";
    assert_eq!(ended.message(), why);
    assert_eq!(
        env.engine.execution::<hello::Workflow>("hi").describe().await?.run_id,
        second.run_id()
    );
    assert_eq!(greeted(&second).await?, "Hello Bob");

    let third = env.engine.start(input("Eve")).id("hi").on_conflict(policy).await?;
    assert_eq!(greeted(&third).await?, "Hello Eve", "also after its end");
    assert_eq!(second.describe().await?.status, Status::Completed, "which stays what it was");
    Ok(())
}

async fn an_id_belongs_to_one_workflow(env: Env) -> Result<()> {
    env.engine.start(input("Ada")).id("hi").await?;
    let policy = ConflictPolicy::UseExisting;
    let refused = env.engine.start(other::Input {}).id("hi").on_conflict(policy).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::AlreadyExists);
    let text = "workflow id `hi` belongs to a run of workflow `hello`, not `other`";
    assert!(refused.message().starts_with(text), "{refused}");
    Ok(())
}

async fn an_id_of_a_run_that_ended_is_still_taken(env: Env) -> Result<()> {
    let _worker = env.serve(registry())?;
    let first = env.engine.start(input("Ada")).id("hi").await?;
    greeted(&first).await?;
    let refused = env.engine.start(input("Bob")).id("hi").await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::AlreadyExists, "an id is an idempotency key");
    Ok(())
}

async fn many_runs_are_started_at_once(env: Env) -> Result<()> {
    let _worker = env.serve(registry())?;
    let taken = env.engine.start(input("Eve")).id("run 3").await?;
    let start = |number: u32| env.engine.start(input("Ada")).id(format!("run {number}"));
    let starts = (0..500).map(|number| match number {
        4 => start(3).on_conflict(ConflictPolicy::UseExisting),
        5 => start(number).queue(""),
        6 => start(2).on_conflict(ConflictPolicy::TerminateExisting),
        _ => start(number),
    });
    let answers = env.engine.start_many(starts).await?;
    assert_eq!(answers.len(), 500);
    assert_eq!(answers[3].as_ref().unwrap_err().kind(), ErrorKind::AlreadyExists);
    assert_eq!(answers[4].as_ref().unwrap().run_id(), taken.run_id());
    assert!(answers[5].as_ref().unwrap_err().message().starts_with("the queue is empty"));
    assert_eq!(answers[2].as_ref().unwrap().describe().await?.status, Status::Terminated);
    assert_eq!(env.engine.list().limit(1_000).await?.len(), 498);
    for (number, answer) in answers.into_iter().enumerate().filter(|(number, _)| number % 50 == 7) {
        let exec = answer?;
        assert_eq!(
            (exec.id(), greeted(&exec).await?),
            (format!("run {number}"), "Hello Ada".into())
        );
    }
    let other = env.engine.tenant(flows_core::ids::RunKey::new(Default::default(), None).run);
    let refused = env.engine.start_many([other.start(input("Bob"))]).await?.remove(0);
    assert!(refused.unwrap_err().message().starts_with("a start among many has their tenant"));
    let none = (0..0).map(start);
    assert!(env.engine.start_many(none).await?.is_empty());
    Ok(())
}

/// When the run began, after it was created.
async fn waited(exec: &Execution<hello::Workflow>) -> Result<Duration> {
    exec.signal("greeting", &"Hello").await?;
    let (_, began) = exec.result().await?;
    Ok(began.duration_since(exec.describe().await?.created_at)?)
}

async fn a_start_can_be_delayed(env: Env) -> Result<()> {
    let _worker = env.serve(registry())?;
    let delay = Duration::from_millis(400);
    let exec = env.engine.start(input("Ada")).delay(delay).await?;
    let info = exec.describe().await?;
    assert!(info.waiting_for.is_some_and(|text| text.starts_with("its start time (wakes at")));
    assert!(exec.try_result().await?.is_none());
    let waited = waited(&exec).await?;
    assert!(waited >= delay, "it began after {waited:?}");
    Ok(())
}

async fn a_start_can_wait_for_a_time(env: Env) -> Result<()> {
    let _worker = env.serve(registry())?;
    // The store's time, as a run sees it.
    let (_, now) = {
        let exec = env.engine.start(input("clock")).await?;
        exec.signal("greeting", &"").await?;
        exec.result().await?
    };
    let at = now + Duration::from_millis(600);
    let exec = env.engine.start(input("Ada")).start_at(at).await?;
    exec.signal("greeting", &"Hello").await?;
    let (_, began) = exec.result().await?;
    assert!(began >= at, "it began {:?} early", at.duration_since(began));
    Ok(())
}

async fn a_start_in_the_past_begins_at_once(env: Env) -> Result<()> {
    let _worker = env.serve(registry())?;
    let exec = env.engine.start(input("Ada")).start_at(SystemTime::UNIX_EPOCH).await?;
    let waited = waited(&exec).await?;
    assert!(waited < Duration::from_secs(10), "it began after {waited:?}");
    Ok(())
}

async fn mail_does_not_wake_a_delayed_run(env: Env) -> Result<()> {
    let _worker = env.serve(registry())?;
    let (delay, asked) = (Duration::from_millis(400), tokio::time::Instant::now());
    let exec = env.engine.start(input("Ada")).delay(delay).await?;
    exec.signal("greeting", &"Good morning").await?;
    let (greeting, _) = exec.result().await?;
    assert_eq!(greeting, "Good morning Ada");
    let waited = asked.elapsed(); // by one clock: a worker's view of the database's lags a little
    assert!(waited >= delay, "woken after {waited:?}");
    Ok(())
}

async fn ids_and_queues_have_some_length(env: Env) -> Result<()> {
    let text = "allowed are 1 to 255 bytes of text";
    for (id, wrong) in [
        (String::new(), "the workflow id is empty"),
        ("i".repeat(256), "the workflow id has 256 bytes"),
        ("é".repeat(128), "the workflow id has 256 bytes"),
        ("a\0b".to_owned(), "the workflow id contains a NUL character"),
    ] {
        let refused = env.engine.start(input("Ada")).id(id).await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::InvalidInput);
        assert_eq!(refused.message(), format!("{wrong}; {text}"));
    }
    let refused = env.engine.start(input("Ada")).queue("").await.unwrap_err();
    assert_eq!(refused.message(), format!("the queue is empty; {text}"));
    let refused = env.engine.start(input("Ada")).delay(Duration::MAX).await.unwrap_err();
    assert!(refused.message().ends_with("is longer than the limit of 100 years"), "{refused}");
    for beyond in [253_402_300_800, 1 << 50] {
        let far = std::time::UNIX_EPOCH + Duration::from_secs(beyond);
        let refused = env.engine.start(input("Ada")).start_at(far).await.unwrap_err();
        assert_eq!(refused.message(), "the time of start_at is later than the year 9999");
    }
    assert!(env.engine.list().await?.is_empty(), "nothing was started");

    let longest = "i".repeat(255);
    let last = std::time::UNIX_EPOCH + Duration::from_secs(253_402_300_799);
    let exec = env.engine.start(input("Ada")).id(&longest).start_at(last).await?;
    let described = exec.describe().await?;
    assert_eq!(described.workflow_id, longest);
    assert!(format!("{described:?}").contains("9999-12-31"), "{described:?}");
    Ok(())
}

async fn a_run_without_an_id_is_known_by_its_run_id(env: Env) -> Result<()> {
    let _worker = env.serve(registry())?;
    let exec = env.engine.start(input("Ada")).await?;
    assert_eq!(exec.id(), exec.run_id().to_string());
    let found = env.engine.execution::<hello::Workflow>(exec.id());
    assert_eq!(found.describe().await?.workflow_id, exec.id());
    assert_eq!(greeted(&found).await?, "Hello Ada");
    Ok(())
}

async fn many_starts_of_one_id_are_one_run(env: Env) -> Result<()> {
    let policy = ConflictPolicy::UseExisting;
    let starts = (0..20).map(|_| {
        let start = env.engine.start(input("Ada")).id("hi").on_conflict(policy);
        tokio::spawn(start.into_future())
    });
    let mut runs = std::collections::BTreeSet::new();
    for start in starts.collect::<Vec<_>>() {
        runs.insert(start.await??.run_id());
    }
    assert_eq!(runs.len(), 1);
    until(async || Ok(env.engine.list().await?.len() == 1)).await
}

async fn a_delayed_run_is_cancelled_at_once(env: Env) -> Result<()> {
    let _worker = env.serve(registry())?;
    let exec = env.engine.start(input("Ada")).delay(Duration::from_secs(3_600)).await?;
    exec.signal("greeting", &"Hello").await?;
    assert_eq!(exec.describe().await?.status, Status::Running);
    exec.cancel().reason("changed her mind").await?;
    assert_eq!(exec.describe().await?.status, Status::Cancelled);
    let error = exec.result().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Cancelled);
    assert_eq!(error.message(), "the run was cancelled: changed her mind");
    assert_eq!(exec.cancel().await.unwrap_err().kind(), ErrorKind::Closed);
    Ok(())
}

async fn a_run_that_nobody_serves_ends_at_its_time_limit(env: Env) -> Result<()> {
    let _worker = env.serve(register_all![other])?;
    let limit = Duration::from_millis(500);
    let exec = env.engine.start(input("Ada")).timeout(limit).await?;
    assert!(exec.result().await.unwrap_err().is_timeout());
    assert_eq!(exec.describe().await?.status, Status::TimedOut);
    let served = env.engine.start(input("Ada")).timeout(limit).queue("another").await?;
    assert!(served.result().await.unwrap_err().is_timeout(), "nor is that queue");
    Ok(())
}

/// Its input has a default, and its attribute a queue.
#[workflow(name = "by-name", version = 3, queue = "gateway")]
async fn by_name(ctx: &WorkflowContext, a: u32, #[serde(default)] b: u32) -> Result<u32> {
    let c: u32 = ctx.signal("c").await?;
    ctx.set_query("sum", &(a + b))?;
    ctx.sleep(Duration::from_millis(1)).await?;
    Ok(a + b + c)
}

async fn a_workflow_is_started_by_its_name(env: Env) -> Result<()> {
    let worker = env.worker(register_all![by_name]).queues(["gateway"]).build()?;
    let _worker = crate::harness::Serving::begin(worker);
    let input = serde_json::json!({ "a": 1 });
    let exec = env.engine.start_untyped("by-name", None, input.clone()).id("one").await?;
    let described = exec.describe().await?;
    assert_eq!(
        (&*described.workflow, described.version, &*described.queue),
        ("by-name", 3, "gateway")
    );
    let stored = described.input.as_ref().and_then(|input| input.as_json().map(str::to_owned));
    let typed = env.engine.start(by_name::Input { a: 1, b: 0 }).await?.describe().await?;
    assert_eq!(
        stored.as_deref(),
        typed.input.as_ref().and_then(|input| input.as_json()),
        "as a typed start"
    );
    let again = env.engine.start_untyped("by-name", 3, input.clone()).id("one").await.unwrap_err();
    assert_eq!(again.kind(), ErrorKind::AlreadyExists, "{again}");
    env.engine.signal("one", "c", &serde_json::json!(5)).await?;
    assert_eq!(exec.result().await?, serde_json::json!(6));
    assert_eq!(exec.query::<serde_json::Value>("sum").await?, Some(serde_json::json!(1)));
    let many =
        (0..3).map(|n| env.engine.start_untyped("by-name", 3, serde_json::json!({ "a": n })));
    let many = env.engine.start_many(many).await?;
    assert!(many.iter().all(Result::is_ok), "{many:?}");
    Ok(())
}

async fn an_input_that_does_not_fit_is_refused_before_the_start(env: Env) -> Result<()> {
    for wrong in [serde_json::json!({ "a": "one" }), serde_json::json!({}), serde_json::json!(null)]
    {
        let refused = env.engine.start_untyped("by-name", 3, wrong).await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Codec, "{refused}");
        assert!(refused.message().contains("input of `by-name`"), "{refused}");
    }
    let nameless = env.engine.start_untyped("", 1, serde_json::json!(1)).await.unwrap_err();
    assert!(nameless.message().contains("the workflow name is empty"), "{nameless}");
    assert!(env.engine.list().await?.is_empty());
    Ok(())
}

async fn what_this_program_does_not_know_is_started_unchecked(env: Env) -> Result<()> {
    let refused = env
        .engine
        .start_untyped("of-another-program", None, serde_json::json!(1))
        .await
        .unwrap_err();
    assert!(
        refused.message().contains("this program has no workflow `of-another-program`"),
        "{refused}"
    );
    let exec = env
        .engine
        .start_untyped("of-another-program", 2, serde_json::json!({ "b": 1, "a": [1.5] }))
        .await?;
    let described = exec.describe().await?;
    assert_eq!(
        (&*described.workflow, described.version, &*described.queue),
        ("of-another-program", 2, "default")
    );
    let waiting = described.waiting_for.unwrap_or_default();
    assert!(waiting.contains("serves workflow `of-another-program` version 2"), "{waiting}");
    Ok(())
}
