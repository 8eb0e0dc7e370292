//! Input that is not owned, or has no one type.
use std::borrow::Cow;

use flows::prelude::*;

#[activity]
async fn greet(name: &str, names: Vec<&'static str>, title: Cow<'_, str>) -> Result<String> {
    Ok(format!("{title} {name} {names:?}"))
}

#[activity]
async fn show(value: impl ToString) -> Result<String> {
    Ok(value.to_string())
}

#[workflow]
async fn hello(ctx: &WorkflowContext, name: String) -> Result<String> {
    greet(ctx, &name, vec![], "Dr".into()).await
}

fn main() {}
