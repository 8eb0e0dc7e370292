//! Runs that sleep: what each takes on disk beside its row.
//!
//! The budget is 400 bytes, which a million take that wake at the same moment (`cargo bench --bench
//! flows -- million`). These wake at moments of their own, so the index of times has an entry for each
//! of them: some 30 bytes more.

use flows::prelude::*;

use crate::bench::{Bench, start_all};
use crate::costs::at_most;

const RUNS: u64 = 20_000;

#[workflow]
async fn sleeps(ctx: &WorkflowContext) -> Result<()> {
    ctx.sleep(Duration::from_secs(7_200)).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sleeper_takes_few_bytes_beside_its_row() -> Result<()> {
    let bench = Bench::new().await?;
    let engine = bench.engine().await?;
    let worker = Worker::builder(&engine, flows::register_all!())
        .lease(Duration::from_secs(60))
        .resident_for(Duration::from_millis(50))
        .build()?;
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let (served, asleep) = tokio::join!(worker.run_until(stopped), async {
        for _ in 0..RUNS / 1_000 {
            start_all((0..1_000).map(|_| (engine.tenant(uuid::Uuid::nil()), sleeps::Input {})))
                .await?;
        }
        let asleep = format!("SELECT count(*) = {RUNS} FROM flows.parked");
        let asleep = bench.comes_true(&asleep).await;
        drop(stop);
        asleep
    });
    served?;
    asleep?;
    let bytes = "SELECT sum(pg_total_relation_size(oid))::bigint FROM pg_class \
                 WHERE oid IN ('flows.parked'::regclass, 'flows.journal'::regclass)";
    let bytes: i64 = bench.admin().query_one(bytes, &[]).await?.get(0);
    let each = bytes as f64 / RUNS as f64;
    eprintln!("{RUNS} sleepers: {each} bytes each, beside their rows");
    at_most(460.0, "bytes of a sleeper", each); // measured: 426 to 439
    Ok(())
}
