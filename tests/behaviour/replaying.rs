//! Workers that stop in the middle: the next one replays, and nothing is different.

use std::time::SystemTime;

use flows::prelude::*;
use uuid::Uuid;

use crate::harness::{Env, events, until};
use crate::logs::Logs;
use crate::world::World;

on_every_store! {
    values_are_the_same_at_every_replay,
    recorded_activities_are_not_repeated,
    a_side_effect_is_made_once,
    results_in_parallel_are_not_swapped_by_a_replay,
    another_input_than_recorded_is_reported_and_nothing_more,
}

#[activity]
async fn tick(ctx: &ActivityContext, name: String) -> Result<u64> {
    let world = ctx.state::<World>()?;
    world.note(format!("tick {name}"));
    world.pass(&name).await;
    Ok(name.len() as u64)
}

type Values = (Uuid, u64, f64, SystemTime);

fn draw(ctx: &WorkflowContext) -> Values {
    (ctx.uuid(), ctx.random(), ctx.random(), ctx.now())
}

#[workflow]
async fn witness(ctx: &WorkflowContext, turns: u32) -> Result<Vec<Values>> {
    let mut values = vec![draw(ctx)];
    for turn in 0..turns {
        ctx.side_effect(|| values.last().map(|value| value.0)).await?;
        tick(ctx, "free".into()).await?;
        values.push(draw(ctx));
        assert_eq!(ctx.signal::<u32>("turn").await?, turn);
    }
    Ok(values)
}

#[workflow]
async fn reads_once(ctx: &WorkflowContext) -> Result<(Uuid, Uuid)> {
    let made = ctx.side_effect(Uuid::new_v4).await?;
    ctx.signal::<()>("go").await?;
    let again = ctx.side_effect(Uuid::new_v4).await?;
    Ok((made, again))
}

#[workflow]
async fn parallel(ctx: &WorkflowContext) -> Result<Vec<u64>> {
    let calls = ["c", "bb", "aaa"].map(|name| tick(ctx, name.to_owned()));
    flows::try_join_all(calls).await
}

fn registry() -> Registry {
    register_all![witness, reads_once, parallel, tick]
}

/// Waits until so many events of a kind are in the journal.
async fn recorded<W: Workflow>(exec: &Execution<W>, kind: &str, times: usize) -> Result<()> {
    until(async || Ok(events(exec, kind).await?.len() >= times)).await
}

async fn values_are_the_same_at_every_replay(env: Env) -> Result<()> {
    env.world.open("free");
    let exec = env.engine.start(witness::Input { turns: 3 }).await?;
    let mut recorded_values = Vec::new();
    for turn in 0..3_u32 {
        let worker = env.serve(registry())?;
        recorded(&exec, "activity_completed", turn as usize + 1).await?;
        worker.stop().await?;
        exec.signal("turn", &turn).await?;
        recorded_values = events(&exec, "side_effect")
            .await?
            .into_iter()
            .map(|event| event.value.expect("a value").decode::<Option<Uuid>>())
            .collect::<Result<Vec<_>>>()?;
    }
    let _worker = env.serve(registry())?;
    let values = exec.result().await?;

    let last_ids: Vec<_> = values.iter().take(3).map(|value| Some(value.0)).collect();
    assert_eq!(recorded_values, last_ids, "each replay drew what the first worker had drawn");
    assert!(values.windows(2).all(|pair| pair[0].0 != pair[1].0 && pair[0].1 != pair[1].1));
    assert!(values.windows(2).all(|pair| pair[0].3 <= pair[1].3), "time goes on");
    assert_eq!(env.world.count("tick free"), 3);
    Ok(())
}

async fn recorded_activities_are_not_repeated(env: Env) -> Result<()> {
    let exec = env.engine.start(parallel::Input {}).await?;
    let worker = env.serve(registry())?;
    env.world.noted("tick aaa", 1).await;
    env.world.open("bb");
    recorded(&exec, "activity_completed", 1).await?;
    worker.die().await;

    let _worker = env.serve(registry())?;
    env.world.noted("tick aaa", 2).await;
    env.world.open("aaa");
    env.world.open("c");
    assert_eq!(exec.result().await?, [1, 2, 3]);
    assert_eq!(env.world.count("tick bb"), 1, "its result was recorded");
    assert_eq!((env.world.count("tick aaa"), env.world.count("tick c")), (2, 2));
    Ok(())
}

async fn a_side_effect_is_made_once(env: Env) -> Result<()> {
    let exec = env.engine.start(reads_once::Input {}).await?;
    let worker = env.serve(registry())?;
    recorded(&exec, "side_effect", 1).await?;
    worker.stop().await?;
    let recorded = events(&exec, "side_effect").await?.remove(0);
    let made = recorded.value.expect("a value").decode::<Uuid>()?;

    let _worker = env.serve(registry())?;
    exec.signal("go", &()).await?;
    let (first, second) = exec.result().await?;
    assert_eq!(first, made);
    assert_ne!(first, second);
    Ok(())
}

async fn results_in_parallel_are_not_swapped_by_a_replay(env: Env) -> Result<()> {
    let exec = env.engine.start(parallel::Input {}).await?;
    for (done, gate) in ["aaa", "c", "bb"].into_iter().enumerate() {
        let worker = env.serve(registry())?;
        env.world.open(gate);
        recorded(&exec, "activity_completed", done + 1).await?;
        worker.die().await;
    }
    let _worker = env.serve(registry())?;
    assert_eq!(exec.result().await?, [1, 2, 3]);
    Ok(())
}

/// Two builds that call one activity with different inputs.
mod steady {
    use super::*;

    #[workflow]
    pub(super) async fn ticks(ctx: &WorkflowContext) -> Result<u64> {
        let sum = tick(ctx, "free".into()).await?;
        Ok(sum + ctx.signal::<u64>("more").await?)
    }
}

mod changed {
    use super::*;

    /// The line of its call.
    pub(super) const CALL: u32 = line!() + 4;

    #[workflow]
    pub(super) async fn ticks(ctx: &WorkflowContext) -> Result<u64> {
        let sum = tick(ctx, "open".into()).await?;
        Ok(sum + ctx.signal::<u64>("more").await?)
    }
}

async fn another_input_than_recorded_is_reported_and_nothing_more(env: Env) -> Result<()> {
    env.world.open("free");
    let worker = env.serve(register_all![steady::ticks, tick])?;
    let exec = env.engine.start(steady::ticks::Input {}).await?;
    recorded(&exec, "activity_completed", 1).await?;
    worker.stop().await?;

    let (logs, _guard) = Logs::keep();
    let _worker = env.serve(register_all![changed::ticks, tick])?;
    exec.signal("more", &10).await?;
    assert_eq!(exec.result().await?, 4 + 10, "the recorded result is used");
    assert_eq!(env.world.notes(), ["tick free"], "nothing is done again");
    let lines = logs.with("monotonic_counter.flows_changed_inputs");
    let [line] = &*lines else { panic!("one line, not {lines:?}") };
    assert_eq!(line.level, tracing::Level::WARN);
    assert_eq!(line.fields["monotonic_counter.flows_changed_inputs"], "1");
    assert_eq!(line.fields["workflow"], "\"ticks\"");
    assert_eq!(line.fields["run"], exec.run_id().to_string());
    let message = format!(
        "activity `tick` (#0) at tests/behaviour/replaying.rs:{} is called with another input \
         than the journal has for it; its recorded result is used",
        changed::CALL
    );
    assert_eq!(line.fields["message"], message);
    Ok(())
}
