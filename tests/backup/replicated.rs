//! A move to another server by logical replication.

use flows::pg::dev::PrivateServer;
use flows::pg::tokio_postgres::Client;
use flows::prelude::*;

use crate::waiting::until;
use crate::{client, documented, has, serve, waits};

/// Every row of every table has come.
async fn until_equal(old: &Client, new: &Client) -> Result<()> {
    let caught_up = "SELECT pg_current_wal_lsn() <= confirmed_flush_lsn FROM pg_replication_slots";
    let synchronised = "SELECT bool_and(srsubstate IN ('r', 's')) FROM pg_subscription_rel";
    until(async || {
        let copied: bool = new.query_one(synchronised, &[]).await?.get(0);
        let rows = old.query(caught_up, &[]).await?;
        Ok(copied && rows.iter().all(|row| row.get::<_, Option<bool>>(0) == Some(true)))
    })
    .await
}

#[tokio::test]
async fn runs_go_on_where_they_were_replicated_to() -> Result<()> {
    let source = PrivateServer::start_with(&[("wal_level", "logical")]).await?;
    let target = PrivateServer::start().await?;
    let old = Engine::connect(&source.url()).await?;
    old.migrate().await?;
    let before = old.start(waits::Input {}).id("before").await?;
    serve(&old, has(&before, "activity_completed")).await?;
    before.signal("other", &"a letter with a number").await?;

    let new = Engine::connect(&target.url()).await?;
    new.migrate().await?;
    let [publisher, subscriber] =
        [client(&source.superuser_url()).await, client(&target.superuser_url()).await];
    let version = subscriber.query_one("SHOW server_version_num", &[]).await?;
    let newer = version.get::<_, String>(0).parse::<u32>()? >= 160_000;
    for statement in documented("CREATE PUBLICATION") {
        publisher.batch_execute(&statement).await.expect(&statement);
    }
    for statement in documented("CREATE SUBSCRIPTION") {
        let mut statement = statement.replace("$OLD_DATABASE_URL", &source.superuser_url());
        if newer {
            statement = statement.replace("_move;", "_move WITH (run_as_owner = true);");
        }
        subscriber.batch_execute(&statement).await.expect(&statement);
    }

    // The source goes on: runs begin, end and wait while their rows are copied.
    let during = old.start(waits::Input {}).id("during").await?;
    serve(&old, has(&during, "activity_completed")).await?;
    let ended = old.start(waits::Input {}).id("ended").await?;
    ended.signal("go", &"here").await?;
    serve(&old, ended.result()).await?;
    during.signal("go", &"there").await?;
    until_equal(&publisher, &subscriber).await?;
    for statement in documented("DROP SUBSCRIPTION") {
        subscriber.batch_execute(&statement).await.expect(&statement);
    }

    let [before, during, ended]: [Execution<waits::Workflow>; 3] =
        ["before", "during", "ended"].map(|id| new.execution(id));
    let forgotten = before.signal("go", &"too early").await.expect_err("migrate was not called");
    assert_eq!(forgotten.kind(), ErrorKind::Configuration, "{forgotten}");
    new.migrate().await?;
    before.signal("go", &"afterwards").await?;
    let results =
        async { Ok([before.result().await?, during.result().await?, ended.result().await?]) };
    let expected = ["prepared, afterwards", "prepared, there", "prepared, here"];
    assert_eq!(serve(&new, results).await?, expected);
    Ok(())
}
