//! W13: a thousand tenants, of which one floods the workers; how long the others wait.

use flows::prelude::*;
use tokio::task::JoinHandle;
use uuid::Uuid;

use crate::definitions::noop;
use crate::lab::{Stage, ensure};
use crate::open_loop::{Arrivals, arrive};
use crate::options::Options;
use crate::report::Line;
use crate::stats::Spread;

/// Tenants that start a run now and then.
const QUIET: u64 = 999;
/// What they start together, each second.
const PER_SECOND: f64 = 200.0;
/// Clients of the tenant that floods; none of them awaits what it starts.
const FLOODERS: u64 = 500;

pub(crate) async fn fairness(options: &Options) -> Result<Vec<Line>> {
    let lasting = Duration::from_secs(options.size(10, 3));
    let (alone, _) = one_round(lasting, 0).await?;
    let flood = options.size(100_000, 10_000);
    let (flooded, started) = one_round(lasting, flood).await?;
    let name = format!("{QUIET} tenants beside one that starts {started}: p50");
    let line = Line::cost("W13", name, "ms", flooded.p50);
    let line = line.detail("p99", flooded.p99, "ms").detail("without it: p50", alone.p50, "ms");
    let line = line.detail("p99", alone.p99, "ms");
    Ok(vec![line.detail("times as long: p99", flooded.p99 / alone.p99, "")])
}

/// How long the runs of the quiet tenants took, and how many runs the flood was.
async fn one_round(lasting: Duration, flood: u64) -> Result<(Spread, u64)> {
    let stage = Stage::set(2_000).await?;
    warm(&stage).await?;
    let flooding = begin_flood(&stage, flood);
    let times = arrive(Arrivals { per_second: PER_SECOND, lasting }, |number| {
        let tenant = stage.engine.tenant(Uuid::from_u128(u128::from(2 + number % QUIET)));
        async move { one(&tenant, number).await }
    });
    let times = times.await?;
    for flooder in flooding {
        flooder.await??;
    }
    let (all, quiet) = (flood + times.len() as u64 + QUIET, times.len());
    let watch = crate::lab::Watch::new(&stage.database).await?;
    watch.until("SELECT count(*) FROM flows.ready", 0).await?;
    watch.until("SELECT count(*) FROM flows.owned", 0).await?;
    stage.end(all).await?;
    ensure(quiet > 0, || "no run of a quiet tenant".to_owned())?;
    Ok((Spread::of(times), flood))
}

/// Every tenant has had a run before.
async fn warm(stage: &Stage) -> Result<()> {
    for number in 0..QUIET {
        one(&stage.engine.tenant(Uuid::from_u128(u128::from(2 + number))), number).await?;
    }
    Ok(())
}

async fn one(tenant: &Tenant, n: u64) -> Result<()> {
    let got = tenant.start(noop::Input { n }).await?.result().await?;
    ensure(got == n, || format!("run {n} gave {got}"))
}

fn begin_flood(stage: &Stage, runs: u64) -> Vec<JoinHandle<Result<()>>> {
    let flooders = (0..FLOODERS).map(|flooder| {
        let tenant = stage.engine.tenant(Uuid::from_u128(1));
        tokio::spawn(async move {
            for n in (flooder..runs).step_by(FLOODERS as usize) {
                tenant.start(noop::Input { n }).await?;
            }
            Ok::<_, Error>(())
        })
    });
    flooders.collect()
}
