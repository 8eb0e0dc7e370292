//! A definition that is `const`, `unsafe` or `extern`.
use flows::prelude::*;

#[activity]
const async fn constant() -> Result<()> {
    Ok(())
}

#[activity]
async unsafe fn dangerous() -> Result<()> {
    Ok(())
}

#[activity]
async extern "C" fn foreign() -> Result<()> {
    Ok(())
}

fn main() {}
