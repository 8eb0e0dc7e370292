//! A transactional activity: what it costs beside what its body does.
//!
//! What one costs is what twenty cost more than ten.

use flows::pg::tokio_postgres::types::Type;
use flows::prelude::*;

use crate::bench::{Bench, results, start_all, with_worker};
use crate::costs::{Costs, at_most};

const RUNS: u64 = 50;

#[activity(transaction)]
async fn booked(tx: &flows::pg::Transaction<'_>, n: u64) -> Result<u64> {
    let insert = "INSERT INTO bookings (amount) VALUES ($1)";
    tx.execute_typed(insert, &[(&i64::try_from(n)?, Type::INT8)]).await?;
    Ok(n + 1)
}

#[workflow]
async fn bookings(ctx: &WorkflowContext, steps: u64) -> Result<u64> {
    let mut n = 0;
    for _ in 0..steps {
        n = booked(ctx, n).await?;
    }
    Ok(n)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_transactional_activity_is_a_few_statements_and_no_read() -> Result<()> {
    let bench = Bench::new().await?;
    bench.admin().batch_execute("CREATE TABLE bookings (amount bigint)").await?;
    bench.admin().batch_execute("GRANT ALL ON bookings TO PUBLIC").await?;
    let ten = booked_by_all(&bench, 10).await?;
    let twenty = booked_by_all(&bench, 20).await?;
    let activity = (twenty - ten).each(RUNS * 10);
    eprintln!("transactional activity: {activity:?}");
    assert!(activity.journal_rows >= 0.99, "the server counts no rows: {activity:?}");
    // BEGIN, its limits, the body's statement, its record and COMMIT; and six commands, in one message
    // with COMMIT, that take back what the body may have set (a seventh where no other activity waits for the
    // connection); and a share of what the worker looks at meanwhile
    at_most(12.0, "statements", activity.statements);
    // a connection that is used first while a run is open makes its records doubtful
    at_most(0.5, "reads of the journal", activity.journal_reads);
    at_most(1.01, "journal rows", activity.journal_rows);
    Ok(())
}

/// So many each, on connections that have been used before.
async fn booked_by_all(bench: &Bench, steps: u64) -> Result<Costs> {
    let (costs, outputs) = bench
        .costs_of(async |engine| {
            let inputs = |steps| {
                let input = move |_| bookings::Input { steps };
                (0..RUNS).map(|n| (engine.tenant(uuid::Uuid::nil()), input(n))).collect::<Vec<_>>()
            };
            let work = async {
                results(start_all(inputs(2)).await?).await?;
                results(start_all(inputs(steps)).await?).await
            };
            with_worker(&engine, work).await
        })
        .await?;
    assert_eq!(outputs, vec![steps; RUNS as usize]);
    Ok(costs)
}
