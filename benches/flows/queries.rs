//! W16: values that workflows keep for queries.

use std::time::Instant;

use flows::prelude::*;

use crate::definitions::{reporting, sequence};
use crate::lab::{Stage, ensure};
use crate::load::{Load, closed_loop};
use crate::options::Options;
use crate::report::Line;
use crate::stats::Spread;

const STEPS: u64 = 10;

/// Steps with a value in front of each, as a share of the same without; and one read at a time, of a run that has
/// ended.
pub(crate) async fn write_and_read(options: &Options) -> Result<Vec<Line>> {
    let runs = options.size(20_000, 1_000);
    let (mut with, mut without) = (Vec::new(), Vec::new());
    for _ in 0..options.rounds() {
        let load = Load { runs, in_flight: options.in_flight, input: steps, output: |_| STEPS };
        without.push(rate(load).await?);
        let load = Load { runs, in_flight: options.in_flight, input: values, output: |_| STEPS };
        with.push(rate(load).await?);
    }
    let share = crate::stats::median(&with) / crate::stats::median(&without);
    let reads = Spread::of(reads(options.size(5_000, 500)).await?);
    Ok(vec![
        Line::rate("W16", "10 activities, each with a value for queries", "steps/s", with).detail(
            "share of the same without",
            share,
            "",
        ),
        Line::cost("W16", "query of an ended run: p50", "ms", reads.p50)
            .detail("p99", reads.p99, "ms"),
    ])
}

fn steps(_: u64) -> sequence::Input {
    sequence::Input { steps: STEPS }
}

fn values(_: u64) -> reporting::Input {
    reporting::Input { steps: STEPS }
}

async fn rate<I>(load: Load<I>) -> Result<f64>
where
    I: flows::WorkflowInput + 'static,
    I::Workflow: Workflow<Output = u64>,
{
    let stage = Stage::set(load.in_flight).await?;
    let closed = closed_loop(&stage.engine, load).await?;
    stage.end(load.runs).await?;
    Ok(closed.runs_per_second * STEPS as f64)
}

async fn reads(reads: u64) -> Result<Vec<Duration>> {
    let stage = Stage::set(100).await?;
    let exec = stage.engine.start(values(0)).await?;
    exec.result().await?;
    let mut times = Vec::new();
    for _ in 0..reads {
        let began = Instant::now();
        let value = exec.query::<u64>("steps").await?;
        times.push(began.elapsed());
        ensure(value == Some(STEPS - 1), || format!("the value is {value:?}"))?;
    }
    stage.end(1).await?;
    Ok(times)
}
