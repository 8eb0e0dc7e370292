//! Payloads: what is too large is refused with its size and its name, and nothing is half-written.

use flows::prelude::*;
use serde::{Deserialize, Serialize};

use crate::harness::{Env, events};

on_every_store! {
    an_input_that_is_too_large_is_refused_at_the_start,
    a_signal_that_is_too_large_is_refused,
    an_activitys_input_that_is_too_large_is_the_calls_error,
    an_activitys_output_that_is_too_large_is_the_calls_error,
    a_workflows_output_that_is_too_large_fails_the_run,
    a_childs_input_that_is_too_large_is_the_calls_error,
    what_just_fits_is_accepted,
    text_with_a_nul_character_is_refused,
    postcard_payloads_go_there_and_back,
    added_fields_do_not_disturb,
}

/// The limit in these tests, in bytes.
const LIMIT: usize = 1_000;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Parcel {
    weight: f64,
    labels: Vec<Option<String>>,
}

/// Its first fields.
#[derive(Debug, Serialize, Deserialize)]
struct OldParcel {
    weight: f64,
}

/// With a field that no old parcel has.
#[derive(Debug, Serialize, Deserialize)]
struct NewParcel {
    weight: f64,
    #[serde(default)]
    fragile: bool,
}

#[activity]
async fn repeats(text: String, times: usize) -> Result<String> {
    Ok(text.repeat(times))
}

#[activity(codec = "postcard")]
async fn packs(parcel: Parcel, more: Vec<u8>) -> Result<Parcel> {
    let labels = parcel.labels.into_iter().chain([Some(format!("{} more", more.len()))]);
    Ok(Parcel { weight: parcel.weight * 2.0, labels: labels.collect() })
}

#[workflow]
async fn echo(ctx: &WorkflowContext, text: String, times: Vec<usize>) -> Result<String> {
    let mut text = text;
    for times in times {
        text = repeats(ctx, text, times).await?;
    }
    Ok(text)
}

#[workflow]
async fn swells(ctx: &WorkflowContext, size: usize) -> Result<String> {
    let _ = ctx;
    Ok("x".repeat(size))
}

#[workflow]
async fn delegates(ctx: &WorkflowContext, size: usize) -> Result<String> {
    match echo(ctx, "x".repeat(size), Vec::new()).await {
        Ok(text) => Ok(format!("{} bytes", text.len())),
        Err(error) => Err(error),
    }
}

#[workflow]
async fn waits(ctx: &WorkflowContext) -> Result<usize> {
    Ok(ctx.signal::<String>("text").await?.len())
}

#[workflow]
async fn ships(ctx: &WorkflowContext, parcel: Parcel) -> Result<Parcel> {
    packs(ctx, parcel, vec![0; 3]).await
}

#[workflow]
async fn weighs(ctx: &WorkflowContext) -> Result<(f64, f64, bool)> {
    let old: OldParcel = ctx.signal("parcel").await?;
    let new: NewParcel = ctx.signal("parcel").await?;
    Ok((old.weight, new.weight, new.fragile))
}

fn registry() -> Registry {
    register_all![echo, swells, delegates, waits, ships, weighs, repeats, packs]
}

fn input(text: String, times: &[usize]) -> echo::Input {
    echo::Input { text, times: times.to_vec() }
}

/// Checks the refusal of something, of which so many bytes are its value.
#[track_caller]
fn refused<T>(result: Result<T>, what: &str, value: usize) {
    let Err(error) = result else { panic!("{what} was accepted") };
    assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
    let (head, rest) = error.message().split_once(" has ").expect("a size");
    assert_eq!(head.trim_start_matches("the "), what);
    let (size, rest) = rest.split_once(" bytes and the limit is 1000: ").expect("the limit");
    let size: usize = size.parse().expect("a number");
    assert!((value..value + 50).contains(&size), "{size} bytes for {value}");
    assert!(rest.contains("store it elsewhere and pass a reference"), "{rest}");
}

async fn an_input_that_is_too_large_is_refused_at_the_start(env: Env) -> Result<()> {
    env.engine.set_payload_limit(LIMIT)?;
    let started = env.engine.start(input("x".repeat(1_000), &[])).await;
    refused(started, "input of workflow `echo`", 1_000);
    assert!(env.engine.list().await?.is_empty());
    Ok(())
}

async fn a_signal_that_is_too_large_is_refused(env: Env) -> Result<()> {
    env.engine.set_payload_limit(LIMIT)?;
    let _worker = env.serve(registry())?;
    let exec = env.engine.start(waits::Input {}).await?;
    let sent = exec.signal("text", &"x".repeat(1_000)).await;
    refused(sent, "payload of signal `text`", 1_000);
    exec.signal("text", &"short").await?;
    assert_eq!(exec.result().await?, 5, "the large one was not sent");
    Ok(())
}

async fn an_activitys_input_that_is_too_large_is_the_calls_error(env: Env) -> Result<()> {
    env.engine.set_payload_limit(LIMIT)?;
    let _worker = env.serve(registry())?;
    // 990 bytes of text fit into the output, but not together with a number.
    let exec = env.engine.start(input("x".repeat(198), &[5, 1])).await?;
    let result = exec.result().await;
    refused(result, "input of activity `repeats`", 990);
    assert_eq!(events(&exec, "activity_completed").await?.len(), 1);
    Ok(())
}

async fn an_activitys_output_that_is_too_large_is_the_calls_error(env: Env) -> Result<()> {
    env.engine.set_payload_limit(LIMIT)?;
    let _worker = env.serve(registry())?;
    let exec = env.engine.start(input("x".repeat(100), &[11])).await?;
    refused(exec.result().await, "output of activity `repeats`", 1_100);
    let history = exec.history().await?;
    let attempts = history.iter().filter_map(|event| event.attempt).max();
    assert_eq!(attempts, Some(1), "trying again would not help");
    Ok(())
}

async fn a_workflows_output_that_is_too_large_fails_the_run(env: Env) -> Result<()> {
    env.engine.set_payload_limit(LIMIT)?;
    let _worker = env.serve(registry())?;
    let exec = env.engine.start(swells::Input { size: 2_000 }).await?;
    refused(exec.result().await, "output of workflow `swells`", 2_000);
    assert_eq!(exec.describe().await?.status, Status::Failed);
    Ok(())
}

async fn a_childs_input_that_is_too_large_is_the_calls_error(env: Env) -> Result<()> {
    env.engine.set_payload_limit(LIMIT)?;
    let _worker = env.serve(registry())?;
    let exec = env.engine.start(delegates::Input { size: 1_000 }).await?;
    refused(exec.result().await, "input of workflow `echo`", 1_000);
    assert_eq!(env.engine.list().await?.len(), 1, "no child was started");
    let small = env.engine.start(delegates::Input { size: 900 }).await?;
    assert_eq!(small.result().await?, "900 bytes");
    Ok(())
}

async fn what_just_fits_is_accepted(env: Env) -> Result<()> {
    env.engine.set_payload_limit(LIMIT)?;
    let _worker = env.serve(registry())?;
    let exec = env.engine.start(waits::Input {}).await?;
    exec.signal("text", &"x".repeat(LIMIT - 2)).await?; // and its quotes
    assert_eq!(exec.result().await?, LIMIT - 2);
    let exec = env.engine.start(swells::Input { size: LIMIT - 2 }).await?;
    assert_eq!(exec.result().await?.len(), LIMIT - 2);
    Ok(())
}

async fn text_with_a_nul_character_is_refused(env: Env) -> Result<()> {
    let _worker = env.serve(registry())?;
    let refused = env.engine.start(input("a\0b".to_owned(), &[])).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Codec);
    assert!(refused.message().contains("it contains a NUL character"), "{refused}");
    let text = r"not a NUL: \u0000, \\u0000".to_owned();
    let exec = env.engine.start(input(text.clone(), &[1])).await?;
    assert_eq!(exec.result().await?, text, "but text that looks like one");
    Ok(())
}

async fn postcard_payloads_go_there_and_back(env: Env) -> Result<()> {
    let _worker = env.serve(registry())?;
    let parcel = Parcel { weight: 1.5, labels: vec![None, Some("ink".into())] };
    let exec = env.engine.start(ships::Input { parcel }).await?;
    let labels = vec![None, Some("ink".into()), Some("3 more".into())];
    assert_eq!(exec.result().await?, Parcel { weight: 3.0, labels });
    let completed = events(&exec, "activity_completed").await?;
    let value = completed[0].value.as_ref().expect("an output");
    assert_eq!((value.codec(), value.as_json()), (flows::Codec::Postcard, None));
    Ok(())
}

async fn added_fields_do_not_disturb(env: Env) -> Result<()> {
    let _worker = env.serve(registry())?;
    let exec = env.engine.start(weighs::Input {}).await?;
    exec.signal("parcel", &NewParcel { weight: 1.0, fragile: true }).await?;
    exec.signal("parcel", &OldParcel { weight: 2.0 }).await?;
    assert_eq!(exec.result().await?, (1.0, 2.0, false));
    Ok(())
}
