//! What the testing kit says.

use std::sync::atomic::{AtomicU64, Ordering};

use flows::prelude::*;
use flows::testing::Simulation;

use crate::in_the_kit;
use crate::printed::{assert_shown, blocks};

#[workflow]
async fn listen(ctx: &WorkflowContext) -> Result<u64> {
    ctx.signal("word").await
}

#[test]
fn a_run_that_nothing_moves() -> Result<()> {
    in_the_kit(flows::register_all![listen, mail], async |env| {
        let exec = env.start(listen::Input {}).id("x").await?;
        assert_shown("testing.md", exec.result().await.expect_err("nobody speaks").message());
        Ok(())
    })
}

#[activity]
async fn mail(to: String) -> Result<()> {
    drop(to);
    Ok(())
}

#[workflow]
async fn welcome(ctx: &WorkflowContext, people: Vec<String>) -> Result<usize> {
    let calls: Vec<_> = people.iter().map(|person| mail(ctx, person.clone())).collect();
    Ok(calls.len())
}

#[test]
fn a_call_that_nobody_awaits() -> Result<()> {
    in_the_kit(flows::register_all![welcome, mail], async |env| {
        let exec = env.start(welcome::Input { people: vec!["Ada".into()] }).id("a").await?;
        assert_shown("testing.md", exec.result().await.expect_err("no mail was sent").message());
        Ok(())
    })
}

#[derive(Default)]
struct Stock(AtomicU64);

#[activity]
async fn reserve(ctx: &ActivityContext) -> Result<u64> {
    Ok(ctx.state::<Stock>()?.0.fetch_add(1, Ordering::Relaxed) + 1)
}

#[workflow]
async fn order(ctx: &WorkflowContext) -> Result<u64> {
    reserve(ctx).await
}

/// Digits, and ids by their ends: they follow from the seed, and another seed may be the first to fail.
fn without_numbers(line: &str) -> String {
    let words = line.split_whitespace().map(|word| if word.starts_with('…') { "ID" } else { word });
    let line = words.collect::<Vec<_>>().join(" ");
    let mut masked = String::new();
    for letter in line.chars() {
        match letter {
            '0'..='9' if masked.ends_with('N') => {}
            '0'..='9' => masked.push('N'),
            other => masked.push(other),
        }
    }
    masked
}

/// The guide leaves lines out, and says so with `…`; those that it shows are there in this order.
fn is_shown(report: &str, shown: &str) -> bool {
    let mut said = report.lines().map(without_numbers);
    let lines = shown.lines().filter(|line| line.trim() != "…").map(without_numbers);
    lines.into_iter().all(|line| said.any(|said| said == line))
}

#[test]
fn a_schedule_that_does_not_hold() {
    let play = |seed| {
        let registry = flows::register_all![order, reserve];
        let simulation = Simulation::new().registry(registry).state_with(Stock::default);
        simulation.start(order::Input {}).seed(seed).run()
    };
    let shown = blocks("testing.md").into_iter().find(|block| block.contains("play it again"));
    let shown = shown.expect("the guide shows a schedule");
    let mut reports = (0..1_000).filter_map(|seed| play(seed).err()).map(|error| error.to_string());
    assert!(reports.any(|report| is_shown(&report, &shown)), "no seed does what the guide shows");
}
