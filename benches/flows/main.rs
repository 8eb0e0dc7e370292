//! The benchmark: how fast the library is on this machine, beside what its PostgreSQL allows.
//!
//! `cargo bench --bench flows -- --help` says what can be asked for; `docs/src/performance.md` says
//! what each workload is and how to read the result.

mod definitions;
mod floor;
mod lab;
mod load;
mod options;
mod report;
mod stats;
mod throughput;

use std::process::ExitCode;

use clap::Parser;
use flows::prelude::*;

use options::{Options, Workload};
use report::{Line, table};

#[tokio::main]
async fn main() -> ExitCode {
    let options = Options::parse();
    match measure_all(&options).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn measure_all(options: &Options) -> Result<()> {
    let mut lines = Vec::new();
    for workload in options.chosen() {
        eprintln!("{workload:?} …");
        lines.extend(measure(workload, options).await?);
    }
    table::print(&lines);
    Ok(())
}

async fn measure(workload: Workload, options: &Options) -> Result<Vec<Line>> {
    match workload {
        Workload::Noop => throughput::start_and_await(options).await,
        Workload::Steps => throughput::steps(options).await,
        Workload::Parallel => throughput::parallel(options).await,
        Workload::Backlog | Workload::Transactions | Workload::Latency => Ok(Vec::new()),
    }
}
