//! Errors that are not to be tried again, and that nobody knows.
use flows::prelude::*;

#[derive(Debug)]
enum GatewayError {
    Declined(u32),
    NoAnswer,
}

impl std::fmt::Display for GatewayError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Debug::fmt(self, f)
    }
}

impl std::error::Error for GatewayError {}

struct Receipt;

#[activity(retry(non_retryable("GatewayError::Declined")))]
async fn quoted() -> Result<()> {
    Err(GatewayError::Declined(1).into())
}

#[activity(retry(non_retryable(GatewayError::Declnied)))]
async fn misspelt() -> Result<()> {
    Err(GatewayError::NoAnswer.into())
}

#[workflow(retry(non_retryable(Receipt)))]
async fn no_error(_: &WorkflowContext) -> Result<()> {
    let _ = Receipt;
    Ok(())
}

fn main() {}
