//! `#[durable]` helpers: generic, borrowing, recursive, methods.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::time::Duration;

use flows::prelude::*;

use super::{add, echo, world};

#[durable]
async fn borrows<'a>(ctx: &WorkflowContext, names: &'a [String], at: usize) -> Result<&'a str> {
    let name = names.get(at).ok_or_else(|| Error::terminal("no such name"))?;
    echo(ctx, name.clone()).await?;
    Ok(name)
}

#[durable]
async fn generic<T: Display + Send, const N: usize>(
    ctx: &WorkflowContext,
    values: [T; N],
) -> Result<Vec<String>> {
    let mut said = Vec::new();
    for value in values {
        said.push(echo(ctx, value.to_string()).await?);
    }
    Ok(said)
}

#[durable]
async fn twice<F, T>(make: impl Fn() -> F + Send) -> Result<(T, T)>
where
    F: Durable<Output = Result<T>> + Send,
    T: Send,
{
    let first = make().await?;
    Ok((first, make().await?))
}

#[durable]
async fn factorial(ctx: &WorkflowContext, n: u64) -> Result<u64> {
    if n == 0 {
        return Ok(1);
    }
    let smaller = Box::pin(factorial(ctx, n - 1)).await?;
    Ok(smaller * add(ctx, n, 0).await?)
}

/// Coerces its result, and returns early without saying the type again.
#[durable]
async fn boxed(ctx: &WorkflowContext, short: bool) -> Result<Box<dyn Display + Send>> {
    if short {
        return Ok(Box::new(1));
    }
    let name = echo(ctx, "long".into()).await?;
    Ok(Box::new(name))
}

#[durable]
async fn nothing_to_return(ctx: &WorkflowContext, log: &mut Vec<String>) {
    if let Ok(said) = echo(ctx, "silent".into()).await {
        log.push(said);
    }
}

#[durable]
pub(crate) async fn returns_impl(ctx: &WorkflowContext) -> impl Iterator<Item = u64> + use<> {
    let sum = add(ctx, 1, 2).await.unwrap_or_default();
    0..sum
}

struct Stock {
    items: BTreeMap<String, u64>,
}

impl Stock {
    #[durable]
    async fn take(&mut self, ctx: &WorkflowContext, item: &str, count: u64) -> Result<u64> {
        let left = self.items.get_mut(item).ok_or_else(|| Error::terminal("unknown item"))?;
        *left = left.saturating_sub(add(ctx, count, 0).await?);
        Ok(*left)
    }
}

trait Notify {
    fn notify(&self, ctx: &WorkflowContext) -> impl Durable<Output = Result<String>> + Send;
}

impl Notify for Stock {
    #[durable]
    async fn notify(&self, ctx: &WorkflowContext) -> Result<String> {
        echo(ctx, format!("{:?}", self.items)).await
    }
}

#[workflow]
async fn uses_helpers(ctx: &WorkflowContext) -> Result<Vec<String>> {
    let names = ["Ann".to_owned(), "Bob".to_owned()];
    let mut log = vec![borrows(ctx, &names, 1).await?.to_owned()];
    log.extend(generic(ctx, [1.5, 2.5]).await?);
    let (a, b) = twice(|| add(ctx, 1, 1)).await?;
    log.push((a + b + factorial(ctx, 4).await?).to_string());
    log.push(boxed(ctx, true).await?.to_string() + &boxed(ctx, false).await?.to_string());
    nothing_to_return(ctx, &mut log).await;
    let (range, both) =
        flows::join!(returns_impl(ctx), async { flows::join!(borrows(ctx, &names, 0)) });
    log.push(format!("{} {}", range.count(), both.0?));
    Ok(log)
}

#[workflow]
async fn uses_methods(ctx: &WorkflowContext) -> Result<String> {
    let mut stock = Stock { items: BTreeMap::from([("pen".to_owned(), 5)]) };
    stock.take(ctx, "pen", 2).await?;
    let missing = stock.take(ctx, "ink", 1).await;
    ctx.timeout(Duration::from_secs(9), stock.take(ctx, "pen", 1)).await?;
    Ok(stock.notify(ctx).await? + &missing.unwrap_err().to_string())
}

#[workflow]
async fn closures_make_calls(ctx: &WorkflowContext, numbers: Vec<u64>) -> Result<u64> {
    let plus_one = |n| add(ctx, n, 1);
    let twice = |n| async move { plus_one(plus_one(n).await?).await };
    let mut sum = plus_one(0).await?;
    for number in numbers {
        sum += twice(number).await?;
    }
    Ok(sum)
}

#[test]
fn programs() {
    let world = world();
    let log = world.run(uses_helpers::Input {}).unwrap();
    assert_eq!(log, ["Bob", "1.5", "2.5", "28", "1long", "silent", "3 Ann"]);
    assert_eq!(world.run(uses_methods::Input {}).unwrap(), "{\"pen\": 2}unknown item");
    assert_eq!(world.run(closures_make_calls::Input { numbers: vec![1, 2] }).unwrap(), 8);
}
