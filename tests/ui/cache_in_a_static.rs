//! Rates that are looked up once and kept for everybody.
use std::collections::HashMap;
use std::sync::Mutex;

use flows::prelude::*;

static CACHE: Mutex<Option<HashMap<String, u64>>> = Mutex::new(None);

#[activity]
async fn fetch_rate(currency: String) -> Result<u64> {
    Ok(currency.len() as u64)
}

#[workflow]
async fn convert(ctx: &WorkflowContext, currency: String, cents: u64) -> Result<u64> {
    let cached = CACHE.lock().unwrap().as_ref().and_then(|rates| rates.get(&currency).copied());
    let rate = match cached {
        Some(rate) => rate,
        None => fetch_rate(ctx, currency).await?,
    };
    Ok(cents * rate)
}

fn main() {}
