//! Values: user code sees what is stored, live as in a replay, and what cannot be read back is an error of
//! the call that gave it.

use std::collections::{HashMap, HashSet};

use flows::prelude::*;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::harness::{Env, events, until};
use crate::logs::Logs;

on_every_store! {
    an_input_is_seen_alike_by_all_turns,
    a_side_effect_is_seen_as_it_is_stored,
    numbers_keep_their_bits,
    large_numbers_go_on_in_a_new_run,
    what_has_no_form_in_json_is_an_error_of_its_call,
    what_a_type_cannot_read_back_is_an_error_of_its_call,
    hash_maps_and_sets_are_the_same_input_each_time,
    a_value_that_was_refused_stays_refused,
    an_input_that_is_too_large_to_go_on_with_ends_the_run,
}

/// Which variant it is depends on how a number is written.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
enum Number {
    Whole(i64),
    Real(f64),
}

/// Reads another field than it writes.
#[derive(Debug, Default, Serialize, Deserialize)]
struct OneWay {
    #[serde(rename(serialize = "written", deserialize = "read"))]
    field: u8,
}

#[workflow]
async fn sees(ctx: &WorkflowContext, number: Number, json: Box<RawValue>) -> Result<bool> {
    let seen = || format!("{number:?} {}", json.get());
    let first = ctx.side_effect(seen).await?;
    ctx.signal::<()>("go").await?;
    Ok(first == seen())
}

#[workflow]
async fn decides(ctx: &WorkflowContext) -> Result<String> {
    let nothing: Option<Option<u8>> = ctx.side_effect(|| Some(None)).await?;
    let unit: Option<()> = ctx.side_effect(|| Some(())).await?;
    let refused = ctx.side_effect(|| f64::NAN).await.is_err();
    let broken = ctx.side_effect(OneWay::default).await.is_err();
    ctx.signal::<()>("go").await?;
    Ok(format!("{nothing:?} {unit:?} {refused} {broken}"))
}

#[activity]
async fn gives(number: f64) -> Result<f64> {
    Ok(number)
}

#[activity(codec = "postcard")]
async fn gives_bits(number: f64) -> Result<f64> {
    Ok(number)
}

#[activity(retry(max_attempts = 1))]
async fn gives_nan() -> Result<f64> {
    Ok(f64::NAN)
}

#[activity(retry(max_attempts = 1))]
async fn gives_one_way() -> Result<OneWay> {
    Ok(OneWay::default())
}

#[workflow]
async fn collects(ctx: &WorkflowContext, seed: u64, count: u64) -> Result<Vec<(f64, f64)>> {
    let mut all = Vec::new();
    for number in numbers(seed, count) {
        let bits = gives_bits(ctx, number).await?;
        all.push((gives(ctx, number).await?, bits));
    }
    Ok(all)
}

#[workflow]
async fn counts_down(ctx: &WorkflowContext, number: u128, left: u32) -> Result<u128> {
    match left {
        0 => Ok(number),
        _ => ctx.continue_as_new(counts_down::Input { number, left: left - 1 }),
    }
}

#[workflow]
async fn swells(ctx: &WorkflowContext, text: String) -> Result<()> {
    match text.len() {
        100 => ctx.continue_as_new::<_, ()>(swells::Input { text: text.repeat(100) }),
        _ => Ok(()),
    }
}

#[workflow]
async fn gives_infinity(ctx: &WorkflowContext) -> Result<f64> {
    let _ = ctx;
    Ok(f64::INFINITY)
}

#[workflow]
async fn hears_of_errors(ctx: &WorkflowContext) -> Result<Vec<String>> {
    let mut errors = Vec::new();
    errors.push(gives(ctx, f64::NAN).await.unwrap_err().to_string());
    errors.push(gives_nan(ctx).await.unwrap_err().to_string());
    errors.push(gives_one_way(ctx).await.map(drop).unwrap_err().to_string());
    errors.push(gives_infinity(ctx).await.unwrap_err().to_string());
    Ok(errors)
}

#[activity]
async fn sorts(map: HashMap<String, u32>, set: HashSet<u32>) -> Result<u32> {
    Ok(map.values().chain(&set).sum())
}

#[workflow]
async fn child_of_maps(ctx: &WorkflowContext, map: HashMap<String, u32>) -> Result<usize> {
    let _ = ctx;
    Ok(map.len())
}

#[workflow]
async fn passes_maps(ctx: &WorkflowContext, map: HashMap<String, u32>) -> Result<u32> {
    let set: HashSet<u32> = map.values().copied().collect();
    let sum = sorts(ctx, map.clone(), set).await?;
    let count = child_of_maps(ctx, map).await?;
    ctx.signal::<()>("go").await?;
    Ok(sum + u32::try_from(count)?)
}

#[workflow]
async fn measures(ctx: &WorkflowContext, text: String) -> Result<usize> {
    let _ = ctx;
    Ok(text.len())
}

#[workflow]
async fn asks_for_much(ctx: &WorkflowContext) -> Result<Vec<bool>> {
    let text = "x".repeat(2_000);
    let child = measures(ctx, text.clone()).await.is_ok();
    let value = ctx.side_effect(|| text).await.is_ok();
    ctx.signal::<()>("go").await?;
    Ok(vec![child, value])
}

fn registry() -> Registry {
    register_all![
        sees,
        decides,
        gives,
        gives_bits,
        gives_nan,
        gives_one_way,
        collects,
        counts_down,
        swells,
        gives_infinity,
        hears_of_errors,
        sorts,
        child_of_maps,
        passes_maps,
        measures,
        asks_for_much,
    ]
}

/// Finite numbers by their bits, and some that are known to be hard.
fn numbers(seed: u64, count: u64) -> impl Iterator<Item = f64> {
    let hard = [-0.0, 5e-324, 0.1 + 0.2, 1e16, 2.0_f64.powi(63), f64::MAX, f64::MIN_POSITIVE];
    let bits = (0..count).map(move |n| (n + seed).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    hard.into_iter().chain(bits.map(f64::from_bits).filter(|number| number.is_finite()))
}

/// Waits until the run is recorded so far, lets its worker die, and goes on with another one.
async fn replayed<W: Workflow>(env: &Env, exec: &Execution<W>, kind: &str) -> Result<W::Output> {
    let worker = env.serve(registry())?;
    until(async || Ok(!events(exec, kind).await?.is_empty())).await?;
    worker.stop().await?;
    let _worker = env.serve(registry())?;
    exec.signal("go", &()).await?;
    exec.result().await
}

async fn an_input_is_seen_alike_by_all_turns(env: Env) -> Result<()> {
    let texts = [
        r#"{"b":1,"a":[1e16,2.50,-0.0,1E-7],"aa":{},"a":[]}"#,
        r#"["\u00e9\u0001\/\t", "𝄞", 340282366920938463463374607431768211455e0 , 12345678901234567890]"#,
        "[ 1 , 1.0 , -1e-300 ]",
    ];
    let numbers = [1e16, 9_007_199_254_740_993.0, -0.0, 0.5];
    let worker = env.serve(registry())?; // so that a first turn may be made before anything is stored
    let mut all = Vec::new();
    for (text, number) in texts.iter().flat_map(|text| numbers.iter().map(move |n| (text, n))) {
        let json = RawValue::from_string((*text).to_owned())?;
        let input = sees::Input { number: Number::Real(*number), json };
        all.push(env.engine.start(input).await?);
    }
    for exec in &all {
        until(async || Ok(!events(exec, "side_effect").await?.is_empty())).await?;
    }
    worker.stop().await?;
    let _worker = env.serve(registry())?;
    for exec in all {
        exec.signal("go", &()).await?;
        assert!(exec.result().await?, "{:?}", exec.describe().await?.input);
    }
    Ok(())
}

async fn a_side_effect_is_seen_as_it_is_stored(env: Env) -> Result<()> {
    let exec = env.engine.start(decides::Input {}).await?;
    let seen = replayed(&env, &exec, "value_refused").await?;
    assert_eq!(seen, "None None true true");
    Ok(())
}

async fn numbers_keep_their_bits(env: Env) -> Result<()> {
    let _worker = env.serve(registry())?;
    let found = env.engine.start(collects::Input { seed: 7, count: 60 }).await?.result().await?;
    for (given, (json, postcard)) in numbers(7, 60).zip(found) {
        let stored = if given == 0.0 { 0.0 } else { given }; // an output is JSONB, without a negative zero
        assert_eq!((json.to_bits(), postcard.to_bits()), (stored.to_bits(), stored.to_bits()));
    }
    Ok(())
}

async fn large_numbers_go_on_in_a_new_run(env: Env) -> Result<()> {
    let _worker = env.serve(registry())?;
    let number = (1 << 63) * 10 + 3;
    let exec = env.engine.start(counts_down::Input { number, left: 3 }).await?;
    assert_eq!(exec.result().await?, number);

    // Whoever looks at them sees every digit, as text and as a number.
    for number in [number, u128::MAX] {
        let exec = env.engine.start(counts_down::Input { number, left: 0 }).await?;
        exec.result().await?;
        let run = exec.describe().await?;
        let [input, output] = [run.input, run.output].map(|value| value.expect("a value"));
        assert!(format!("{input:?}").contains(&format!(": {number}}}")), "{input:?}");
        assert_eq!(input.decode::<counts_down::Input>()?.number, number);
        assert_eq!(output.as_json(), Some(&*number.to_string()));
    }
    Ok(())
}

async fn what_has_no_form_in_json_is_an_error_of_its_call(env: Env) -> Result<()> {
    let _worker = env.serve(registry())?;
    let input =
        sees::Input { number: Number::Real(f64::NAN), json: RawValue::from_string("1".into())? };
    let error = env.engine.start(input).await.map(drop).unwrap_err();
    assert!(error.message().contains("NaN"), "{error}");
    let errors = env.engine.start(hears_of_errors::Input {}).await?.result().await?;
    for error in [&errors[0], &errors[1], &errors[3]] {
        assert!(error.contains("NaN"), "{error}");
    }
    Ok(())
}

async fn what_a_type_cannot_read_back_is_an_error_of_its_call(env: Env) -> Result<()> {
    let _worker = env.serve(registry())?;
    let errors = env.engine.start(hears_of_errors::Input {}).await?.result().await?;
    assert!(errors[2].contains("could not be read back"), "{}", errors[2]);
    Ok(())
}

async fn hash_maps_and_sets_are_the_same_input_each_time(env: Env) -> Result<()> {
    let map: HashMap<String, u32> = (0..40).map(|n| (format!("key {n}"), n)).collect();
    let exec = env.engine.start(passes_maps::Input { map }).await?;
    let worker = env.serve(registry())?;
    until(async || Ok(!events(&exec, "child_closed").await?.is_empty())).await?;
    worker.stop().await?;
    let (logs, _guard) = Logs::keep();
    let _worker = env.serve(registry())?;
    exec.signal("go", &()).await?;
    assert_eq!(exec.result().await?, 2 * (0..40).sum::<u32>() + 40);
    assert!(logs.with("monotonic_counter.flows_changed_inputs").is_empty());
    Ok(())
}

async fn a_value_that_was_refused_stays_refused(env: Env) -> Result<()> {
    env.engine.set_payload_limit(1_000)?;
    let exec = env.engine.start(asks_for_much::Input {}).await?;
    let worker = env.serve(registry())?;
    until(async || Ok(events(&exec, "value_refused").await?.len() == 2)).await?;
    worker.stop().await?;
    env.engine.set_payload_limit(1_000_000)?;
    let _worker = env.serve(registry())?;
    exec.signal("go", &()).await?;
    assert_eq!(exec.result().await?, [false, false]);
    Ok(())
}

async fn an_input_that_is_too_large_to_go_on_with_ends_the_run(env: Env) -> Result<()> {
    env.engine.set_payload_limit(1_000)?;
    let _worker = env.serve(registry())?;
    let ended = env.engine.start(swells::Input { text: "x".repeat(100) }).await?.result().await;
    let error = ended.unwrap_err();
    assert!(error.message().contains("input of workflow `swells` has"), "{error}");
    Ok(())
}
