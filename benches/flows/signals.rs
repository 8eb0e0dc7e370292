//! W5 and W8: runs that were put down and come back, after two events and after ten thousand.

use std::time::Instant;

use flows::prelude::*;
use tokio::task::JoinSet;

use crate::definitions::listener;
use crate::lab::{self, Stage, Watch, ensure};
use crate::options::Options;
use crate::report::Line;
use crate::stats::Spread;

/// How long a run that waits stays in memory here: it is parked almost at once.
const RESIDENT: Duration = Duration::from_millis(50);

/// W5: from the signal to a parked run until its result is seen, one at a time.
pub(crate) async fn round_trip(options: &Options) -> Result<Vec<Line>> {
    let runs = options.size(2_000, 300);
    let (spread, _) = wake_each(runs, 1).await?;
    Ok(vec![
        Line::cost("W5", "signal to a parked run → result: p50", "ms", spread.p50).budget(1.5),
        Line::cost("W5", "signal to a parked run → result: p99", "ms", spread.p99).budget(8.0),
    ])
}

/// W8: the same, where the journal has ten thousand events and nobody has it in memory.
pub(crate) async fn replay(options: &Options) -> Result<Vec<Line>> {
    let (runs, events) = (options.size(20, 3), 10_000);
    let (spread, loads) = wake_each(runs, events).await?;
    ensure(loads == runs, || format!("{loads} queries read the journals of {runs} runs"))?;
    let name = format!("signal → load and replay {events} events → result: p50");
    let line = Line::cost("W8", name, "ms", spread.p50).budget(20.0);
    let line = line.detail("longest", spread.max, "ms");
    Ok(vec![line.detail("queries for each", loads as f64 / runs as f64, "")])
}

/// How long each run took from its signal to its result, and how many queries read journals.
async fn wake_each(runs: u64, steps: u64) -> Result<(Spread, u64)> {
    let (database, engine) = lab::migrated().await?;
    let stage = Stage::on(database, engine, 2 * runs, RESIDENT)?;
    let execs = start(&stage.engine, runs, steps).await?;
    let watch = Watch::new(&stage.database).await?;
    watch.until("SELECT count(*) FROM flows.parked", runs).await?;
    let journals = watch.number("SELECT count(*) FROM flows.journal").await?;
    ensure(journals as u64 >= runs * steps, || format!("{journals} rows of {steps} steps each"))?;
    lab::checkpoint(&stage.database).await?;
    let before = loads(&stage);
    let mut times = Vec::new();
    for (number, exec) in execs.iter().enumerate() {
        let began = Instant::now();
        exec.signal("go", &number).await?;
        let got = exec.result().await?;
        times.push(began.elapsed());
        ensure(got == steps + number as u64, || format!("run {number} gave {got}"))?;
    }
    let loads = loads(&stage) - before;
    stage.end(runs).await?;
    Ok((Spread::of(times), loads))
}

/// Statements that have read the journals of activated runs.
fn loads(stage: &Stage) -> u64 {
    stage.engine.store().unwrap().counters().get("load").copied().unwrap_or(0)
}

async fn start(
    engine: &Engine,
    runs: u64,
    steps: u64,
) -> Result<Vec<Execution<listener::Workflow>>> {
    let mut starting = JoinSet::new();
    for _ in 0..runs {
        let engine = engine.clone();
        starting.spawn(async move { engine.start(listener::Input { steps }).await });
    }
    starting.join_all().await.into_iter().collect()
}
