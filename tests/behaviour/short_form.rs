//! The short form: one engine for the program, the tenant from the surrounding request.
//!
//! The program's engine is one for all tests here, so they take turns.

use flows::prelude::*;
use tokio::sync::{Mutex, MutexGuard};
use uuid::Uuid;

use crate::harness::Env;

on_every_store! {
    runs_are_started_signalled_and_rerun_for_the_surrounding_tenant,
    without_a_tenant_the_error_says_so,
}

/// Waits until no other test here runs. The whole thread waits: a virtual clock that went on
/// meanwhile would be far ahead.
fn turn() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::const_new(());
    loop {
        match TURN.try_lock() {
            Ok(turn) => return turn,
            Err(_) => std::thread::sleep(Duration::from_millis(1)),
        }
    }
}

const ACME: Uuid = Uuid::from_u128(0xac);

#[workflow]
async fn judges(ctx: &WorkflowContext) -> Result<String> {
    let verdict: String = ctx.signal("verdict").await?;
    ctx.set_query("verdict", &verdict)?;
    if verdict == "guilty" { Err(Error::terminal(verdict)) } else { Ok(verdict) }
}

fn registry() -> Registry {
    register_all![judges]
}

async fn runs_are_started_signalled_and_rerun_for_the_surrounding_tenant(env: Env) -> Result<()> {
    let _turn = turn();
    let _worker = env.serve(registry())?;
    flows::set_engine(env.engine.clone());
    let acme = env.engine.tenant(ACME);

    let run = flows::with_tenant(ACME, async {
        let exec = flows::start(judges::Input {}).id("case-1").await?;
        flows::signal("case-1", "verdict", &"guilty").await?;
        assert_eq!(exec.result().await.unwrap_err().message(), "guilty");
        let dead = acme.dead_letters().list().await?;
        let again = flows::rerun(&dead[0]).await?;
        flows::signal("case-1", "verdict", &"free").await?;
        assert_eq!(again.result().await?, "free");
        assert_eq!(flows::query("case-1", "verdict").await?, Some("free".to_owned()));
        Ok::<_, Error>(again.run_id())
    })
    .await?;
    assert_eq!(acme.list().status(Status::Completed).await?[0].run_id, run);
    assert!(env.engine.list().await?.is_empty(), "the default tenant has none");
    Ok(())
}

async fn without_a_tenant_the_error_says_so(env: Env) -> Result<()> {
    let _turn = turn();
    flows::set_engine(env.engine.clone());
    let start = flows::start(judges::Input {}).await.map(drop);
    let signal = flows::signal("case-1", "verdict", &"free").await;
    let query = flows::query::<String>("case-1", "stage").await.map(drop);
    let rerun = flows::rerun(Uuid::nil()).await.map(drop);
    let calls = [("start", start), ("signal", signal), ("query", query), ("rerun", rerun)];
    for (call, result) in calls {
        let error = result.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Configuration);
        let text = format!("flows::{call} needs a tenant: run it inside `flows::with_tenant(");
        assert!(error.message().starts_with(&text), "{error}");
    }
    assert!(env.engine.list().await?.is_empty());
    Ok(())
}
