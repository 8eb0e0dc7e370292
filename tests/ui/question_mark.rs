//! `?` on an error that says nothing about a retry, in a function that returns the library's.
use flows::prelude::*;

fn stock() -> anyhow::Result<u64> {
    Ok("7".parse()?)
}

fn price() -> std::result::Result<u64, Box<dyn std::error::Error + Send + Sync>> {
    Ok(7)
}

fn worth() -> Result<u64> {
    Ok(stock()? * price()?)
}

fn main() {
    let _ = worth();
}
