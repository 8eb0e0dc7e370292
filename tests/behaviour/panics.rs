//! Panics wherever user code runs: each ends its attempt, or stops its run, with file and line, and
//! leaves slot, permit and task to others. The list is in ARCHITECTURE.md, "User code in the worker".

use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Mutex, PoisonError};

use flows::prelude::*;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::harness::{Env, Serving, until};
use crate::world::World;

on_every_store! {
    a_panic_anywhere_in_an_activity_ends_its_attempt,
    a_value_that_panics_when_it_is_read_back_is_an_error_of_its_call,
    a_destructor_that_panics_at_a_time_limit_leaves_the_timeout,
    a_destructor_that_panics_after_a_cancellation_gives_the_slot_back,
    an_error_that_panics_when_dropped_is_the_error_that_it_is,
    a_panic_anywhere_in_a_workflow_stops_its_run,
    values_that_panic_when_their_run_is_terminated_harm_nobody,
    state_that_panics_when_dropped_does_not_keep_the_worker_from_ending,
}

/// Where it panics.
#[derive(Debug, Clone, PartialEq)]
struct Odd(String);

impl Serialize for Odd {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        assert!(self.0 != "encode", "cannot be written");
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Odd {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        assert!(text != "never" && !is_read_again(&text), "cannot be read");
        Ok(Self(text))
    }
}

/// What is to be read once only: it passes where it is checked.
fn is_read_again(text: &str) -> bool {
    static READ: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());
    let mut read = READ.lock().unwrap_or_else(PoisonError::into_inner);
    text.starts_with("decode") && !read.insert(text.to_owned())
}

/// An error that cannot say what it is, or why.
#[derive(Debug)]
struct Shy(&'static str);

impl fmt::Display for Shy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        assert!(self.0 != "display", "cannot be shown");
        f.write_str(self.0)
    }
}

impl std::error::Error for Shy {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        assert!(self.0 != "source", "has no source");
        None
    }
}

/// An error that is dropped wherever the library has done with it.
#[derive(Debug, thiserror::Error)]
#[error("in an error")]
struct Mined(Bomb);

/// An error of the application's that cannot become one of ours.
struct Own;

impl From<Own> for Error {
    fn from(_: Own) -> Self {
        panic!("cannot be converted")
    }
}

/// Panics when it is dropped, unless something else panics.
#[derive(Debug)]
struct Bomb(&'static str);

impl Drop for Bomb {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            panic!("{}", self.0);
        }
    }
}

#[activity(start_to_close = "300ms", retry(max_attempts = 1))]
async fn breaks(ctx: &ActivityContext, how: Odd) -> Result<Odd> {
    ctx.state::<World>()?.note(&how.0);
    match &*how.0 {
        "body" => panic!("in its body"),
        "value" => std::panic::panic_any(3_u8),
        "payload" => std::panic::panic_any(Bomb("in a payload")),
        "local" => drop(Bomb("in a local value")),
        "heartbeat" => ctx.heartbeat(&Odd("encode".into()))?,
        "display" => return Err(Shy("display").into()),
        "source" => return Err(Error::terminal(Shy("source"))),
        "convert" => return Err(Own)?,
        "error" => return Err(Mined(Bomb("an error")))?,
        "hold" => {
            let _held = (Bomb("a held value"), tokio::runtime::Runtime::new()?);
            std::future::pending::<()>().await;
        }
        _ => {}
    }
    Ok(how)
}

#[workflow]
async fn calls(ctx: &WorkflowContext, how: String) -> Result<String> {
    Ok(breaks(ctx, Odd(how)).await?.0)
}

#[workflow]
async fn gives_up(ctx: &WorkflowContext) -> Result<String> {
    let held = ctx.timeout(Duration::from_millis(50), breaks(ctx, Odd("hold".into()))).await;
    assert!(held.is_err_and(|error| error.is_timeout()));
    Ok(breaks(ctx, Odd("fine".into())).await?.0)
}

#[workflow]
async fn wrong(ctx: &WorkflowContext, how: Odd) -> Result<Odd> {
    match &*how.0 {
        "body" => panic!("in its body"),
        "payload" => std::panic::panic_any(Bomb("in a payload")),
        "local" => drop(Bomb("in a local value")),
        "display" => return Err(Shy("display").into()),
        "convert" => return Err(Own)?,
        "error" => return Err(Error::terminal(Mined(Bomb("an error")))),
        "call" => drop(breaks(ctx, Odd("encode".into())).await?),
        "output" => return Ok(Odd("encode".into())),
        "result" => drop(breaks(ctx, Odd("give".into())).await?),
        _ => {
            let _held = Bomb("a held value");
            ctx.signal::<()>("go").await?;
        }
    }
    Ok(how)
}

/// A worker with one slot: whoever does not give it back keeps all others from running.
fn serve(env: &Env) -> Result<Serving> {
    let registry = register_all![calls, gives_up, wrong, breaks];
    Ok(Serving::begin(env.worker(registry).max_activities(1).build()?))
}

async fn the_slot_is_free(env: &Env) -> Result<()> {
    let exec = env.engine.start(calls::Input { how: "fine".into() }).await?;
    assert_eq!(exec.result().await?, "fine");
    Ok(())
}

/// In this file, and at which line.
#[track_caller]
fn assert_place(text: &str, said: &str) {
    let (_, place) = text.split_once(&format!("panicked at {}:", file!())).expect(text);
    let line = place.split(':').next().unwrap_or_default();
    assert!(line.parse::<u32>().is_ok_and(|line| line > 0), "{text}");
    assert!(text.contains(said), "{text} should contain {said}");
}

async fn a_panic_anywhere_in_an_activity_ends_its_attempt(env: Env) -> Result<()> {
    let worker = serve(&env)?;
    let decode = format!("decode {}", uuid::Uuid::new_v4());
    let places = [
        (&*decode, "cannot be read"),
        ("body", "in its body"),
        ("value", "a value that is not text"),
        ("payload", "a value that is not text"),
        ("local", "in a local value"),
        ("heartbeat", "cannot be written"),
        ("display", "cannot be shown"),
        ("source", "has no source"),
        ("convert", "cannot be converted"),
    ];
    for (how, said) in places {
        let exec = env.engine.start(calls::Input { how: how.into() }).await?;
        let error = exec.result().await.unwrap_err();
        assert!(error.is_panic(), "{how}: {error:?}");
        assert_place(error.message(), said);
        assert_eq!(exec.describe().await?.status, Status::Failed, "{how}");
        assert_eq!(env.world.count(how), usize::from(how != decode), "invoked once");
        the_slot_is_free(&env).await?;
    }
    worker.stop().await
}

async fn a_value_that_panics_when_it_is_read_back_is_an_error_of_its_call(env: Env) -> Result<()> {
    let worker = serve(&env)?;
    let started = env.engine.start(wrong::Input { how: Odd("never".into()) }).await;
    assert_place(started.map(drop).unwrap_err().message(), "cannot be read");
    let exec = env.engine.start(calls::Input { how: "never".into() }).await?;
    assert_place(exec.result().await.unwrap_err().message(), "cannot be read");
    assert_eq!(env.world.count("never"), 0);
    worker.stop().await
}

async fn a_destructor_that_panics_at_a_time_limit_leaves_the_timeout(env: Env) -> Result<()> {
    let worker = serve(&env)?;
    let exec = env.engine.start(calls::Input { how: "hold".into() }).await?;
    let error = exec.result().await.unwrap_err();
    assert!(error.is_timeout(), "{error:?}");
    assert!(error.message().starts_with("activity `breaks` took longer"), "{error}");
    assert!(error.message().contains("; a value of its body panicked at "), "{error}");
    assert_eq!(env.world.count("hold"), 1);
    the_slot_is_free(&env).await?;
    worker.stop().await
}

async fn a_destructor_that_panics_after_a_cancellation_gives_the_slot_back(env: Env) -> Result<()> {
    let worker = serve(&env)?;
    let exec = env.engine.start(gives_up::Input {}).await?;
    assert_eq!(exec.result().await?, "fine");
    assert_eq!(env.world.notes(), ["hold", "fine"]);
    worker.stop().await
}

async fn an_error_that_panics_when_dropped_is_the_error_that_it_is(env: Env) -> Result<()> {
    let worker = serve(&env)?;
    let exec = env.engine.start(calls::Input { how: "error".into() }).await?;
    let error = exec.result().await.unwrap_err();
    assert_eq!((error.kind(), error.message()), (ErrorKind::Retryable, "in an error"));
    assert_eq!(env.world.count("error"), 1, "invoked once");
    let exec = env.engine.start(wrong::Input { how: Odd("error".into()) }).await?;
    let error = exec.result().await.unwrap_err();
    assert_eq!((error.kind(), error.message()), (ErrorKind::Terminal, "in an error"));
    the_slot_is_free(&env).await?;
    worker.stop().await
}

async fn a_panic_anywhere_in_a_workflow_stops_its_run(env: Env) -> Result<()> {
    let worker = serve(&env)?;
    let decode = format!("decode {}", uuid::Uuid::new_v4());
    let places = [
        (&*decode, "cannot be read"),
        ("body", "in its body"),
        ("payload", "a value that is not text"),
        ("local", "in a local value"),
        ("display", "cannot be shown"),
        ("convert", "cannot be converted"),
        ("call", "cannot be written"),
        ("output", "cannot be written"),
    ];
    for (how, said) in places {
        let exec = env.engine.start(wrong::Input { how: Odd(how.into()) }).await?;
        until(async || Ok(exec.describe().await?.stuck.is_some())).await?;
        let why = exec.describe().await?.stuck.unwrap_or_default();
        assert!(why.starts_with("the workflow"), "{how}: {why}");
        assert_place(&why, said);
        exec.terminate("seen").await?;
        the_slot_is_free(&env).await?;
    }
    worker.stop().await
}

async fn values_that_panic_when_their_run_is_terminated_harm_nobody(env: Env) -> Result<()> {
    let worker = serve(&env)?;
    let exec = env.engine.start(wrong::Input { how: Odd("hold".into()) }).await?;
    until(async || Ok(exec.describe().await?.waiting_for.is_some_and(|what| what.contains("go"))))
        .await?;
    exec.terminate("enough").await?;
    assert_eq!(exec.result().await.unwrap_err().kind(), ErrorKind::Terminated);
    the_slot_is_free(&env).await?;
    worker.stop().await
}

async fn state_that_panics_when_dropped_does_not_keep_the_worker_from_ending(
    env: Env,
) -> Result<()> {
    let registry = register_all![calls, breaks];
    let worker = env.worker(registry).state(Bomb("in the state")).build()?;
    let worker = Serving::begin(worker);
    the_slot_is_free(&env).await?;
    worker.stop().await
}
