//! Tenants: the same ids in two of them never meet.

use flows::prelude::*;
use uuid::Uuid;

use crate::harness::Env;
use crate::world::World;

on_every_store! {
    the_same_ids_in_two_tenants_are_two_runs,
    no_verb_of_one_tenant_reaches_a_run_of_another,
    user_code_knows_its_tenant,
    the_engine_itself_is_the_default_tenant,
}

const ACME: Uuid = Uuid::from_u128(0xac);
const BOLT: Uuid = Uuid::from_u128(0xb0);

#[activity]
async fn whose(ctx: &ActivityContext) -> Result<Uuid> {
    ctx.state::<World>()?.note(format!("{} {}", ctx.tenant_id(), ctx.workflow_id()));
    Ok(ctx.tenant_id())
}

#[workflow]
async fn greet(ctx: &WorkflowContext) -> Result<(Uuid, Uuid, String)> {
    let name = ctx.signal("name").await?;
    Ok((ctx.tenant_id(), whose(ctx).await?, name))
}

#[workflow]
async fn fails(ctx: &WorkflowContext) -> Result<()> {
    let _ = ctx;
    Err(Error::terminal("no"))
}

fn registry() -> Registry {
    register_all![greet, fails, whose]
}

async fn the_same_ids_in_two_tenants_are_two_runs(env: Env) -> Result<()> {
    let _worker = env.serve(registry())?;
    let (acme, bolt) = (env.engine.tenant(ACME), env.engine.tenant(BOLT));
    let ours = acme.start(greet::Input {}).id("greeting").await?;
    let theirs = bolt.start(greet::Input {}).id("greeting").await?;
    assert_ne!(ours.run_id(), theirs.run_id());

    bolt.signal("greeting", "name", &"Bob").dedup("once").await?;
    acme.signal("greeting", "name", &"Ada").dedup("once").await?;
    assert_eq!(ours.result().await?, (ACME, ACME, "Ada".into()));
    assert_eq!(theirs.result().await?, (BOLT, BOLT, "Bob".into()));
    for (tenant, exec) in [(&acme, &ours), (&bolt, &theirs)] {
        let runs: Vec<_> = tenant.list().await?.iter().map(|run| run.run_id).collect();
        assert_eq!(runs, [exec.run_id()]);
    }
    Ok(())
}

async fn no_verb_of_one_tenant_reaches_a_run_of_another(env: Env) -> Result<()> {
    let _worker = env.serve(registry())?;
    let (acme, bolt) = (env.engine.tenant(ACME), env.engine.tenant(BOLT));
    let ours = acme.start(greet::Input {}).id("greeting").await?;
    let failed = acme.start(fails::Input {}).await?;
    failed.result().await.unwrap_err();

    for id in ["greeting".to_owned(), ours.run_id().to_string()] {
        let theirs = bolt.execution::<greet::Workflow>(id);
        let answers = [
            theirs.result().await.map(drop),
            theirs.try_result().await.map(drop),
            theirs.describe().await.map(drop),
            theirs.history().await.map(drop),
            theirs.signal("name", &"Eve").await,
            theirs.cancel().await,
            theirs.terminate("mine").await,
        ];
        for answer in answers {
            assert_eq!(answer.unwrap_err().kind(), ErrorKind::NotFound);
        }
    }
    let rerun = bolt.rerun(failed.run_id()).await.unwrap_err();
    assert_eq!(rerun.kind(), ErrorKind::NotFound);
    assert!(bolt.list().await?.is_empty() && bolt.dead_letters().list().await?.is_empty());
    assert_eq!(acme.dead_letters().list().await?.len(), 1);

    ours.signal("name", &"Ada").await?;
    assert_eq!(ours.result().await?.2, "Ada", "it has heard of nobody else");
    Ok(())
}

async fn user_code_knows_its_tenant(env: Env) -> Result<()> {
    let _worker = env.serve(registry())?;
    let exec = env.engine.tenant(ACME).start(greet::Input {}).id("greeting").await?;
    exec.signal("name", &"Ada").await?;
    exec.result().await?;
    assert_eq!(env.world.notes(), [format!("{ACME} greeting")]);
    Ok(())
}

async fn the_engine_itself_is_the_default_tenant(env: Env) -> Result<()> {
    let _worker = env.serve(registry())?;
    let exec = env.engine.start(greet::Input {}).await?;
    exec.signal("name", &"Ada").await?;
    assert_eq!(exec.result().await?, (Uuid::nil(), Uuid::nil(), "Ada".into()));
    assert_eq!(env.engine.tenant(Uuid::nil()).list().await?.len(), 1);
    assert!(env.engine.tenant(ACME).list().await?.is_empty());
    Ok(())
}
