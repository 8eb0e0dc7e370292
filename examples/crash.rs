//! A worker is killed in the middle of a run, with SIGKILL, and another one finishes the run.
//!
//! Run it with `cargo run --example crash`. It starts itself a second time as the worker that dies.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use flows::prelude::*;
use uuid::Uuid;

const STEPS: u32 = 6;
/// The first worker is killed when it has said that this step is done.
const LAST_WORDS: u32 = 3;

#[activity]
async fn step(number: u32) -> Result<String> {
    let process = std::process::id();
    println!("  step {number} runs in process {process}");
    tokio::time::sleep(Duration::from_millis(100)).await; // an activity may do what it likes
    Ok(format!("step {number} in process {process}"))
}

#[workflow]
async fn journey(ctx: &WorkflowContext) -> Result<Vec<String>> {
    let mut log = Vec::new();
    for number in 1..=STEPS {
        log.push(step(ctx, number).await?);
    }
    Ok(log)
}

/// Works until it is killed.
async fn work(engine: &Engine, until: impl Future) -> Result<()> {
    let worker = Worker::builder(engine, flows::register_all!())
        .lease(Duration::from_secs(2)) // a dead worker's runs move after this
        .build()?;
    worker.run_until(until).await
}

/// Starts this program again as a worker, and kills it in the middle of the run.
fn worker_that_dies(url: &str) -> Result<()> {
    let mut child = Command::new(std::env::current_exe()?)
        .arg("worker")
        .env("DATABASE_URL", url)
        .stdout(Stdio::piped())
        .spawn()?;
    println!("worker 1 is process {}", child.id());
    let output = child.stdout.take().ok_or_else(|| Error::terminal("no output"))?;
    for line in BufReader::new(output).lines() {
        let line = line?;
        println!("{line}");
        if line.contains(&format!("step {LAST_WORDS} ")) {
            break;
        }
    }
    child.kill()?; // SIGKILL: it gets no chance to hand anything back
    child.wait()?;
    println!("worker 1 was killed in the middle of step {LAST_WORDS}");
    Ok(())
}

#[tokio::main]
async fn main() -> Result<()> {
    let database = flows::pg::dev::database().await?;
    let engine = Engine::connect(database.url()).await?;
    if std::env::args().nth(1).as_deref() == Some("worker") {
        return work(&engine, std::future::pending::<()>()).await;
    }
    println!("database: {}", database.describe());
    engine.migrate().await?;

    let id = format!("journey-{}", Uuid::now_v7().simple());
    let exec = engine.start(journey::Input {}).id(id).await?;
    let url = database.url().to_owned();
    tokio::task::spawn_blocking(move || worker_that_dies(&url)).await??;

    println!(
        "worker 2 is process {}; it takes over when the lease has run out",
        std::process::id()
    );
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let second = engine.clone();
    let working = tokio::spawn(async move { work(&second, stopped).await });
    let log = exec.result().await?;
    println!("finished; the journal has each step once:");
    for line in &log {
        println!("  {line}");
    }
    assert_eq!(log.len(), STEPS as usize);
    drop(stop);
    working.await?
}
