//! The benchmark: how fast the library is on this machine, beside what its PostgreSQL allows.
//!
//! `cargo bench -p flows-benches -- --help` says what can be asked for; `docs/src/performance.md` says
//! what each workload is and how to read the result.

mod arrivals;
mod backlog;
mod concurrency;
mod definitions;
mod floor;
mod lab;
mod latency;
mod load;
mod machine;
mod million;
mod open_loop;
mod options;
mod payloads;
mod process;
mod processes;
mod queries;
mod recovery;
mod remote;
mod report;
mod signals;
mod sleepers;
mod stats;
mod tenants;
mod throughput;
mod updates;

use std::process::{Command, ExitCode};
use std::time::Instant;

use clap::Parser;
use flows::pg::dev::fresh_database;
use flows::prelude::*;

use machine::Machine;
use options::{Options, Workload};
use report::{Report, json, plot, table};

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
    // A warning of the library explains a bad figure.
    let warnings =
        tracing_subscriber::fmt().with_max_level(tracing_subscriber::filter::LevelFilter::WARN);
    warnings.with_writer(std::io::stderr).init();
    if std::env::args().nth(1).as_deref() == Some(process::WORKER) {
        tokio::runtime::Runtime::new()?.block_on(process::work())?;
        return Ok(ExitCode::SUCCESS);
    }
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
    let (mut report, began) = (Report::default(), Instant::now());
    for workload in options.chosen() {
        eprintln!("{:4.0} s  {}", began.elapsed().as_secs_f64(), workload.title());
        measure(workload, options, &mut report).await?;
    }
    table::print(&report.lines);
    if let Some(path) = &options.json {
        json::write(path, &machine, &report)?;
    }
    if let Some(directory) = &options.plot {
        plot::write(directory, &report.series)?;
    }
    Ok(())
}

async fn measure(workload: Workload, options: &Options, report: &mut Report) -> Result<()> {
    match workload {
        Workload::Noop => report.extend(throughput::start_and_await(options).await?),
        Workload::Backlog => report.extend(backlog::drain(options).await?),
        Workload::Steps => report.extend(throughput::steps(options).await?),
        Workload::Transactions => report.extend(throughput::transactions(options).await?),
        Workload::Parallel => report.extend(throughput::parallel(options).await?),
        Workload::Latency => report.extend(latency::unloaded(options).await?),
        Workload::Signals => report.extend(signals::round_trip(options).await?),
        Workload::Sleepers => report.extend(sleepers::together(options).await?),
        Workload::Million => report.extend(million::sleep(options).await?),
        Workload::Replay => report.extend(signals::replay(options).await?),
        Workload::Recovery => report.extend(recovery::kill_9(options).await?),
        Workload::Processes => report.extend(processes::scale(options).await?),
        Workload::Arrivals => report.extend(arrivals::open_loop(options).await?),
        Workload::Payloads => report.extend(payloads::carried(options).await?),
        Workload::Tenants => report.extend(tenants::fairness(options).await?),
        Workload::Updates => report.extend(updates::round_trip(options).await?),
        Workload::Remote => report.extend(remote::elsewhere(options).await?),
        Workload::Queries => report.extend(queries::write_and_read(options).await?),
        Workload::Concurrency => report.extend(concurrency::sweep(options).await?),
    }
    Ok(())
}
