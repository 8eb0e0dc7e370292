//! An `.await` where the macro cannot see it.
use flows::prelude::*;

macro_rules! double {
    ($x:expr) => {
        $x + $x
    };
}

#[activity]
async fn charge(cents: u64) -> Result<u64> {
    Ok(cents)
}

#[workflow]
async fn order(ctx: &WorkflowContext) -> Result<u64> {
    Ok(double!(charge(ctx, 1).await?))
}

fn main() {}
