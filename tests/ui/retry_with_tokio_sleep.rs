//! A retry loop as one writes it everywhere else.
use std::time::Duration;

use flows::prelude::*;

#[activity]
async fn call_bank(account: String) -> Result<u64> {
    Ok(account.len() as u64)
}

#[workflow]
async fn transfer(ctx: &WorkflowContext, account: String) -> Result<u64> {
    let mut delay = Duration::from_secs(1);
    loop {
        match call_bank(ctx, account.clone()).await {
            Ok(id) => return Ok(id),
            Err(error) if delay.as_secs() > 60 => return Err(error),
            Err(_) => tokio::time::sleep(delay).await,
        }
        delay *= 2;
    }
}

fn main() {}
