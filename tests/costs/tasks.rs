//! Activities on other workers, of another queue or where they spill: what each costs, and how often they are claimed.

use flows::prelude::*;
use serde::{Deserialize, Serialize};

use crate::bench::Bench;

const WIDTH: u64 = 400;

#[activity(queue = "gpu")]
async fn remote(number: u64) -> Result<u64> {
    Ok(number)
}

#[activity]
async fn local(number: u64) -> Result<u64> {
    Ok(number)
}

#[activity(spill)]
async fn spilling(number: u64) -> Result<u64> {
    Ok(number)
}

/// Who runs the activities of a run.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
enum Whose {
    Local,
    Remote,
    Spilling,
}

#[workflow]
async fn spreads(ctx: &WorkflowContext, width: u64, whose: Whose) -> Result<u64> {
    let all = match whose {
        Whose::Remote => flows::try_join_all((0..width).map(|it| remote(ctx, it))).await?,
        Whose::Local => flows::try_join_all((0..width).map(|it| local(ctx, it))).await?,
        Whose::Spilling => flows::try_join_all((0..width).map(|it| spilling(ctx, it))).await?,
    };
    Ok(all.iter().sum())
}

/// Rows that a run of so many activities inserts, updates and deletes, and statements that claim or end any.
async fn spread(bench: &Bench, whose: Whose, slots: usize) -> Result<(i64, u64, u64)> {
    let mut counted = (0, 0);
    let (costs, ()) = bench
        .costs_of(async |engine| {
            let build = |registry, queue: &str, slots: usize| {
                Worker::builder(&engine, registry)
                    .queues([queue])
                    .max_activities(slots)
                    .lease(Duration::from_secs(60))
                    .resident_for(Duration::from_secs(3_600))
                    .build()
            };
            let flows = build(flows::register_all![spreads, local, spilling], "default", slots)?;
            let gpu = build(flows::register_all![remote], "gpu", 1_000)?;
            let ((stop_flows, flows_stopped), (stop_gpu, gpu_stopped)) =
                (tokio::sync::oneshot::channel::<()>(), tokio::sync::oneshot::channel::<()>());
            let (served, served_too, ended) =
                tokio::join!(flows.run_until(flows_stopped), gpu.run_until(gpu_stopped), async {
                    let input = spreads::Input { width: WIDTH, whose };
                    let sum = engine.start(input).await?.result().await?;
                    drop((stop_flows, stop_gpu));
                    Ok::<_, Error>(sum)
                });
            served?;
            served_too?;
            assert_eq!(ended?, (0..WIDTH).sum::<u64>());
            let counters = engine.store().unwrap().counters();
            let of = |name: &str| counters.get(name).copied().unwrap_or(0);
            counted = (of("claim_tasks"), of("end_tasks"));
            Ok(())
        })
        .await?;
    Ok((costs.rows, counted.0, counted.1))
}

/// Itself, written, claimed and deleted; the message with its result, written and deleted.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_activity_elsewhere_costs_five_row_operations_and_a_share_of_a_claim() -> Result<()> {
    let bench = Bench::new().await?;
    let (local, none, none_ended) = spread(&bench, Whose::Local, 1_000).await?;
    assert_eq!((none, none_ended), (0, 0), "nothing is claimed where nothing is queued");
    let (remote, claims, ends) = spread(&bench, Whose::Remote, 1_000).await?;
    let each = (remote - local) as f64 / WIDTH as f64;
    // the run and its journal have some rows more, for all of them together
    assert!((4.9..=5.3).contains(&each), "{each} rows each");
    assert!((1..=WIDTH / 4).contains(&claims), "{claims} claims");
    assert!((1..=WIDTH / 2).contains(&ends), "{ends} statements that end some");
    Ok(())
}

/// One that may spill costs nothing more where there is a slot for it, and as one elsewhere where there is none.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_activity_that_may_spill_costs_only_where_it_does() -> Result<()> {
    let bench = Bench::new().await?;
    let (local, ..) = spread(&bench, Whose::Local, 1_000).await?;
    let (fits, claims, ends) = spread(&bench, Whose::Spilling, 1_000).await?;
    assert_eq!((claims, ends), (0, 0), "all of them fit");
    assert!((fits - local).abs() <= 10, "{fits} rows, and {local} of those that may not spill");
    let slots = 100;
    let (spilled, claims, ends) = spread(&bench, Whose::Spilling, slots).await?;
    let each = (spilled - local) as f64 / (WIDTH as f64 - slots as f64);
    assert!((4.7..=5.5).contains(&each), "{each} rows each");
    assert!((3..=WIDTH / 2).contains(&claims), "{claims} claims");
    assert!((3..=WIDTH / 2).contains(&ends), "{ends} statements that end some");
    Ok(())
}
