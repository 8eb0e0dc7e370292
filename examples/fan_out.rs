//! A thousand activities over two worker processes. The process that has the workflow runs none of them.
//!
//! Run it with `cargo run --example fan_out`. It finds a database or starts one by itself, and starts itself twice
//! more as the workers.

use std::collections::BTreeMap;
use std::process::{Child, Command, Stdio};

use flows::prelude::*;

const PHOTOS: u32 = 1_000;
const WORKERS: usize = 2;
/// What one worker process does at a time.
const SLOTS: usize = 50;

/// Says which process has done it.
#[activity(queue = "thumbnails", retry(max_attempts = 5, initial_interval = "200ms"))]
async fn thumbnail(_photo: u32) -> Result<u32> {
    tokio::time::sleep(Duration::from_millis(20)).await; // an activity may do what it likes
    Ok(std::process::id())
}

/// How many photos each process has done.
#[workflow]
async fn album(ctx: &WorkflowContext, photos: u32) -> Result<BTreeMap<u32, u32>> {
    let thumbnails = (0..photos).map(|photo| thumbnail(ctx, photo));
    let mut done = BTreeMap::new();
    for process in flows::try_join_all(thumbnails).await? {
        *done.entry(process).or_default() += 1;
    }
    Ok(done)
}

/// A worker that has the activity, and neither the workflow nor its queue.
async fn serve_thumbnails(engine: &Engine) -> Result<()> {
    let worker = Worker::builder(engine, flows::register_all![thumbnail])
        .queues(["thumbnails"])
        .max_activities(SLOTS)
        .build()?;
    worker.run_until(flows::shutdown_signal()).await
}

/// A process that ends with its handle.
struct Process(Child);

impl Process {
    fn start(url: &str) -> Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        let command = command.arg("worker").env("DATABASE_URL", url).stdin(Stdio::null());
        Ok(Self(command.spawn()?))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

#[tokio::main]
async fn main() -> Result<()> {
    let database = flows::pg::dev::database().await?;
    let engine = Engine::connect(database.url()).await?;
    if std::env::args().nth(1).as_deref() == Some("worker") {
        return serve_thumbnails(&engine).await;
    }
    println!("database: {}", database.describe());
    engine.migrate().await?;
    let workers =
        (0..WORKERS).map(|_| Process::start(database.url())).collect::<Result<Vec<_>>>()?;
    for Process(child) in &workers {
        println!("process {} serves thumbnails, {SLOTS} at a time", child.id());
    }
    println!("process {} has the workflow", std::process::id());

    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let worker = Worker::builder(&engine, flows::register_all![album]).build()?;
    let working = tokio::spawn(async move { worker.run_until(stopped).await });
    let begun = std::time::Instant::now();
    let exec = engine.start(album::Input { photos: PHOTOS }).await?;
    let done = exec.result().await?;
    println!("{PHOTOS} thumbnails in {:.1?}", begun.elapsed());
    for (process, photos) in &done {
        println!("  process {process} has done {photos}");
    }
    assert_eq!(done.values().sum::<u32>(), PHOTOS);
    drop(stop);
    working.await?
}

#[cfg(test)]
mod tests {
    use super::*;
    use flows::testing::{TestEnv, crash_everywhere};

    /// A test's worker serves every queue.
    #[flows::test]
    async fn every_photo_is_done_once(env: TestEnv) -> Result<()> {
        let exec = env.start(album::Input { photos: 100 }).await?;
        assert_eq!(exec.result().await?.into_values().sum::<u32>(), 100);
        Ok(())
    }

    #[flows::test]
    async fn an_album_survives_wherever_a_worker_dies() -> Result<()> {
        let done = crash_everywhere(album::Input { photos: 3 }).await?;
        assert_eq!(done.into_values().sum::<u32>(), 3);
        Ok(())
    }
}
