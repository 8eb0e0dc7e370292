//! Lines of the log, as `tracing-subscriber` writes them.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use flows::memory::MemoryStore;
use flows::prelude::*;
use flows_core::Engine;
use tracing::instrument::WithSubscriber;
use tracing::{Dispatch, Level};
use tracing_subscriber::fmt::MakeWriter;

use crate::printed::assert_shown;

/// What a worker has logged.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(text);
        Ok(text.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Log {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

impl Log {
    fn text(&self) -> String {
        let text = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        String::from_utf8_lossy(&text).into_owned()
    }
}

/// Serves on an engine of its own until the run has ended, and returns the log.
async fn logged<I: flows::WorkflowInput>(registry: Registry, input: I) -> Result<String> {
    let engine = Engine::new(Arc::new(MemoryStore::new()));
    let worker = Worker::builder(&engine, registry)
        .resident_for(Duration::ZERO)
        .blocking_threshold(Duration::from_millis(100))
        .build()?;
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt()
        .with_ansi(false)
        .with_max_level(Level::WARN)
        .with_writer(log.clone())
        .finish();
    let subscriber = Dispatch::new(subscriber);
    let _here = tracing::dispatcher::set_default(&subscriber);
    let serving = async move { worker.run().await }.with_subscriber(subscriber);
    let serving = tokio::spawn(serving);
    let ended = tokio::time::timeout(Duration::from_secs(60), async {
        engine.start(input).await?.result().await
    });
    ended.await.expect("it ends")?;
    serving.abort();
    Ok(log.text())
}

#[activity]
async fn charge(cents: u64) -> Result<u64> {
    Ok(cents)
}

/// Another number each time: the macro does not look into functions.
fn count() -> u64 {
    static SEEN: AtomicU64 = AtomicU64::new(0);
    SEEN.fetch_add(1, Ordering::Relaxed)
}

/// Its input is another one each time.
#[workflow]
async fn order(ctx: &WorkflowContext) -> Result<()> {
    charge(ctx, count()).await?;
    ctx.sleep(Duration::from_secs(6)).await
}

#[tokio::test(start_paused = true)]
async fn another_input() -> Result<()> {
    assert_shown(
        "determinism.md",
        &logged(flows::register_all![order, charge], order::Input {}).await?,
    );
    Ok(())
}

#[activity]
async fn prices(item: String) -> Result<Vec<u64>> {
    Ok((0..40).map(|n| n + item.len() as u64).collect())
}

fn cheapest(prices: &[u64]) -> u64 {
    std::thread::sleep(Duration::from_millis(250)); // a quarter of a second for the guide's two and a half
    prices.iter().sum()
}

#[workflow]
async fn quote(ctx: &WorkflowContext, item: String) -> Result<u64> {
    let prices = prices(ctx, item).await?;
    Ok(cheapest(&prices))
}

/// In real time, on threads, because one of them is blocked.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn code_that_blocks() -> Result<()> {
    let log =
        logged(flows::register_all![quote, prices], quote::Input { item: "pen".into() }).await?;
    let without_times: String = log
        .lines()
        .filter_map(|line| line.split_once(' '))
        .map(|(_, line)| format!("{}\n", line.trim()))
        .collect();
    assert_shown("determinism.md", &without_times);
    Ok(())
}
