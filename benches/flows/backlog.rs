//! W1, drained: runs that were started elsewhere, before the worker begins.

use std::time::Instant;

use flows::prelude::*;
use tokio::task::JoinSet;

use crate::definitions::noop;
use crate::floor;
use crate::lab::{self, Stage, Watch};
use crate::options::Options;
use crate::report::Line;
use crate::stats::median;

/// Clients that start runs at the same time.
const CLIENTS: u64 = 1_000;

pub(crate) async fn drain(options: &Options) -> Result<Vec<Line>> {
    let runs = options.size(100_000, 20_000);
    let (mut bare, mut protocol, mut starts, mut drains) = (vec![], vec![], vec![], vec![]);
    for _ in 0..options.rounds() {
        // To start and to end a run: two durable rows, as in W1.
        let play = floor::Play::new(runs, options.in_flight, 0);
        bare.push(floor::play(floor::Floor::Bare, play).await?.0);
        protocol.push(floor::backlog::rate(runs).await?);
        let (start, drain) = one_round(runs, options.in_flight).await?;
        starts.push(start);
        drains.push(drain);
    }
    let name = format!("no-op, drain a backlog of {runs}");
    let line = Line::rate("W1", name, "wf/s", drains).budget(30_000.0).share_budget(0.55);
    let line = line.floors(median(&bare), median(&protocol));
    Ok(vec![line.detail("started before at", median(&starts), "wf/s")])
}

/// Runs started a second by one client process, and drained a second by one worker.
async fn one_round(runs: u64, slots: u64) -> Result<(f64, f64)> {
    let (database, engine) = lab::migrated().await?;
    let began = Instant::now();
    let execs = start(&engine, runs).await?;
    let started = runs as f64 / began.elapsed().as_secs_f64();
    lab::checkpoint(&database).await?;
    let began = Instant::now();
    let stage = Stage::on(database, engine, 2 * slots, lab::FOR_LONG)?;
    let watch = Watch::new(&stage.database).await?;
    // The places are few rows at the end; the runs are counted only then.
    watch.until("SELECT count(*) FROM flows.ready", 0).await?;
    watch.until("SELECT count(*) FROM flows.owned", 0).await?;
    let drained = runs as f64 / began.elapsed().as_secs_f64();
    results(execs).await?;
    stage.end(runs).await?;
    Ok((started, drained))
}

async fn start(engine: &Engine, runs: u64) -> Result<Vec<(u64, Execution<noop::Workflow>)>> {
    let mut clients = JoinSet::new();
    for client in 0..CLIENTS.min(runs) {
        let engine = engine.clone();
        clients.spawn(async move {
            let mut execs = Vec::new();
            for n in (client..runs).step_by(CLIENTS as usize) {
                execs.push((n, engine.start(noop::Input { n }).await?));
            }
            Ok::<_, Error>(execs)
        });
    }
    let execs = clients.join_all().await.into_iter().collect::<Result<Vec<_>>>()?;
    Ok(execs.into_iter().flatten().collect())
}

/// Every result is the right one.
async fn results(execs: Vec<(u64, Execution<noop::Workflow>)>) -> Result<()> {
    let mut clients = JoinSet::new();
    let share = execs.len().div_ceil(CLIENTS as usize).max(1);
    for share in execs.chunks(share) {
        let share = share.to_vec();
        clients.spawn(async move {
            for (n, exec) in share {
                let got = exec.result().await?;
                lab::ensure(got == n, || format!("run {n} gave {got}"))?;
            }
            Ok::<_, Error>(())
        });
    }
    clients.join_all().await.into_iter().collect()
}
