//! W4: how long one run takes when nothing else is going on.

use std::time::Duration;

use flows::prelude::*;

use crate::definitions::sequence;
use crate::floor::{self, Floor, Play};
use crate::lab::Stage;
use crate::load::{Load, closed_loop};
use crate::options::Options;
use crate::report::Line;
use crate::stats::Spread;

/// One run at a time, of one activity and of ten.
pub(crate) async fn unloaded(options: &Options) -> Result<Vec<Line>> {
    let runs = options.size(2_000, 400);
    let mut lines = Vec::new();
    for (steps, budget) in [(1, 1.3), (10, 5.5)] {
        let (mut bare, mut protocol, mut measured) = (vec![], vec![], vec![]);
        let rounds = u64::from(options.rounds());
        for _ in 0..rounds {
            let play = Play::new(runs / rounds, 1, i32::try_from(steps)?);
            bare.extend(floor::play(Floor::Bare, play).await?.1);
            protocol.extend(floor::play(Floor::Protocol, play).await?.1);
            measured.extend(one_round(runs / rounds, steps).await?);
        }
        let name = match steps {
            1 => "1 activity, unloaded: p50".to_owned(),
            _ => format!("{steps} activities, unloaded: p50"),
        };
        let (bare, protocol) = (Spread::of(bare), Spread::of(protocol));
        let spread = Spread::of(measured);
        let line = Line::cost("W4", name, "ms", spread.p50).budget(budget).share_budget(1.25);
        let line = line.floors(bare.p50, protocol.p50).detail("p99", spread.p99, "ms");
        lines.push(line.detail("p99 of our floor", protocol.p99, "ms"));
    }
    Ok(lines)
}

async fn one_round(runs: u64, steps: u64) -> Result<Vec<Duration>> {
    let stage = Stage::set(100).await?;
    let warm = match steps {
        1 => load::<1>(30),
        _ => load::<10>(30),
    };
    closed_loop(&stage.engine, warm).await?;
    let closed = closed_loop(&stage.engine, Load { runs, ..warm }).await?;
    stage.end(runs + 30).await?;
    Ok(closed.times)
}

/// One run at a time.
fn load<const STEPS: u64>(runs: u64) -> Load<sequence::Input> {
    let input = |_| sequence::Input { steps: STEPS };
    Load { runs, in_flight: 1, input, output: |_| STEPS }
}
