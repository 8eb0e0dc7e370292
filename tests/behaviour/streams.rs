//! Streams: what a workflow and its activities publish, followed while the run goes on.

use std::sync::Arc;

use flows::ErrorKind;
use flows::pg::dev::fresh_database;
use flows::pg::{PgStore, Transaction};
use flows::prelude::*;
use flows::testing::crash_everywhere;
use flows::types::{ProgressStream, StreamPosition};
use flows_core::forward_store;
use flows_core::store::forward::names::*;
use serde::{Deserialize, Serialize};

use crate::harness::{Env, Serving, within};
use crate::world::World;

on_every_store! {
    items_come_as_they_are_published,
    items_stay_after_the_end_and_can_be_read_from_anywhere,
    a_reader_follows_the_runs_that_go_on,
    a_run_that_left_memory_publishes_nothing_again,
    attempts_that_are_retried_publish_again,
    what_cannot_be_published_or_read_says_so,
    a_run_that_is_terminated_ends_its_stream,
    nobody_reads_the_stream_of_another_tenant,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
enum Progress {
    Begun,
    Token(String),
    Answered(u32),
    Done,
}

/// Tokens, as a model gives them.
#[activity]
async fn speak(ctx: &ActivityContext, words: Vec<String>) -> Result<u32> {
    for (number, word) in words.iter().enumerate() {
        ctx.publish(&Progress::Token(word.clone())).await?;
        ctx.state::<World>()?.pass(&format!("word {number}")).await;
    }
    Ok(words.len() as u32)
}

#[workflow]
async fn talk(ctx: &WorkflowContext, words: Vec<String>, signals: u32) -> Result<u32> {
    ctx.publish(&Progress::Begun)?;
    let mut sum = speak(ctx, words).await?;
    ctx.publish(&Progress::Answered(sum))?;
    for _ in 0..signals {
        sum += ctx.signal::<u32>("more").await?;
        ctx.publish(&Progress::Answered(sum))?;
    }
    ctx.publish(&Progress::Done)?;
    Ok(sum)
}

#[workflow]
async fn rounds(ctx: &WorkflowContext, round: u32) -> Result<u32> {
    ctx.publish(&round)?;
    if round < 3 {
        return ctx.continue_as_new(rounds::Input { round: round + 1 });
    }
    let () = ctx.signal("end").await?;
    ctx.publish("ended")?;
    Ok(round)
}

#[activity(retry(max_attempts = 3, initial_interval = "10ms"))]
async fn stumbles(ctx: &ActivityContext) -> Result<()> {
    ctx.publish(&ctx.attempt()).await?;
    if ctx.attempt() < 3 { Err(Error::retryable("not yet")) } else { Ok(()) }
}

#[workflow]
async fn stumbling(ctx: &WorkflowContext) -> Result<()> {
    stumbles(ctx).await
}

#[activity(transaction)]
async fn count(tx: &Transaction<'_>, number: i64) -> Result<i64> {
    Ok(tx.query_one("SELECT $1::bigint + 1", &[&number]).await?.get(0))
}

/// What a turn publishes that writes no journal row: its event is recorded by then.
#[workflow]
async fn counting(ctx: &WorkflowContext) -> Result<i64> {
    let mut number = 0;
    for _ in 0..3 {
        number = count(ctx, number).await?;
        ctx.publish(&number)?;
    }
    Ok(number)
}

#[workflow]
async fn refused(ctx: &WorkflowContext) -> Result<Vec<String>> {
    let errors = [ctx.publish(&"x".repeat(300 << 10)), ctx.publish(&f64::NAN)];
    let said = errors.map(|error| error.map_or_else(|error| error.to_string(), |()| "ok".into()));
    ctx.publish("a text")?;
    ctx.publish(&7)?;
    Ok(said.to_vec())
}

fn registry() -> Registry {
    register_all![talk, speak, rounds, stumbling, stumbles, counting, count, refused]
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

fn token(word: &str) -> Progress {
    Progress::Token(word.to_owned())
}

async fn next<T: serde::de::DeserializeOwned>(stream: &mut ProgressStream<T>) -> Result<T> {
    let item = stream.next().await?;
    item.map(|item| item.value).ok_or_else(|| Error::terminal("the stream has ended"))
}

async fn rest<T: serde::de::DeserializeOwned>(mut stream: ProgressStream<T>) -> Result<Vec<T>> {
    let mut values = Vec::new();
    while let Some(item) = stream.next().await? {
        values.push(item.value);
    }
    Ok(values)
}

async fn items_come_as_they_are_published(env: Env) -> Result<()> {
    let _worker = env.serve(registry())?;
    let exec = env.engine.start(talk::Input { words: words(&["to", "be"]), signals: 1 }).await?;
    let (mut one, mut other) = (exec.stream::<Progress>(), exec.stream::<Progress>());
    for (gate, expected) in [(None, Progress::Begun), (None, token("to")), (Some(0), token("be"))] {
        if let Some(gate) = gate {
            env.world.open(&format!("word {gate}"));
        }
        assert_eq!(next(&mut one).await?, expected);
        assert_eq!(next(&mut other).await?, expected);
    }
    env.world.open("word 1");
    assert_eq!(next(&mut one).await?, Progress::Answered(2));
    exec.signal("more", &3_u32).await?;
    let expected = [Progress::Answered(5), Progress::Done];
    assert_eq!(rest(one).await?, expected);
    assert_eq!(rest(other).await?, [&[Progress::Answered(2)], &expected[..]].concat());
    Ok(())
}

async fn items_stay_after_the_end_and_can_be_read_from_anywhere(env: Env) -> Result<()> {
    env.world.open("word 0");
    let worker = env.serve(registry())?;
    let input = talk::Input { words: words(&["hello"]), signals: 0 };
    let exec = env.engine.start(input).id("talk-1").await?;
    exec.result().await?;
    worker.stop().await?;
    let all = [Progress::Begun, token("hello"), Progress::Answered(1), Progress::Done];
    let exec = env.engine.execution::<talk::Workflow>("talk-1");
    let mut stream = exec.stream::<Progress>();
    let mut positions = Vec::new();
    while let Some(item) = stream.next().await? {
        assert_eq!(item.value, all[positions.len()]);
        positions.push(item.position);
    }
    assert_eq!(stream.next().await?, None, "it has ended");
    assert_eq!(positions.len(), all.len());
    for (number, position) in positions.into_iter().enumerate() {
        let read: StreamPosition = position.to_string().parse()?;
        assert_eq!(read, position);
        assert_eq!(rest(exec.stream::<Progress>().from(read)).await?, all[number..]);
        assert_eq!(rest(exec.stream::<Progress>().after(read)).await?, all[number + 1..]);
    }
    Ok(())
}

async fn a_reader_follows_the_runs_that_go_on(env: Env) -> Result<()> {
    let _worker = env.serve(registry())?;
    let exec = env.engine.start(rounds::Input { round: 0 }).id("rounds").await?;
    let mut stream = exec.stream::<serde_json::Value>();
    let mut third = None;
    for round in 0..=3 {
        let item = stream.next().await?.expect("it goes on");
        assert_eq!(item.value, round);
        third = Some(item.position).filter(|_| round == 2).or(third);
    }
    let newest = env.engine.execution::<rounds::Workflow>("rounds");
    assert_eq!(next(&mut newest.stream::<u32>()).await?, 3, "the newest run's");
    let third = third.expect("a position");
    for exec in [exec.clone(), newest.clone()] {
        let mut stream = exec.stream::<serde_json::Value>().after(third);
        assert_eq!(next(&mut stream).await?, 3, "from a run before, or behind");
    }
    newest.signal("end", &()).await?;
    assert_eq!(rest(stream).await?, ["ended"]);
    let other = env.engine.start(rounds::Input { round: 3 }).await?;
    let error = other.stream::<u32>().from(third).next().await.unwrap_err();
    assert!(error.message().contains("is of another run"), "{error}");
    Ok(())
}

async fn a_run_that_left_memory_publishes_nothing_again(env: Env) -> Result<()> {
    env.world.open("word 0");
    let worker = env.worker(registry()).resident_for(Duration::ZERO).build()?;
    let _worker = Serving::begin(worker);
    let exec = env.engine.start(talk::Input { words: words(&["a"]), signals: 3 }).await?;
    let mut stream = exec.stream::<Progress>();
    let mut seen = Vec::new();
    for sum in 1..=3 {
        while seen.last() != Some(&Progress::Answered(sum)) {
            seen.push(next(&mut stream).await?);
        }
        exec.signal("more", &1_u32).await?;
    }
    seen.extend(rest(stream).await?);
    let answers = (1..=4).map(Progress::Answered);
    let begin = [Progress::Begun, token("a")];
    let all: Vec<_> = begin.into_iter().chain(answers).chain([Progress::Done]).collect();
    assert_eq!(seen, all);
    Ok(())
}

async fn attempts_that_are_retried_publish_again(env: Env) -> Result<()> {
    let _worker = env.serve(registry())?;
    let exec = env.engine.start(stumbling::Input {}).await?;
    assert_eq!(rest(exec.stream::<u32>()).await?, [1, 2, 3]);
    exec.result().await
}

async fn what_cannot_be_published_or_read_says_so(env: Env) -> Result<()> {
    let _worker = env.serve(registry())?;
    let nobody = env.engine.execution::<talk::Workflow>("nobody");
    let error = nobody.stream::<u32>().next().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
    let exec = env.engine.start(refused::Input {}).await?;
    for (said, expected) in exec.result().await?.iter().zip(["307202 bytes", "NaN"]) {
        assert!(said.contains(expected), "{expected}: {said}");
    }
    let mut stream = exec.stream::<u32>();
    let error = stream.next().await.unwrap_err();
    assert!(error.message().contains("item of the stream"), "{error}");
    assert_eq!(rest(stream).await?, [7], "the one behind it");
    for text in ["", "7", "x:1", &format!("{}:-1", Uuid::nil())] {
        let error = text.parse::<StreamPosition>().unwrap_err();
        assert!(error.message().contains("is no position of a stream"), "{error}");
    }
    Ok(())
}

async fn a_run_that_is_terminated_ends_its_stream(env: Env) -> Result<()> {
    let _worker = env.serve(registry())?;
    let exec = env.engine.start(rounds::Input { round: 3 }).await?;
    let mut stream = exec.stream::<u32>();
    assert_eq!(next(&mut stream).await?, 3);
    let (ended, terminated) = tokio::join!(stream.next(), exec.terminate("no more"));
    terminated?;
    assert_eq!(ended?, None);
    Ok(())
}

async fn nobody_reads_the_stream_of_another_tenant(env: Env) -> Result<()> {
    let _worker = env.serve(registry())?;
    let [acme, other] = [1, 2].map(|number| env.engine.tenant(Uuid::from_u128(number)));
    let exec = acme.start(refused::Input {}).id("theirs").await?;
    exec.result().await?;
    let position = exec.stream::<String>().next().await?.expect("an item").position;
    for id in ["theirs".to_owned(), exec.run_id().to_string()] {
        let error = other.execution::<refused::Workflow>(id).stream::<String>().next().await;
        assert_eq!(error.unwrap_err().kind(), ErrorKind::NotFound);
    }
    let own = other.start(refused::Input {}).await?;
    let error = own.stream::<String>().from(position).next().await.unwrap_err();
    assert!(error.message().contains("is of another run"), "{error}");
    Ok(())
}

#[tokio::test]
async fn what_a_transactional_result_leads_to_is_published_once() -> Result<()> {
    crate::harness::on_postgres(async |env: Env| {
        let _worker = env.serve(registry())?;
        let exec = env.engine.start(counting::Input {}).await?;
        assert_eq!(rest(exec.stream::<i64>()).await?, [1, 2, 3]);
        assert_eq!(exec.result().await?, 3);
        Ok(())
    })
    .await
}

/// A store that says nothing to others, and hears nothing of them.
struct Mute(PgStore);

impl Mute {
    fn inner(&self) -> &PgStore {
        &self.0
    }
}

macro_rules! muted {
    ($store:ident publish($hint:ident)) => {
        drop($hint)
    };
    ($store:ident subscribe()) => {
        None
    };
}

forward_store!(ClientStore for Mute);
forward_store!(WorkerStore for Mute);
forward_store!(Inspect for Mute);
forward_store!(Operate for Mute);
forward_store!(Hub for Mute, muted);

impl Store for Mute {
    fn as_any(&self) -> &dyn std::any::Any {
        self.0.as_any()
    }
}

/// A reader in another process is woken by hints, and looks at intervals where there are none.
async fn another_process_follows(hears: bool) -> Result<()> {
    let database = fresh_database().await?;
    let [serving, reading] =
        [Engine::connect(database.url()).await?, Engine::connect(database.url()).await?];
    serving.migrate().await?;
    let world = World::default();
    let worker = Worker::builder(&serving, registry()).state(world.clone()).build()?;
    let _worker = Serving::begin(worker);
    let reading: flows_core::Engine = match reading.store().filter(|_| !hears) {
        Some(store) => flows_core::Engine::new(Arc::new(Mute(store.clone()))),
        None => (&reading).into(),
    };
    let exec = serving.start(talk::Input { words: words(&["to", "be"]), signals: 0 }).await?;
    let exec = reading.execution::<talk::Workflow>(exec.run_id().to_string());
    let mut stream = exec.stream::<Progress>();
    assert_eq!(next(&mut stream).await?, Progress::Begun);
    assert_eq!(next(&mut stream).await?, token("to"));
    world.open("word 0");
    assert_eq!(next(&mut stream).await?, token("be"));
    world.open("word 1");
    assert_eq!(rest(stream).await?, [Progress::Answered(2), Progress::Done]);
    Ok(())
}

#[tokio::test]
async fn another_process_is_woken() -> Result<()> {
    within(Duration::from_secs(60), another_process_follows(true)).await
}

#[tokio::test]
async fn another_process_that_hears_nothing_looks() -> Result<()> {
    within(Duration::from_secs(60), another_process_follows(false)).await
}

#[tokio::test]
async fn publishing_replays() -> Result<()> {
    let sum = crash_everywhere(talk::Input { words: words(&["a", "b"]), signals: 2 })
        .registry(registry())
        .signal("more", &1_u32)
        .signal("more", &1_u32)
        .mock_value(speak::Activity, 1)
        .await?;
    assert_eq!(sum, 3);
    Ok(())
}
