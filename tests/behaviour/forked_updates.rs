//! Forks of runs that receive updates.

use flows::prelude::*;

use crate::harness::{Env, events};

on_every_store! {
    a_fork_keeps_the_updates_in_front_of_it,
}

#[activity]
async fn charge(cents: u32) -> Result<u32> {
    Ok(cents + 1)
}

#[update(response = Vec<u32>)]
struct Add {
    cents: u32,
}

/// Answers so many updates.
#[workflow]
async fn total(ctx: &WorkflowContext, most: usize) -> Result<Vec<u32>> {
    let mut charged = Vec::new();
    while charged.len() < most {
        let add = ctx.update::<Add>().await?;
        charged.push(charge(ctx, add.cents).await?);
        add.reply(charged.clone());
    }
    Ok(charged)
}

/// A fork has what was received in front of it, answers what is still to be answered, and receives others; also with
/// the keys of those that it has not received.
async fn a_fork_keeps_the_updates_in_front_of_it(env: Env) -> Result<()> {
    let _worker = env.serve(register_all![total, charge])?;
    let exec = env.engine.start(total::Input { most: 2 }).await?;
    let keys = ["one", "five"];
    assert_eq!(exec.update(Add { cents: 1 }).dedup(keys[0]).await?, [2]);
    assert_eq!(exec.update(Add { cents: 5 }).dedup(keys[1]).await?, [2, 6]);
    let charged = exec.result().await?;
    let history = exec.history().await?;
    for position in 0..=history.len() {
        let fork = env.engine.fork(exec.run_id(), position).await?.typed::<total::Workflow>();
        let received =
            history[..position].iter().filter(|event| event.kind == "update_received").count();
        let mut expected = charged[..received].to_vec();
        for key in &keys[received..] {
            expected.push(10);
            let replied = fork.update(Add { cents: 9 }).dedup(*key).await?;
            assert_eq!(replied, expected, "at {position}");
        }
        assert_eq!(fork.result().await?, expected, "at {position}");
        let replies = events(&fork, "update_replied").await?.len();
        assert_eq!(replies, 2, "at {position}: each is answered once");
    }
    assert_eq!(exec.update(Add { cents: 1 }).dedup("one").await?, [2], "it has its own answers");
    Ok(())
}
