//! The benchmark: how fast the library is on this machine, beside what its PostgreSQL allows.
//!
//! `cargo bench --bench flows -- --help` says what can be asked for; `docs/src/performance.md` says
//! what each workload is and how to read the result.

mod backlog;
mod definitions;
mod floor;
mod lab;
mod latency;
mod load;
mod machine;
mod options;
mod report;
mod stats;
mod throughput;

use std::process::{Command, ExitCode};
use std::time::Instant;

use clap::Parser;
use flows::pg::dev::fresh_database;
use flows::prelude::*;

use machine::Machine;
use options::{Options, Workload};
use report::{Line, json, table};

/// Where the library's development server looks for one that is given.
const URL: &str = "DATABASE_URL";

fn main() -> ExitCode {
    match run() {
        Ok(code) => code,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<ExitCode> {
    let options = Options::parse();
    if let Some(url) =
        options.url.as_ref().filter(|url| std::env::var(URL).ok().as_ref() != Some(*url))
    {
        return again_with(url);
    }
    let runtime = tokio::runtime::Runtime::new()?;
    runtime.block_on(measure_all(&options))?;
    Ok(ExitCode::SUCCESS)
}

/// The same program with another environment, which a process cannot change for itself.
fn again_with(url: &str) -> Result<ExitCode> {
    let mut again = Command::new(std::env::current_exe()?);
    again.args(std::env::args_os().skip(1)).env(URL, url).env_remove("FLOWS_POSTGRES");
    let status = again.status()?;
    Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn measure_all(options: &Options) -> Result<()> {
    let machine = Machine::look(&fresh_database().await?).await?;
    machine.print();
    let (mut lines, began) = (Vec::new(), Instant::now());
    for workload in options.chosen() {
        eprintln!("{:4.0} s  {}", began.elapsed().as_secs_f64(), workload.title());
        lines.extend(measure(workload, options).await?);
    }
    table::print(&lines);
    if let Some(path) = &options.json {
        json::write(path, &machine, &lines)?;
    }
    Ok(())
}

async fn measure(workload: Workload, options: &Options) -> Result<Vec<Line>> {
    match workload {
        Workload::Noop => throughput::start_and_await(options).await,
        Workload::Steps => throughput::steps(options).await,
        Workload::Parallel => throughput::parallel(options).await,
        Workload::Backlog => backlog::drain(options).await,
        Workload::Transactions => throughput::transactions(options).await,
        Workload::Latency => latency::unloaded(options).await,
    }
}
