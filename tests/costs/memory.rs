//! Memory of runs that wait in a worker.

use flows::prelude::*;

use crate::bench::{Bench, start_all, with_worker};

const WAITING: u64 = 10_000;

#[workflow]
async fn waits(ctx: &WorkflowContext) -> Result<String> {
    ctx.signal("go").await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_resident_runs_fit_into_200_megabytes() -> Result<()> {
    let bench = Bench::new().await?;
    let engine = bench.engine().await?;
    let empty = resident_bytes()?;
    let first = engine.start(waits::Input {}).id("first").await?;
    drop(
        start_all((1..WAITING).map(|_| (engine.tenant(uuid::Uuid::nil()), waits::Input {})))
            .await?,
    );
    with_worker(&engine, async {
        bench.comes_true(&format!("SELECT count(*) = {WAITING} FROM flows.owned")).await?;
        first.signal("go", &"on").await?;
        assert_eq!(first.result().await?, "on"); // it was in memory and has moved
        let used = resident_bytes()?.saturating_sub(empty);
        eprintln!("{WAITING} resident runs: {} MB", used >> 20);
        assert!(used < 200 << 20, "{} MB", used >> 20);
        Ok(())
    })
    .await
}

/// Resident memory of this process.
fn resident_bytes() -> Result<usize> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kilobytes = line.and_then(|line| line.split_whitespace().next());
    let missing = || Error::terminal("no VmRSS in /proc/self/status");
    Ok(kilobytes.ok_or_else(missing)?.parse::<usize>()? << 10)
}
