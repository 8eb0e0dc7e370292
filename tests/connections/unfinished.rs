//! A transactional activity is stopped while its statement waits for somebody's row lock: whichever way
//! it is stopped, the statement ends, and its connection does not go back to the pool.

use flows::pg::Transaction;
use flows::prelude::*;

use crate::scene::{Scene, Serving, connect, until, within};

const DEBIT: &str = "UPDATE accounts SET cents = cents - 1";

#[activity(transaction, retry(max_attempts = 1))]
async fn debit(tx: &Transaction<'_>) -> Result<u64> {
    Ok(tx.execute(DEBIT, &[]).await?)
}

#[workflow]
async fn debits(ctx: &WorkflowContext) -> Result<u64> {
    debit(ctx).await
}

#[workflow]
async fn debits_at_once(ctx: &WorkflowContext) -> Result<u64> {
    debit(ctx).start_to_close(Duration::from_secs(1)).await
}

/// Loses patience with its own statement, and then ends in one of several ways.
#[activity(transaction, retry(max_attempts = 1))]
async fn impatient(tx: &Transaction<'_>, way: String) -> Result<()> {
    let patience = Duration::from_millis(300);
    let debited = tokio::time::timeout(patience, tx.execute(DEBIT, &[])).await;
    match &*way {
        "panics" => panic!("no patience: {debited:?}"),
        "fails" => Err(Error::terminal("no patience")),
        _ => Ok(()),
    }
}

#[workflow]
async fn loses_patience(ctx: &WorkflowContext, way: String) -> Result<()> {
    impatient(ctx, way).start_to_close(Duration::from_secs(2)).await
}

/// Has the row locked while something is started that waits for it and then is stopped.
async fn locked<W: Workflow>(
    start: impl AsyncFnOnce(&Engine) -> Result<Execution<W>>,
    stop: impl AsyncFnOnce(&Execution<W>, Serving) -> Result<Option<Serving>>,
) -> Result<()> {
    let scene = Scene::set().await?;
    let mut other = connect(scene.database.url()).await?;
    let tx = other.transaction().await?;
    tx.execute("UPDATE accounts SET cents = 50", &[]).await?;
    let worker = Worker::builder(&scene.engine, register_all!())
        .lease(Duration::from_secs(2))
        .shutdown_grace(Duration::from_millis(100))
        .build()?;
    let serving = Serving::begin(worker);
    let run = start(&scene.engine).await?;
    until(async || Ok(scene.waiting().await? > 0)).await?;
    let serving = stop(&run, serving).await?;
    until(async || Ok(scene.waiting().await? == 0)).await?;
    for _ in 0..10 {
        let alive = async { Ok(scene.pool.get().await?.batch_execute("SELECT 1").await?) };
        within("a statement of the application's", 5, alive).await?;
        within("a list", 5, async { scene.engine.list().limit(1).await }).await?;
    }
    tx.rollback().await?;
    let cents = "FROM accounts WHERE cents = 100";
    assert_eq!(scene.count(cents).await?, 1, "what was stopped has left nothing");
    if let Some(serving) = serving {
        serving.stop().await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_time_limit_stops_the_statement() -> Result<()> {
    locked(
        async |engine| engine.start(debits_at_once::Input {}).await,
        async |run, serving| {
            let error = within("the timeout", 20, async { Ok(run.result().await) }).await?;
            assert!(error.unwrap_err().is_timeout());
            Ok(Some(serving))
        },
    )
    .await
}

#[tokio::test]
async fn a_cancellation_stops_the_statement() -> Result<()> {
    locked(
        async |engine| engine.start(debits::Input {}).await,
        async |run, serving| {
            run.cancel().await?;
            let error = within("the cancellation", 20, async { Ok(run.result().await) }).await?;
            assert!(error.unwrap_err().is_cancelled());
            Ok(Some(serving))
        },
    )
    .await
}

#[tokio::test]
async fn a_termination_stops_the_statement() -> Result<()> {
    locked(
        async |engine| engine.start(debits::Input {}).await,
        async |run, serving| {
            run.terminate("enough").await?;
            Ok(Some(serving))
        },
    )
    .await
}

#[tokio::test]
async fn a_worker_that_ends_stops_the_statement() -> Result<()> {
    locked(
        async |engine| engine.start(debits::Input {}).await,
        async |_, serving| {
            serving.stop().await?;
            Ok(None)
        },
    )
    .await
}

#[tokio::test]
async fn a_body_that_gives_up_its_statement_stops_it() -> Result<()> {
    for (way, expected) in [("fails", "no patience"), ("panics", "panicked at ")] {
        locked(
            async |engine| engine.start(loses_patience::Input { way: way.into() }).await,
            async |run, serving| {
                let ended = within("the failure", 20, async { Ok(run.result().await) }).await?;
                let error = ended.unwrap_err();
                assert!(error.message().starts_with(expected), "{error}");
                Ok(Some(serving))
            },
        )
        .await?;
    }
    Ok(())
}

/// What it has given up cannot be committed either, before it is done.
#[tokio::test]
async fn a_result_waits_for_the_statement_and_its_time_limit_stops_both() -> Result<()> {
    locked(
        async |engine| engine.start(loses_patience::Input { way: "ends".into() }).await,
        async |run, serving| {
            let ended = within("the timeout", 20, async { Ok(run.result().await) }).await?;
            assert!(ended.unwrap_err().is_timeout());
            Ok(Some(serving))
        },
    )
    .await
}
