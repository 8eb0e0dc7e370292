//! Ids and values of chance.
#![allow(unused)]
use flows::prelude::*;
use uuid::Uuid;

#[workflow]
async fn order(context: &WorkflowContext) -> Result<Uuid> {
    let dice = rand::random_range(1..=6);
    let mut generator = rand::rng();
    let key = &mut OsRng;
    let id = None.unwrap_or_else(Uuid::new_v4);
    Ok(id)
}

mod rand {
    pub(crate) fn random_range(range: std::ops::RangeInclusive<u8>) -> u8 {
        *range.start()
    }

    pub(crate) fn rng() -> u8 {
        0
    }
}

struct OsRng;

fn main() {}
