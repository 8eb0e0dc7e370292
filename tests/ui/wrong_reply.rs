//! Answers of another type.
use flows::prelude::*;
use serde::{Deserialize, Serialize};

#[derive(Debug, Serialize, Deserialize, thiserror::Error)]
#[error("the cart is full")]
struct CartFull;

#[update(response = usize, error = CartFull)]
struct Add {
    item: String,
}

#[workflow]
async fn cart(ctx: &WorkflowContext) -> Result<()> {
    let add = ctx.update::<Add>().await?;
    add.reply("one");
    let add = ctx.update::<Add>().validate(|_| Err(Error::terminal("full"))).await?;
    add.reject(Error::terminal("full"));
    Ok(())
}

fn main() {}
