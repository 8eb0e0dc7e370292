//! Values that all runs of a process share.
#![allow(unused)]
use std::cell::Cell;
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{LazyLock, Mutex};

use flows::prelude::*;

static RATES: LazyLock<Mutex<HashMap<String, u64>>> = LazyLock::new(Default::default);

#[workflow]
async fn order(ctx: &WorkflowContext, currency: String) -> Result<u64> {
    static ORDERS: AtomicU64 = AtomicU64::new(0);
    thread_local! {
        static DEPTH: Cell<u64> = const { Cell::new(0) };
    }
    let number = ORDERS.fetch_add(1, Ordering::Relaxed);
    let rate = RATES.lock().unwrap().get(&currency).copied();
    Ok(rate.unwrap_or(number))
}

fn main() {}
