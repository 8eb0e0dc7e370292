//! A worker that has nothing to do.

use flows::prelude::*;

use crate::bench::{Bench, with_worker};

const SECONDS: u64 = 6;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_idle_worker_sends_at_most_two_statements_a_second() -> Result<()> {
    let bench = Bench::new().await?;
    let engine = bench.engine().await?;
    with_worker(&engine, async {
        tokio::time::sleep(Duration::from_secs(4)).await; // it looks less and less often
        let before = bench.costs().await?;
        tokio::time::sleep(Duration::from_secs(SECONDS)).await; // time itself is under test
        let sent = (bench.costs().await? - before).statements;
        assert!(sent > 0, "an idle worker at least renews its lease");
        assert!(sent as u64 <= 2 * SECONDS, "{sent} statements in {SECONDS} s");
        Ok(())
    })
    .await
}
