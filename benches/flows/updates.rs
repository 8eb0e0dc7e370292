//! W14: requests to running workflows, and their replies.

use std::time::Instant;

use flows::prelude::*;

use crate::definitions::{Add, adder};
use crate::lab::{self, Stage, ensure};
use crate::options::Options;
use crate::report::Line;
use crate::stats::Spread;

/// How many updates a run answers.
const EACH: u64 = 100;

/// From the update to a run that waits in memory until its reply is seen, one at a time.
pub(crate) async fn round_trip(options: &Options) -> Result<Vec<Line>> {
    let runs = options.size(20, 3);
    let (database, engine) = lab::migrated().await?;
    let stage = Stage::on(database, engine, 2 * runs, Duration::from_secs(30))?;
    let mut times = Vec::new();
    for _ in 0..runs {
        let exec = stage.engine.start(adder::Input { most: EACH }).await?;
        for number in 1..=EACH {
            let began = Instant::now();
            let sum = exec.update(Add { n: 1 }).await?;
            times.push(began.elapsed());
            ensure(sum == number, || format!("the reply is {sum}, not {number}"))?;
        }
        exec.result().await?;
    }
    stage.end(runs).await?;
    let spread = Spread::of(times);
    Ok(vec![
        Line::cost("W14", "update round trip: p50", "ms", spread.p50).budget(2.5),
        Line::cost("W14", "update round trip: p99", "ms", spread.p99).budget(10.0),
    ])
}
