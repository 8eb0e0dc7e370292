//! A worker that dies with an activity of another worker's run.

use std::sync::Arc;

use flows::pg::dev::fresh_database;
use flows::pg::tokio_postgres::{NoTls, connect};
use flows::prelude::*;
use flows::{ErrorKind, HistoryEvent};

use crate::gate::Gate;
use crate::ledger::{Ledger, LedgerFile};
use crate::process::{LONG, SHORT, WorkerProcess, serve};
use crate::waiting::until;

/// The first attempt gets half-way and never ends.
#[activity(
    queue = "gpu",
    start_to_close = "5m",
    retry(max_attempts = 3, initial_interval = "10ms")
)]
async fn render(ctx: &ActivityContext) -> Result<(u32, Option<u64>)> {
    ctx.state::<Ledger>()?.enter(ctx.run_id(), ctx.attempt(), "render")?;
    if ctx.attempt() == 1 {
        ctx.heartbeat(&50_u64)?;
        std::future::pending::<()>().await;
    }
    Ok((ctx.attempt(), ctx.last_heartbeat()))
}

#[workflow]
async fn film(ctx: &WorkflowContext) -> Result<(u32, Option<u64>)> {
    render(ctx).await
}

/// The attempt counts, and the next one goes on from its last heartbeat, in another process.
pub(crate) async fn taken_over() -> Result<()> {
    let database = fresh_database().await?;
    let engine = Engine::connect(database.url()).await?;
    engine.migrate().await?;
    let (client, connection) =
        connect(database.superuser_url().unwrap_or(database.url()), NoTls).await?;
    tokio::spawn(connection);
    let ledger = LedgerFile::new("elsewhere");
    let gpu = || WorkerProcess::start_on_queue(database.url(), &ledger.0, SHORT, "gpu");
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let serving = serve(&engine, &ledger.0, LONG, Arc::new(Gate::open()), stopped);
    let (served, tested) = tokio::join!(serving, async {
        let exec = engine.start(film::Input {}).await?;
        let mut first = gpu()?;
        let half_way = "SELECT count(*) FROM flows.activity_tasks WHERE heartbeat IS NOT NULL";
        until(async || Ok(client.query_one(half_way, &[]).await?.get::<_, i64>(0) == 1)).await?;
        first.kill_9()?;
        let _second = gpu()?;
        let result = exec.result().await?;
        drop(stop);
        Ok::<_, Error>((result, exec.history().await?))
    });
    served?;
    let (result, history) = tested?;
    assert_eq!(result, (2, Some(50)));
    let of = |kind: &'static str| history.iter().filter(move |event| event.kind == kind);
    assert_eq!(of("activity_scheduled").count(), 2);
    let errors: Vec<_> = of("activity_attempt_failed").map(why).collect();
    assert_eq!(errors, [Some(ErrorKind::WorkerLost)]);
    let left = client.query_one("SELECT count(*) FROM flows.activity_tasks", &[]).await?;
    assert_eq!(left.get::<_, i64>(0), 0);
    Ok(())
}

fn why(event: &HistoryEvent) -> Option<ErrorKind> {
    event.error.as_ref().map(Error::kind)
}
