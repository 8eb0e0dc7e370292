//! The order of the README: what most tests here are about.

use flows::prelude::*;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Receipt {
    pub(crate) id: u64,
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Shipped {
    pub(crate) id: Uuid,
    pub(crate) tracking: String,
}

#[derive(Serialize, Deserialize)]
pub(crate) struct Confirmation {
    pub(crate) available: bool,
}

/// Nobody gives it to a worker: its activity is mocked.
pub(crate) struct Gateway;

#[activity(retry(max_attempts = 3, initial_interval = "1m", backoff = 2.0, jitter = 0.0))]
pub(crate) async fn charge_payment(
    ctx: &ActivityContext,
    customer: String,
    cents: u64,
) -> Result<Receipt> {
    let _ = (ctx.state::<Gateway>()?, customer, cents);
    Ok(Receipt { id: 0 })
}

#[activity]
pub(crate) async fn refund(receipt: u64) -> Result<()> {
    let _ = receipt;
    Ok(())
}

#[activity]
pub(crate) async fn ship(id: Uuid, customer: String) -> Result<String> {
    let _ = id;
    Ok(format!("T-{}", customer.len()))
}

#[workflow]
pub(crate) async fn order(ctx: &WorkflowContext, customer: String, cents: u64) -> Result<Shipped> {
    let id = ctx.uuid();
    let receipt = charge_payment(ctx, customer.clone(), cents).await?;

    let day = Duration::from_secs(86_400);
    let confirmed = ctx.timeout(day, ctx.signal::<Confirmation>("warehouse-ready")).await;
    if !confirmed.is_ok_and(|confirmation| confirmation.available) {
        refund(ctx, receipt.id).await?;
        return Err(Error::terminal("out of stock"));
    }
    let tracking = ship(ctx, id, customer).await?;
    Ok(Shipped { id, tracking })
}

pub(crate) fn input() -> order::Input {
    order::Input { customer: "A".into(), cents: 4_200 }
}
