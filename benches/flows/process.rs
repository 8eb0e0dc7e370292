//! Workers as processes of their own: this program again, started as `worker`.
//!
//! A process says `ready` when it is connected, begins to work at a line on its input, and stops
//! when its input ends, so it never outlives the benchmark.

use std::process::Stdio;

use clap::Parser;
use flows::prelude::*;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, Command};

use crate::definitions::{Doom, ELSEWHERE};

/// The first argument of such a process.
pub(crate) const WORKER: &str = "worker";
const URL: &str = "FLOWS_BENCH_URL";

/// What kind of worker.
#[derive(Parser, Clone, Copy)]
pub(crate) struct Kind {
    /// Runs held in memory.
    #[arg(long)]
    pub(crate) runs: u64,
    /// Milliseconds that a run which only waits stays in memory.
    #[arg(long)]
    pub(crate) resident: u64,
    /// Its activities never end: it is to be killed.
    #[arg(long)]
    pub(crate) doomed: bool,
    /// It serves the queue of activities elsewhere, not the runs.
    #[arg(long)]
    pub(crate) elsewhere: bool,
}

/// What the process does.
pub(crate) async fn work() -> Result<()> {
    let kind = Kind::parse_from(std::env::args_os().skip(1));
    let engine = Engine::connect(&std::env::var(URL)?).await?;
    let queue = if kind.elsewhere { ELSEWHERE } else { "default" };
    let worker = Worker::builder(&engine, register_all!())
        .queues([queue])
        .state(Doom(kind.doomed))
        .max_resident_runs(usize::try_from(kind.runs)?)
        .max_activities(20_000)
        .resident_for(Duration::from_millis(kind.resident))
        .build()?;
    println!("ready");
    let mut input = BufReader::new(tokio::io::stdin());
    input.read_line(&mut String::new()).await?;
    let ended = async move { input.read_to_end(&mut Vec::new()).await };
    worker.run_until(ended).await
}

/// Such a process, as the benchmark holds it. Dropped, it is killed.
pub(crate) struct WorkerProcess(Child);

impl WorkerProcess {
    /// Starts it, and waits until it is connected.
    pub(crate) async fn start(url: &str, kind: Kind) -> Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        command.arg(WORKER).env(URL, url);
        command.args([format!("--runs={}", kind.runs), format!("--resident={}", kind.resident)]);
        if kind.doomed {
            command.arg("--doomed");
        }
        if kind.elsewhere {
            command.arg("--elsewhere");
        }
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn()?;
        let output = child.stdout.take().ok_or_else(|| Error::terminal("it has no output"))?;
        let mut line = String::new();
        BufReader::new(output).read_line(&mut line).await?;
        crate::lab::ensure(line == "ready\n", || "a worker process did not begin".to_owned())?;
        Ok(Self(child))
    }

    /// Lets it work.
    pub(crate) async fn go(&mut self) -> Result<()> {
        let input = self.0.stdin.as_mut().ok_or_else(|| Error::terminal("it has no input"))?;
        input.write_all(b"\n").await?;
        Ok(input.flush().await?)
    }

    /// SIGKILL: it gets no say.
    pub(crate) async fn kill_9(mut self) -> Result<()> {
        Ok(self.0.kill().await?)
    }

    /// Asks it to stop, and waits until it has handed back what it holds.
    pub(crate) async fn end(mut self) -> Result<()> {
        drop(self.0.stdin.take());
        let status = self.0.wait().await?;
        crate::lab::ensure(status.success(), || "a worker process ended badly".to_owned())
    }

    /// The most memory it ever had, in MB; nothing where the system does not tell.
    pub(crate) fn peak_memory(&self) -> Option<f64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.0.id()?)).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
        Some(line.split_whitespace().next()?.parse::<f64>().ok()? / 1024.0)
    }
}
