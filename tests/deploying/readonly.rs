//! A replay of a live database reads and nothing else, and needs the right to see every tenant.

use std::collections::{BTreeMap, BTreeSet};

use flows::pg::dev::{PrivateServer, fresh_database};
use flows::pg::tokio_postgres::{self, Client, NoTls};
use flows::prelude::*;
use flows::testing::replay_all;

use crate::{database, old};

async fn client(url: &str) -> Result<Client> {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await?;
    tokio::spawn(connection);
    Ok(client)
}

const TABLES: [&str; 18] = [
    "runs",
    "journal",
    "dead_letters",
    "schedules",
    "forks",
    "inbox_keys",
    "query_values",
    "streams",
    "stream_items",
    "attributes",
    "update_answers",
    "ready",
    "owned",
    "parked",
    "inbox",
    "activity_tasks",
    "workers",
    "pauses",
];

/// Every row with its place and who has written or locked it: reading leaves no trace in these.
async fn rows(client: &Client) -> Result<BTreeMap<&'static str, Vec<String>>> {
    client.batch_execute("SET ROLE flows_worker").await?;
    let mut tables = BTreeMap::new();
    for table in TABLES {
        let statement = format!(
            "SELECT format('%s %s %s %s', t.ctid, t.xmin, t.xmax, t) FROM flows.{table} t ORDER BY 1"
        );
        let rows = client.query(&statement, &[]).await?;
        tables.insert(table, rows.iter().map(|row| row.get(0)).collect());
    }
    Ok(tables)
}

#[tokio::test]
async fn no_row_is_touched_and_nothing_but_selects_is_sent() -> Result<()> {
    let server = fresh_database().await?;
    let engine = Engine::connect(server.url()).await?;
    engine.migrate().await?;
    database::fill(&(&engine).into()).await?;
    let client = client(server.url()).await?;
    let before = rows(&client).await?;
    assert!(before["parked"].len() + before["ready"].len() == 3, "{before:#?}");

    let surveyor = Engine::connect(server.url()).await?;
    let report = replay_all(&surveyor).registry(old::registry()).await?;

    assert_eq!((report.open, report.closed), (3, 1));
    assert_eq!(rows(&client).await?, before);
    let sent: BTreeSet<_> = surveyor.store().unwrap().counters().into_keys().collect();
    let expected = ["check", "commit", "enter_scan", "load", "rows", "scan_closed", "scan_open"];
    assert_eq!(sent, BTreeSet::from(expected));
    Ok(())
}

#[tokio::test]
async fn who_may_not_see_all_tenants_is_told() -> Result<()> {
    let server = PrivateServer::start().await?;
    let engine = Engine::connect(&server.url()).await?;
    engine.migrate().await?;
    let admin = client(&server.superuser_url()).await?;
    admin.batch_execute("REVOKE flows_worker FROM app CASCADE").await?;
    let reader = Engine::connect(&server.url()).await?;

    let error = replay_all(&reader).registry(old::registry()).await.expect_err("an error");
    assert_eq!(error.kind(), ErrorKind::Configuration);
    assert!(error.message().contains("GRANT flows_tenant, flows_worker TO"), "{error}");
    Ok(())
}
