//! Awaits inside the arguments of well-known macros.

use flows::prelude::*;

use super::{add, echo, world};

#[workflow]
async fn standard_macros(ctx: &WorkflowContext) -> Result<String> {
    let mut list = vec![add(ctx, 1, 1).await?, add(ctx, 2, 2).await?];
    let mut zeros = vec![add(ctx, 0, 0).await?; 2];
    zeros.extend(list.drain(..0));
    let text = format!("{} {name}", list.len(), name = echo(ctx, "name".into()).await?);
    println!("{text}: {}", add(ctx, 1, 1).await?);
    assert!(add(ctx, 1, 1).await? == 2, "and {} is {}", 1, add(ctx, 1, 1).await?);
    assert_eq!(add(ctx, 1, 1).await?, 2);
    let matched = matches!(add(ctx, 1, 1).await, Ok(2 | 3) if zeros.len() == 2);
    let deep = vec![async { echo(ctx, format!("{}", add(ctx, 4, 4).await?)).await }];
    let deep = flows::try_join_all(deep).await?;
    Ok(format!("{text} {matched} {deep:?}"))
}

/// Logging may ask the context for what costs nothing to know.
#[workflow]
async fn tracing_macros(ctx: &WorkflowContext, user: String) -> Result<u64> {
    let said = echo(ctx, user).await?;
    tracing::info!(user.name = %said, run = %ctx.run_id(), "attempt {}", ctx.attempt());
    tracing::debug!(target: "flows", now = ?ctx.now(), flag = true, "plain");
    tracing::warn!("a field of the same name: {ctx}", ctx = 1);
    debug_assert!(said.len() > 1, "{said}");
    Ok(1)
}

/// Macros that await nothing are left alone, whatever their syntax.
#[workflow]
async fn own_macros(ctx: &WorkflowContext) -> Result<u64> {
    macro_rules! seven {
        ($($word:ident)*) => {
            7
        };
    }
    let sum = add(ctx, seven!(no matter what), 0).await?;
    Ok(sum)
}

macro_rules! bail {
    ($($text:tt)*) => {
        return Err(Error::terminal(format!($($text)*)))
    };
}

macro_rules! bind {
    ($name:ident = $value:expr) => {
        let $name = $value;
    };
}

macro_rules! successor {
    ($name:ident) => {
        fn $name(number: u64) -> u64 {
            number + 1
        }
    };
}

macro_rules! first {
    ($list:expr) => {
        $list.first().ok_or_else(|| Error::terminal("nothing"))
    };
}

/// Statements with such macros keep their meaning: what they bind, borrow and leave.
#[workflow]
async fn macros_in_statements(ctx: &WorkflowContext, numbers: Vec<u64>) -> Result<u64> {
    successor!(next);
    bind!(start = add(ctx, 1, 1));
    let start = start.await?;
    let smallest = *first!(numbers)?;
    let each = async move {
        let mut sum = start;
        for number in &numbers {
            let Some(limit) = first!(&[5_u64]).ok() else { bail!("no limit") };
            if number > limit {
                bail!("{number} is too much");
            }
            sum = add(ctx, sum, next(*number)).await?;
            if sum > 10 {
                break;
            }
        }
        first!(Vec::from([sum])).copied()
    };
    match each.await {
        Ok(sum) => first!([sum + smallest]).copied(),
        Err(error) => bail!("stopped: {error}"),
    }
}

#[test]
fn programs() {
    let world = world();
    let text = world.run(standard_macros::Input {}).unwrap();
    assert_eq!(text, "2 name true [\"8\"]");
    assert_eq!(world.run(tracing_macros::Input { user: "Ann".into() }).unwrap(), 1);
    assert_eq!(world.run(own_macros::Input {}).unwrap(), 7);
    let run = |numbers: &[u64]| world.run(macros_in_statements::Input { numbers: numbers.into() });
    assert_eq!(run(&[1, 2]).unwrap(), 8);
    assert_eq!(run(&[1, 6]).unwrap_err().message(), "stopped: 6 is too much");
    assert_eq!(run(&[]).unwrap_err().message(), "nothing");
}
