//! Headers: given at the start or with a message, and carried on by all that comes of it.

use flows::prelude::*;
use flows::testing::crash_everywhere;
use flows::{ErrorKind, Headers, History};

use crate::harness::{Env, until};

on_every_store! {
    activities_and_children_have_the_headers_of_the_start,
    runs_that_take_over_have_the_headers,
    every_way_to_start_gives_headers,
    messages_have_the_headers_of_their_sender,
    a_run_that_left_memory_has_its_headers,
    what_is_too_large_or_too_many_is_refused,
    an_exported_history_has_them,
}

fn named(headers: &Headers) -> String {
    headers.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(" ")
}

#[activity]
async fn tells(ctx: &ActivityContext) -> Result<String> {
    assert_eq!(ctx.header("user"), ctx.headers().get("user"));
    Ok(named(ctx.headers()))
}

#[workflow]
async fn child(ctx: &WorkflowContext) -> Result<String> {
    let told = tells(ctx).await?;
    let ((), headers) = ctx.signal("go").with_headers().await?;
    Ok(format!("{told}; {}; {}", named(ctx.headers()), named(&headers)))
}

#[workflow]
async fn parent(ctx: &WorkflowContext) -> Result<Vec<String>> {
    let started = child(ctx).start();
    started.signal("go", &())?;
    Ok(vec![ctx.header("user").unwrap_or("nobody").to_owned(), tells(ctx).await?, started.await?])
}

#[workflow]
async fn rounds(ctx: &WorkflowContext, round: u32) -> Result<String> {
    if round == 0 {
        return ctx.continue_as_new(rounds::Input { round: 1 });
    }
    let word: String = ctx.signal("end").await?;
    match word.as_str() {
        "fail" => Err(Error::terminal(named(ctx.headers()))),
        _ => tells(ctx).await,
    }
}

#[update(response = String)]
struct Ask {
    name: String,
}

#[workflow]
async fn hears(ctx: &WorkflowContext, messages: u32) -> Result<Vec<String>> {
    let mut heard = vec![named(ctx.headers())];
    for _ in 0..messages {
        flows::select! {
            signal = ctx.signal::<u32>("more").with_headers() => {
                let (_, headers) = signal?;
                heard.push(named(&headers));
            }
            update = ctx.update::<Ask>() => {
                let update = update?;
                let answer = update.header(&update.name).unwrap_or("none").to_owned();
                heard.push(answer.clone());
                update.reply(answer);
            }
        }
    }
    Ok(heard)
}

/// It receives signals that have headers without asking for them.
#[workflow]
async fn plain(ctx: &WorkflowContext) -> Result<u32> {
    let first = ctx.signal::<u32>("more").await?;
    loop {
        if let Some(second) = ctx.try_signal::<u32>("more")? {
            return Ok(first + second);
        }
        ctx.sleep(Duration::from_millis(5)).await?;
    }
}

fn registry() -> Registry {
    register_all![parent, child, rounds, hears, plain, tells]
}

const ANN: &str = "trace=t-1 user=ann";

async fn activities_and_children_have_the_headers_of_the_start(env: Env) -> Result<()> {
    let _worker = env.serve(registry())?;
    let start = env.engine.start(parent::Input {}).id("p");
    let exec = start.header("user", "ann").header("trace", "t-1").await?;
    assert_eq!(exec.result().await?, ["ann", ANN, &[ANN; 3].join("; ")]);
    assert_eq!(named(&exec.describe().await?.headers), ANN);
    let without = env.engine.start(parent::Input {}).await?;
    assert_eq!(without.result().await?, ["nobody", "", "; ; "]);
    assert!(without.describe().await?.headers.is_empty());
    Ok(())
}

async fn runs_that_take_over_have_the_headers(env: Env) -> Result<()> {
    let _worker = env.serve(registry())?;
    let input = rounds::Input { round: 0 };
    let exec = env.engine.start(input).id("r").header("user", "ann").await?;
    let newest = env.engine.execution::<rounds::Workflow>("r");
    until(async || Ok(newest.describe().await?.run_id != exec.run_id())).await?;
    newest.signal("end", &"fail").await?;
    assert_eq!(exec.result().await.unwrap_err().message(), "user=ann");
    let failed = newest.describe().await?;
    let again = env.engine.rerun(failed.run_id).await?.typed::<rounds::Workflow>();
    again.signal("end", &"say").await?;
    assert_eq!(again.result().await?, "user=ann");
    let forked = env.engine.fork(failed.run_id, 1).id("forked").await?;
    let forked = forked.typed::<rounds::Workflow>();
    forked.signal("end", &"say").await?;
    assert_eq!(forked.result().await?, "user=ann");
    Ok(())
}

async fn every_way_to_start_gives_headers(env: Env) -> Result<()> {
    let _worker = env.serve(registry())?;
    let engine = &env.engine;
    let start = |user: &str| engine.start(hears::Input { messages: 0 }).header("user", user);
    let mut heard = Vec::new();
    for exec in engine.start_many([start("a"), start("b")]).await? {
        heard.extend(exec?.result().await?);
    }
    let json = serde_json::json!({ "messages": 0 });
    let exec = engine.start_untyped("hears", 1, json).header("user", "c").await?;
    assert_eq!(exec.result().await?, serde_json::json!(["user=c"]));
    let one = hears::Input { messages: 1 };
    let exec = engine.signal_with_start(one, "more", &1).id("d").header("user", "d").await?;
    heard.extend(exec.result().await?);
    let one = hears::Input { messages: 1 };
    let ask = Ask { name: "user".into() };
    let reply = engine.start_with_update(one, ask).id("e").header("user", "e").await?;
    assert_eq!(reply, "e");
    heard.extend(engine.execution::<hears::Workflow>("e").result().await?);
    assert_eq!(heard, ["user=a", "user=b", "user=d", "user=d", "user=e", "e"]);
    Ok(())
}

async fn messages_have_the_headers_of_their_sender(env: Env) -> Result<()> {
    let _worker = env.serve(registry())?;
    let exec = env.engine.start(hears::Input { messages: 4 }).header("user", "ann").await?;
    exec.signal("more", &1).header("user", "bob").await?;
    exec.signal("more", &2).await?;
    let ask = |name: &str| exec.update(Ask { name: name.to_owned() }).header("user", "cid");
    assert_eq!([ask("user").await?, ask("other").await?], ["cid", "none"]);
    assert_eq!(exec.result().await?, ["user=ann", "user=bob", "", "cid", "none"]);
    let exec = env.engine.start(plain::Input {}).await?;
    exec.signal("more", &1).header("user", "bob").await?;
    exec.signal("more", &2).header("user", "bob").await?;
    assert_eq!(exec.result().await?, 3);
    let wrong = env.engine.start(plain::Input {}).await?;
    wrong.signal("more", &"text").header("user", "bob").await?;
    let error = wrong.result().await.unwrap_err();
    assert!(error.message().contains("the string `\"text\"`"), "{error}");
    Ok(())
}

async fn a_run_that_left_memory_has_its_headers(env: Env) -> Result<()> {
    let worker = env.worker(registry()).resident_for(Duration::ZERO).build()?;
    let _worker = crate::harness::Serving::begin(worker);
    let exec = env.engine.start(hears::Input { messages: 2 }).header("user", "ann").await?;
    for user in ["bob", "cid"] {
        let waits = async || {
            let waiting_for = exec.describe().await?.waiting_for;
            Ok(waiting_for.is_some_and(|waits| waits.contains("more")))
        };
        until(waits).await?;
        exec.signal("more", &1).header("user", user).await?;
    }
    assert_eq!(exec.result().await?, ["user=ann", "user=bob", "user=cid"]);
    Ok(())
}

async fn what_is_too_large_or_too_many_is_refused(env: Env) -> Result<()> {
    let _worker = env.serve(registry())?;
    let start = || env.engine.start(hears::Input { messages: 1 });
    let many = (0..33).fold(start(), |start, n| start.header(format!("h{n}"), "x"));
    let exec = start().await?;
    let large = "x".repeat(8 * 1024);
    let ask = || exec.update(Ask { name: String::new() });
    let refused = [
        many.await.map(drop),
        start().header("large", &large).await.map(drop),
        start().header("", "x").await.map(drop),
        start().header("$flows", "x").await.map(drop),
        start().header("user", "a\0b").await.map(drop),
        exec.signal("more", &1).header("large", &large).await,
        ask().header("large", &large).await.map(drop),
    ];
    let said = [
        "the start has 33 headers; allowed are 32",
        "the headers of the start have 8197 bytes; allowed are 8192",
        "is empty",
        "`$flows` has a reserved name",
        "`user` contains a NUL",
        "the headers of the signal have 8197 bytes",
        "the headers of the update have 8197 bytes",
    ];
    for (refused, said) in refused.into_iter().zip(said) {
        let error = refused.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
        assert!(error.message().contains(said), "{said}: {error}");
    }
    exec.signal("more", &1).header("h", &large[1..]).await?;
    assert_eq!(exec.result().await?.len(), 2, "nothing else has come");
    Ok(())
}

async fn an_exported_history_has_them(env: Env) -> Result<()> {
    let _worker = env.serve(registry())?;
    let exec = env.engine.start(hears::Input { messages: 1 }).header("user", "ann").await?;
    exec.signal("more", &1).header("user", "bob").await?;
    exec.result().await?;
    let history = History::from_json(&exec.export().await?.to_json()?)?;
    assert_eq!(history, exec.export().await?);
    assert_eq!(named(&history.headers), "user=ann");
    flows::testing::replay_with(&registry(), &history)?;
    Ok(())
}

#[tokio::test]
async fn headers_survive_crashes() -> Result<()> {
    let run = crash_everywhere(parent::Input {}).registry(registry());
    let heard = run.header("user", "ann").header("trace", "t-1").await?;
    assert_eq!(heard, ["ann", ANN, &[ANN; 3].join("; ")]);
    Ok(())
}
