//! W7: a million runs that sleep for an hour: how fast they start, what they cost in memory and on
//! disk, and whether a few among them still wake in time.

use std::time::{Instant, SystemTime};

use flows::prelude::*;

use crate::definitions::micros_since_1970;
use crate::lab::{self, Watch, ensure};
use crate::options::Options;
use crate::process::{Kind, WorkerProcess};
use crate::report::Line;
use crate::sleepers::{check_none_early, lateness, start, start_and_forget};

/// How long the many sleep: longer than this takes.
const LONG: Duration = Duration::from_secs(2 * 3_600);
/// How long the few sleep among them.
const SHORT: Duration = Duration::from_secs(15);
const PARKED: &str = "SELECT count(*) FROM flows.parked";

pub(crate) async fn sleep(options: &Options) -> Result<Vec<Line>> {
    let (runs, few) = (options.size(1_000_000, 20_000), options.size(1_000, 200));
    let (database, engine) = lab::migrated().await?;
    let kind = Kind { runs: 1_000, resident: 1_000, doomed: false, elsewhere: false };
    let mut worker = WorkerProcess::start(database.url(), kind).await?;
    worker.go().await?;
    let watch = Watch::new(&database).await?;

    let began = Instant::now();
    let started = start_and_forget(&engine, runs, micros_since_1970(SystemTime::now() + LONG));
    let started = started.await?;
    watch.until("SELECT count(*) FROM flows.ready", 0).await?;
    watch.until(PARKED, runs).await?;
    let asleep = runs as f64 / began.elapsed().as_secs_f64();
    let [rows, beyond] =
        [bytes(&watch, &["runs"]).await?, bytes(&watch, &["parked", "journal"]).await?];

    let due = micros_since_1970(SystemTime::now() + SHORT);
    let sample = start(&engine, few, due).await?;
    watch.until(PARKED, runs + few).await?;
    let now = micros_since_1970(SystemTime::now());
    ensure(now < due, || "the sample was not parked in time".to_owned())?;
    let late = lateness(sample).await?;
    check_none_early(&watch).await?;

    let memory = worker.peak_memory();
    worker.end().await?;
    let open = watch.number("SELECT count(*) FROM flows.runs WHERE status = 0").await?;
    let parked = watch.number(PARKED).await?;
    ensure(open as u64 == runs && open == parked, || format!("{open} open, {parked} parked"))?;
    let each = |bytes: i64| bytes as f64 / runs as f64;
    let start = Line::rate("W7", format!("{runs} sleepers: started"), "wf/s", vec![started]);
    let start = start.detail("started and asleep", asleep, "wf/s");
    let disk = Line::cost("W7", "database bytes each, beyond the run's row", "B", each(beyond));
    let disk = disk.budget(400.0).detail("of the run's row and its indexes", each(rows), "B");
    let name = format!("{few} of them due: lateness p99");
    let wake = Line::cost("W7", name, "ms", late.p99).detail("p50", late.p50, "ms");
    let memory = memory.map(|peak| {
        Line::cost("W7", "memory of the worker process, at most", "MB", peak).budget(100.0)
    });
    Ok([start].into_iter().chain(memory).chain([disk, wake]).collect())
}

/// Tables with everything that belongs to them.
async fn bytes(watch: &Watch, tables: &[&str]) -> Result<i64> {
    let mut sum = 0;
    for table in tables {
        sum += watch.number(&format!("SELECT pg_total_relation_size('flows.{table}')")).await?;
    }
    Ok(sum)
}
