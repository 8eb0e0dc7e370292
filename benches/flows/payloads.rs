//! W12: ten activities that hand on a text of one kilobyte, and of sixty-four.

use flows::prelude::*;

use crate::definitions::{carry, noise};
use crate::floor::{self, Floor, Play};
use crate::load::Load;
use crate::options::Options;
use crate::report::Line;
use crate::stats::median;

const KB: usize = 1_024;

pub(crate) async fn carried(options: &Options) -> Result<Vec<Line>> {
    let small = (KB, options.size(8_000, 1_500), options.in_flight.min(1_000));
    let large = (64 * KB, options.size(300, 60), options.in_flight.min(50));
    let mut lines = Vec::new();
    for (bytes, runs, in_flight) in [small, large] {
        let (mut bare, mut protocol, mut measured) = (vec![], vec![], vec![]);
        for _ in 0..options.rounds() {
            let play = Play { payload: bytes, ..Play::new(runs, in_flight, 10) };
            bare.push(floor::play(Floor::Bare, play).await?.0 * 10.0);
            protocol.push(floor::play(Floor::Protocol, play).await?.0 * 10.0);
            let load = if bytes == KB {
                text::<KB>(runs, in_flight)
            } else {
                text::<{ 64 * KB }>(runs, in_flight)
            };
            measured.push(crate::throughput::round(load).await?.rate * 10.0);
        }
        let name = format!("10 activities with {} KB each, {in_flight} open", bytes / KB);
        let line = Line::rate("W12", name, "steps/s", measured);
        let megabytes = line.measured * bytes as f64 / 1e6;
        let line = line.floors(median(&bare), median(&protocol));
        lines.push(line.detail("results recorded", megabytes, "MB/s"));
    }
    Ok(lines)
}

/// Runs that carry so many bytes; the result is the sum of those that arrive.
fn text<const BYTES: usize>(runs: u64, in_flight: u64) -> Load<carry::Input> {
    Load {
        runs,
        in_flight,
        input: |_| carry::Input { text: noise(BYTES) },
        output: |_| noise(BYTES).bytes().map(u64::from).sum(),
    }
}
