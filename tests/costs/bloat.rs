//! Dead rows of hot tables while somebody holds a snapshot open, as a dump or a forgotten
//! transaction does.
//!
//! `FLOWS_BLOAT_ROUNDS` is how long: a round is 500 runs.

use flows::prelude::*;
use uuid::Uuid;

use crate::bench::{Bench, results, start_all, with_worker};
use crate::workflows::noop;

const RUNS: u64 = 500;

/// Pages of the hot tables and their indexes.
const SIZE: &str = "SELECT sum(pg_total_relation_size(c.oid))::bigint / 8192 FROM pg_class c
    WHERE c.relnamespace = 'flows'::regnamespace AND c.relname IN ('ready', 'owned', 'parked', 'inbox')";
const VACUUM: &str = "VACUUM flows.ready, flows.owned, flows.parked, flows.inbox";

async fn rounds(bench: &Bench, rounds: u64) -> Result<i64> {
    for _ in 0..rounds {
        let work = async |engine: Engine| {
            let execs =
                start_all((0..RUNS).map(|n| (engine.tenant(Uuid::nil()), noop::Input { n })));
            with_worker(&engine, results(execs.await?)).await
        };
        bench.costs_of(work).await?;
    }
    bench.admin().query_one(SIZE, &[]).await.map_err(Into::into).map(|row| row.get(0))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_grows_with_the_work_alone_and_is_used_again() -> Result<()> {
    let given = std::env::var("FLOWS_BLOAT_ROUNDS").ok();
    let count = given.and_then(|count| count.parse().ok()).unwrap_or(4_u64);
    let bench = Bench::new().await?;
    let snapshot = bench.another().await?;
    snapshot.batch_execute("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1").await?;

    let first = rounds(&bench, count).await?;
    bench.admin().batch_execute(VACUUM).await?; // as autovacuum would try
    let second = rounds(&bench, count).await? - first;
    eprintln!("held: {first} pages, then {second} more");
    assert!(second as f64 >= 0.5 * first as f64, "the snapshot holds nothing back");
    assert!(second as f64 <= 1.2 * first as f64, "{first} pages, then {second} more");

    snapshot.batch_execute("COMMIT").await?;
    let mut sizes = Vec::new();
    for _ in 0..3 {
        bench.admin().batch_execute(VACUUM).await?;
        sizes.push(rounds(&bench, count).await?);
    }
    eprintln!("freed: {sizes:?} pages");
    let more = sizes[2] - sizes[0]; // pages of an index are free one vacuum later
    assert!(more as f64 <= 0.1 * first as f64, "{sizes:?} pages, although there is room");
    Ok(())
}
