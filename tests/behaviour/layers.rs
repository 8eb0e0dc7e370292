//! Layers: around the calls of clients, around workflow code, around attempts of activities.

use std::sync::{Arc, Mutex};

use flows::layer::{
    ActivityLayer, ClientCall, ClientLayer, ClientVerb, NextActivity, NextCall, WorkflowLayer,
};
use flows::prelude::*;
use flows::testing::crash_everywhere;
use flows::{ErrorKind, Payload};
use flows_core::engine::EngineOptions;

use crate::harness::{Env, Serving, until};

on_every_store! {
    layers_of_clients_see_every_call_and_add_headers,
    a_layer_of_clients_refuses,
    layers_of_activities_stand_around_each_attempt,
    a_layer_of_activities_fails_as_its_activity_does,
    what_layers_cannot_change,
    layers_of_workflows_see_beginning_and_end,
    a_layer_that_changes_the_run_stops_it,
}

/// What layers have seen.
#[derive(Clone, Default)]
struct Seen(Arc<Mutex<Vec<String>>>);

impl Seen {
    fn note(&self, text: impl Into<String>) {
        self.0.lock().expect("no panic").push(text.into());
    }

    fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.0.lock().expect("no panic"))
    }
}

#[activity(retry(max_attempts = 3, initial_interval = "1ms"))]
async fn work(ctx: &ActivityContext, what: String) -> Result<String> {
    match what.as_str() {
        "fails once" if ctx.attempt() == 1 => Err(Error::retryable("not yet")),
        "pending" => ctx.pending(),
        _ => Ok(format!("{what} for {}", ctx.header("user").unwrap_or("nobody"))),
    }
}

#[workflow]
async fn works(ctx: &WorkflowContext, what: String) -> Result<String> {
    ctx.set_query("what", &what)?;
    work(ctx, what).await
}

#[update(response = String)]
struct Ask;

#[workflow]
async fn listens(ctx: &WorkflowContext) -> Result<Vec<String>> {
    let user = |headers: &flows::Headers| headers.get("user").unwrap_or("nobody").to_owned();
    let mut heard = vec![user(ctx.headers())];
    loop {
        flows::select! {
            signal = ctx.signal::<bool>("more").with_headers() => {
                let (more, headers) = signal?;
                heard.push(user(&headers));
                if !more {
                    return Ok(heard);
                }
            }
            update = ctx.update::<Ask>() => {
                let update = update?;
                let by = update.header("user").unwrap_or("nobody").to_owned();
                update.reply(by);
            }
        }
    }
}

fn registry() -> Registry {
    register_all![works, listens, work]
}

/// Says who calls, and notes it.
struct Caller(Seen);

impl ClientLayer for Caller {
    async fn around(&self, mut call: ClientCall, next: NextCall<'_>) -> Result<()> {
        let part = |it: &Option<String>| it.clone().unwrap_or_default();
        let (id, name) = (part(&call.id), part(&call.name));
        let what = format!("{:?} {} {id} {name}", call.verb, part(&call.workflow));
        call.headers.insert("user", "ann");
        let result = next.run(call).await;
        self.0.note(format!("{what}: {}", if result.is_ok() { "ok" } else { "error" }));
        result
    }
}

impl Env {
    fn with_layers(&self, add: impl FnOnce(&mut EngineOptions)) -> flows_core::Engine {
        let mut options = EngineOptions::default();
        add(&mut options);
        flows_core::Engine::with_options(Arc::clone(&self.store), options)
    }
}

async fn layers_of_clients_see_every_call_and_add_headers(env: Env) -> Result<()> {
    let seen = Seen::default();
    let engine = env.with_layers(|options| options.layers.push(Caller(seen.clone())));
    let _worker = env.serve(registry())?;
    let exec = engine.start(listens::Input {}).id("a").await?;
    exec.signal("more", &true).header("user", "overwritten").await?;
    assert_eq!(exec.update(Ask).await?, "ann");
    engine.signal("a", "more", &false).await?;
    assert_eq!(exec.result().await?, ["ann"; 3]);
    let starts = ["b", "c"].map(|id| engine.start(works::Input { what: id.into() }).id(id));
    let [b, c] = starts;
    for exec in engine.start_many([b, c.header("user", "own")]).await? {
        exec?.result().await?;
    }
    let result = async |id: &str| engine.execution::<works::Workflow>(id).result().await;
    assert_eq!([result("b").await?, result("c").await?], ["b for ann", "c for own"]);
    let what = engine.execution::<works::Workflow>("b").query::<String>("what").await?;
    assert_eq!(what.as_deref(), Some("b"));
    engine.signal_with_start(listens::Input {}, "more", &true).id("d").await?;
    assert_eq!(engine.start_with_update(listens::Input {}, Ask).id("d").await?, "ann");
    let untyped = engine.execution::<listens::Workflow>("d");
    untyped.cancel().await?;
    assert_eq!(untyped.result().await.unwrap_err().kind(), ErrorKind::Cancelled);
    engine.signal("nobody", "more", &true).await.unwrap_err();
    assert_eq!(
        seen.take(),
        [
            "Start listens a : ok",
            "Signal  a more: ok",
            "Update  a ask: ok",
            "Signal  a more: ok",
            "StartMany works  : ok",
            "Query  b what: ok",
            "SignalWithStart listens d more: ok",
            "StartWithUpdate listens d ask: ok",
            "Cancel  d : ok",
            "Signal  nobody more: error",
        ]
    );
    Ok(())
}

/// Refuses one kind of call, or says that it was made.
struct Gatekeeper;

impl ClientLayer for Gatekeeper {
    async fn around(&self, call: ClientCall, next: NextCall<'_>) -> Result<()> {
        match call.verb {
            ClientVerb::Cancel => Err(Error::terminal("nobody may cancel")),
            ClientVerb::Query => Ok(()),
            _ => next.run(call).await.context("at the gate"),
        }
    }
}

async fn a_layer_of_clients_refuses(env: Env) -> Result<()> {
    let seen = Seen::default();
    let engine = env.with_layers(|options| {
        options.layers.push(Caller(seen.clone()));
        options.layers.push(Gatekeeper);
    });
    let _worker = env.serve(registry())?;
    let exec = engine.start(listens::Input {}).id("a").await?;
    let refused = exec.cancel().await.unwrap_err();
    assert_eq!(refused.message(), "nobody may cancel");
    let not_made = exec.query::<String>("what").await.unwrap_err();
    assert_eq!(not_made.kind(), ErrorKind::Configuration, "{not_made}");
    assert!(not_made.message().contains("`Ok`"), "{not_made}");
    let wrapped = engine.start(listens::Input {}).id("a").await.unwrap_err();
    assert!(wrapped.message().starts_with("at the gate"), "{wrapped}");
    assert_eq!(
        seen.take(),
        [
            "Start listens a : ok",
            "Cancel  a : error",
            "Query  a what: ok",
            "Start listens a : error"
        ]
    );
    exec.signal("more", &false).await?;
    assert_eq!(exec.result().await?, ["ann", "ann"], "it was not cancelled");
    Ok(())
}

/// Notes each attempt, under its own name.
struct Timed(&'static str, Seen);

impl ActivityLayer for Timed {
    async fn around(&self, ctx: &ActivityContext, next: NextActivity) -> Result<Payload> {
        let at = format!("{} {} {}", self.0, ctx.activity_name(), ctx.attempt());
        self.1.note(format!("{at} for {} begins", ctx.header("user").unwrap_or("nobody")));
        let result = next.run().await;
        self.1.note(match &result {
            Ok(output) => format!("{at}: {output:?}"),
            Err(error) => format!("{at}: {error}"),
        });
        result
    }
}

async fn layers_of_activities_stand_around_each_attempt(env: Env) -> Result<()> {
    let seen = Seen::default();
    let worker = env.worker(registry()).activity_layer(Timed("outer", seen.clone()));
    let worker = worker.activity_layer(Timed("inner", seen.clone())).build()?;
    let _worker = Serving::begin(worker);
    let input = works::Input { what: "fails once".into() };
    let exec = env.engine.start(input).header("user", "ann").await?;
    assert_eq!(exec.result().await?, "fails once for ann");
    assert_eq!(
        seen.take(),
        [
            "outer work 1 for ann begins",
            "inner work 1 for ann begins",
            "inner work 1: not yet",
            "outer work 1: not yet",
            "outer work 2 for ann begins",
            "inner work 2 for ann begins",
            "inner work 2: \"fails once for ann\"",
            "outer work 2: \"fails once for ann\"",
        ]
    );
    Ok(())
}

/// Does what the header says.
struct Obeys;

impl ActivityLayer for Obeys {
    async fn around(&self, ctx: &ActivityContext, next: NextActivity) -> Result<Payload> {
        match ctx.header("do").unwrap_or_default() {
            "refuse" => Err(Error::terminal("refused")),
            "refuse once" if ctx.attempt() == 1 => Err(Error::retryable("refused once")),
            "panic" => panic!("a layer that panics"),
            "wrap" => next.run().await.context("in the layer"),
            "stall" => std::future::pending().await,
            _ => next.run().await,
        }
    }
}

#[activity(start_to_close = "20ms", retry(max_attempts = 2, initial_interval = "1ms"))]
async fn brief() -> Result<u32> {
    Err(Error::terminal("no"))
}

#[workflow]
async fn briefly(ctx: &WorkflowContext) -> Result<u32> {
    brief(ctx).await
}

async fn a_layer_of_activities_fails_as_its_activity_does(env: Env) -> Result<()> {
    let definitions = register_all![works, briefly, work, brief];
    let worker = env.worker(definitions).activity_layer(Obeys).build()?;
    let _worker = Serving::begin(worker);
    let work = async |what: &str| {
        let input = works::Input { what: "it".into() };
        let exec = env.engine.start(input).header("do", what).await?;
        let result = exec.result().await;
        let kinds = exec.history().await?.into_iter().map(|event| event.kind);
        Ok::<_, Error>((result, kinds.filter(|kind| kind.starts_with("activity")).count()))
    };
    assert_eq!(work("").await?.0?, "it for nobody");
    let (refused, attempts) = work("refuse").await?;
    assert_eq!((refused.unwrap_err().message(), attempts), ("refused", 1));
    let (once, attempts) = work("refuse once").await?;
    assert_eq!((once?.as_str(), attempts), ("it for nobody", 2));
    let (panicked, attempts) = work("panic").await?;
    let error = panicked.unwrap_err();
    assert!(error.message().contains("a layer that panics"), "{error}");
    assert_eq!((error.kind(), attempts), (ErrorKind::Panic, 3), "retried as a panic of the body");
    let brief = async |what: &str| {
        let exec = env.engine.start(briefly::Input {}).header("do", what).await?;
        exec.result().await
    };
    let wrapped = brief("wrap").await.unwrap_err();
    assert!(wrapped.message().starts_with("in the layer"), "{wrapped}");
    let stalled = brief("stall").await.unwrap_err();
    assert!(stalled.is_timeout(), "its limit holds for the layer: {stalled}");
    Ok(())
}

/// What has ended outside, or is committed, is what it is.
struct Spoils;

impl ActivityLayer for Spoils {
    async fn around(&self, ctx: &ActivityContext, next: NextActivity) -> Result<Payload> {
        match next.run().await {
            Err(error) if error.kind() == ErrorKind::Pending => Err(error),
            _ => Err(Error::terminal(format!("spoilt {}", ctx.activity_name()))),
        }
    }
}

#[activity]
async fn hands_out(ctx: &ActivityContext) -> Result<u32> {
    ctx.heartbeat(&ctx.completion_token())?;
    ctx.state::<Seen>()?.note(ctx.completion_token());
    ctx.pending()
}

#[workflow]
async fn waits_outside(ctx: &WorkflowContext) -> Result<u32> {
    hands_out(ctx).await
}

async fn what_layers_cannot_change(env: Env) -> Result<()> {
    let seen = Seen::default();
    let worker = env.worker(register_all![waits_outside, hands_out]).state(seen.clone());
    let _worker = Serving::begin(worker.activity_layer(Spoils).build()?);
    let exec = env.engine.start(waits_outside::Input {}).await?;
    let mut token = None;
    until(async || {
        token = token.take().or(seen.take().pop());
        Ok(token.is_some())
    })
    .await?;
    env.engine.complete(token.unwrap_or_default(), &7_u32).await?;
    assert_eq!(exec.result().await?, 7);
    Ok(())
}

/// Notes where the code begins and ends, and whether that is a replay.
struct Watches(Seen);

impl WorkflowLayer for Watches {
    fn begins(&self, ctx: &WorkflowContext) {
        let user = ctx.header("user").unwrap_or("nobody");
        self.0.note(format!("begins for {user}, replayed: {}", ctx.is_replaying()));
    }

    fn ends(&self, ctx: &WorkflowContext, result: Result<&Payload, &Error>) {
        let result = result.map_or_else(ToString::to_string, |output| format!("{output:?}"));
        self.0.note(format!("ends with {result}, replayed: {}", ctx.is_replaying()));
    }
}

async fn layers_of_workflows_see_beginning_and_end(env: Env) -> Result<()> {
    let seen = Seen::default();
    let layered = || registry().workflow_layer(Watches(seen.clone()));
    let worker = env.worker(layered()).resident_for(Duration::ZERO).build()?;
    let worker = Serving::begin(worker);
    let exec = env.engine.start(listens::Input {}).header("user", "ann").await?;
    let waits =
        async || Ok(exec.describe().await?.waiting_for.is_some_and(|it| it.contains("more")));
    until(waits).await?;
    assert_eq!(seen.take(), ["begins for ann, replayed: false"]);
    exec.signal("more", &false).await?;
    assert_eq!(exec.result().await?, ["ann", "nobody"]);
    let end = r#"ends with ["ann","nobody"], replayed: false"#;
    assert_eq!(seen.take(), ["begins for ann, replayed: true", end]);
    worker.stop().await?;
    // the kit takes the layers along, and a history is the same with and without
    let history = exec.export().await?;
    flows::testing::replay_with(&registry(), history.clone())?;
    flows::testing::replay_with(&layered(), history)?;
    let end = r#"ends with ["ann","nobody"], replayed: true"#;
    assert_eq!(seen.take(), ["begins for ann, replayed: true", end]);
    Ok(())
}

/// Uses the context for more than a look.
struct Meddles(Meddler);

type Meddler = fn(&WorkflowContext);

impl WorkflowLayer for Meddles {
    fn ends(&self, ctx: &WorkflowContext, _: Result<&Payload, &Error>) {
        (self.0)(ctx);
    }
}

async fn a_layer_that_changes_the_run_stops_it(env: Env) -> Result<()> {
    let meddlers: [(Meddler, &str); 5] = [
        (|ctx| assert!(!ctx.uuid().is_nil()), "more than a look"),
        (|ctx| drop(ctx.set_query("what", &7)), "more than a look"),
        (|ctx| drop(ctx.set_attribute("what", 7)), "more than a look"),
        (|ctx| drop(ctx.publish(&7)), "more than a look"),
        (|_| panic!("a layer that panics"), "a layer that panics"),
    ];
    for (meddler, said) in meddlers {
        let worker = env.worker(registry().workflow_layer(Meddles(meddler))).build()?;
        let worker = Serving::begin(worker);
        let exec = env.engine.start(works::Input { what: "it".into() }).await?;
        until(async || Ok(exec.describe().await?.stuck.is_some())).await?;
        let stuck = exec.describe().await?.stuck.unwrap_or_default();
        assert!(stuck.contains(said), "{said}: {stuck}");
        worker.stop().await?;
        let worker = env.serve(registry())?;
        assert_eq!(exec.result().await?, "it for nobody", "without the layer it goes on");
        worker.stop().await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_layer_of_workflows_survives_crashes() -> Result<()> {
    let seen = Seen::default();
    let layered = registry().workflow_layer(Watches(seen.clone()));
    let run = crash_everywhere(listens::Input {}).registry(layered).header("user", "ann");
    let run = run.signal("more", &true).signal_after(Duration::from_secs(1), "more", &false);
    assert_eq!(run.await?, ["ann", "nobody", "nobody"]);
    let seen = seen.take();
    let replayed = seen.iter().filter(|it| it.contains("replayed: true")).count();
    assert!(replayed > 0 && replayed < seen.len(), "{seen:?}");
    Ok(())
}
