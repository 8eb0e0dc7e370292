//! The escape, misspelt, in the wrong place, where there is nothing to escape, and where there is
//! no escape.
#![allow(unused)]
use flows::prelude::*;

#[workflow]
async fn order(ctx: &WorkflowContext) -> Result<()> {
    #[flows(allow(nondeterminsm))]
    let misspelt = std::time::SystemTime::now();
    #[flows(alow(nondeterminism))]
    let misspelt = std::time::SystemTime::now();
    #[flows]
    let empty = 1;
    #[flows(allow)]
    let empty = 1;
    #[flows(allow())]
    let empty = 1;
    #[flows(allow(nondeterminism))]
    let nothing_to_allow = ctx.now();
    #[flows(allow(nondeterminism))]
    tokio::select! {
        _ = ctx.cancelled() => {}
    }
    drop(#[flows(allow(nondeterminism))] 1);
    Ok(())
}

#[workflow]
#[flows(allow(nondeterminism))]
async fn all_of_it(ctx: &WorkflowContext) -> Result<()> {
    Ok(())
}

fn main() {}
