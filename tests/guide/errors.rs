//! What an error that came through a child says.

use flows::prelude::*;
use serde::{Deserialize, Serialize};

use crate::in_the_kit;
use crate::printed::assert_shown;

#[derive(Debug, thiserror::Error, Serialize, Deserialize, ErrorClass)]
enum CardError {
    #[error("the card was declined with code {0}")]
    #[error_class(terminal)]
    Declined(u32),
}

#[derive(Debug, thiserror::Error, Serialize, Deserialize)]
enum BillingError {
    #[error("the bill of {who} is open")]
    Open { who: String, source: Error },
    #[error(transparent)]
    Other(#[from] Error),
}

#[activity]
async fn charge(cents: u64) -> Result<u64, CardError> {
    if cents > 1_000 { Err(CardError::Declined(51)) } else { Ok(cents) }
}

#[workflow]
async fn billing(ctx: &WorkflowContext, who: String, cents: u64) -> Result<u64, BillingError> {
    ctx.sleep(Duration::from_secs(60)).await?;
    charge(ctx, cents).await.map_err(|source| BillingError::Open { who, source })
}

#[workflow]
async fn order(ctx: &WorkflowContext, cents: u64) -> Result<u64> {
    billing(ctx, "Ada".into(), cents).id("bill-42").await
}

#[test]
fn an_error_through_a_child() -> Result<()> {
    in_the_kit(flows::register_all![order, billing, charge], async |env| {
        let exec = env.start(order::Input { cents: 4_200 }).id("order-42").await?;
        let error = exec.result().await.expect_err("the card is declined");
        assert_shown("errors.md", &format!("{error:#}"));
        Ok(())
    })
}
