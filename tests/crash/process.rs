//! The worker as a process of its own, and what can be done to it.

use std::path::Path;
use std::process::{Child, Command, ExitCode, Stdio};
use std::sync::Arc;

use flows::prelude::*;

use crate::gate::Gate;
use crate::ledger::Ledger;

/// The least lease there is, where it is to be over soon.
pub(crate) const SHORT: Duration = Duration::from_secs(1);
/// A lease that is never over, however slow the machine is.
pub(crate) const LONG: Duration = Duration::from_secs(600);
/// The activities that a worker process does before its gate closes: a part of all.
pub(crate) const BEFORE_THE_GATE: usize = 1_500;

/// The worker's main function.
pub(crate) fn work() -> ExitCode {
    let worked = runtime().map_err(Error::from).and_then(|runtime| {
        runtime.block_on(async {
            let variable = |name| std::env::var(format!("FLOWS_TEST_{name}"));
            let ledger = variable("LEDGER")?;
            let lease = Duration::from_secs(variable("LEASE")?.parse()?);
            let opening = gate_file(Path::new(&ledger));
            let gate = Arc::new(Gate::closed_after(BEFORE_THE_GATE, Some(opening)));
            let engine = Engine::connect(&variable("WORKER_URL")?).await?;
            let stop = async {
                flows::shutdown_signal().await;
                gate.let_go(); // what waits there was at work when the stop was heard
            };
            serve(&engine, Path::new(&ledger), lease, Arc::clone(&gate), stop).await
        })
    });
    match worked {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("worker: {error:?}");
            ExitCode::FAILURE
        }
    }
}

/// With as many threads as there are, or with one.
fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    match std::env::var_os("FLOWS_TEST_ONE_THREAD") {
        Some(_) => tokio::runtime::Builder::new_current_thread().enable_all().build(),
        None => tokio::runtime::Runtime::new(),
    }
}

/// The file that opens the gate of a worker process.
pub(crate) fn gate_file(ledger: &Path) -> std::path::PathBuf {
    ledger.with_extension("open")
}

/// A worker until `stop`.
pub(crate) async fn serve(
    engine: &Engine,
    ledger: &Path,
    lease: Duration,
    gate: Arc<Gate>,
    stop: impl Future,
) -> Result<()> {
    let queue = std::env::var("FLOWS_TEST_QUEUE").unwrap_or_else(|_| "default".to_owned());
    let worker = Worker::builder(engine, register_all!())
        .queues([queue])
        .state(Ledger::open(ledger)?)
        .state(gate)
        .lease(lease)
        .shutdown_grace(Duration::from_secs(300))
        .max_resident_runs(2_000)
        .build()?;
    worker.run_until(stop).await
}

/// A worker process that ends with its handle.
pub(crate) struct WorkerProcess(Child);

impl WorkerProcess {
    pub(crate) fn start(url: &str, ledger: &Path, lease: Duration) -> Result<Self> {
        Ok(Self(Self::command(url, ledger, lease)?.spawn()?))
    }

    /// One whose runtime has one thread.
    pub(crate) fn start_on_one_thread(url: &str, ledger: &Path, lease: Duration) -> Result<Self> {
        let mut command = Self::command(url, ledger, lease)?;
        Ok(Self(command.env("FLOWS_TEST_ONE_THREAD", "1").spawn()?))
    }

    /// One that serves a queue only.
    pub(crate) fn start_on_queue(
        url: &str,
        ledger: &Path,
        lease: Duration,
        queue: &str,
    ) -> Result<Self> {
        let mut command = Self::command(url, ledger, lease)?;
        Ok(Self(command.env("FLOWS_TEST_QUEUE", queue).spawn()?))
    }

    fn command(url: &str, ledger: &Path, lease: Duration) -> Result<Command> {
        let mut command = Command::new(std::env::current_exe()?);
        command
            .arg("worker")
            .env("FLOWS_TEST_WORKER_URL", url)
            .env("FLOWS_TEST_LEDGER", ledger)
            .env("FLOWS_TEST_LEASE", lease.as_secs().to_string())
            .stdin(Stdio::null());
        Ok(command)
    }

    pub(crate) fn id(&self) -> u32 {
        self.0.id()
    }

    /// SIGKILL, and its end is awaited.
    pub(crate) fn kill_9(&mut self) -> Result<()> {
        self.0.kill()?;
        self.0.wait()?;
        Ok(())
    }

    /// Whether it has ended by itself.
    pub(crate) fn has_ended(&mut self) -> Result<bool> {
        Ok(self.0.try_wait()?.is_some())
    }

    /// Sends a signal by name: `STOP`, `CONT`, `TERM`.
    pub(crate) fn signal(&self, name: &str) -> Result<()> {
        let sent = Command::new("kill").args(["-s", name, &self.id().to_string()]).status()?;
        if sent.success() { Ok(()) } else { Err(Error::terminal(format!("kill -s {name} failed"))) }
    }

    /// Waits for its own end; whether it was a success.
    pub(crate) async fn ended(mut self) -> Result<bool> {
        let status = tokio::task::spawn_blocking(move || self.0.wait()).await??;
        Ok(status.success())
    }
}

impl Drop for WorkerProcess {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}
