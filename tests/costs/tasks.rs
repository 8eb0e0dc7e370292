//! Activities on workers of another queue: what each costs, and how often they are claimed.

use flows::prelude::*;

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

#[workflow]
async fn spreads(ctx: &WorkflowContext, width: u64, remotely: bool) -> Result<u64> {
    let sum: u64 = match remotely {
        true => flows::try_join_all((0..width).map(|it| remote(ctx, it))).await?.iter().sum(),
        false => flows::try_join_all((0..width).map(|it| local(ctx, it))).await?.iter().sum(),
    };
    Ok(sum)
}

/// Rows that a run of so many activities inserts, updates and deletes, and statements that claim or end any.
async fn spread(bench: &Bench, remotely: bool) -> Result<(i64, u64, u64)> {
    let mut counted = (0, 0);
    let (costs, ()) = bench
        .costs_of(async |engine| {
            let build = |registry, queue: &str| {
                Worker::builder(&engine, registry)
                    .queues([queue])
                    .max_activities(1_000)
                    .lease(Duration::from_secs(60))
                    .resident_for(Duration::from_secs(3_600))
                    .build()
            };
            let flows = build(flows::register_all![spreads, local], "default")?;
            let gpu = build(flows::register_all![remote], "gpu")?;
            let ((stop_flows, flows_stopped), (stop_gpu, gpu_stopped)) =
                (tokio::sync::oneshot::channel::<()>(), tokio::sync::oneshot::channel::<()>());
            let (served, served_too, ended) =
                tokio::join!(flows.run_until(flows_stopped), gpu.run_until(gpu_stopped), async {
                    let input = spreads::Input { width: WIDTH, remotely };
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
    let (local, none, none_ended) = spread(&bench, false).await?;
    assert_eq!((none, none_ended), (0, 0), "nothing is claimed where nothing is queued");
    let (remote, claims, ends) = spread(&bench, true).await?;
    let each = (remote - local) as f64 / WIDTH as f64;
    // the run and its journal have some rows more, for all of them together
    assert!((4.9..=5.3).contains(&each), "{each} rows each");
    assert!((1..=WIDTH / 4).contains(&claims), "{claims} claims");
    assert!((1..=WIDTH / 2).contains(&ends), "{ends} statements that end some");
    Ok(())
}
