//! The worker as a process of its own, and what can be done to it.

use std::path::Path;
use std::process::{Child, Command, ExitCode, Stdio};

use flows::prelude::*;

use crate::ledger::Ledger;

/// The lease of all workers here: the least there is.
pub(crate) const LEASE: Duration = Duration::from_secs(1);

/// The worker's main function.
pub(crate) fn work() -> ExitCode {
    let worked = tokio::runtime::Runtime::new().map_err(Error::from).and_then(|runtime| {
        runtime.block_on(async {
            let url = std::env::var("FLOWS_TEST_WORKER_URL")?;
            let ledger = std::env::var("FLOWS_TEST_LEDGER")?;
            let engine = Engine::connect(&url).await?;
            serve(&engine, Path::new(&ledger), flows::shutdown_signal()).await
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

/// A worker until `stop`.
pub(crate) async fn serve(engine: &Engine, ledger: &Path, stop: impl Future) -> Result<()> {
    let worker = Worker::builder(engine, register_all!())
        .state(Ledger::open(ledger)?)
        .lease(LEASE)
        .max_workflows(2_000)
        .build()?;
    worker.run_until(stop).await
}

/// A worker process that ends with its handle.
pub(crate) struct WorkerProcess(Child);

impl WorkerProcess {
    pub(crate) fn start(url: &str, ledger: &Path) -> Result<Self> {
        let child = Command::new(std::env::current_exe()?)
            .arg("worker")
            .env("FLOWS_TEST_WORKER_URL", url)
            .env("FLOWS_TEST_LEDGER", ledger)
            .stdin(Stdio::null())
            .spawn()?;
        Ok(Self(child))
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
