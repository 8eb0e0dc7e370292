//! A database that refuses every commit, as with a full disk: the worker tries again, and says so, at a
//! bounded rate; then it goes on.

use flows::prelude::*;

use crate::log;
use crate::scene::{Scene, Serving, within};

const REFUSE: &str = "CREATE SEQUENCE flows.refused;
    GRANT USAGE ON SEQUENCE flows.refused TO flows_worker;
    CREATE FUNCTION flows.full() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        PERFORM nextval('flows.refused');
        RAISE 'the disk of this test is full' USING ERRCODE = 'disk_full';
    END $$;
    CREATE TRIGGER full_disk BEFORE INSERT ON flows.journal FOR EACH ROW EXECUTE FUNCTION flows.full();";

#[activity]
async fn one() -> Result<u32> {
    Ok(1)
}

#[workflow]
async fn counts(ctx: &WorkflowContext) -> Result<u32> {
    Ok(one(ctx).await? + one(ctx).await?)
}

#[tokio::test]
async fn a_full_disk_is_tried_again_and_told_at_a_bounded_rate() -> Result<()> {
    log::keep();
    let scene = Scene::set().await?;
    scene.administrator.batch_execute(REFUSE).await?;
    let worker = Worker::builder(&scene.engine, register_all![counts, one]).build()?;
    let serving = Serving::begin(worker);
    let run = scene.engine.start(counts::Input {}).await?;
    let refused = async || {
        let tries = "SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM flows.refused";
        Ok::<i64, Error>(scene.administrator.query_one(tries, &[]).await?.get(0))
    };
    crate::scene::until(async || Ok(refused().await? > 0)).await?;
    tokio::time::sleep(Duration::from_secs(6)).await; // a rate is under test
    let tries = refused().await?;
    assert!((2..=40).contains(&tries), "{tries} tries in 6 s");
    let said = log::lines_with(&["the disk of this test is full"]).len();
    assert!((1..=3).contains(&said), "{said} lines in 6 s");

    scene.administrator.batch_execute("DROP TRIGGER full_disk ON flows.journal").await?;
    assert_eq!(within("the result", 30, run.result()).await?, 2);
    serving.stop().await
}
