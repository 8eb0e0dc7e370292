//! Exhausted runs are dead letters: listed, rerun once, with their lineage.

use flows::prelude::*;

use crate::scene::{Calls, Scene};

#[activity(retry(max_attempts = 2, initial_interval = "5ms"))]
async fn flaky(ctx: &ActivityContext, works_from: u32) -> Result<u32> {
    let call = ctx.state::<Calls>()?.count();
    if call < works_from { Err(Error::retryable("not yet")) } else { Ok(call) }
}

#[workflow]
async fn letter(ctx: &WorkflowContext, works_from: u32) -> Result<u32> {
    flaky(ctx, works_from).await
}

#[tokio::test]
async fn exhausted_attempts_end_as_a_dead_letter_and_are_rerun_with_lineage() -> Result<()> {
    let scene = Scene::new().await?;
    let engine = &scene.engine;
    scene
        .with_worker(async {
            let exec = engine.start(letter::Input { works_from: 3 }).id("letter-1").await?;
            assert_eq!(exec.result().await.unwrap_err().message(), "not yet");

            let dead = engine.dead_letters().list().await?;
            assert_eq!(dead.len(), 1);
            assert_eq!((&*dead[0].workflow_id, dead[0].run_id), ("letter-1", exec.run_id()));
            assert_eq!(dead[0].error.as_ref().map(Error::message), Some("not yet"));

            let again = engine.rerun(&dead[0]).await?;
            assert_ne!(again.run_id(), exec.run_id());
            assert_eq!(again.typed::<letter::Workflow>().result().await?, 3);
            assert!(engine.dead_letters().list().await?.is_empty());

            let newest = engine.execution::<letter::Workflow>("letter-1").describe().await?;
            assert_eq!(newest.predecessor, Some(exec.run_id()));
            assert_eq!(exec.describe().await?.successor, Some(newest.run_id));
            assert_eq!(exec.result().await?, 3, "who awaits the id gets the rerun's result");

            let twice = engine.rerun(&dead[0]).await.unwrap_err();
            assert_eq!(twice.kind(), ErrorKind::NotFound, "{twice}");
            Ok(())
        })
        .await
}
