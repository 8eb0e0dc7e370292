//! Statics that change, by the methods of their types; a constant of the user's own type with such methods
//! is none.
use std::sync::RwLock;
use std::sync::atomic::{AtomicU64, Ordering};

use flows::prelude::*;

struct Limit(u64);

impl Limit {
    fn load(&self) -> u64 {
        self.0
    }
}

const LONGEST: Limit = Limit(7);
static WIDEST: Limit = Limit(8);
static TOTAL: AtomicU64 = AtomicU64::new(0);
static RATE: RwLock<u64> = RwLock::new(0);

#[workflow]
async fn order(ctx: &WorkflowContext) -> Result<u64> {
    ctx.sleep(Duration::from_secs(LONGEST.load() + WIDEST.load())).await?;
    Ok(TOTAL.load(Ordering::SeqCst) + *RATE.read().unwrap())
}

fn main() {}
