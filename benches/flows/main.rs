//! The benchmark: how fast the library is on this machine, beside what its PostgreSQL allows.
//!
//! `cargo bench --bench flows` runs everything on a server it finds or starts;
//! `cargo bench --bench flows -- steps --runs 20000 --in-flight 1000` one workload. The floor is
//! measured in the same run, because only ratios survive a change of machine.

mod floor;
mod workloads;

use std::time::Duration;

use clap::{Parser, ValueEnum};
use flows::prelude::*;

/// What to measure, and how much of it.
#[derive(Parser, Clone)]
struct Options {
    /// Workloads; all of them by default.
    workloads: Vec<Workload>,
    /// Runs of each workload.
    #[arg(long, default_value_t = 20_000)]
    runs: u64,
    /// Runs that are open at the same time.
    #[arg(long, default_value_t = 2_000)]
    in_flight: u64,
    /// A PostgreSQL to use instead of one that is found or started.
    #[arg(long)]
    url: Option<String>,
    /// Cargo gives it to every benchmark.
    #[arg(long, hide = true)]
    bench: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Workload {
    /// A workflow that does nothing: started, awaited.
    Noop,
    /// Ten activities, one after the other.
    Steps,
    /// A hundred activities at once.
    Parallel,
    /// One run of one activity, and of ten, at a time.
    Latency,
}

/// A line of the result.
struct Line {
    name: String,
    value: String,
    floor: Option<f64>,
}

#[tokio::main]
async fn main() -> Result<()> {
    let options = Options::parse();
    let database = match &options.url {
        Some(_) => None,
        None => Some(flows::pg::dev::fresh_database().await?),
    };
    let url = options.url.clone().or_else(|| Some(database.as_ref()?.url().to_owned()));
    let url = url.unwrap_or_default();
    describe(&url).await?;

    let mut lines = Vec::new();
    let chosen = |workload| options.workloads.is_empty() || options.workloads.contains(&workload);
    for workload in [Workload::Noop, Workload::Steps, Workload::Parallel, Workload::Latency] {
        if chosen(workload) {
            lines.extend(measure(workload, &options, &url).await?);
        }
    }
    println!("\n{:44} {:>16} {:>10}", "workload", "measured", "of floor");
    for Line { name, value, floor } in lines {
        let floor = floor.map(|share| format!("{share:.2}")).unwrap_or_default();
        println!("{name:44} {value:>16} {floor:>10}");
    }
    Ok(())
}

async fn measure(workload: Workload, options: &Options, url: &str) -> Result<Vec<Line>> {
    let Options { runs, in_flight, .. } = *options;
    let bench = workloads::Bench::new(url, in_flight).await?;
    let lines = match workload {
        Workload::Noop => {
            vec![rate("no-op, start and await", "wf/s", bench.noop(runs).await?, None)]
        }
        Workload::Steps => {
            let floor = floor::steps(url, runs * 10, in_flight).await?;
            let rate_of = bench.steps(runs).await?;
            vec![
                rate("floor: durable rows in batches", "rows/s", floor, None),
                rate("10 sequential activities", "steps/s", rate_of, Some(rate_of / floor)),
            ]
        }
        Workload::Parallel => {
            let steps = bench.parallel(runs.div_ceil(20)).await?;
            vec![rate("100 parallel activities", "steps/s", steps, None)]
        }
        Workload::Latency => vec![
            latency("1 activity, unloaded", &bench.latency(1).await?),
            latency("10 activities, unloaded", &bench.latency(10).await?),
        ],
    };
    bench.end().await?;
    Ok(lines)
}

fn rate(name: &str, unit: &str, value: f64, floor: Option<f64>) -> Line {
    Line { name: name.to_owned(), value: format!("{value:.0} {unit}"), floor }
}

fn latency(name: &str, sorted: &[Duration]) -> Line {
    let at = |share: f64| sorted[((sorted.len() - 1) as f64 * share) as usize].as_secs_f64() * 1e3;
    let value = format!("{:.2} / {:.2} ms", at(0.5), at(0.99));
    Line { name: format!("{name}: p50 / p99"), value, floor: None }
}

/// What the numbers depend on.
async fn describe(url: &str) -> Result<()> {
    let client = floor::connect(url).await?;
    let settings =
        "SELECT version(), current_setting('fsync'), current_setting('synchronous_commit'),
                           current_setting('shared_buffers')";
    let row = client.query_one(settings, &[]).await?;
    let [version, fsync, commit, buffers]: [String; 4] = std::array::from_fn(|i| row.get(i));
    println!("{version}\nfsync {fsync}, synchronous_commit {commit}, shared_buffers {buffers}");
    println!("{} cores", std::thread::available_parallelism()?);
    Ok(())
}
