//! Clients that keep a number of runs open: each starts one, awaits it, starts the next.

use std::time::{Duration, Instant};

use flows::prelude::*;
use tokio::task::JoinSet;

use crate::lab::ensure;

/// Runs of one workflow with one result.
pub(crate) struct Load<I> {
    pub(crate) runs: u64,
    pub(crate) in_flight: u64,
    pub(crate) input: fn(u64) -> I,
    pub(crate) output: fn(u64) -> u64,
}

impl<I> Clone for Load<I> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<I> Copy for Load<I> {}

/// What came of it.
pub(crate) struct Closed {
    pub(crate) runs_per_second: f64,
    pub(crate) times: Vec<Duration>,
}

/// Starts and awaits them all, checking every result.
pub(crate) async fn closed_loop<I>(engine: &Engine, load: Load<I>) -> Result<Closed>
where
    I: flows::WorkflowInput + 'static,
    I::Workflow: Workflow<Output = u64>,
{
    let Load { runs, in_flight, input, output } = load;
    let (in_flight, began) = (in_flight.min(runs).max(1), Instant::now());
    let mut clients = JoinSet::new();
    for client in 0..in_flight {
        let engine = engine.clone();
        clients.spawn(async move {
            let mut times = Vec::new();
            for n in (client..runs).step_by(in_flight as usize) {
                let began = Instant::now();
                let got = engine.start(input(n)).await?.result().await?;
                times.push(began.elapsed());
                ensure(got == output(n), || format!("run {n} gave {got}"))?;
            }
            Ok::<_, Error>(times)
        });
    }
    let mut times = Vec::new();
    while let Some(client) = clients.join_next().await {
        times.extend(client??);
    }
    Ok(Closed { runs_per_second: runs as f64 / began.elapsed().as_secs_f64(), times })
}
