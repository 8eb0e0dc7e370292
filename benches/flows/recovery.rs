//! W9: a worker process is killed while it holds thousands of runs; another one goes on with them.

use std::time::Instant;

use flows::prelude::*;
use tokio::task::JoinSet;

use crate::definitions::survivor;
use crate::lab::{self, Watch, ensure};
use crate::options::Options;
use crate::process::{Kind, WorkerProcess};
use crate::report::Line;

/// How long a worker owns its runs without renewing: the default of the library, in seconds.
const LEASE: f64 = 6.0;

pub(crate) async fn kill_9(options: &Options) -> Result<Vec<Line>> {
    let runs = options.size(10_000, 2_000);
    let (database, engine) = lab::migrated().await?;
    let watch = Watch::new(&database).await?;
    let kind = Kind { runs: 2 * runs, resident: 3_600_000, doomed: true, elsewhere: false };
    let mut first = WorkerProcess::start(database.url(), kind).await?;
    first.go().await?;
    let waiting = start(&engine, runs).await?;
    watch.until("SELECT count(*) FROM flows.owned", runs).await?;

    let mut second = WorkerProcess::start(database.url(), Kind { doomed: false, ..kind }).await?;
    second.go().await?;
    watch.until("SELECT count(*) FROM flows.workers", 2).await?;
    let ended = watch.number("SELECT count(*) FROM flows.runs WHERE status <> 0").await?;
    ensure(ended == 0, || format!("{ended} runs had ended before the kill"))?;

    let killed = Instant::now();
    first.kill_9().await?;
    let mut first_end = None;
    let mut waiting = waiting;
    while let Some(result) = waiting.join_next().await {
        result??;
        first_end.get_or_insert_with(|| killed.elapsed());
    }
    let (last, first_end) = (killed.elapsed().as_secs_f64(), first_end.unwrap_or_default());
    second.end().await?;
    lab::check(&database, runs).await?;
    let name = format!("kill -9 of a worker with {runs} runs: all ended after");
    let line = Line::cost("W9", name, "s", last).budget(LEASE + 1.0);
    let line = line.detail("the first after", first_end.as_secs_f64(), "s").detail("lost", 0.0, "");
    Ok(vec![line.detail("lease", LEASE, "s")])
}

/// Starts them; each is awaited by a task of its own, which checks the result.
async fn start(engine: &Engine, runs: u64) -> Result<JoinSet<Result<()>>> {
    let mut starting = JoinSet::new();
    for n in 0..runs {
        let engine = engine.clone();
        starting
            .spawn(async move { Ok::<_, Error>((n, engine.start(survivor::Input { n }).await?)) });
    }
    let mut waiting = JoinSet::new();
    while let Some(started) = starting.join_next().await {
        let (n, exec) = started??;
        waiting.spawn(async move {
            let got = exec.result().await?;
            ensure(got == n + 1, || format!("run {n} gave {got}"))
        });
    }
    Ok(waiting)
}
