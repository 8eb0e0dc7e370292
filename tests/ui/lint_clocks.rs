//! Clocks of the machine.
#![allow(unused)]
use std::time::{Duration, Instant, SystemTime};

use flows::prelude::*;

#[workflow]
async fn order(ctx: &WorkflowContext, placed: SystemTime) -> Result<u64> {
    let began = SystemTime::now();
    let deadline = Instant::now() + Duration::from_secs(60);
    let today = chrono::Utc::now();
    let waited = placed.elapsed()?;
    let since = ctx.now();
    Ok(since.elapsed()?.as_secs())
}

mod chrono {
    pub(crate) struct Utc;

    impl Utc {
        pub(crate) fn now() -> u64 {
            0
        }
    }
}

fn main() {}
