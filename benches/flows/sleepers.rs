//! W6 and W7: runs that sleep, and how late they wake.

use std::time::SystemTime;

use flows::prelude::*;
use tokio::task::JoinSet;

use crate::definitions::{micros_since_1970, sleeper};
use crate::lab::{self, Stage, Watch, ensure};
use crate::options::Options;
use crate::report::Line;
use crate::stats::Spread;

/// Until the sleepers fire: all of them must be asleep by then.
const UNTIL_DUE: Duration = Duration::from_secs(10);
/// Runs that a worker has looked at: asleep in its memory, or parked.
const TAKEN_UP: &str =
    "SELECT (SELECT count(*) FROM flows.owned) + (SELECT count(*) FROM flows.parked)";
/// Clients that start runs at the same time.
const CLIENTS: u64 = 1_000;

/// Runs whose time to wake is known.
pub(crate) type Sleepers = Vec<(u64, Execution<sleeper::Workflow>)>;

/// W6: many sleepers of one worker, all due at the same moment.
pub(crate) async fn together(options: &Options) -> Result<Vec<Line>> {
    let runs = options.size(10_000, 2_000);
    let stage = Stage::set(2 * runs).await?;
    let due = micros_since_1970(SystemTime::now() + UNTIL_DUE);
    let sleepers = start(&stage.engine, runs, due).await?;
    let watch = Watch::new(&stage.database).await?;
    watch.until(TAKEN_UP, runs).await?;
    let now = micros_since_1970(SystemTime::now());
    ensure(now < due, || format!("the {runs} runs were not asleep in time"))?;
    let spread = lateness(sleepers).await?;
    check_none_early(&watch).await?;
    stage.end(runs).await?;
    let name = format!("{runs} sleepers firing together: lateness p99");
    let line = Line::cost("W6", name, "ms", spread.p99).budget(50.0);
    Ok(vec![line.detail("p50", spread.p50, "ms").detail("last", spread.max, "ms")])
}

/// By the database's clock, which decides.
pub(crate) async fn check_none_early(watch: &Watch) -> Result<()> {
    let early = "SELECT count(*) FROM flows.runs
                 WHERE extract(epoch FROM closed_at) * 1000000 < (input->>'due')::bigint";
    let early = watch.number(early).await?;
    ensure(early == 0, || format!("{early} sleepers woke early"))
}

/// How much later than it should the code of each went on.
pub(crate) async fn lateness(sleepers: Sleepers) -> Result<Spread> {
    let mut late = Vec::new();
    for (due, exec) in sleepers {
        let woke = exec.result().await?;
        ensure(woke >= due, || format!("a sleeper woke {} µs early", due - woke))?;
        late.push(Duration::from_micros(woke - due));
    }
    Ok(Spread::of(late))
}

pub(crate) async fn start(engine: &Engine, runs: u64, due: u64) -> Result<Sleepers> {
    let mut clients = JoinSet::new();
    for client in 0..CLIENTS.min(runs) {
        let engine = engine.clone();
        clients.spawn(async move {
            let mut sleepers = Sleepers::new();
            for _ in (client..runs).step_by(CLIENTS as usize) {
                sleepers.push((due, engine.start(sleeper::Input { due }).await?));
            }
            Ok::<_, Error>(sleepers)
        });
    }
    let all = clients.join_all().await.into_iter().collect::<Result<Vec<_>>>()?;
    Ok(all.into_iter().flatten().collect())
}

/// A line for the start of many runs that are never awaited here; keeps none of them.
pub(crate) async fn start_and_forget(engine: &Engine, runs: u64, due: u64) -> Result<f64> {
    let began = std::time::Instant::now();
    for part in (0..runs).step_by(100_000) {
        let started = start(engine, (runs - part).min(100_000), due).await?;
        lab::ensure(!started.is_empty(), || "nothing was started".to_owned())?;
    }
    Ok(runs as f64 / began.elapsed().as_secs_f64())
}
