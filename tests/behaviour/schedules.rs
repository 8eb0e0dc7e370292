//! Schedules fire each of their times once, and do what they are told by hand.

use std::collections::BTreeSet;
use std::time::{SystemTime, UNIX_EPOCH};

use flows::prelude::*;

use crate::harness::Env;
use crate::waiting::until;
use crate::world::World;

on_every_store! {
    each_time_fires_once_however_many_workers_there_are,
    while_a_run_is_open_no_other_starts,
    it_is_set_once_and_changed_by_hand,
    a_paused_one_does_not_fire,
    a_backfill_has_both_ends_and_repeats_nothing,
    one_tenant_does_not_see_those_of_another,
}

const SECOND: Duration = Duration::from_secs(1);
const DAY: Duration = Duration::from_secs(86_400);

#[activity]
async fn note(ctx: &ActivityContext, number: u32) -> Result<()> {
    ctx.state::<World>()?.note(format!("{number} {}", ctx.workflow_id()));
    Ok(())
}

#[workflow]
async fn report(ctx: &WorkflowContext, number: u32) -> Result<()> {
    note(ctx, number).await
}

#[workflow]
async fn open(ctx: &WorkflowContext) -> Result<()> {
    ctx.signal("end").await
}

fn registry() -> Registry {
    register_all![report, open, note]
}

fn daily() -> Result<Cron> {
    Cron::parse("0 3 * * *")
}

async fn each_time_fires_once_however_many_workers_there_are(env: Env) -> Result<()> {
    let _workers: Vec<_> = (0..5).map(|_| env.serve(registry())).collect::<Result<_>>()?;
    let every = Every(SECOND);
    env.engine
        .schedule("ticks", every, report::Input { number: 7 })
        .overlap(Overlap::AllowAll)
        .await?;
    until(async || Ok(env.world.notes().len() >= 4)).await?;

    env.engine.schedules().get("ticks").pause("enough").await?;
    let notes = env.world.notes();
    let times: BTreeSet<_> = notes.iter().cloned().collect();
    assert_eq!(times.len(), notes.len(), "none is doubled: {notes:?}");
    let name = |note: &String| {
        let time = note.strip_prefix("7 ticks@").expect("its id").trim_end_matches('Z').to_owned();
        time[time.len() - 2..].parse::<u32>().expect("a second")
    };
    let seconds: Vec<_> = times.iter().map(name).collect();
    assert!(
        seconds.windows(2).all(|two| two[1] == (two[0] + 1) % 60),
        "none is left out: {notes:?}"
    );
    Ok(())
}

async fn while_a_run_is_open_no_other_starts(env: Env) -> Result<()> {
    let _worker = env.serve(registry())?;
    let handle = env.engine.schedule("open", Every(SECOND), open::Input {}).await?;
    until(async || Ok(handle.describe().await?.is_running)).await?;
    let first = handle.describe().await?.last_run.expect("it has started one");
    let begun = handle.next(1).await?;
    until(async || Ok(handle.next(1).await?[0] > begun[0] + SECOND)).await?;
    assert_eq!(env.engine.list().workflow("open").count().await?, 1, "the others are skipped");
    env.engine.signal(first, "end", &()).await?;
    until(async || Ok(env.engine.list().workflow("open").count().await? == 2)).await
}

async fn it_is_set_once_and_changed_by_hand(env: Env) -> Result<()> {
    let set =
        |number| env.engine.schedule("nightly", daily().expect("a time"), report::Input { number });
    set(1).await?;
    let handle = set(1).await?;
    let schedules = env.engine.schedules().list().await?;
    let [info] = &schedules[..] else { panic!("one schedule: {schedules:?}") };
    assert_eq!((&*info.id, &*info.workflow, info.overlap), ("nightly", "report", Overlap::Skip));
    let next = handle.next(3).await?;
    assert_eq!(info.next, next.first().copied());
    assert!(next.windows(2).all(|two| two[1].duration_since(two[0]).ok() == Some(DAY)));

    let _worker = env.serve(registry())?;
    set(2).await?;
    handle.trigger().await?.typed::<report::Workflow>().result().await?;
    assert!(env.world.notes()[0].starts_with("2 nightly@"), "as it was updated");
    handle.delete().await?;
    handle.delete().await?;
    let error = handle.describe().await.unwrap_err();
    assert_eq!(error.message(), "there is no schedule `nightly` in this tenant");
    assert!(env.engine.schedules().list().await?.is_empty());
    Ok(())
}

async fn a_paused_one_does_not_fire(env: Env) -> Result<()> {
    let _worker = env.serve(registry())?;
    let handle = env.engine.schedule("ticks", Every(SECOND), report::Input { number: 7 }).await?;
    until(async || Ok(!env.world.notes().is_empty())).await?;
    handle.pause("the printer burns").await?;
    let info = handle.describe().await?;
    assert_eq!((info.paused.as_deref(), info.next), (Some("the printer burns"), None));
    assert!(handle.next(1).await?.is_empty());
    let fired = info.fired;
    tokio::time::sleep(SECOND * 2).await; // what must not happen announces nothing
    assert_eq!(handle.describe().await?.fired, fired);
    handle.resume().await?;
    until(async || Ok(handle.describe().await?.fired > fired)).await
}

async fn a_backfill_has_both_ends_and_repeats_nothing(env: Env) -> Result<()> {
    let _worker = env.serve(registry())?;
    let handle = env.engine.schedule("nightly", daily()?, report::Input { number: 7 }).await?;
    let first: SystemTime = UNIX_EPOCH + DAY * 20_000 + SECOND * 3 * 3_600;
    for _ in 0..2 {
        assert_eq!(handle.backfill(first..=first + 2 * DAY).await?, 3);
    }
    until(async || Ok(env.world.notes().len() >= 3)).await?;
    assert_eq!(env.engine.list().workflow("report").count().await?, 3);
    assert!(env.world.notes().contains(&"7 nightly@2024-10-04T03:00:00Z".to_owned()));
    let error = handle.backfill(first..=first + 2_000 * DAY).await.unwrap_err();
    assert_eq!(error.message(), "a backfill starts at most 1000 runs; split the range");
    Ok(())
}

async fn one_tenant_does_not_see_those_of_another(env: Env) -> Result<()> {
    let (mine, other) = (uuid::Uuid::from_u128(1), uuid::Uuid::from_u128(2));
    env.engine.tenant(mine).schedule("nightly", daily()?, report::Input { number: 7 }).await?;
    assert!(env.engine.tenant(other).schedules().list().await?.is_empty());
    let missing = env.engine.tenant(other).schedules().get("nightly").pause("no").await;
    assert_eq!(missing.unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(env.engine.tenant(mine).schedules().list().await?.len(), 1);
    Ok(())
}
