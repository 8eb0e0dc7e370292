//! Guarantee 8: tenants with the same ids never meet.

use flows::pg::tokio_postgres::error::SqlState;
use flows::pg::tokio_postgres::{NoTls, connect};
use flows::prelude::*;
use uuid::Uuid;

use crate::order::{Warehouse, order};
use crate::scene::Scene;

const ACME: Uuid = Uuid::from_u128(0xac);
const BOLT: Uuid = Uuid::from_u128(0xb0);

#[tokio::test]
async fn the_same_id_in_two_tenants_is_two_runs_g8() -> Result<()> {
    let scene = Scene::new().await?;
    let (acme, bolt) = (scene.engine.tenant(ACME), scene.engine.tenant(BOLT));
    let ours = acme.start(order::Input { cents: 5 }).id("order-1").await?;
    let theirs = bolt.start(order::Input { cents: 6 }).id("order-1").await?;
    assert_ne!(ours.run_id(), theirs.run_id());

    bolt.signal("order-1", "another-name", &Warehouse { available: true }).await?;
    acme.execution::<order::Workflow>("order-1").send(Warehouse { available: true }).await?;
    scene.with_worker(ours.result()).await?;
    assert_eq!(bolt.list().await?.len(), 1);
    assert_eq!(bolt.list().await?[0].run_id, theirs.run_id());
    assert_eq!(theirs.describe().await?.status, Status::Running, "its signal had another name");
    Ok(())
}

#[tokio::test]
async fn a_tenant_cannot_reach_another_tenants_run_by_any_verb_g8() -> Result<()> {
    let scene = Scene::new().await?;
    let (acme, bolt) = (scene.engine.tenant(ACME), scene.engine.tenant(BOLT));
    let ours = acme.start(order::Input { cents: 1 }).id("order-1").await?;
    let id = ours.run_id().to_string();
    for id in ["order-1", &id] {
        let theirs = bolt.execution::<order::Workflow>(id);
        let errors = [
            theirs.describe().await.map(drop),
            theirs.history().await.map(drop),
            theirs.try_result().await.map(drop),
            theirs.send(Warehouse { available: true }).await,
            theirs.cancel().await,
            theirs.terminate("mine").await,
            bolt.rerun(ours.run_id()).await.map(drop),
        ];
        for error in errors {
            assert_eq!(error.unwrap_err().kind(), ErrorKind::NotFound);
        }
    }
    assert!(bolt.list().await?.is_empty() && bolt.dead_letters().list().await?.is_empty());
    assert_eq!(ours.describe().await?.status, Status::Running);
    assert_eq!(scene.rows("inbox").await?, 0);
    Ok(())
}

#[tokio::test]
async fn every_table_has_forced_row_security_and_the_tenant_role_sees_one_tenant_g8() -> Result<()>
{
    let scene = Scene::new().await?;
    for tenant in [ACME, BOLT] {
        scene.engine.tenant(tenant).start(order::Input { cents: 5 }).id("order-1").await?;
    }
    let client = scene.client().await?;
    let open = "SELECT relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
                WHERE n.nspname = 'flows' AND c.relkind IN ('r', 'p')
                  AND NOT (c.relrowsecurity AND c.relforcerowsecurity)";
    let open = client.query(open, &[]).await?;
    assert!(
        open.is_empty(),
        "{:?}",
        open.iter().map(|row| row.get::<_, String>(0)).collect::<Vec<_>>()
    );

    client.batch_execute("SET ROLE flows_tenant").await?;
    let runs = "SELECT count(*) FROM flows.runs";
    assert_eq!(client.query_one(runs, &[]).await?.get::<_, i64>(0), 0, "no tenant, no rows");
    client.execute("SELECT set_config('flows.tenant_id', $1, false)", &[&ACME.to_string()]).await?;
    assert_eq!(client.query_one(runs, &[]).await?.get::<_, i64>(0), 1);
    let steal = "UPDATE flows.runs SET status = 4 WHERE tenant_id = $1";
    assert_eq!(client.execute(steal, &[&BOLT]).await?, 0);
    Ok(())
}

/// The policy that lets transactional activities add their records lets nobody else do it.
#[tokio::test]
async fn nobody_else_adds_rows_to_a_journal_g8() -> Result<()> {
    const FORGE: &str = "INSERT INTO flows.journal (shard, tenant_id, run_id, position, events)
        VALUES (1, $1, gen_random_uuid(), 0, '')";
    let scene = Scene::new().await?;
    let client = scene.client().await?;
    client.batch_execute("BEGIN").await?;
    assert_eq!(client.execute(FORGE, &[&BOLT]).await?, 1, "the application may become a worker");
    client.batch_execute("ROLLBACK; SET ROLE flows_tenant").await?;
    client.execute("SELECT set_config('flows.tenant_id', $1, false)", &[&ACME.to_string()]).await?;
    let refused = client.execute(FORGE, &[&BOLT]).await.expect_err("a row of another tenant");
    assert_eq!(refused.code().map(SqlState::code), Some("42501"), "{refused}");

    let Some(url) = scene.database.superuser_url() else { return Ok(()) };
    let (admin, connection) = connect(url, NoTls).await?;
    tokio::spawn(connection);
    // until its end, so that the role is never seen by others of the server
    admin
        .batch_execute("BEGIN; CREATE ROLE stranger; SET LOCAL SESSION AUTHORIZATION stranger")
        .await?;
    let refused = admin.execute(FORGE, &[&ACME]).await.expect_err("it may not become a worker");
    assert_eq!(refused.code().map(SqlState::code), Some("42501"), "{refused}");
    Ok(())
}
