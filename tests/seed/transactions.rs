//! `with_tx`: start, signal and rerun belong to the application's own transaction.

use std::future::IntoFuture;

use flows::prelude::*;

use crate::order::{Warehouse, order};
use crate::scene::Scene;
use crate::waiting::until;

#[tokio::test]
async fn a_start_that_rolls_back_leaves_nothing_g1() -> Result<()> {
    let scene = Scene::new().await?;
    let mut client = scene.client().await?;
    let tx = client.transaction().await?;
    let input = order::Input { cents: 5 };
    let exec = scene.engine.start(input).id("order-1").with_tx(&tx).await?;
    let doubled = scene.engine.start(order::Input { cents: 5 }).id("order-1").with_tx(&tx).await;
    assert_eq!(doubled.unwrap_err().kind(), ErrorKind::AlreadyExists, "and the transaction lives");
    tx.batch_execute("SELECT 1").await?;
    tx.rollback().await?;

    assert_eq!(exec.describe().await.unwrap_err().kind(), ErrorKind::NotFound);
    for table in ["runs", "ready", "parked", "inbox"] {
        assert_eq!(scene.rows(table).await?, 0, "{table}");
    }
    Ok(())
}

#[tokio::test]
async fn a_start_and_its_signal_commit_with_the_applications_row_g1() -> Result<()> {
    let scene = Scene::new().await?;
    let mut client = scene.client().await?;
    client.batch_execute("CREATE TABLE orders (id text PRIMARY KEY)").await?;
    scene
        .with_worker(async {
            let tx = client.transaction().await?;
            tx.execute("INSERT INTO orders VALUES ('order-1')", &[]).await?;
            let input = order::Input { cents: 5 };
            let exec = scene.engine.start(input).id("order-1").with_tx(&tx).await?;
            exec.send(Warehouse { available: true }).with_tx(&tx).await?;
            let role: String = tx.query_one("SELECT current_user::text", &[]).await?.get(0);
            assert_ne!(role, "flows_tenant", "the transaction's role is its own again");
            assert_eq!(scene.rows("runs").await?, 0, "invisible until the commit");
            tx.commit().await?;
            exec.result().await?;
            Ok(())
        })
        .await
}

/// Times count from the statement: the transaction may be old.
#[tokio::test]
async fn an_old_transaction_starts_and_sends_now() -> Result<()> {
    let scene = Scene::new().await?;
    let mut client = scene.client().await?;
    let tx = client.transaction().await?;
    tx.batch_execute("SELECT pg_sleep(1.1)").await?;
    let delayed = scene.engine.start(order::Input { cents: 5 }).delay(Duration::from_secs(1));
    let exec = delayed.with_tx(&tx).await?;
    exec.send(Warehouse { available: true }).with_tx(&tx).await?;
    tx.batch_execute("SET LOCAL ROLE flows_worker").await?;
    let ages = "SELECT extract(epoch FROM created_at - now())::float8,
                       extract(epoch FROM starts_at - now())::float8,
                       extract(epoch FROM sent_at - now())::float8, wake_at = starts_at
                FROM flows.runs JOIN flows.inbox USING (run_id) JOIN flows.parked USING (run_id)";
    let ages = tx.query_one(ages, &[]).await?;
    let (created, delay, sent): (f64, f64, f64) = (ages.get(0), ages.get(1), ages.get(2));
    assert!(created >= 1.0 && sent >= 1.0, "the transaction is old: {created}, {sent}");
    assert!(delay >= 2.0, "counted from the transaction: {delay}");
    assert!(ages.get::<_, bool>(3), "it wakes at its start time");
    Ok(())
}

#[tokio::test]
async fn a_signal_that_rolls_back_is_never_received_g6() -> Result<()> {
    let scene = Scene::new().await?;
    let mut client = scene.client().await?;
    let exec = scene.engine.start(order::Input { cents: 5 }).await?;
    let tx = client.transaction().await?;
    exec.send(Warehouse { available: false }).with_tx(&tx).await?;
    tx.rollback().await?;
    exec.send(Warehouse { available: true }).await?;
    scene.with_worker(exec.result()).await?; // the other one would have made it fail
    Ok(())
}

/// The run and its first signal exist together, or not at all; others wait for which it is.
#[tokio::test]
async fn a_signal_with_start_commits_or_rolls_back_with_its_run_g1() -> Result<()> {
    let scene = Scene::new().await?;
    let mut client = scene.client().await?;
    let send = |cents, available| {
        let input = order::Input { cents };
        scene
            .engine
            .signal_with_start(input, Warehouse::NAME, &Warehouse { available })
            .id("order-1")
    };
    let tx = client.transaction().await?;
    let exec = send(0, false).with_tx(&tx).await?;
    assert_eq!(scene.rows("runs").await?, 0, "invisible until the commit");
    tx.rollback().await?;
    assert_eq!(exec.describe().await.unwrap_err().kind(), ErrorKind::NotFound);
    for table in ["runs", "ready", "inbox"] {
        assert_eq!(scene.rows(table).await?, 0, "{table}");
    }

    let tx = client.transaction().await?;
    let first = send(5, true).with_tx(&tx).await?;
    let again = send(5, true).with_tx(&tx).await?;
    assert_eq!(again.run_id(), first.run_id(), "its own start is seen");
    let other = tokio::spawn(send(0, true).into_future());
    let admin = scene.client().await?;
    let waiting = "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' \
                                  AND datname = current_database())";
    until(async || Ok(admin.query_one(waiting, &[]).await?.get(0))).await?;
    tx.commit().await?;
    let other = other.await??;
    assert_eq!(other.run_id(), first.run_id());
    assert_eq!(scene.rows("inbox").await?, 3);
    scene.with_worker(first.result()).await?; // the other input would have made it fail
    Ok(())
}

#[tokio::test]
async fn many_starts_commit_or_roll_back_together_g1() -> Result<()> {
    let scene = Scene::new().await?;
    let mut client = scene.client().await?;
    scene.engine.start(order::Input { cents: 5 }).id("order-7").await?;
    let starts = || {
        (0..1_000).map(|n| scene.engine.start(order::Input { cents: 5 }).id(format!("order-{n}")))
    };
    let tx = client.transaction().await?;
    let answers = scene.engine.start_many(starts()).with_tx(&tx).await?;
    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 999);
    assert_eq!(answers[7].as_ref().unwrap_err().kind(), ErrorKind::AlreadyExists);
    tx.rollback().await?;
    assert_eq!(scene.rows("runs").await?, 1);
    let tx = client.transaction().await?;
    scene.engine.start_many(starts()).with_tx(&tx).await?;
    tx.commit().await?;
    assert_eq!((scene.rows("runs").await?, scene.rows("ready").await?), (1_000, 1_000));
    Ok(())
}

#[tokio::test]
async fn a_rerun_that_rolls_back_leaves_the_dead_letter() -> Result<()> {
    let scene = Scene::new().await?;
    let mut client = scene.client().await?;
    let exec = scene.engine.start(order::Input { cents: 0 }).id("order-1").await?;
    scene.with_worker(async { Ok(exec.result().await.is_err()) }).await?;
    let dead = scene.engine.dead_letters().list().await?;

    let tx = client.transaction().await?;
    scene.engine.rerun(&dead[0]).with_tx(&tx).await?;
    tx.rollback().await?;
    assert_eq!(scene.engine.dead_letters().list().await?.len(), 1);
    assert_eq!(scene.rows("runs").await?, 1);

    let tx = client.transaction().await?;
    let again = scene.engine.rerun(&dead[0]).with_tx(&tx).await?;
    tx.commit().await?;
    assert!(scene.engine.dead_letters().list().await?.is_empty());
    assert_eq!(again.describe().await?.predecessor, Some(exec.run_id()));
    Ok(())
}

#[tokio::test]
async fn a_fork_a_reset_and_a_dismissal_are_part_of_the_transaction() -> Result<()> {
    let scene = Scene::new().await?;
    let mut client = scene.client().await?;
    let exec = scene.engine.start(order::Input { cents: 0 }).id("order-1").await?;
    scene.with_worker(async { Ok(exec.result().await.is_err()) }).await?;
    let (engine, run) = (&scene.engine, exec.run_id());
    let rows = async || {
        let mut rows = Vec::new();
        for table in ["runs", "ready", "journal", "forks", "dead_letters"] {
            rows.push(scene.rows(table).await?);
        }
        Ok::<_, Error>(rows)
    };
    let before = rows().await?;

    let tx = client.transaction().await?;
    let fork = engine.fork(run, 1).id("order-2").with_tx(&tx).await?;
    let refused = engine.fork(run, 1).id("order-1").with_tx(&tx).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::AlreadyExists, "and the transaction lives");
    let again = engine.rerun(run).from_failure().with_tx(&tx).await?;
    engine.reset(again.run_id(), 1).with_tx(&tx).await.unwrap_err(); // only the transaction sees that run
    tx.rollback().await?;
    assert_eq!(rows().await?, before);
    assert_eq!(fork.describe().await.unwrap_err().kind(), ErrorKind::NotFound);

    let tx = client.transaction().await?;
    engine.dead_letters().dismiss(run, "by hand").with_tx(&tx).await?;
    tx.rollback().await?;
    assert_eq!(engine.dead_letters().list().await?.len(), 1);

    let tx = client.transaction().await?;
    let reset = engine.reset(run, 1).with_tx(&tx).await?;
    tx.commit().await?;
    assert!(engine.dead_letters().list().await?.is_empty());
    assert_eq!(reset.describe().await?.predecessor, Some(run));
    Ok(())
}

#[update(response = u64)]
struct Double {
    n: u64,
}

#[workflow]
async fn doubles(ctx: &WorkflowContext) -> Result<()> {
    let double = ctx.update::<Double>().await?;
    let twice = 2 * double.n;
    double.reply(twice);
    Ok(())
}

#[tokio::test]
async fn an_update_is_sent_when_its_transaction_commits() -> Result<()> {
    let scene = Scene::new().await?;
    let mut client = scene.client().await?;
    let exec = scene.engine.start(doubles::Input {}).id("doubles").await?;
    let double = |n| exec.update(Double { n });

    let tx = client.transaction().await?;
    let never = double(1).with_tx(&tx).send().await?;
    let waits = double(1).with_tx(&tx).await.expect_err("it is not committed");
    assert_eq!(waits.kind(), ErrorKind::InvalidInput, "{waits}");
    tx.rollback().await?;
    assert_eq!(scene.rows("inbox").await?, 0);

    let tx = client.transaction().await?;
    let sent = double(21).with_tx(&tx).send().await?;
    let other = scene.engine.start_with_update(doubles::Input {}, Double { n: 4 });
    let (_, started) = other.id("other").with_tx(&tx).send().await?;
    tx.commit().await?;
    let replies = scene.with_worker(async { Ok((sent.reply().await?, started.reply().await?)) });
    assert_eq!(replies.await?, (42, 8));
    assert_eq!(never.reply().await.expect_err("it never was").kind(), ErrorKind::Closed);
    Ok(())
}

/// Hands its token on as an item of the run's stream.
#[activity(start_to_close = "1h", retry(max_attempts = 2, initial_interval = "1ms"))]
async fn asks(ctx: &ActivityContext) -> Result<u64> {
    ctx.publish(&ctx.completion_token()).await?;
    ctx.pending()
}

#[workflow]
async fn asked(ctx: &WorkflowContext) -> Result<u64> {
    asks(ctx).await
}

#[tokio::test]
async fn an_attempt_ends_when_the_transaction_commits_that_completes_it() -> Result<()> {
    let scene = Scene::new().await?;
    let mut client = scene.client().await?;
    let engine = &scene.engine;
    let exec = engine.start(asked::Input {}).await?;
    let test = async {
        let mut tokens = exec.stream::<String>();
        let first = tokens.next().await?.expect("the first attempt").value;
        let tx = client.transaction().await?;
        engine.complete(&first, &1_u64).with_tx(&tx).await?;
        tx.rollback().await?;
        assert_eq!(exec.try_result().await?, None, "it never was");

        let tx = client.transaction().await?;
        engine.heartbeat(&first, &7_u64).with_tx(&tx).await?;
        engine.fail(&first, Error::retryable("not today")).with_tx(&tx).await?;
        tx.commit().await?;
        let second = tokens.next().await?.expect("the second attempt").value;

        let tx = client.transaction().await?;
        engine.complete(&second, &2_u64).with_tx(&tx).await?;
        let again =
            engine.complete(&second, &3_u64).with_tx(&tx).await.expect_err("it is completed");
        assert_eq!(again.kind(), ErrorKind::Closed, "{again}");
        tx.batch_execute("SELECT 1").await?; // the transaction lives
        tx.commit().await?;
        assert_eq!(exec.result().await?, 2);

        let tx = client.transaction().await?;
        for token in [&first, &second] {
            let late = engine.complete(token, &4_u64).with_tx(&tx).await.expect_err("it has ended");
            assert_eq!(late.kind(), ErrorKind::Closed, "{late}");
        }
        Ok(tx.commit().await?)
    };
    scene.with_worker(test).await
}
