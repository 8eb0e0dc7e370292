//! Ordinary programs in what the macros accept: each compiles, runs on the bare replay machine, and
//! replays after every event.

mod activities;
mod combine;
mod control;
mod definitions;
mod driver;
mod foreign;
mod helpers;
mod lint;
mod places;
mod transaction;
mod unusual;

use flows::prelude::*;

/// Activities that all programs share.
#[activity]
async fn add(a: u64, b: u64) -> Result<u64> {
    Ok(a + b)
}

#[activity]
async fn echo(text: String) -> Result<String> {
    Ok(text)
}

#[activity]
async fn fail(why: String) -> Result<u64> {
    Err(Error::terminal(why))
}

fn world() -> driver::World {
    driver::World::default()
        .with::<add::Activity>()
        .with::<echo::Activity>()
        .with::<fail::Activity>()
}
