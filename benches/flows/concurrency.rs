//! Throughput and latency over the number of runs that are open: what the plots show.

use flows::prelude::*;

use crate::definitions::sequence;
use crate::lab::Stage;
use crate::load::{Load, closed_loop};
use crate::options::Options;
use crate::report::{Line, Point, Series};
use crate::stats::Spread;

pub(crate) async fn sweep(options: &Options) -> Result<(Vec<Line>, Series)> {
    let (mut lines, mut points) = (Vec::new(), Vec::new());
    for in_flight in [1, 4, 16, 64, 256, 1_024, 4_096] {
        // About as long for each: few runs at a time are slow, many are fast.
        let runs = options.size(in_flight.min(1_000) * 20, in_flight.min(500) * 5).max(200);
        let stage = Stage::set(2 * in_flight).await?;
        let input = |_| sequence::Input { steps: 10 };
        let load = Load { runs, in_flight, input, output: |_| 10 };
        closed_loop(&stage.engine, Load { runs: 50, ..load }).await?;
        let closed = closed_loop(&stage.engine, load).await?;
        stage.end(runs + 50).await?;
        let times = Spread::of(closed.times);
        let rate = closed.runs_per_second * 10.0;
        points.push(Point { at: in_flight as f64, rate, times: Some(times) });
        let name = format!("10 sequential activities, {in_flight} open");
        let line = Line::rate("", name, "steps/s", vec![rate]);
        lines.push(line.detail("p50", times.p50, "ms").detail("p99", times.p99, "ms"));
    }
    let series = Series { name: "concurrency", x: "runs that are open", unit: "steps/s", points };
    Ok((lines, series))
}
