//! W10: the same backlog, drained by one, two, four and eight worker processes.

use std::time::Instant;

use flows::pg::dev::Database;
use flows::prelude::*;
use tokio::task::JoinSet;

use crate::definitions::sequence;
use crate::lab::{self, Watch};
use crate::options::Options;
use crate::process::{Kind, WorkerProcess};
use crate::report::{Line, Point, Series};

const STEPS: u64 = 10;
/// Clients that start runs at the same time.
const CLIENTS: u64 = 1_000;
/// What throughput may lose to noise before it counts as falling.
const NOISE: f64 = 0.9;

pub(crate) async fn scale(options: &Options) -> Result<(Vec<Line>, Series)> {
    let runs = options.size(20_000, 3_000);
    let (mut lines, mut points) = (Vec::<Line>::new(), Vec::new());
    for number in [1, 2, 4, 8] {
        let (mut rates, mut rows) = (Vec::new(), Vec::new());
        for _ in 0..options.rounds() {
            let (rate, rows_per_commit) = one_round(runs, number, options.in_flight).await?;
            rates.push(rate);
            rows.push(rows_per_commit);
        }
        let name = match number {
            1 => "10 activities, 1 worker process".to_owned(),
            _ => format!("10 activities, {number} worker processes"),
        };
        let line = Line::rate("W10", name, "steps/s", rates);
        let line = line.detail("journal rows per commit", crate::stats::median(&rows), "");
        points.push(Point { at: number as f64, rate: line.measured, times: None });
        lines.push(match lines.first() {
            Some(one) => line.budget(NOISE * one.measured),
            None => line,
        });
    }
    let series = Series { name: "processes", x: "worker processes", unit: "steps/s", points };
    Ok((lines, series))
}

/// Steps a second, and journal rows for each transaction of the database.
async fn one_round(runs: u64, number: u64, in_flight: u64) -> Result<(f64, f64)> {
    let (database, engine) = lab::migrated().await?;
    start(&engine, runs).await?;
    lab::checkpoint(&database).await?;
    let slots = in_flight.div_ceil(number);
    let kind = Kind { runs: slots, resident: 3_600_000, doomed: false, elsewhere: false };
    let mut workers = Vec::new();
    for _ in 0..number {
        workers.push(WorkerProcess::start(database.url(), kind).await?);
    }
    let watch = Watch::new(&database).await?;
    let before = watch.commits().await?;
    let began = Instant::now();
    for worker in &mut workers {
        worker.go().await?;
    }
    watch.until("SELECT count(*) FROM flows.ready", 0).await?;
    watch.until("SELECT count(*) FROM flows.owned", 0).await?;
    let rate = (runs * STEPS) as f64 / began.elapsed().as_secs_f64();
    for worker in workers {
        worker.end().await?;
    }
    let commits = watch.commits().await? - before;
    audit(&database, &watch, runs).await?;
    let rows = watch.number("SELECT count(*) FROM flows.journal").await?;
    Ok((rate, rows as f64 / commits as f64))
}

async fn audit(database: &Database, watch: &Watch, runs: u64) -> Result<()> {
    let right = "SELECT count(*) FROM flows.runs WHERE output = to_jsonb(10)";
    let right = watch.number(right).await? as u64;
    lab::ensure(right == runs, || format!("{right} right results of {runs}"))?;
    lab::check(database, runs).await
}

async fn start(engine: &Engine, runs: u64) -> Result<()> {
    let mut clients = JoinSet::new();
    for client in 0..CLIENTS.min(runs) {
        let engine = engine.clone();
        clients.spawn(async move {
            for _ in (client..runs).step_by(CLIENTS as usize) {
                engine.start(sequence::Input { steps: STEPS }).await?;
            }
            Ok::<_, Error>(())
        });
    }
    clients.join_all().await.into_iter().collect()
}
