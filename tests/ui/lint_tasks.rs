//! Tasks, threads, and blocking the worker's thread.
#![allow(unused)]
use std::thread;
use std::time::Duration;

use flows::prelude::*;
use tokio::spawn;

#[workflow]
async fn order(ctx: &WorkflowContext, numbers: Vec<u64>) -> Result<u64> {
    tokio::spawn(async move { tokio::time::sleep(Duration::from_secs(1)).await });
    spawn(async move { 1 });
    let handle = tokio::task::spawn_blocking(|| std::fs::read("invoice.pdf"));
    tokio::task::yield_now().await;
    thread::spawn(move || println!("from a thread"));
    thread::sleep(Duration::from_secs(1));
    let sum: u64 = numbers.par_iter().sum();
    let done = tokio::runtime::Handle::current().block_on(async { 1 });
    Ok(futures::executor::block_on(async { sum }))
}

trait Parallel {
    fn par_iter(&self) -> std::slice::Iter<'_, u64>;
}

impl Parallel for Vec<u64> {
    fn par_iter(&self) -> std::slice::Iter<'_, u64> {
        self.iter()
    }
}

mod futures {
    pub(crate) mod executor {
        pub(crate) fn block_on<F: Future<Output = u64>>(_: F) -> u64 {
            0
        }
    }
}

fn main() {}
