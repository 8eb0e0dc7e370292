//! W11: runs that arrive at half, and at nine tenths, of what was measured as the most.

use flows::prelude::*;

use crate::definitions::sequence;
use crate::lab::{Stage, ensure};
use crate::load::{Load, closed_loop};
use crate::open_loop::{Arrivals, arrive};
use crate::options::Options;
use crate::report::{Line, Point, Series};
use crate::stats::{Spread, median};

const STEPS: u64 = 10;

pub(crate) async fn open_loop(options: &Options) -> Result<(Vec<Line>, Series)> {
    let lasting = Duration::from_secs(options.size(20, 4));
    let capacity = capacity(options).await?;
    let (mut lines, mut points) = (Vec::new(), Vec::new());
    for share in [0.1, 0.5, 0.9] {
        let per_second = capacity * share;
        let times = one_load(Arrivals { per_second, lasting }).await?;
        let spread = Spread::of(times);
        points.push(Point { at: share * 100.0, rate: per_second, times: Some(spread) });
        let name = format!("10 activities, arriving at {:.0} % of capacity: p99", share * 100.0);
        let line = Line::cost("W11", name, "ms", spread.p99).detail("p50", spread.p50, "ms");
        let line = line.detail("p99.9", spread.p999, "ms").detail("arriving", per_second, "wf/s");
        lines.push(line.detail("capacity", capacity, "wf/s"));
    }
    let series = Series { name: "arrivals", x: "% of capacity", unit: "wf/s", points };
    Ok((lines, series))
}

/// Runs a second where each client awaits its run before it starts the next.
async fn capacity(options: &Options) -> Result<f64> {
    let (runs, in_flight) = (options.size(30_000, 5_000), options.in_flight);
    let mut rates = Vec::new();
    for _ in 0..options.rounds() {
        let input = |_| sequence::Input { steps: STEPS };
        let load = Load { runs, in_flight, input, output: |_| STEPS };
        rates.push(crate::throughput::round(load).await?.rate);
    }
    Ok(median(&rates))
}

async fn one_load(arrivals: Arrivals) -> Result<Vec<Duration>> {
    let stage = Stage::set(50_000).await?;
    let input = |_| sequence::Input { steps: STEPS };
    let warm = Load { runs: 50, in_flight: 10, input, output: |_| STEPS };
    closed_loop(&stage.engine, warm).await?;
    let times = arrive(arrivals, |_| {
        let engine = stage.engine.clone();
        async move {
            let got = engine.start(sequence::Input { steps: STEPS }).await?.result().await?;
            ensure(got == STEPS, || format!("a run gave {got}"))
        }
    })
    .await?;
    stage.end(times.len() as u64 + 50).await?;
    Ok(times)
}
