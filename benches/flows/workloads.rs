//! The workloads: each checks that every run ended with the right result.

use std::time::{Duration, Instant};

use flows::prelude::*;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

#[activity]
async fn step(n: u64) -> Result<u64> {
    Ok(n + 1)
}

#[workflow]
async fn noop(ctx: &WorkflowContext, n: u64) -> Result<u64> {
    let _ = ctx.run_id();
    Ok(n)
}

#[workflow]
async fn sequence(ctx: &WorkflowContext, steps: u64) -> Result<u64> {
    let mut n = 0;
    for _ in 0..steps {
        n = step(ctx, n).await?;
    }
    Ok(n)
}

#[workflow]
async fn fan_out(ctx: &WorkflowContext, steps: u64) -> Result<u64> {
    let calls = (0..steps).map(|n| step(ctx, n));
    Ok(flows::try_join_all(calls).await?.into_iter().sum())
}

/// An engine with a worker in this process.
pub(crate) struct Bench {
    engine: Engine,
    in_flight: u64,
    stop: oneshot::Sender<()>,
    working: JoinHandle<Result<()>>,
}

impl Bench {
    pub(crate) async fn new(url: &str, in_flight: u64) -> Result<Self> {
        let engine = Engine::connect(url).await?;
        engine.migrate().await?;
        let worker = Worker::builder(&engine, register_all!())
            .max_workflows(2 * in_flight as usize)
            .max_activities(4_000)
            .build()?;
        let (stop, stopped) = oneshot::channel::<()>();
        let working = tokio::spawn(async move { worker.run_until(stopped).await });
        Ok(Self { engine, in_flight, stop, working })
    }

    pub(crate) async fn end(self) -> Result<()> {
        drop(self.stop);
        self.working.await?
    }

    /// Runs a second.
    pub(crate) async fn noop(&self, runs: u64) -> Result<f64> {
        self.rate(runs, |n| noop::Input { n }, |n| n).await
    }

    /// Steps a second.
    pub(crate) async fn steps(&self, runs: u64) -> Result<f64> {
        let rate = self.rate(runs, |_| sequence::Input { steps: 10 }, |_| 10).await?;
        Ok(rate * 10.0)
    }

    /// Steps a second.
    pub(crate) async fn parallel(&self, runs: u64) -> Result<f64> {
        let rate = self.rate(runs, |_| fan_out::Input { steps: 100 }, |_| 5_050).await?;
        Ok(rate * 100.0)
    }

    /// From start to result, one run at a time, sorted.
    pub(crate) async fn latency(&self, steps: u64) -> Result<Vec<Duration>> {
        let mut times = Vec::new();
        for _ in 0..300 {
            let began = Instant::now();
            let output = self.engine.start(sequence::Input { steps }).await?.result().await?;
            times.push(began.elapsed());
            assert_eq!(output, steps);
        }
        times.sort_unstable();
        Ok(times)
    }

    /// Runs a second, with `in_flight` of them open at any time.
    async fn rate<I>(&self, runs: u64, input: fn(u64) -> I, expected: fn(u64) -> u64) -> Result<f64>
    where
        I: flows::WorkflowInput,
        I::Workflow: Workflow<Output = u64>,
    {
        let (in_flight, began) = (self.in_flight.min(runs), Instant::now());
        let mut clients = tokio::task::JoinSet::new();
        for client in 0..in_flight {
            let engine = self.engine.clone();
            clients.spawn(async move {
                for n in (client..runs).step_by(in_flight as usize) {
                    let output = engine.start(input(n)).await?.result().await?;
                    assert_eq!(output, expected(n), "a wrong result");
                }
                Ok::<_, Error>(())
            });
        }
        clients.join_all().await.into_iter().collect::<Result<()>>()?;
        Ok(runs as f64 / began.elapsed().as_secs_f64())
    }
}
