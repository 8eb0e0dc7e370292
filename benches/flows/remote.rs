//! W15: activities that run on workers of another queue.

use std::time::Instant;

use flows::prelude::*;

use crate::definitions::{ELSEWHERE, remote_fan_out, remote_sequence};
use crate::lab::{self, FOR_LONG, Stage, Working, ensure};
use crate::load::{Load, closed_loop};
use crate::options::Options;
use crate::process::{Kind, WorkerProcess};
use crate::report::Line;
use crate::stats::{Spread, median};

/// The width of a fan-out, and over how many processes it goes.
const WIDTH: u64 = 1_000;
const PROCESSES: usize = 2;

pub(crate) async fn elsewhere(options: &Options) -> Result<Vec<Line>> {
    let alone = closed(options.size(1_000, 100), 1, 1).await?;
    let round_trip = Spread::of(alone.times);
    let mut rates = Vec::new();
    for _ in 0..options.rounds() {
        let runs = options.size(10_000, 1_000);
        rates.push(10.0 * closed(runs, options.in_flight, 10).await?.runs_per_second);
    }
    let mut fan_outs = Vec::new();
    for _ in 0..options.rounds() {
        fan_outs.extend(fan_out(options.size(10, 3)).await?);
    }
    let seconds = median(&fan_outs);
    Ok(vec![
        Line::cost("W15", "1 activity elsewhere, unloaded: p50", "ms", round_trip.p50)
            .budget(2.5)
            .detail("p99", round_trip.p99, "ms"),
        Line::rate("W15", "10 activities elsewhere", "steps/s", rates).budget(25_000.0),
        Line::cost("W15", "1,000 elsewhere at once, 2 processes", "ms", 1_000.0 * seconds),
    ])
}

/// Runs of so many activities, one after the other, with a worker for each queue in this process.
async fn closed(runs: u64, in_flight: u64, steps: u64) -> Result<crate::load::Closed> {
    let stage = Stage::set(in_flight.max(100)).await?;
    let others = Working::serve(&stage.engine, ELSEWHERE, 100, FOR_LONG)?;
    let load = match steps {
        1 => load::<1>(runs, in_flight),
        _ => load::<10>(runs, in_flight),
    };
    let warm = Load { runs: 30, ..load };
    closed_loop(&stage.engine, warm).await?;
    let closed = closed_loop(&stage.engine, load).await?;
    others.end().await?;
    stage.end(runs + 30).await?;
    Ok(closed)
}

fn load<const STEPS: u64>(runs: u64, in_flight: u64) -> Load<remote_sequence::Input> {
    let input = |_| remote_sequence::Input { steps: STEPS };
    Load { runs, in_flight, input, output: |_| STEPS }
}

/// How many seconds each of so many runs takes that asks for a thousand at once, of two other processes.
async fn fan_out(runs: u64) -> Result<Vec<f64>> {
    let stage = Stage::set(100).await?;
    let kind = Kind { runs: 100, resident: 3_600_000, doomed: false, elsewhere: true };
    let mut workers = Vec::new();
    for _ in 0..PROCESSES {
        let mut worker = WorkerProcess::start(stage.database.url(), kind).await?;
        worker.go().await?;
        workers.push(worker);
    }
    let mut times = Vec::new();
    for _ in 0..runs {
        let began = Instant::now();
        let sum =
            stage.engine.start(remote_fan_out::Input { steps: WIDTH }).await?.result().await?;
        times.push(began.elapsed().as_secs_f64());
        ensure(sum == WIDTH * (WIDTH + 1) / 2, || format!("the sum is {sum}"))?;
    }
    for worker in workers {
        worker.end().await?;
    }
    lab::checkpoint(&stage.database).await?;
    stage.end(runs).await?;
    Ok(times)
}
