//! Building a worker: what is wrong with it is an error before it claims anything.

use flows::prelude::*;

use crate::harness::Env;

on_every_store! {
    state_that_is_missing_is_named_with_who_wants_it,
    definitions_of_one_name_are_named_with_their_places,
    two_versions_of_a_workflow_go_together,
    limits_of_nothing_are_refused,
    a_registry_of_nothing_is_refused,
}

struct Gateway;

mod first {
    use super::*;

    #[activity]
    pub(super) async fn charge(ctx: &ActivityContext) -> Result<u32> {
        ctx.state::<Gateway>()?;
        Ok(1)
    }

    #[workflow(name = "versioned")]
    pub(super) async fn pay(ctx: &WorkflowContext) -> Result<u32> {
        charge(ctx).await
    }
}

mod second {
    use super::*;

    #[activity]
    pub(super) async fn charge() -> Result<u32> {
        Ok(2)
    }

    #[workflow(name = "versioned")]
    pub(super) async fn pay(ctx: &WorkflowContext) -> Result<u32> {
        charge(ctx).await
    }

    #[workflow(name = "versioned", version = 2)]
    pub(super) async fn pay_again(ctx: &WorkflowContext) -> Result<u32> {
        Ok(charge(ctx).await? * 10)
    }
}

/// The error of a worker that cannot be built.
fn refused(builder: flows_core::worker::WorkerBuilder) -> String {
    match builder.build() {
        Ok(_) => panic!("it was built"),
        Err(error) => {
            assert_eq!(error.kind(), ErrorKind::Configuration);
            error.message().to_owned()
        }
    }
}

async fn state_that_is_missing_is_named_with_who_wants_it(env: Env) -> Result<()> {
    let registry = register_all![first::pay, first::charge];
    let message = refused(env.worker(registry.clone()));
    let start = "the worker lacks state `behaviour::building::Gateway` for activity `charge` \
                 (tests/behaviour/building.rs:";
    assert!(message.starts_with(start), "{message}");
    assert!(message.ends_with("add `.state(…)` to its builder"), "{message}");
    env.worker(registry).state(Gateway).build()?;
    Ok(())
}

async fn definitions_of_one_name_are_named_with_their_places(env: Env) -> Result<()> {
    let registry = register_all![first::pay, second::pay, first::charge, second::charge];
    let message = refused(env.worker(registry).state(Gateway));
    for what in ["activity `charge`", "workflow `versioned` version 1"] {
        let text = format!("{what} is defined twice: at tests/behaviour/building.rs:");
        assert!(message.contains(&text), "{message}");
    }
    assert_eq!(message.matches("tests/behaviour/building.rs:").count(), 4, "{message}");

    let same = register_all![first::pay, first::pay, first::charge];
    env.worker(same).state(Gateway).build()?; // listed twice, defined once
    Ok(())
}

async fn two_versions_of_a_workflow_go_together(env: Env) -> Result<()> {
    let _worker = env.serve(register_all![second::pay, second::pay_again, second::charge])?;
    let old = env.engine.start(second::pay::Input {}).await?;
    let new = env.engine.start(second::pay_again::Input {}).await?;
    assert_eq!((old.result().await?, new.result().await?), (2, 20));
    assert_eq!((old.describe().await?.version, new.describe().await?.version), (1, 2));
    assert_eq!(env.engine.list().workflow("versioned").version(2).await?.len(), 1);
    Ok(())
}

async fn limits_of_nothing_are_refused(env: Env) -> Result<()> {
    let worker = || env.worker(register_all![second::pay, second::charge]);
    for (builder, text) in [
        (worker().max_resident_runs(0), "max_resident_runs is 0: a worker holds at least 1 run"),
        (worker().max_activities(0), "max_activities is 0: a worker runs at least 1 activity"),
        (worker().queues([""; 0]), "a worker needs a queue: `.queues([\"default\"])`"),
        (worker().queues(["a", ""]), "a queue's name is empty: name it or leave it out"),
        (worker().lease(Duration::ZERO), "a lease of 0ns is below the least of 1s"),
        (
            worker().poll_interval(Duration::from_millis(1)),
            "a poll interval of 1ms is below the least of 10ms",
        ),
    ] {
        assert_eq!(refused(builder), text);
    }
    Ok(())
}

async fn a_registry_of_nothing_is_refused(env: Env) -> Result<()> {
    let message = refused(env.worker(Registry::new()));
    assert!(message.starts_with("the registry has no definitions"), "{message}");
    Ok(())
}
