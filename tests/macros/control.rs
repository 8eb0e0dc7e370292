//! Control flow around awaits.

use std::time::Duration;

use flows::prelude::*;

use super::{add, echo, fail, world};

#[workflow]
async fn for_loop(ctx: &WorkflowContext, numbers: Vec<u64>) -> Result<u64> {
    let mut sum = 0;
    for (at, number) in numbers.iter().enumerate() {
        if at == 1 {
            continue;
        }
        sum = add(ctx, sum, *number).await?;
    }
    Ok(sum)
}

#[workflow]
async fn labelled_breaks(ctx: &WorkflowContext, limit: u64) -> Result<(u64, u64)> {
    let found = 'outer: loop {
        for a in 0.. {
            for b in 0..=a {
                if add(ctx, a, b).await? == limit {
                    break 'outer (a, b);
                }
                if b > 2 {
                    continue 'outer;
                }
            }
        }
    };
    let block = 'block: {
        if found.0 > 100 {
            break 'block (0, 0);
        }
        found
    };
    Ok(block)
}

#[workflow]
async fn while_let_and_let_else(ctx: &WorkflowContext, mut words: Vec<String>) -> Result<String> {
    let mut out = String::new();
    while let Some(word) = words.pop() {
        let Ok(said) = echo(ctx, word).await else { return Err(Error::terminal("silent")) };
        let Some(first) = said.chars().next() else { continue };
        out.push(first);
    }
    Ok(out)
}

#[workflow]
async fn if_let_chains(ctx: &WorkflowContext, a: Option<u64>) -> Result<u64> {
    if let Some(a) = a
        && let Ok(b) = add(ctx, a, 1).await
        && b > 2
        && add(ctx, b, 1).await? > 3
    {
        return Ok(b);
    }
    Ok(match add(ctx, 0, 0).await {
        Ok(n) if n > 0 => n,
        Ok(_) => {
            if add(ctx, 1, 1).await? == 2 {
                22
            } else {
                0
            }
        }
        Err(error) => return Err(error),
    })
}

#[workflow]
async fn errors_are_values(ctx: &WorkflowContext) -> Result<String> {
    let failed = fail(ctx, "declined".into()).await;
    let Err(error) = failed else { return Ok("paid".into()) };
    let parsed: u64 = "41".parse()?;
    let nested =
        async { Ok::<_, Error>(add(ctx, parsed, 1).await? + fail(ctx, "x".into()).await?) };
    Ok(format!("{error}/{}", nested.await.is_err()))
}

#[workflow]
async fn borrows_across_awaits(ctx: &WorkflowContext, names: Vec<String>) -> Result<usize> {
    let mut seen: Vec<&str> = Vec::new();
    let (longest, rest) = names.split_first().ok_or_else(|| Error::terminal("no names"))?;
    for name in rest {
        let _ = echo(ctx, name.clone()).await?;
        seen.push(name.as_str());
    }
    let mut counter = 0;
    let count = &mut counter;
    ctx.sleep(Duration::from_secs(3600)).await?;
    *count += seen.len() + longest.len();
    Ok(counter)
}

/// Each name means something else a line later, in all kinds of scopes.
#[workflow]
async fn shadowing(ctx: &WorkflowContext, total: u64) -> Result<u64> {
    let total = add(ctx, total, 1).await?;
    let total = {
        let total = add(ctx, total, 10).await?;
        total * 2
    };
    let prices = std::collections::HashMap::from([(1, total)]);
    let prices: Vec<u64> = (0..3).map(|at| prices.get(&at).copied().unwrap_or(at)).collect();
    let mut sum = 0;
    for total in prices {
        sum = add(ctx, sum, total).await?;
    }
    let (ctx, sum) = (ctx, sum * 10);
    let add = |total| async move {
        let total = add(ctx, total, 1).await?;
        Ok::<_, Error>(total)
    };
    let Ok(total) = add(sum).await else { return Ok(0) };
    match Some(total) {
        Some(total) if total == 0 => Ok(total),
        total => Ok(total.unwrap_or_default() + add(100).await?),
    }
}

#[workflow]
async fn awaits_in_expressions(ctx: &WorkflowContext) -> Result<u64> {
    struct Pair {
        a: u64,
        b: u64,
    }
    let pair = Pair { a: add(ctx, 1, 1).await?, b: (add(ctx, 2, 2)).await? };
    let numbers = [add(ctx, pair.a, pair.b).await?, (-3_i64).unsigned_abs()];
    let index = usize::try_from(add(ctx, 0, 0).await?)?;
    let negated = !add(ctx, 0, 0).await?.is_power_of_two();
    Ok((numbers[index] + u64::from(negated)).max(add(ctx, 3, 3).await?))
}

#[workflow]
async fn context_values(ctx: &WorkflowContext) -> Result<bool> {
    let (id, roll, started) = (ctx.uuid(), ctx.random::<u32>(), ctx.now());
    ctx.sleep(Duration::from_secs(60)).await?;
    let noted: String = ctx.side_effect(|| String::from("noted")).await?;
    let later = ctx.now().duration_since(started)?;
    Ok(id != ctx.uuid() && roll != ctx.random::<u32>() && noted == "noted" && later.as_secs() == 60)
}

#[test]
fn programs() {
    let world = world();
    assert_eq!(world.run(for_loop::Input { numbers: vec![1, 2, 3] }).unwrap(), 4);
    assert_eq!(world.run(labelled_breaks::Input { limit: 3 }).unwrap(), (2, 1));
    let words = ["end", "", "begin"].map(String::from).to_vec();
    assert_eq!(world.run(while_let_and_let_else::Input { words }).unwrap(), "be");
    assert_eq!(world.run(if_let_chains::Input { a: Some(3) }).unwrap(), 4);
    assert_eq!(world.run(if_let_chains::Input { a: None }).unwrap(), 22);
    assert_eq!(world.run(errors_are_values::Input {}).unwrap(), "declined/true");
    let names = ["Ann", "Bob", "Cid"].map(String::from).to_vec();
    assert_eq!(world.run(borrows_across_awaits::Input { names }).unwrap(), 5);
    assert!(world.run(borrows_across_awaits::Input { names: vec![] }).is_err());
    assert_eq!(world.run(shadowing::Input { total: 1 }).unwrap(), 10 * (24 + 2) + 1 + 101);
    assert_eq!(world.run(awaits_in_expressions::Input {}).unwrap(), 7);
    assert!(world.run(context_values::Input {}).unwrap());
}
